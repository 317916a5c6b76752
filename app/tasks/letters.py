"""Letters of tasks: what is written when a task is given up, and what resolves it.

Owns: the event that stands for a task in its letter, the letter's identity. Does not own: when a task is given up (verdicts.py), letters
as such (app/domain/letters.py). Next stop: consumers/projector.py, which asks for the fetch again when the letter is replayed.

The letter's value is the wish, its type `bindery.fetch`: replayed, the projector of its source asks for that fetch again. A task that was
asked for by a replay fails under the letter of that replay; otherwise one wait is one letter, however often its failure is told.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace

import orjson

from app.domain.keys import record_key
from app.domain.letters import letter_id, letter_of_event
from app.errors import VendorFailed
from app.sources.fetching import FETCH, VARIANTS
from app.tasks.documents import Task
from schemas.event import Event
from schemas.letter import Letter, Outcome


def letters_of(task: Task, error: Exception, *, now_us: int, code_version: str, config_version: int) -> list[Letter]:
    """The letters of a task that is given up: one, or one for each replay that asked for it."""
    wish = task.wish()
    key = record_key("model" if wish.kind == VARIANTS else wish.kind, wish.system, wish.thing)
    own = letter_id(wish.source, f"{wish.key} {task.number('asked_us')}", b"", key)
    event = Event(
        id=wish.key,
        source=wish.source,
        type=FETCH,
        key=key,
        value=orjson.dumps(asdict(wish)),
        arrived_us=task.number("asked_us"),
        era=int(wish.trigger_order[:4] or "0", 16),
    )
    made = letter_of_event(
        event, record=None, error=error, stage="task", now_us=now_us, code_version=code_version, config_version=config_version
    )
    return [replace(made, id=id_, attempt=attempt) for id_, attempt in (task.body["letters"] or {own: 0}).items()]


def resolved(task: Task, now_us: int) -> Sequence[Outcome]:
    """What is said of the letters whose replays asked for a task that is done."""
    return [Outcome(id_, attempt, "resolved", now_us, "fetched") for id_, attempt in task.body["letters"].items()]


class GivenUp(VendorFailed):
    """A task that was tried as often as its ladder has steps, or that a person has cancelled. The message says what went wrong last."""
