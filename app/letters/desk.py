"""What a person does to letters: acknowledge, discard, restore, one or many, with an entry in the audit.

Owns: these actions. Does not own: which state allows which (app/domain/letter_states.py), replays (app/letters/jobs.py).
Next stop: app/letters/jobs.py.
"""

from dataclasses import dataclass
from typing import Literal

from app import audit
from app.domain.letter_states import Action, ActionRefused, Known
from app.letters.documents import change, load
from app.letters.search import Filter, chosen_page
from app.ports import Clock, Doc, StoreView

Hand = Literal["acknowledge", "discard", "restore"]

PAGE = 200
MOST_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Sum:
    """What came of an action on many. complete: False where more letters match than one call acts on; repeat it."""

    changed: int
    refused: int
    complete: bool


async def find(store: StoreView, letter_id: str) -> Known | None:
    """One letter, None where there is none. Failure policy: StoreUnavailable passes through."""
    doc = (await store.letters.load([letter_id])).get(letter_id)
    return load(doc) if doc and is_letter(doc) else None


def is_letter(doc: Doc) -> bool:
    """Whether the document is a letter (groups and letters of which only an outcome is known share the collection)."""
    return "letter" in doc.tokens


async def act(store: StoreView, clock: Clock, letter_id: str, hand: Hand, *, by: str, why: str) -> Known:
    """Does it to one letter; doing it twice is doing it once. Raises ActionRefused. Failure policy: StoreUnavailable passes through."""
    at_us = clock.now_us()
    done, refused = await change(store.letters, {letter_id: [Action(hand, by, at_us, why)]})
    if refused:
        raise ActionRefused(refused[letter_id])
    await audit.note(store, who=by, what=f"letter.{hand}", why=why, at_us=at_us, about=[f"letter/{letter_id}"])
    return done[letter_id]


async def act_on_all(store: StoreView, clock: Clock, wanted: Filter, hand: Hand, *, by: str, why: str) -> Sum:
    """Does it to every letter of the filter that allows it, at most MOST_AT_ONCE in one call, in pages with an audit entry each.

    Failure policy: StoreUnavailable passes through; pages that were done stay done, and repeating the call goes on.
    """
    changed = refused_count = seen = 0
    after = ""
    while seen < MOST_AT_ONCE:
        page = await chosen_page(store.letters, wanted, after, PAGE)
        if not page:
            return Sum(changed, refused_count, complete=True)
        at_us = clock.now_us()
        done, refused = await change(store.letters, {doc.id: [Action(hand, by, at_us, why)] for doc in page})
        if done:
            about = [f"letter/{id_}" for id_ in done]
            detail = {"filter": wanted.told(), "letters": len(done)}
            await audit.note(store, who=by, what=f"letter.{hand}", why=why, at_us=at_us, about=about, detail=detail)
        changed, refused_count, seen = changed + len(done), refused_count + len(refused), seen + len(page)
        after = page[-1].id
    return Sum(changed, refused_count, complete=False)
