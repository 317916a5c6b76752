"""Stores that race for one document, and a process of its own that saves until it is killed.

Owns: `race()`, and the program that test_store_sqlite.py starts (`python -m tests.contracts.store_races race|save FILE …`).
Does not own: what must come of it. Next stop: tests/contracts/test_store_sqlite.py.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from app.backends.sqlite.store import SqliteStore
from app.ports import Doc, Documents

PRIZE = "bind-requests.v1/0"
NAMES = ["anna", "bert", "cleo"]


async def race(documents: Documents, name: str, until: int) -> list[int]:
    """Compete for each next version of one document; returns the versions that this competitor was told it wrote."""
    won: list[int] = []
    while True:
        doc = (await documents.load([PRIZE])).get(PRIZE, Doc(PRIZE, ""))
        if doc.version >= until:
            return won
        outcome = await documents.save([replace(doc, body=f"{doc.body} {name}")])
        assert not outcome.refused
        if not outcome.conflicts:
            won.append(doc.version + 1)


def assert_one_winner_each(wins: Sequence[Sequence[int]], names: Sequence[str], final: Doc) -> None:
    """Every version has one winner, and the body tells the same story."""
    assert sorted(version for won in wins for version in won) == list(range(1, final.version + 1))
    for name, won in zip(names, wins, strict=True):
        assert [version for version, winner in enumerate(final.body.split(), start=1) if winner == name] == list(won)


async def main(mode: str, path: str, *rest: str) -> None:
    store = SqliteStore(Path(path), lock_timeout_s=30)
    await store.start()
    if mode == "race":
        name, until = rest
        print("ready", flush=True)
        sys.stdin.readline()
        print(*await race(store.owners, name, int(until)), flush=True)
        await store.stop()
        return
    for number in range(1_000_000):
        docs = [Doc(f"{number}/{part}", "x" * 2_000, tokens=(f"batch{number}",), numbers={"due_us": number}) for part in range(20)]
        outcome = await store.bindings.save(docs)
        assert not outcome.conflicts
        print(number, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
