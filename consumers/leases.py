"""Who works the tasks of a system off: one process at a time, taken over when it dies.

Owns: the owner document of a system (compare-and-set, renewal, takeover), the pause that all its owners keep.
Does not own: what an owner does (consumers/fetching.py). Next stop: consumers/fetching.py.

No two clocks are ever compared. The owner counts `lease_s` on its own monotonic clock from *before* the write that renewed it; another
process takes over when it has watched the document for `lease_s` on its own monotonic clock, from *after* the read, without any write to
it. So the first is over before the second begins, as long as both clocks run equally fast (tests/models/test_fetch_protocol.py).
Calls that are still open when the lease ends are cut off. Only a process that is frozen cannot do that: awake again it opens no further
call and appends nothing, and finishing is guarded by each task's own version.

Document "tasks/<system>": body {owner, last_error}, numbers epoch (raised by each takeover), failures (calls in a row that ended a pause
without success), paused_until_us (0: not paused).
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

import orjson
import structlog

from app.errors import Deposed
from app.ports import Clock, Doc, Documents
from app.tasks.desk import lease_id

log_line = structlog.get_logger(__name__)

# Share of the lease that must be left when a call is opened: 12 s of the 30 s that are set by default, so that most calls end within it.
CALL_SHARE = 0.4
# Share of the lease at its end in which an owner that could not renew cuts its open calls off: 1.5 s.
LAST_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Pause:
    """A system that is left alone. failures: 0 where all is well; until_us: when it may be probed; error: why, for people."""

    failures: int = 0
    until_us: int = 0
    error: str = ""


class Lease:
    """The lease of one system, as one process sees it.

    alone: no other process can be there (embedded engines), so whoever is named as the owner is dead.
    Failure policy of its methods: StoreUnavailable passes through and changes nothing; the lease runs out by itself.
    """

    def __init__(self, owners: Documents, clock: Clock, system: str, owner: str, lease_s: float, *, alone: bool = False) -> None:
        self.system, self.lease_s, self.pause = system, lease_s, Pause()
        self._owners, self._clock, self._owner, self._alone = owners, clock, owner, alone
        self._doc: Doc | None = None
        self._until_s = 0.0
        self._watched: tuple[int, float] | None = None
        self._turn = asyncio.Lock()

    def left_s(self) -> float:
        """Seconds for which the system is surely mine; not positive where it is not."""
        return self._until_s - self._clock.monotonic_s() if self._doc else 0.0

    def allows_call(self) -> bool:
        """Whether so much of the lease is left that a call may be opened."""
        return self.left_s() > CALL_SHARE * self.lease_s

    def check(self) -> None:
        """Raises Deposed where the lease is over, or so nearly that open calls have to be cut off."""
        if self.left_s() <= LAST_SHARE * self.lease_s:
            raise Deposed(f"the lease of the tasks of {self.system} is over: another process may own them soon")

    async def seek(self) -> bool:
        """Takes the system where it is free, or where its owner has not been heard of for `lease_s`. Whether it is mine now."""
        began_s = self._clock.monotonic_s()
        doc = (await self._owners.load([lease_id(self.system)])).get(lease_id(self.system))
        if doc is not None and not self._is_free(doc):
            return False
        numbers = {"epoch": 0, "failures": 0, "paused_until_us": 0} | (dict(doc.numbers) if doc else {})
        numbers["epoch"] += 1
        body = {"last_error": ""} | (orjson.loads(doc.body) if doc else {}) | {"owner": self._owner}
        wanted = Doc(lease_id(self.system), orjson.dumps(body).decode(), doc.version if doc else 0, (), numbers)
        if (await self._owners.save([wanted])).conflicts:
            return False
        held = replace(wanted, version=wanted.version + 1)
        self._hold(held, began_s)
        self.pause = _pause_of(held)
        log_line.info("fetch.owned", system=self.system, epoch=numbers["epoch"])
        return True

    def _is_free(self, doc: Doc) -> bool:
        owner = orjson.loads(doc.body)["owner"]
        if not owner or owner == self._owner or self._alone:
            return True
        now_s = self._clock.monotonic_s()
        if self._watched is None or self._watched[0] != doc.version:
            self._watched = (doc.version, now_s)
        return now_s - self._watched[1] >= self.lease_s

    async def renew(self) -> None:
        """One write that keeps the system mine. Raises Deposed where another process has taken it."""
        await self._write(None)

    async def note(self, pause: Pause) -> None:
        """Stores the pause, so that whoever takes over keeps it. Raises Deposed."""
        self.pause = pause
        await self._write(pause)

    async def release(self) -> None:
        """Gives the system back, so that another process need not wait. Nothing where it is not mine any more.

        A renewal that was cut off may have been written all the same, and a person may have ended the pause: then it is read again.
        """
        async with self._turn:
            with suppress(Deposed):
                while self._doc is not None:
                    body = {**orjson.loads(self._doc.body), "owner": ""}
                    if not (await self._owners.save([replace(self._doc, body=orjson.dumps(body).decode())])).conflicts:
                        self._doc = None
                    else:
                        await self._reload()

    async def _write(self, noted: Pause | None) -> None:
        """noted: what this process has just learned of the vendor; without it the stored pause stays, which a person may have ended.

        `pause` is never set back to what it was when a write began: a call may have failed during that write.
        """
        async with self._turn:
            while True:
                if self._doc is None:
                    raise Deposed(f"the tasks of {self.system} are not mine")
                began_s, known = self._clock.monotonic_s(), self.pause
                pause = noted or known
                body = {"owner": self._owner, "last_error": pause.error}
                numbers = {**self._doc.numbers, "failures": pause.failures, "paused_until_us": pause.until_us}
                wanted = replace(self._doc, body=orjson.dumps(body).decode(), numbers=numbers)
                if not (await self._owners.save([wanted])).conflicts:
                    self._hold(replace(wanted, version=wanted.version + 1), began_s)
                    return
                stored = await self._reload()
                if noted is None and self.pause is known:
                    self.pause = stored

    async def _reload(self) -> Pause:
        held, doc = self._doc, (await self._owners.load([lease_id(self.system)])).get(lease_id(self.system))
        mine = doc is not None and held is not None and doc.numbers["epoch"] == held.numbers["epoch"]
        if doc is None or not mine or orjson.loads(doc.body)["owner"] != self._owner:
            self._doc = None
            raise Deposed(f"another process owns the tasks of {self.system} by now")
        self._doc = doc
        return _pause_of(doc)

    def _hold(self, doc: Doc, began_s: float) -> None:
        self._doc, self._until_s, self._watched = doc, began_s + self.lease_s, None


def _pause_of(doc: Doc) -> Pause:
    return Pause(doc.numbers["failures"], doc.numbers["paused_until_us"], orjson.loads(doc.body)["last_error"])
