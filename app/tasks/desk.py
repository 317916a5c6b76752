"""What a person does to tasks: have them tried now, cancel them; and what the systems behind them are up to.

Owns: these actions with their audit, the state of systems. Does not own: asking (consumers/tasks.py), doing (consumers/fetching.py).
Next stop: app/api/tasks.py.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from app import audit
from app.ports import Clock, Doc, Entry, EventLog, StoreView
from app.tasks.documents import CANCELLED, WAITING, Task, ended, read
from app.tasks.letters import GivenUp, letters_of
from schemas import topics

Hand = Literal["now", "cancel"]
OWNERS = "tasks/"
PAGE = 500
COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Versions:
    """Which code and configuration acts, for letters."""

    code: str
    config: int


@dataclass(frozen=True, slots=True)
class SystemState:
    """One system as its owner left it. owner: "" for none. paused_until_us: 0 where it is not paused. waiting: tasks, up to COUNTED."""

    system: str
    owner: str
    paused_until_us: int
    failures: int
    last_error: str | None
    waiting: int


def lease_id(system: str) -> str:
    """The id of the owner document of one system's tasks."""
    return OWNERS + system


async def systems(store: StoreView, named: Collection[str]) -> dict[str, SystemState]:
    """The systems of these names and all that ever had an owner. Failure policy: StoreUnavailable passes through."""
    docs = {doc.id.removeprefix(OWNERS): doc for doc in await store.owners.page(prefix=OWNERS, limit=1000)}
    return {name: await _state(store, name, docs.get(name)) for name in sorted({*named, *docs})}


async def _state(store: StoreView, system: str, doc: Doc | None) -> SystemState:
    body: Mapping[str, Any] = orjson.loads(doc.body) if doc else {}
    numbers = doc.numbers if doc else {}
    waiting = await store.tasks.count([WAITING, f"system:{system}"], at_most=COUNTED)
    return SystemState(
        system,
        body.get("owner", ""),
        numbers.get("paused_until_us", 0),
        numbers.get("failures", 0),
        body.get("last_error") or None,
        waiting,
    )


async def act(
    store: StoreView, log: EventLog, clock: Clock, hand: Hand, *, key: str | None, system: str | None, by: str, why: str, versions: Versions
) -> int | None:
    """Does it to the task of this key, or to all of a system; how many were changed, None where there is no such waiting task.

    now: due at once, and the pause of a system that is named ends. cancel: it waits no longer; the next event asks for it again.
    Failure policy: EngineDown passes through; what was done stays done, and repeating goes on. Noted in the audit.
    """
    changed, after, found = 0, "", False
    tokens = [WAITING, f"system:{system}"]
    while True:
        if key:
            docs = list((await store.tasks.load([key])).values())
        else:
            docs = await store.tasks.matching(tokens, every=True, after=after, limit=PAGE)
        waiting = [task for task in map(read, docs) if task.waits]
        found = found or bool(waiting)
        changed += await _each(store, log, clock, hand, waiting, versions)
        if key or len(docs) < PAGE:
            break
        after = docs[-1].id
    if system and hand == "now":
        found = await _end_pause(store, clock, system) or found
    if not found:
        return None
    about = [f"task/{key}"] if key else [f"tasks/{system}"]
    await audit.note(store, who=by, what=f"task.{hand}", why=why, at_us=clock.now_us(), about=about, detail={"tasks": changed})
    return changed


async def _each(store: StoreView, log: EventLog, clock: Clock, hand: Hand, tasks: Collection[Task], versions: Versions) -> int:
    changed = 0
    while tasks:
        now_us = clock.now_us()
        if hand == "cancel":
            await _tell_replays(log, tasks, now_us, versions)
        docs = [_now(task, now_us) if hand == "now" else ended(task, CANCELLED, now_us, "cancelled by a person") for task in tasks]
        saved = await store.tasks.save(docs)
        changed += len(docs) - len(saved.conflicts)
        again = (await store.tasks.load(saved.conflicts)).values() if saved.conflicts else ()
        tasks = [task for task in map(read, again) if task.waits]
    return changed


def _now(task: Task, now_us: int) -> Doc:
    return replace(task.doc, numbers={**task.doc.numbers, "due_us": min(now_us, task.number("due_us"))})


async def _tell_replays(log: EventLog, tasks: Collection[Task], now_us: int, versions: Versions) -> None:
    """A replay that asked for a cancelled task has failed: its letter is open again, rather than being replayed for ever."""
    error = GivenUp("a person cancelled the fetch that this replay asked for: replay it again, or discard it")
    letters = [
        letter
        for task in tasks
        if task.body["letters"]
        for letter in letters_of(task, error, now_us=now_us, code_version=versions.code, config_version=versions.config)
    ]
    if letters:
        await log.append(topics.DEAD_LETTERS, [Entry(*letter.entry()) for letter in letters])


async def _end_pause(store: StoreView, clock: Clock, system: str) -> bool:
    """Lets the system be tried at once; False where it is not paused. Its failures stay: one call has to succeed first."""
    while True:
        doc = (await store.owners.load([lease_id(system)])).get(lease_id(system))
        now_us = clock.now_us()
        if doc is None or doc.numbers["paused_until_us"] <= now_us:
            return False
        if not (await store.owners.save([replace(doc, numbers={**doc.numbers, "paused_until_us": now_us})])).conflicts:
            return True
