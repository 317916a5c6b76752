"""What the doors need from the world, in one value that app/bootstrap.py fills in.

Owns: Api, Limits, Asks, who a route lets ask (Ops, Catalogue). Does not own: where the values come from (app/settings.py,
app/bootstrap.py). Next stop: app/api/application.py.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from app.api.access import Access, Role
from app.configuration import Configuration
from app.domain.inputs import Inputs
from app.domain.policy import Policy
from app.ports import Clock, Entry, EventLog, Store, StoreView

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the webhook door; the defaults keep every answer under half a second, because some senders wait no longer.

    append_s: how long a request may wait for the log. body_s: how long its body may take to arrive. requests, bytes: work in flight at
    one time; one source may hold `share` of it, so that a flood at one leaves room for the others. linger_s, linger_bytes: how much of a
    refused body is read and thrown away, so that its sender sees the answer rather than a reset connection. retry_s: what Retry-After says.
    """

    append_s: float = 0.4
    body_s: float = 10.0
    requests: int = 2_000
    bytes: int = 256 * MIB
    share: float = 0.5
    linger_s: float = 2.0
    linger_bytes: int = 16 * MIB
    retry_s: int = 5


Check = Callable[[], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Asks:
    """What the doors ask of the consumers, whom they do not know.

    load_inputs: all that a decision about these SKUs reads (consumers/inputs.py). request_entries: bind requests for SKUs, with a cause.
    request_sweep: a paged pass by its key ("all"). Failure policy of each: EngineDown passes through.
    """

    load_inputs: Callable[[StoreView, Collection[str], Policy], Awaitable[Mapping[str, Inputs]]]
    request_entries: Callable[[Sequence[str], str], Sequence[Entry]]
    request_sweep: Callable[[StoreView, str], Awaitable[None]]


def process_registry() -> CollectorRegistry:
    """A registry with the metrics of the process itself (memory, CPU, files, garbage collection)."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


@dataclass(frozen=True, slots=True)
class Api:
    """Everything behind the doors.

    readiness: name -> a check that returns a remark or None and raises when the dependency is down; log and store are checked anyway.
    groups: consumer group -> the topics it reads, for the lag. registry: where the metrics of this process are collected. want_key: asks
    for the public key at an address (KeyMissing.url) to be fetched; returns at once.
    """

    log: EventLog
    store: Store
    clock: Clock
    configuration: Configuration
    access: Access
    asks: Asks
    code_version: str
    limits: Limits = field(default_factory=Limits)
    readiness: Mapping[str, Check] = field(default_factory=dict)
    groups: Mapping[str, Collection[str]] = field(default_factory=dict)
    registry: CollectorRegistry = field(default_factory=process_registry)
    want_key: Callable[[str], None] = lambda url: None


def api_of(request: Request) -> Api:
    """The Api that the application of this request was made with."""
    api = request.app.state.api
    assert isinstance(api, Api)
    return api


def sku_key(api: Api, asked: str) -> str:
    """The SKU as it is stored, from any spelling."""
    return api.configuration.normalise_sku(asked)


def _holding(role: Role) -> Callable[[Request], Awaitable[str]]:
    async def actor(request: Request) -> str:
        return api_of(request).access.require(request, role)

    return actor


# The name of whoever asks. As dependencies they come before parameters and body are looked at: who may not ask learns nothing of those.
Ops = Annotated[str, Depends(_holding("ops"))]
Catalogue = Annotated[str, Depends(_holding("catalogue"))]
