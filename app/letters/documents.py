"""A letter as a document: everything in the body, what is searched for beside it; and the one way to change letters.

Owns: the body's JSON, tokens and numbers of letters, change(). Does not own: what a change means (app/domain/letter_states.py), searches
(app/letters/search.py). Next stop: app/domain/letter_states.py.

Tokens: `letter` (every letter), `waiting` (open or acknowledged), `unsettled` (these and replaying), `awaits:<record key>` (the same, for
the newer full state that makes it idle), `state:` `source:` `fp:` `disposition:` `stage:` `type:` `record:`, `job:<id>`, and
`<part>:<job id>` for what became of it in that job.
Numbers: last_failed_us, first_failed_us, attempt.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import orjson

from app.domain.letter_states import UNSETTLED, WAITING, Action, ActionRefused, Known, Mark, Stamp, Try, apply, latest, part_in, state_of
from app.errors import EntryRefused
from app.ports import Doc, Documents
from schemas.letter import Letter, Outcome

Said = Letter | Outcome | Action


def document(known: Known, version: int) -> Doc:
    """The document of a letter. `version`: the store's, 0 for a new one."""
    letter, now = known.original, latest(known)
    if letter is None or now is None:
        return Doc(known.id, dump(known), version, tokens=("ending-only",))
    state = state_of(known)
    tokens = {"letter", f"state:{state}", f"source:{now.source}", f"fp:{now.fingerprint}", f"disposition:{now.disposition}"}
    tokens |= {f"stage:{now.stage}", f"type:{letter.type}", f"record:{letter.key}"}
    tokens |= {f"job:{job}" for job in known.stamps} | {f"{part_in(known, job)}:{job}" for job in known.stamps}
    if state in WAITING:
        tokens.add("waiting")
    if state in UNSETTLED:
        tokens |= {"unsettled", f"awaits:{letter.key}"}
    numbers = {"last_failed_us": now.last_failed_us, "first_failed_us": known.first_failed_us, "attempt": now.attempt}
    return Doc(known.id, dump(known), version, tuple(sorted(tokens)), numbers)


def dump(known: Known) -> str:
    """Everything known of a letter as JSON text; bytes as text where they are UTF-8, else as base64."""
    body = {
        "original": _letter(known.original),
        "first_failed_us": known.first_failed_us,
        "tries": {str(n): [_letter(one.failure), asdict(one.outcome) if one.outcome else None] for n, one in known.tries.items()},
        "mark": asdict(known.mark) if known.mark else None,
        "stamps": {job: asdict(stamp) for job, stamp in known.stamps.items()},
    }
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS).decode()


def load(doc: Doc) -> Known:
    """The inverse of document()."""
    body = orjson.loads(doc.body)
    return Known(
        id=doc.id,
        original=_unletter(body["original"]),
        first_failed_us=body["first_failed_us"],
        tries={int(n): Try(_unletter(failure), Outcome(**ending) if ending else None) for n, (failure, ending) in body["tries"].items()},
        mark=Mark(**body["mark"]) if body["mark"] else None,
        stamps={job: Stamp(**stamp) for job, stamp in body["stamps"].items()},
    )


def readable(value: bytes) -> dict[str, str]:
    """{"text": …} where the bytes are UTF-8, else {"base64": …}."""
    try:
        return {"text": value.decode()}
    except UnicodeDecodeError:
        return {"base64": b64encode(value).decode()}


def _unreadable(held: Mapping[str, str]) -> bytes:
    return held["text"].encode() if "text" in held else b64decode(held["base64"])


def _letter(letter: Letter | None) -> dict[str, Any] | None:
    if letter is None:
        return None
    return {
        **{name: getattr(letter, name) for name in Letter.__slots__},
        "value": readable(letter.value),
        "headers": [[name, readable(value)] for name, value in letter.headers],
    }


def _unletter(held: dict[str, Any] | None) -> Letter | None:
    if held is None:
        return None
    value, headers = _unreadable(held["value"]), tuple((name, _unreadable(text)) for name, text in held["headers"])
    return Letter(**{**held, "value": value, "headers": headers})


async def change(letters: Documents, said: Mapping[str, Sequence[Said]]) -> tuple[dict[str, Known], dict[str, str]]:
    """Applies what was said of each letter and stores it. Gives every changed letter as it stands now, and id -> reason of refused actions.

    Failure policy: a lost race reads and decides again, for as long as it takes; StoreUnavailable passes through, repeating is harmless.
    Raises EntryRefused where the store can hold a letter in no form.
    """
    done: dict[str, Known] = {}
    refused: dict[str, str] = {}
    waiting = set(said)
    while waiting:
        held = await letters.load(waiting)
        docs = []
        for id_ in sorted(waiting):
            before = load(held[id_]) if id_ in held else None
            try:
                after = _applied(before, said[id_])
            except ActionRefused as refusal:
                refused[id_] = str(refusal)
                done.pop(id_, None)
                continue
            done[id_] = after
            if after != before:
                docs.append(document(after, held[id_].version if before else 0))
        saved = await letters.save(docs) if docs else None
        waiting = set(saved.conflicts) if saved else set()
        if saved and saved.refused:
            waiting |= await _save_lean(letters, [doc for doc in docs if doc.id in saved.refused], done, saved.refused)
    return done, refused


def _applied(known: Known | None, said: Sequence[Said]) -> Known:
    for one in said:
        known = apply(known, one)
    assert known is not None, "nothing was said of this letter"
    return known


async def _save_lean(letters: Documents, docs: Sequence[Doc], done: dict[str, Known], reasons: Mapping[str, str]) -> set[str]:
    """Letters that the engine cannot hold are kept without their original, so that one of them blocks no other. Returns lost races."""
    lean = []
    for doc in docs:
        known = done[doc.id]
        assert known.original is not None, "the store refused a letter that has no original"
        cut = replace(known.original, value=b"", headers=(), replayable=False, truncated_from=len(known.original.value))
        done[doc.id] = replace(known, original=cut)
        lean.append(document(done[doc.id], doc.version))
    saved = await letters.save(lean)
    if saved.refused:
        raise EntryRefused(
            f"the store holds these letters in no form: {sorted(saved.refused)}; first {dict(reasons)}, then {dict(saved.refused)}"
        )
    return set(saved.conflicts)
