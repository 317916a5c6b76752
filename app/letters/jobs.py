"""Replay jobs: a frozen set of letters, sent again at a bounded rate.

Owns: the job's document, choosing the set, cancelling, counting. Does not own: sending (consumers/replayer.py), what would happen
(app/letters/rehearsal.py). Next stop: consumers/replayer.py.

The set is frozen by stamping each letter with the job, page by page behind a stored cursor, so that a crash repeats a page and changes
nothing. What became of the set is counted from the letters themselves; a job holds no count that could disagree with them.
"""

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal

import orjson

from app import audit
from app.domain.letter_states import Action
from app.letters.documents import change
from app.letters.search import LAST, Filter, chosen_page
from app.ports import Clock, Doc, StoreView

Phase = Literal["choosing", "sending", "sent", "cancelled"]
ACTIVE = "active"
PAGE = 500
PAGES_AT_ONCE = 2
MOST = 1_000_000
# A chooser that was frozen while the job ended may still stamp a page; for so long an ended job is looked after.
AFTERCARE_US = 300_000_000


@dataclass(frozen=True, slots=True)
class Job:
    """One replay. wanted: which letters, as the filter was told. refused: matching letters that cannot be replayed. cursor: last id chosen.

    resume_at_us: when the next batch may go. ended_us: when it was all sent or cancelled, 0 before. settled: it needs no more care.
    """

    id: str
    wanted: dict[str, Any]
    rate_per_s: float
    by: str
    why: str
    created_us: int
    phase: Phase = "choosing"
    cursor: str = ""
    refused: int = 0
    resume_at_us: int = 0
    ended_us: int = 0
    settled: bool = False

    def filter(self) -> Filter:
        return Filter(**{**self.wanted, "ids": tuple(self.wanted.get("ids", ()))})


def read(doc: Doc) -> Job:
    """The job of a document."""
    return Job(**orjson.loads(doc.body))


def _document(job: Job, version: int) -> Doc:
    tokens = ("job",) if job.settled else ("job", ACTIVE)
    return Doc(job.id, orjson.dumps(asdict(job), option=orjson.OPT_SORT_KEYS).decode(), version, tokens, {"created_us": job.created_us})


async def create_job(store: StoreView, clock: Clock, wanted: Filter, *, rate_per_s: float, by: str, why: str) -> Job:
    """Starts a replay of the letters of a filter that have failed up to now; choosing begins here and is gone on with by the replayer.

    Failure policy: StoreUnavailable passes through; a job that is stored goes on by itself, and repeating the call makes a second job,
    which finds its letters taken.
    """
    now_us = clock.now_us()
    named = blake2b(orjson.dumps([now_us, by, why, wanted.told()]), digest_size=4).hexdigest()
    day = datetime.fromtimestamp(now_us // 1_000_000, UTC)
    job = Job(f"{day:%Y%m%dT%H%M%S}-{named}", wanted.told(), rate_per_s, by, why, now_us)
    await store.jobs.save([_document(job, 0)])
    await audit.note(store, who=by, what="replay.start", why=why, at_us=now_us, about=_about(job), detail={"filter": wanted.told()})
    for _ in range(PAGES_AT_ONCE):
        job = await choose(store, clock, job.id)
        if job.phase != "choosing":
            break
    return job


def _about(job: Job) -> list[str]:
    return [f"job/{job.id}", *(f"letter/{id_}" for id_ in job.filter().ids)]


async def choose(store: StoreView, clock: Clock, job_id: str) -> Job:
    """Stamps one more page of the set; the job as it stands after it.

    Failure policy: StoreUnavailable passes through, repeating is harmless.
    """
    held = (await store.jobs.load([job_id]))[job_id]
    job = read(held)
    if job.phase != "choosing":
        return job
    page = await chosen_page(store.letters, job.filter(), job.cursor, PAGE)
    now_us = clock.now_us()
    stamps = {doc.id: [Action("stamp", job.by, now_us, job.why, job.id)] for doc in page if doc.numbers[LAST] <= job.created_us}
    _, refused = await change(store.letters, stamps)
    after = replace(job, cursor=page[-1].id if page else job.cursor, refused=job.refused + len(refused))
    if len(page) < PAGE:
        after = replace(after, phase="sending")
    if (await store.jobs.save([_document(after, held.version)])).conflicts:
        # Somebody else chose this page or cancelled the job; where it was cancelled, its aftercare releases what was stamped just now.
        return read((await store.jobs.load([job_id]))[job_id])
    return after


async def claim(store: StoreView, clock: Clock, job: Job, letters: int) -> bool:
    """Takes the job's next batch, of so many letters, for this process and puts the one after it off by the rate. False: not my turn.

    Failure policy: StoreUnavailable passes through; a claim that is not used delays the job by one batch.
    """
    now_us = clock.now_us()
    held = (await store.jobs.load([job.id]))[job.id]
    current = read(held)
    if current.phase != "sending" or current.resume_at_us > now_us:
        return False
    following = replace(current, resume_at_us=now_us + int(letters / current.rate_per_s * 1_000_000))
    return not (await store.jobs.save([_document(following, held.version)])).conflicts


async def end(store: StoreView, clock: Clock, job_id: str, phase: Phase) -> Job:
    """Ends choosing or sending; an ended job stays as it ended.

    Failure policy: StoreUnavailable passes through, a lost race reads again.
    """
    while True:
        held = (await store.jobs.load([job_id]))[job_id]
        job = read(held)
        if job.phase in {"sent", "cancelled"}:
            return job
        ended = replace(job, phase=phase, ended_us=clock.now_us())
        if not (await store.jobs.save([_document(ended, held.version)])).conflicts:
            return ended


async def cancel_job(store: StoreView, clock: Clock, job_id: str, *, by: str, why: str) -> Job:
    """Stops a replay: what was not sent goes back to the state it had; what was sent ends as it ends. Twice is once.

    Failure policy: StoreUnavailable passes through; the replayer goes on releasing.
    """
    job = await end(store, clock, job_id, "cancelled")
    await audit.note(store, who=by, what="replay.cancel", why=why, at_us=clock.now_us(), about=_about(job))
    if job.phase == "cancelled":
        await release(store, clock, job)
    return job


async def release(store: StoreView, clock: Clock, job: Job) -> None:
    """Gives back what a cancelled job has chosen and not sent. Failure policy: StoreUnavailable passes through, repeating is harmless."""
    while True:
        docs = await store.letters.matching([f"chosen:{job.id}"], limit=PAGE)
        if not docs:
            break
        now_us = clock.now_us()
        await change(store.letters, {doc.id: [Action("release", job.by, now_us, job.why, job.id)] for doc in docs})


async def settle(store: StoreView, clock: Clock, job: Job) -> None:
    """Ends the care for an ended job once it was long enough. Failure policy: StoreUnavailable passes through, repeating is harmless."""
    if clock.now_us() > job.ended_us + AFTERCARE_US:
        held = (await store.jobs.load([job.id]))[job.id]
        await store.jobs.save([_document(replace(read(held), settled=True), held.version)])


async def counts(store: StoreView, job_id: str) -> dict[str, int]:
    """How many letters of the job stand where: waiting, sent, resolved, superseded, reopened, released; chosen is all of them.

    Failure policy: StoreUnavailable passes through.
    """
    parts = {"waiting": "chosen", **{part: part for part in ("sent", "resolved", "superseded", "reopened", "released")}}
    counted = {name: await store.letters.count([f"{part}:{job_id}"], at_most=MOST) for name, part in parts.items()}
    return {"chosen": sum(counted.values()), **counted}
