"""What is known of letters and replays, as plain data for answers.

Owns: names and forms of fields, as app/api/letter_models.py documents them. Does not own: what is known (app/domain/letter_states.py).
Next stop: app/api/dead_letters.py.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from app.domain.instants import rfc3339
from app.domain.letter_states import Known, Try, latest, part_in, state_of, why_not_replayable
from app.letters.documents import readable
from app.letters.jobs import Job
from app.letters.rehearsal import Forecast
from schemas.letter import Letter


def summary(known: Known) -> dict[str, Any]:
    """One letter in a list."""
    letter, now = known.original, latest(known)
    assert letter is not None, "an ending without its letter is not listed"
    assert now is not None, "a letter has failed at least once"
    refusal = why_not_replayable(known)
    return {
        "id": known.id,
        "state": state_of(known),
        "source": now.source,
        "stage": now.stage,
        "disposition": now.disposition,
        "type": letter.type,
        "event_id": letter.event_id,
        "record": letter.key,
        "error": {"kind": now.error_class, "message": now.message},
        "fingerprint": now.fingerprint,
        "attempt": now.attempt,
        "first_failed_at": rfc3339(known.first_failed_us),
        "last_failed_at": rfc3339(now.last_failed_us),
        "arrived_at": rfc3339(letter.arrived_us),
        "replayable": not refusal,
        "not_replayable_because": refusal or None,
    }


def detail(known: Known, audit: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Everything known of one letter."""
    assert known.original is not None, "an ending without its letter is not shown"
    mark = known.mark
    return {
        **summary(known),
        "original": _original(known.original),
        "tries": [_try(attempt, one) for attempt, one in sorted(known.tries.items())],
        "replays": [
            {"id": job, "attempt": stamp.attempt, "part": part_in(known, job), "at": rfc3339(stamp.at_us)}
            for job, stamp in sorted(known.stamps.items())
        ],
        "mark": {"kind": mark.kind, "attempt": mark.attempt, "by": mark.by, "at": rfc3339(mark.at_us), "why": mark.why} if mark else None,
        "audit": [dated(entry) for entry in audit],
    }


def dated(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An audit entry with its instant as text."""
    return {"at": rfc3339(entry["at_us"]), **{name: value for name, value in entry.items() if name != "at_us"}}


def _original(letter: Letter) -> dict[str, Any]:
    place = {"topic": letter.topic, "partition": letter.partition, "offset": letter.offset} if letter.topic else None
    return {
        "key": letter.key,
        "value": readable(letter.value),
        "headers": [{"name": name, **readable(value)} for name, value in letter.headers],
        "place": place,
        "at": rfc3339(letter.timestamp_ms * 1000) if letter.topic else None,
        "era": letter.era,
        "truncated_from": letter.truncated_from or None,
    }


def _try(attempt: int, one: Try) -> dict[str, Any]:
    failure, outcome = one.failure, one.outcome
    return {
        "attempt": attempt,
        "failed": failure
        and {
            "at": rfc3339(failure.last_failed_us),
            "stage": failure.stage,
            "error": {"kind": failure.error_class, "message": failure.message},
            "fingerprint": failure.fingerprint,
            "code_version": failure.code_version,
            "configuration_version": failure.config_version,
        },
        "ended": outcome and {"as": outcome.outcome, "at": rfc3339(outcome.at_us), "why": outcome.why},
    }


def group(found: Mapping[str, Any]) -> dict[str, Any]:
    """A group of letters by fingerprint."""
    same = {name: found[name] for name in ("fingerprint", "source", "stage", "disposition", "type", "count")}
    return {
        **same,
        "error": {"kind": found["error_class"], "message": found["message"]},
        "first_failed_at": rfc3339(found["first_failed_us"]),
        "last_failed_at": rfc3339(found["last_failed_us"]),
    }


def replay(job: Job, counts: Mapping[str, int]) -> dict[str, Any]:
    """A replay job with its counts."""
    finished = job.phase == "sent" and not counts["sent"] + counts["waiting"]
    return {
        "id": job.id,
        "phase": "finished" if finished else job.phase,
        "filter": job.wanted,
        "rate_per_s": job.rate_per_s,
        "by": job.by,
        "why": job.why,
        "created_at": rfc3339(job.created_us),
        "ended_at": rfc3339(job.ended_us) if job.ended_us else None,
        "refused": job.refused,
        **counts,
    }


def rehearsal(forecasts: Sequence[Forecast], *, more: bool) -> dict[str, Any]:
    """A dry run."""
    return {
        "items": [asdict(one) for one in forecasts],
        "summary": dict(Counter(one.verdict for one in forecasts)),
        "more": more,
    }
