"""Tasks: work with the outside that waits, one document a key, coalesced.

Owns: asking for a fetch. Does not own: the documents (app/tasks/documents.py), doing it (consumers/fetching.py).
Next stop: consumers/fetching.py.

Every ask raises the task's `generation`; finishing is compare-and-set, so that a change during a fetch is fetched again.
"""

from collections.abc import Sequence

from app.errors import Refused
from app.ports import StoreView
from app.sources.source import FetchTask
from app.tasks.documents import WAITING, asked

__all__ = ["WAITING", "request_fetches"]


async def request_fetches(store: StoreView, tasks: Sequence[FetchTask], now_us: int) -> None:
    """Asks for each fetch; asks for the same thing become one task that is due at the earliest of their times.

    Failure policy: a lost race reads again; StoreUnavailable passes through and the asker's batch is repeated (a generation more, no harm).
    """
    by_key: dict[str, list[FetchTask]] = {}
    for task in tasks:
        by_key.setdefault(task.key, []).append(task)
    while by_key:
        docs = await store.tasks.load(by_key)
        saved = await store.tasks.save([asked(docs.get(key), wishes, now_us) for key, wishes in sorted(by_key.items())])
        if saved.refused:
            raise Refused(f"the store cannot hold these tasks: {dict(saved.refused)}; a defect, since ids are capped where they are mapped")
        by_key = {key: by_key[key] for key in saved.conflicts}
