"""The replayer: works replay jobs off, at each job's rate, into the slow lane.

Owns: the loop, the order of its steps. Does not own: jobs and their frozen sets (app/letters/jobs.py), what a letter becomes
(app/domain/replays.py), outcomes of events (consumers/projector.py reports them). Next stop: consumers/projector.py.

A batch of a job, in steps that are safe to repeat: 1. claim it (puts the next one off by the rate, for all processes); 2. append events to
the slow lane; 3. append what is decided already to the letters' topic; 4. mark the letters as sent. A crash repeats the batch under the
same attempts: the same events merge to the same records, and the same outcomes change nothing.
"""

import asyncio
from collections.abc import Sequence

import structlog

from app.domain.failures import ToLetter, reaction
from app.domain.letter_states import Action, Known
from app.domain.letters import letter_of_event, letter_of_unread
from app.domain.replays import Sending, Versions, event_of, failed_again, holds_event, read_again
from app.errors import EntryRefused, Unmappable
from app.letters import documents, jobs
from app.letters.jobs import Job
from app.ports import Clock, Entry, EventLog, Store
from app.sources.source import Sources
from consumers.configuration import refuse_if_stale
from consumers.runner import Health
from consumers.turns import take_turns
from schemas import topics
from schemas.event import Event
from schemas.letter import Letter

log_line = structlog.get_logger(__name__)

IDLE_S = 1.0
BATCH = 200


class Replayer:
    """Sends what replay jobs have chosen. Several may run: a batch is claimed by one of them.

    Failure policy: EngineDown pauses and goes on in place; ConfigurationStale ends the loop (an old mapping must not read letters again).
    """

    def __init__(self, log: EventLog, store: Store, clock: Clock, sources: Sources, *, version: int, code_version: str) -> None:
        self.health = Health()
        self._log, self._store, self._clock, self._sources = log, store, clock, sources
        self._version, self._code_version = version, code_version
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Asks the loop to finish its batch and end."""
        self._stop.set()

    async def run(self) -> None:
        await take_turns("replayer", self.run_once, self.health, self._clock, self._stop)

    async def run_once(self) -> float:
        """One step of every job; seconds until the next step is due (IDLE_S at most)."""
        held = await self._store.jobs.matching([jobs.ACTIVE])
        if not held:
            return IDLE_S
        await refuse_if_stale(self._store, self._version)
        return min([await self._step(jobs.read(doc)) for doc in held])

    async def _step(self, job: Job) -> float:
        match job.phase:
            case "choosing":
                await jobs.choose(self._store, self._clock, job.id)
                return 0.0
            case "sending":
                return await self._send(job)
            case "sent":
                # Stamped by a chooser that came late: it belongs to the set and is sent without waiting for a turn.
                late = await self._store.letters.matching([f"chosen:{job.id}"], limit=BATCH)
                if late:
                    await self._send_batch(job, [documents.load(doc) for doc in late])
            case "cancelled":
                await jobs.release(self._store, self._clock, job)
        await jobs.settle(self._store, self._clock, job)
        return IDLE_S

    async def _send(self, job: Job) -> float:
        # A batch is about a second's worth, so that a low rate is even and a cancel takes effect soon.
        size = max(1, min(BATCH, int(job.rate_per_s)))
        docs = await self._store.letters.matching([f"chosen:{job.id}"], limit=size)
        if not docs:
            await jobs.end(self._store, self._clock, job.id, "sent")
            log_line.info("replay.sent", job=job.id)
            return 0.0
        if await jobs.claim(self._store, self._clock, job, len(docs)):
            await self._send_batch(job, [documents.load(doc) for doc in docs])
        wait_s = (jobs.read((await self._store.jobs.load([job.id]))[job.id]).resume_at_us - self._clock.now_us()) / 1_000_000
        return min(max(wait_s, 0.0), IDLE_S)

    async def _send_batch(self, job: Job, letters: Sequence[Known]) -> None:
        sending = Sending()
        for known in letters:
            assert known.original is not None, "only letters that were read are stamped"
            sending.add(self._prepare(known.original, known.stamps[job.id].attempt, job))
        await self._append_events(sending)
        spoken = [Entry(*letter.entry()) for letter in sending.letters] + [Entry(*outcome.entry()) for outcome in sending.outcomes]
        if spoken:
            await self._log.append(topics.DEAD_LETTERS, spoken)
        now_us = self._clock.now_us()
        await documents.change(self._store.letters, {known.id: [Action("sent", job.by, now_us, job.why, job.id)] for known in letters})
        self.health.batches += 1
        self.health.records += len(letters)
        self.health.last_batch_us = now_us

    def _prepare(self, letter: Letter, attempt: int, job: Job) -> Sending:
        if holds_event(letter):
            return Sending(events=[event_of(letter, attempt, job.id)])
        now_us = self._clock.now_us()
        versions = Versions(self._code_version, self._version, now_us)
        source = self._sources.get(letter.source)
        if source is None:
            gone = Unmappable(f"the source {letter.source!r} is not configured any more: configure it again or discard this letter")
            return Sending(letters=[failed_again(letter, gone, attempt, versions)])
        headers = {name.lower(): value.decode("utf-8", "replace") for name, value in letter.headers}
        try:
            received = source.receive(letter.value, letter.arrived_us, headers)
        except Exception as error:
            # A source raises nothing for content, so this is a defect; it is this letter's own, and the others of the job go on (P5).
            if not isinstance(reaction(error, "ingress"), ToLetter):
                raise
            log_line.exception("replay.defect", letter=letter.id, source=letter.source)
            return Sending(letters=[failed_again(letter, error, attempt, versions)])
        unread = [
            letter_of_unread(
                letter.source,
                piece,
                arrived_us=letter.arrived_us,
                era=letter.era,
                now_us=now_us,
                code_version=self._code_version,
                config_version=self._version,
                headers=headers,
            )
            for piece in received.unread
        ]
        return read_again(letter, received.events, unread, attempt, job.id, now_us)

    async def _append_events(self, sending: Sending) -> None:
        """Appends all events; one that the log refuses for good becomes its letter again."""
        if not sending.events:
            return
        try:
            await self._log.append(topics.EVENTS_SLOW, [_entry(event) for event in sending.events])
        except EntryRefused:
            for event in sending.events:
                try:
                    await self._log.append(topics.EVENTS_SLOW, [_entry(event)])
                except EntryRefused as refused:
                    sending.letters.append(self._refused(event, refused))

    def _refused(self, event: Event, error: EntryRefused) -> Letter:
        return letter_of_event(
            event,
            record=None,
            error=error,
            stage="ingress",
            now_us=self._clock.now_us(),
            code_version=self._code_version,
            config_version=self._version,
        )


def _entry(event: Event) -> Entry:
    return Entry(event.key.encode("utf-8", "replace"), event.value, event.headers())
