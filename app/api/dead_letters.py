"""`/v1/dead-letters`: search letters, look at one, acknowledge, discard, restore, replay.

Owns: these routes. Does not own: what they do (app/letters/), replay jobs under way (app/api/replays.py), states
(app/domain/letter_states.py). Next stop: app/letters/desk.py, then app/api/replays.py.

All of it needs the role `ops`, reading too: a letter shows what a sender sent. Whatever changes something is safe to repeat.
"""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as InPath

from app import audit
from app.api import cursors, letter_models, letter_views, replays
from app.api.access import secured
from app.api.answers import answered
from app.api.deps import Api, Ops, api_of
from app.api.letter_models import (
    Acted,
    GroupsPage,
    LetterDetail,
    LettersPage,
    LettersQuery,
    OnMany,
    Reasoned,
    Rehearsal,
    Replay,
    ReplayMany,
    ReplayOne,
)
from app.api.problems import Problem, responses
from app.domain.letter_states import ActionRefused, Known, why_not_replayable
from app.letters import desk, documents, jobs, search
from app.letters.rehearsal import rehearse
from app.letters.search import Filter

router = APIRouter(tags=["Dead letters"])
router.include_router(replays.router)

KIND, GROUPED = "letters", "letter-groups"
LOOKED_AT = 100
OPS = dict(secured("ops"))
REFUSALS = (400, 401, 403, 404, 409, 422, 503)

LetterId = Annotated[str, InPath(max_length=200, description="The letter's id.", examples=["8f14e45fceea167a5a36dedd4bea2543"])]


@router.get(
    "/v1/dead-letters",
    summary="Letters, or groups of them",
    response_model=None,
    responses=responses(LettersPage | GroupsPage, 400, 401, 403, 422, 503),
    openapi_extra=OPS,
)
async def list_letters(request: Request, _actor: Ops, asked: Annotated[LettersQuery, Query()]) -> Response:
    """Newest failure first. With `group=fingerprint`, one entry for each cause."""
    api = api_of(request)
    wanted = Filter(asked.state, asked.source, asked.fingerprint, asked.disposition, asked.stage, asked.type, asked.record)
    kind = GROUPED if asked.group else KIND
    held = cursors.decode(kind, asked.after, int, str) if asked.after else None
    start = (held[0], held[1]) if held else None
    if asked.group:
        found, following = await search.groups(api.store.letters, wanted, start, asked.limit)
        items = [letter_views.group(one) for one in found]
    else:
        docs, following = await search.newest(api.store.letters, wanted.tokens(), start, asked.limit)
        items = [letter_views.summary(documents.load(doc)) for doc in docs]
    return answered({"items": items, "next": cursors.encode(kind, *following) if following else None})


@router.get(
    "/v1/dead-letters/{letter_id}",
    summary="One letter",
    response_model=None,
    responses=responses(LetterDetail, 401, 403, 404, 422, 503),
    openapi_extra=OPS,
)
async def read_letter(request: Request, _actor: Ops, letter_id: LetterId) -> Response:
    """The original as it came (without hot fields and proofs of the sender), every attempt, every replay, and who did what."""
    api = api_of(request)
    return answered(await _shown(api, await _found(api, letter_id)))


@router.post(
    "/v1/dead-letters/replay",
    summary="Replay many letters",
    status_code=202,
    response_model=None,
    responses={**responses(Replay, 400, 401, 403, 404, 422, 503, status=202), **responses(Rehearsal)},
    openapi_extra=OPS,
)
async def replay_many(request: Request, actor: Ops, body: ReplayMany) -> Response:
    """Freezes the set of letters that match now and sends them again at this rate; 200 with a forecast for a dry run."""
    api = api_of(request)
    wanted = await _named(api, body, "waiting")
    if body.dry_run:
        return await _rehearsed(api, wanted, LOOKED_AT)
    job = await jobs.create_job(api.store, api.clock, wanted, rate_per_s=body.rate_per_s, by=actor, why=body.why)
    return answered(letter_views.replay(job, await jobs.counts(api.store, job.id)), 202)


