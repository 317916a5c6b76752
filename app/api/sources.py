"""`/v1/sources`: how deliveries go, topics to accept, quarantine to release, samples to record.

Owns: these routes. Does not own: what is seen (app/api/source_views.py), releasing (app/api/quarantine.py), recording
(app/api/apart.py). Next stop: app/api/source_views.py.
"""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from app import audit
from app.api import cursors, quarantine, source_views
from app.api.access import secured
from app.api.answers import answered
from app.api.attendance import Attendance
from app.api.deps import Api, Ops, api_of
from app.api.problems import Problem, responses
from app.api.source_models import Accept, Record, RecordingState, Release, Released, SamplesPage, SourcesPage, TopicState
from app.kept import recordings, rings, topics
from app.kept.recordings import Recording
from app.sources.source import Source

router = APIRouter(tags=["Sources"])

Name = Annotated[str, Path(max_length=100, description="The source's name in bindery.yaml.", examples=["bynder-main"])]
OPS: dict[str, Any] = dict(secured("ops"))
SAMPLES = "samples"


def _attendance(request: Request) -> Attendance | None:
    held = request.app.state.attendance
    return held if isinstance(held, Attendance) else None


def _known(request: Request, name: str) -> tuple[Api, Source]:
    """The Api and the source of this name. Raises Problem (404)."""
    api = api_of(request)
    if name not in api.configuration.sources:
        raise Problem("unknown-source", f"No source has the name {name[:100]!r}. `GET /v1/sources` lists them.")
    attendance = _attendance(request)
    return api, attendance.source(name) if attendance else api.configuration.sources[name]


async def _learned(request: Request) -> None:
    attendance = _attendance(request)
    if attendance:
        await attendance.learn()


async def _noted(api: Api, actor: str, what: str, why: str, source: str, **detail: Any) -> None:
    await audit.note(api.store, who=actor, what=what, why=why, at_us=api.clock.now_us(), about=[f"source/{source}"], detail=detail)


@router.get(
    "/v1/sources",
    summary="The configured sources and how their deliveries go",
    response_model=None,
    responses=responses(SourcesPage, 401, 503),
)
async def list_sources(request: Request) -> Response:
    """All sources of the deployment, whichever process their requests came to."""
    api = api_of(request)
    api.access.may_read(request)
    return answered({"items": await source_views.states(api, _attendance(request)), "next": None})


@router.post(
    "/v1/sources/{name}/topics/accept",
    summary="Let an SNS topic in",
    response_model=None,
    responses=responses(TopicState, 400, 401, 403, 404, 422, 503),
    openapi_extra=OPS,
)
async def accept_topic(request: Request, actor: Ops, name: Name, body: Accept) -> Response:
    """Confirms the subscription of a topic that asked for it and takes its messages from now on.

    Any AWS account can make validly signed messages, so a topic counts only where the configuration pins it or a person accepts it.
    """
    api, source = _known(request, name)
    while True:
        held = {topic.topic: (doc, topic) for doc, topic in await topics.of_source(api.store.requests, source.name)}
        if body.topic not in held:
            raise Problem(
                "not-found", f"The topic {body.topic[:200]!r} has not asked {name!r} to be confirmed. `GET /v1/sources` lists those."
            )
        doc, topic = held[body.topic]
        accepted = topic.accepted(actor, api.clock.now_us())
        if await topics.change(api.store.requests, doc, accepted):
            break
    await _noted(api, actor, "accept topic", body.why, name, topic=body.topic)
    await _learned(request)
    return answered(source_views.topic_state(accepted))


@router.post(
    "/v1/sources/{name}/quarantine/release",
    summary="Verify again what is in quarantine",
    response_model=None,
    responses=responses(Released, 400, 401, 403, 404, 409, 422, 503),
    openapi_extra=OPS,
)
async def release_quarantine(request: Request, actor: Ops, name: Name, body: Release) -> Response:
    """What is proved to be genuine with the present secrets, as of its arrival, goes to the log; the rest stays. Asking twice is safe."""
    api, source = _known(request, name)
    if source.broken or source.retired:
        why = source.broken or "it is retired"
        raise Problem("conflict", f"The source {name!r} cannot verify anything: {why}. Mend bindery.yaml and restart; then ask again.")
    await _learned(request)
    found = await quarantine.release(api, source)
    kept = sum(found.reasons.values())
    told = {count: getattr(found, count) for count in ("released", "events", "dead_letters", "waiting_for_key")} | {"kept": kept}
    await _noted(api, actor, "release quarantine", body.why, name, **told)
    return answered({**told, "reasons": dict(found.reasons.most_common(20))})


@router.post(
    "/v1/sources/{name}/recordings",
    summary="Keep the next requests as samples",
    status_code=202,
    response_model=None,
    responses=responses(RecordingState, 400, 401, 403, 404, 422, 503, status=202),
    openapi_extra=OPS,
)
async def begin_recording(request: Request, actor: Ops, name: Name, body: Record) -> Response:
    """Requests from now on, genuine or not, are kept redacted; other processes begin within seconds. One recording a source."""
    api, source = _known(request, name)
    now_us = api.clock.now_us()
    wanted = Recording(secrets.token_hex(8), source.name, body.count, now_us, now_us + body.minutes * 60_000_000, actor)
    await recordings.begin(api.store.requests, wanted)
    await _noted(api, actor, "record requests", body.why, name, count=body.count, recording=wanted.id)
    await _learned(request)
    return answered(await source_views.recording_of(api, name), 202)


@router.get(
    "/v1/sources/{name}/recordings",
    summary="The samples of the last recording",
    response_model=None,
    responses=responses(SamplesPage, 400, 401, 403, 404, 422, 503),
    openapi_extra=OPS,
)
async def read_recording(
    request: Request, _actor: Ops, name: Name, cursor: Annotated[str, Query(description="`next` of the page before.")] = ""
) -> Response:
    """What was kept so far."""
    api, source = _known(request, name)
    after = cursors.decode(SAMPLES, cursor, str)[0] if cursor else ""
    state = await source_views.recording_of(api, source.name)
    if state is None:
        raise Problem("not-found", f"Nothing was ever recorded of {name!r}. `POST /v1/sources/{name}/recordings` begins a recording.")
    page = await rings.page(api.store.requests, "recorded", source.name, after=after, group=state["id"])
    items = [source_views.sample(kept) for _, kept in sorted(page, key=lambda one: one[1].arrived_us)]
    following = cursors.encode(SAMPLES, page[-1][0].id) if len(page) == rings.PAGE else None
    return answered({"recording": state, "items": items, "next": following})
