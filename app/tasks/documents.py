"""A task as a document: one a key, asked for any number of times, waiting or ended.

Owns: the body's JSON, tokens and numbers, what an ask does to it. Does not own: what an answer does (verdicts.py), storing
(consumers/tasks.py asks, consumers/fetching.py finishes). Next stop: app/tasks/verdicts.py.

Body: the fields of the newest wish, and `floor_order`, `floor_us` (the newest deletion or tie among the wishes: what is found has to count
for more), `tied` (only where true: of the wishes that are newest together some say that it is gone and some do not), `letters` (letter ->
attempt of the replays that asked),
`last_error`, `ended` ("" while it waits; then done, letter, cancelled). What ended in any way but `done` keeps its wishes: the next ask
adds to them, so that an older deletion is not forgotten over an outage.
Tokens: `waiting` while it waits, `system:<name>`.
Numbers: generation (asks so far, never falls); while it waits due_us, asked_us (since when) and system (system_number()); done_us after it.
Only where there is something to tell: attempts (failed tries in a row), then_us (due time of an ask that came while it waited), absent_us
(start of the fetch that first found nothing), seen_us (time of the state that was fetched too soon) and seen_began_us (start of the first
fetch that found it), stale (fetches that were older than the wish), downs (tries that ended without an answer). Each number costs every
read and write of 20,000 tasks, so there are few.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from typing import Any

import orjson

from app.domain.order import SOURCE
from app.ports import Doc
from app.sources.source import FetchTask

WAITING = "waiting"
DONE, LETTER, CANCELLED = "done", "letter", "cancelled"
INDEX = "system_due"
# A source order is microseconds or a sequence, and does not say which. Between 1973 and 2286 it is taken for an instant.
INSTANTS_US = range(10**14, 10**16)
_NAMES = ("key", "system", "source", "kind", "thing")
_WISH = tuple(field.name for field in fields(FetchTask) if field.name not in {"letter", "attempt"})


@dataclass(frozen=True, slots=True)
class Task:
    """A document, read. body: see above."""

    doc: Doc
    body: Mapping[str, Any]

    @property
    def thing(self) -> str:
        return str(self.body["thing"])

    @property
    def kind(self) -> str:
        return str(self.body["kind"])

    @property
    def waits(self) -> bool:
        return "due_us" in self.doc.numbers

    @property
    def era(self) -> int:
        """The era that the newest wish's order is of; orders of another one do not compare with it."""
        return int(self.body["trigger_order"][:4] or "0", 16)

    @property
    def at_least(self) -> int:
        """Source order of the newest deletion or tie among the wishes, 0 for none. One of another era than the newest wish is none."""
        floor: str = self.body["floor_order"]
        return int(self.body["floor_us"]) if floor and floor[:4] == self.body["trigger_order"][:4] else 0

    def at_least_if_absent(self) -> int:
        """The same for a thing that is not there. No clock stands in for a sequence, so there the newest wish of any sort counts."""
        trigger_us: int = self.body["trigger_us"]
        return self.at_least if trigger_us in INSTANTS_US else max(self.at_least, trigger_us)

    @property
    def is_deletion(self) -> bool:
        """Whether the newest wish says that the thing is gone, and none of the same time says anything else: nobody knows their order."""
        return bool(self.body["deletion"] and self.body["trigger_order"]) and not self.body.get("tied")

    def number(self, name: str) -> int:
        """A number, 0 where the task has none of this name."""
        return self.doc.numbers.get(name, 0)

    def wish(self) -> FetchTask:
        """What is wished for, for a letter or a log line."""
        return FetchTask(**{**{name: self.body[name] for name in _WISH}, "deletion": self.is_deletion})


def read(doc: Doc) -> Task:
    """The task of a document."""
    return Task(doc, orjson.loads(doc.body))


def system_number(system: str) -> int:
    """The number under which the tasks of a system are indexed: 64 bits of a hash of its name."""
    return int.from_bytes(blake2b(system.encode("utf-8", "replace"), digest_size=8).digest(), "big", signed=True)


def asked(doc: Doc | None, wishes: list[FetchTask], now_us: int) -> Doc:
    """The document after these wishes for one key. They raise the generation once, however many they are.

    A task that failed before keeps the time of its next try: events that keep coming must not run it down its ladder.
    """
    held = read(doc) if doc else None
    body = _fresh(wishes[0]) if held is None or held.body["ended"] == DONE else dict(held.body)
    for wish in wishes:
        body = _added(body, wish)
    body["ended"] = ""
    due_us = min(wish.due_us for wish in wishes)
    numbers = dict(held.doc.numbers) if held else {"generation": 0}
    generation = numbers["generation"] + 1
    if held is None or not held.waits:
        numbers = {"due_us": due_us, "asked_us": now_us, "system": system_number(body["system"])}
        body["last_error"] = None
    else:
        numbers["then_us"] = due_us
        numbers["due_us"] = numbers["due_us"] if "attempts" in numbers else min(numbers["due_us"], due_us)
        if body["trigger_order"] > held.body["trigger_order"]:
            # What was not there before this change may have come with it: two looks count from here on.
            numbers.pop("absent_us", None)
    numbers["generation"] = generation
    tokens = (WAITING, f"system:{body['system']}")
    return Doc(wishes[0].key, dumped(body), doc.version if doc else 0, tokens, numbers)


def dumped(body: Mapping[str, Any]) -> str:
    """The body as it is stored."""
    return orjson.dumps(dict(body)).decode()


def ended(task: Task, how: str, now_us: int, error: str | None = None) -> Doc:
    """The document after the wait: nothing is due any more, the generation stays, and so do wishes that were not granted."""
    lasting = {name: task.body[name] for name in _NAMES} if how == DONE else {**task.body, "letters": {}}
    numbers = {"generation": task.doc.numbers["generation"], "done_us": now_us}
    body = dumped({**lasting, "last_error": error, "ended": how})
    return replace(task.doc, body=body, numbers=numbers, tokens=(f"system:{task.body['system']}",))


def _fresh(wish: FetchTask) -> dict[str, Any]:
    body = {name: getattr(wish, name) for name in _WISH}
    return {**body, "floor_order": "", "floor_us": 0, "letters": {}, "last_error": None, "ended": ""}


def _added(body: dict[str, Any], wish: FetchTask) -> dict[str, Any]:
    newest = {name: getattr(wish, name) for name in _WISH} if wish.trigger_order >= body["trigger_order"] else {}
    added = {**body, **newest, "due_us": min(body["due_us"], wish.due_us)}
    if wish.trigger_order[:SOURCE] == body["trigger_order"][:SOURCE]:
        added |= {"tied": True} if bool(body["deletion"]) != wish.deletion else {}
    elif newest:
        added.pop("tied", None)
    if (wish.deletion or wish.tie) and wish.trigger_order > body["floor_order"]:
        added |= {"floor_order": wish.trigger_order, "floor_us": wish.trigger_us}
    if wish.letter:
        added["letters"] = {**body["letters"], wish.letter: max(wish.attempt, body["letters"].get(wish.letter, 0))}
    return added