@router.post(
    "/v1/dead-letters/{letter_id}/replay",
    summary="Replay one letter",
    status_code=202,
    response_model=None,
    responses={**responses(Replay, *REFUSALS, status=202), **responses(Rehearsal)},
    openapi_extra=OPS,
)
async def replay_one(request: Request, actor: Ops, letter_id: LetterId, body: ReplayOne) -> Response:
    """Sends the letter's event again; 200 with a forecast for a dry run; 409 with the reason where it cannot be replayed."""
    api = api_of(request)
    known = await _found(api, letter_id)
    if body.dry_run:
        return await _rehearsed(api, Filter(ids=(letter_id,)), 1)
    refusal = why_not_replayable(known)
    if refusal:
        raise Problem("conflict", f"Letter {letter_id} cannot be replayed. {refusal}")
    job = await jobs.create_job(api.store, api.clock, Filter(ids=(letter_id,)), rate_per_s=1.0, by=actor, why=body.why)
    return answered(letter_views.replay(job, await jobs.counts(api.store, job.id)), 202)


@router.post(
    "/v1/dead-letters/acknowledge",
    summary="Acknowledge many letters",
    response_model=None,
    responses=responses(Acted, 400, 401, 403, 404, 422, 503),
    openapi_extra=OPS,
)
async def acknowledge_many(request: Request, actor: Ops, body: OnMany) -> Response:
    """Somebody has seen them. They stay waiting, and a replay that fails opens them again."""
    return await _on_all(request, actor, body, "acknowledge", "open")


@router.post(
    "/v1/dead-letters/discard",
    summary="Discard many letters",
    response_model=None,
    responses=responses(Acted, 400, 401, 403, 404, 422, 503),
    openapi_extra=OPS,
)
async def discard_many(request: Request, actor: Ops, body: OnMany) -> Response:
    """They are not needed. Nothing is deleted, and each can be restored."""
    return await _on_all(request, actor, body, "discard", "waiting")


@router.post(
    "/v1/dead-letters/{letter_id}/{action}",
    summary="Acknowledge, discard or restore one letter",
    response_model=None,
    responses=responses(LetterDetail, *REFUSALS),
    openapi_extra=OPS,
)
async def act_on_one(request: Request, actor: Ops, letter_id: LetterId, action: desk.Hand, body: Reasoned) -> Response:
    """409 with the reason where the letter's state does not allow it. Restoring a discarded or acknowledged letter opens it again."""
    api = api_of(request)
    await _found(api, letter_id)
    try:
        known = await desk.act(api.store, api.clock, letter_id, action, by=actor, why=body.why)
    except ActionRefused as refusal:
        raise Problem("conflict", f"Letter {letter_id}: {refusal}") from None
    return answered(await _shown(api, known))


async def _on_all(request: Request, actor: str, body: OnMany, hand: desk.Hand, state: letter_models.StateOrWaiting) -> Response:
    api = api_of(request)
    done = await desk.act_on_all(api.store, api.clock, await _named(api, body, state), hand, by=actor, why=body.why)
    return answered({"changed": done.changed, "refused": done.refused, "complete": done.complete})


async def _found(api: Api, letter_id: str) -> Known:
    known = await desk.find(api.store, letter_id)
    if known is None:
        raise _no_letter(letter_id)
    return known


def _no_letter(letter_id: str) -> Problem:
    return Problem("not-found", f"There is no letter {letter_id[:100]!r}. Check the id; `GET /v1/dead-letters` lists what there is.")


async def _shown(api: Api, known: Known) -> dict[str, object]:
    return letter_views.detail(known, await audit.entries(api.store, f"letter/{known.id}"))


async def _rehearsed(api: Api, wanted: Filter, limit: int) -> Response:
    settings = api.configuration
    forecasts, more = await rehearse(api.store, settings.sources, wanted, version=settings.version, limit=limit)
    return answered(letter_views.rehearsal(forecasts, more=more))


async def _named(api: Api, body: OnMany, state: letter_models.StateOrWaiting) -> Filter:
    """The filter of a body. Raises Problem for one that says nothing: an empty object must not mean everything by accident; and for ids
    that name no letter: a mistyped one must not pass as nothing to do.

    Failure policy: StoreUnavailable passes through (503).
    """
    wanted = body.filter.filter(state)
    if wanted == replace(Filter(), state=state) and body.filter.state is None:
        text = 'body.filter: say which letters; {"state": "waiting"} means all that wait.'
        raise Problem("invalid", text, errors=[{"at": "body.filter", "problem": "no field is given"}])
    held = await api.store.letters.load(wanted.ids) if wanted.ids else {}
    absent = [id_ for id_ in wanted.ids if id_ not in held or not desk.is_letter(held[id_])]
    if absent:
        raise _no_letter(absent[0])
    return wanted
