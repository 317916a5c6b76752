"""Tasks: work with the outside that waits, one document a key, coalesced.

Owns: asking for a fetch, listing what waits. Does not own: doing it. Next stop: app/api/tasks.py lists them.

Every ask raises the task's `generation`; finishing will be compare-and-set on it, so that a change during a fetch is fetched again.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace

import orjson

from app.errors import Refused
from app.ports import Doc, StoreView
from app.sources.source import FetchTask

WAITING = "waiting"


async def request_fetches(store: StoreView, tasks: Sequence[FetchTask], now_us: int) -> None:
    """Asks for each fetch; asks for the same thing become one task that is due at the earliest of their times.

    Failure policy: a lost race reads again; StoreUnavailable passes through and the asker's batch is repeated (a generation more, no harm).
    """
    by_key: dict[str, FetchTask] = {}
    for task in tasks:
        held = by_key.get(task.key)
        by_key[task.key] = task if held is None else _combined(held, task)
    while by_key:
        docs = await store.tasks.load(by_key)
        saved = await store.tasks.save([_asked(docs.get(key), task, now_us) for key, task in sorted(by_key.items())])
        if saved.refused:
            raise Refused(f"the store cannot hold these tasks: {dict(saved.refused)}; a defect, since ids are capped where they are mapped")
        by_key = {key: by_key[key] for key in saved.conflicts}


def _combined(one: FetchTask, other: FetchTask) -> FetchTask:
    newest = max(one, other, key=lambda task: task.trigger_order)
    return replace(newest, due_us=min(one.due_us, other.due_us), deletion=one.deletion or other.deletion)


def _asked(doc: Doc | None, task: FetchTask, now_us: int) -> Doc:
    if doc is None:
        numbers = {"due_us": task.due_us, "generation": 1, "attempts": 0, "asked_us": now_us}
        return Doc(task.key, orjson.dumps(asdict(task)).decode(), tokens=(WAITING, f"system:{task.system}"), numbers=numbers)
    held = FetchTask(**orjson.loads(doc.body))
    numbers = dict(doc.numbers)
    numbers |= {"generation": numbers["generation"] + 1, "due_us": min(numbers["due_us"], task.due_us)}
    return replace(doc, body=orjson.dumps(asdict(_combined(held, task))).decode(), numbers=numbers)
