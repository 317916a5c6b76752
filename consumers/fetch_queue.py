"""The tasks that are to be fetched next: read ahead in the order of their due times, grouped into what one call can ask for.

Owns: passes over the index of due tasks, what is taken already, the size of a call. Does not own: calls (consumers/fetch_calls.py).
Next stop: consumers/fetching.py.

A pass goes through everything that is due at its start, page by page; then the next one begins. What is taken (queued, open at the vendor,
being written) is not taken twice. Memory holds a page and what is taken, however many tasks wait.
"""

from collections import deque
from collections.abc import Mapping

from app.ports import Clock, Doc, StoreView
from app.tasks.documents import INDEX, Task, read, system_number

PAGE = 1000
# What ended without an answer may be the fault of one thing: its neighbours get a second chance together, then in tenths, then alone.
_SHARES = (1, 1, 10)


def call_size(per_call: int, downs: int) -> int:
    """How many tasks that failed so often one call asks for."""
    return max(1, per_call // _SHARES[downs]) if downs < len(_SHARES) else 1


class Queue:
    """The due tasks of one system. per_call: kind -> things a call can ask for."""

    def __init__(self, store: StoreView, clock: Clock, system: str, per_call: Mapping[str, int]) -> None:
        self._store, self._clock, self._per_call = store, clock, per_call
        self._system = system_number(system)
        self._ready: dict[tuple[str, int], deque[Task]] = {}
        self._taken: set[str] = set()
        self._ended: dict[str, int] | None = None  # what ended while a page was being read -> its version then
        self._behind: int | None = None  # the next page begins behind this due time
        self._upto_us = 0
        self.oldest_due_us = 0
        self.unfetchable: list[Task] = []

    @property
    def size(self) -> int:
        """Tasks that are ready."""
        return sum(map(len, self._ready.values()))

    @property
    def in_pass(self) -> bool:
        """Whether more of the pass is to be read."""
        return self._behind is not None

    def clear(self) -> None:
        """Forgets what is ready; it is read again, as it is then."""
        for ready in self._ready.values():
            self._taken -= {task.doc.id for task in ready}
        self._ready.clear()
        self._behind = None

    async def read(self) -> int:
        """The next page of the pass; how many tasks that were not taken yet. Failure policy: StoreUnavailable passes through."""
        if self._behind is None:
            self._upto_us = self._clock.now_us()
        first, self._ended, limit = self._behind is None, {}, PAGE + len(self._taken)
        try:
            docs = await self._store.tasks.scan(INDEX, (self._system,), above=self._behind, upto=self._upto_us, limit=limit)
            found = [doc for doc in docs if doc.id not in self._taken and self._ended.get(doc.id, 0) <= doc.version]
        finally:
            self._ended = None
        if first:
            self.oldest_due_us = docs[0].numbers["due_us"] if docs else 0
        # Several may be due at one instant, so the next page begins with that instant once more. No more than are taken come twice.
        self._behind = docs[-1].numbers["due_us"] - 1 if len(docs) >= limit else None
        for doc in found:
            self._add(doc)
        return len(found)

    def _add(self, doc: Doc) -> None:
        task = read(doc)
        self._taken.add(doc.id)
        if task.kind not in self._per_call:
            self.unfetchable.append(task)
            return
        size = call_size(self._per_call[task.kind], task.number("downs"))
        self._ready.setdefault((task.kind, size), deque()).append(task)

    def next_call(self, *, whole: bool) -> tuple[str, dict[str, Task]] | None:
        """(kind, tasks by thing) for one call, those due first first; with `whole` only what fills a call. None where there is none."""
        best = None
        for (kind, size), ready in self._ready.items():
            if ready and (len(ready) >= size or not whole):
                due_us = ready[0].doc.numbers["due_us"]
                if best is None or due_us < best[0]:
                    best = (due_us, kind, size, ready)
        if best is None:
            return None
        _, kind, size, ready = best
        tasks = [ready.popleft() for _ in range(min(size, len(ready)))]
        return kind, {task.thing: task for task in tasks}

    def release(self, task: Task, version: int) -> None:
        """The task is not taken any more; what was read of it up to this version is out of date."""
        self._taken.discard(task.doc.id)
        if self._ended is not None:
            self._ended[task.doc.id] = version
