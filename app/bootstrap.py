"""Puts one process together: the only module that names concrete backends.

Owns: which engine stands behind which port, which consumers a role means. Does not own: running them (app/process.py), settings
(app/settings.py). Next stop: app/process.py.
"""

import fcntl
import os
import random
import secrets
import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from app import __version__
from app.api.access import Access, Token
from app.api.deps import Api, Asks, Check, Limits, process_registry
from app.backends.kafka import topics as kafka_topics
from app.backends.kafka.consumer import Membership
from app.backends.kafka.log import KafkaLog
from app.backends.kafka.namespace import Namespaced
from app.backends.mongo.store import MongoStore
from app.backends.sqlite.log import SqliteLog
from app.backends.sqlite.store import SqliteStore
from app.backends.system_clock import SystemClock
from app.configuration import Configuration, load
from app.errors import BinderyError, Misconfigured
from app.fetchers import build as fetchers
from app.outbound.client import HttpOutbound
from app.outbound.keys import KeyDownloads
from app.ports import Clock, EventLog, Outbound, Store
from app.settings import Settings
from app.sources.keyring import allowed
from app.tokens import GENERATED, generated_token, read_tokens
from consumers import binder, control, letters
from consumers.binder import Binder
from consumers.clock import DueClock
from consumers.confirmations import Confirmations
from consumers.control import ControlProjection
from consumers.fetch_counts import FetchMetrics
from consumers.fetch_pages import Engines
from consumers.fetching import Fetching, System, Terms
from consumers.inputs import load_inputs
from consumers.letters import LettersProjection
from consumers.projector import Projector
from consumers.replayer import Replayer
from consumers.runner import Health, Runner
from consumers.sweeps import Sweeper, request_entries, request_sweep
from schemas import topics

ROLES = ("projector", "projector-slow", "binder", "letters", "clock", "fetcher")
GROUPS: Mapping[str, Collection[str]] = {
    "bindery.projector": topics.LIVE,
    "bindery.projector.slow": topics.SLOW,
    binder.GROUP: (topics.BIND_REQUESTS,),
    letters.GROUP: (topics.DEAD_LETTERS,),
    control.GROUP: (topics.CONTROL,),
}

Checkpoint = Callable[[str], None]
Loop = Runner | DueClock | Replayer | Confirmations | Fetching


@dataclass(slots=True)
class Parts:
    """One process, ready to run. `lock` keeps the data directory ours for as long as the process lives. keys: fetches the public keys that
    webhooks are signed with, in processes that take webhooks."""

    settings: Settings
    configuration: Configuration
    log: EventLog
    store: Store
    clock: Clock
    outbound: Outbound
    keys: KeyDownloads
    lock: IO[str] | None = None
    loops: dict[str, Loop] = field(default_factory=dict)


def system_clock() -> Clock:
    """The clock of this process."""
    return SystemClock()


def parts(settings: Settings) -> Parts:
    """Reads the configuration and makes the engines (nothing is connected yet). Raises Misconfigured."""
    configuration = load(settings.config)
    clock = system_clock()
    outbound = HttpOutbound(clock, private_hosts(settings, configuration))
    keys = KeyDownloads(outbound, configuration.keyring, clock, allowed)
    if not settings.embedded:
        membership = Membership(settings.kafka_session_timeout_s, heartbeat_s=settings.kafka_session_timeout_s / 10)
        kafka = KafkaLog(settings.kafka_bootstrap_servers, security=_kafka_security(settings), membership=membership)
        log: EventLog = Namespaced(kafka, settings.kafka_namespace) if settings.kafka_namespace else kafka
        store: Store = MongoStore(settings.mongodb_uri, database=settings.mongodb_database)
        return Parts(settings, configuration, log, store, clock, outbound, keys)
    lock = _own(settings.data_dir)
    counts = {topic: int(topics.settings(topic)["embedded_partitions"]) for topic in topics.ALL}
    log = SqliteLog(settings.data_dir / "log.db", counts, clock, kept_s=_kept_s())
    return Parts(settings, configuration, log, SqliteStore(settings.data_dir / "store.db"), clock, outbound, keys, lock)


def private_hosts(settings: Settings, configuration: Configuration) -> frozenset[str]:
    """Hosts that may be called although their addresses are not public: those of the setting, and those that bindery.yaml gives as `url` of
    a vendor's API, since whoever writes that file has named them."""
    named = {host.strip() for host in settings.outbound_private.split(",")}
    for api in configuration.api.values():
        kinds = api.get("kinds") or {}
        named |= {urlsplit(url).hostname or "" for words in (api, *kinds.values()) if isinstance(url := words.get("url"), str)}
    return frozenset(named - {""})


async def download_key(settings: Settings, configuration: Configuration, url: str) -> str:
    """Fetches one public key into the key ring of a configuration, for commands that verify without a service; why that failed, else "".

    Failure policy: asked once; whatever goes wrong is told in words.
    """
    if not allowed(url):
        return "no scheme takes keys from there"
    clock = system_clock()
    outbound = HttpOutbound(clock, private_hosts(settings, configuration))
    try:
        answer = await outbound.call("GET", url, timeout_s=5.0, max_bytes=65_536)
        if answer.status != 200:
            return f"its server answers {answer.status}"
        configuration.keyring.put(url, answer.body, clock.now_us() / 1e6)
    except (BinderyError, ValueError) as failed:
        return str(failed)
    finally:
        await outbound.stop()
    return ""


def _kept_s() -> dict[str, float]:
    """Topic -> seconds of retention, for those that have one."""
    kept_ms = {topic: int(topics.settings(topic)["config"]["retention.ms"]) for topic in topics.ALL}
    return {topic: ms / 1000 for topic, ms in kept_ms.items() if ms >= 0}


async def apply_topics(settings: Settings, *, dry_run: bool) -> list[str]:
    """Compares the topics on Kafka with schemas/topics.yaml and creates what is missing; every difference in words, "refused: …" where
    it is not one that this command mends.

    Failure policy: LogUnavailable passes through.
    """
    spec = [replace(topic, name=settings.kafka_namespace + topic.name) for topic in kafka_topics.wanted()]
    found = await kafka_topics.synchronise(settings.kafka_bootstrap_servers, _kafka_security(settings), spec, dry_run=dry_run)
    verb = "would create" if dry_run else "created"
    return [f"{verb} {one.topic} ({one.words.removeprefix('missing: ')})" if one.missing else f"refused: {one}" for one in found]


def _own(data_dir: Path) -> IO[str]:
    """Takes the data directory for this process. Raises Misconfigured where it cannot be made, or another service holds it."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (data_dir / "lock").open("a+")
    except OSError as error:
        raise Misconfigured(
            f"{data_dir}: the data directory cannot be made or written to ({error.strerror}): mend that, or choose another one with "
            "--data-dir (BINDERY_DATA_DIR)"
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "another process"
        file.close()
        raise Misconfigured(
            f"{data_dir}: {holder} is running on this data directory: stop it, or choose another one with --data-dir"
        ) from None
    file.truncate(0)
    file.write(f"process {os.getpid()}")
    file.flush()
    return file


def _kafka_security(settings: Settings) -> dict[str, str]:
    security = {"security_protocol": settings.kafka_security_protocol}
    if settings.kafka_sasl_mechanism:
        if settings.kafka_password_file is None:
            raise Misconfigured("BINDERY_KAFKA_PASSWORD_FILE is not set: a SASL mechanism needs a user name and a password file")
        security |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password_file.read_text("utf-8").strip(),
        }
    return security


def consumers_of(made: Parts, version: int, roles: Collection[str], checkpoint: Checkpoint) -> dict[str, Loop]:
    """Role -> the loops it means. `checkpoint` is called with a name where a crash would hurt most; it does nothing in service."""
    log, store, clock, settings = made.log, made.store, made.clock, made.settings
    loops: dict[str, Loop] = {}
    lanes = {"projector": ("bindery.projector", topics.LIVE), "projector-slow": ("bindery.projector.slow", topics.SLOW)}
    for role, (group, lane) in lanes.items():
        if role in roles:
            stage = Projector(
                log,
                store,
                clock,
                made.configuration.sources,
                lane=lane,
                group=group,
                version=version,
                code_version=__version__,
                checkpoint=checkpoint,
            )
            loops[role] = Runner(log, stage, clock, batch=settings.projector_batch)
    if "binder" in roles:
        policy = made.configuration.policy
        decider = Binder(log, store, clock, policy, version=version, code_version=__version__, checkpoint=checkpoint)
        loops["binder"] = Runner(log, decider, clock, batch=settings.binder_batch)
    if "letters" in roles:
        loops["letters"] = Runner(log, LettersProjection(store, clock), clock)
        loops["control"] = Runner(log, ControlProjection(store), clock)
        loops["confirmations"] = Confirmations(store, made.outbound, clock)
    if "clock" in roles:
        listed = made.configuration.policy.variants_listed
        sweeper = Sweeper(log, store, clock, binder_group=binder.GROUP, variants_listed=listed, page=settings.sweep_page)
        loops["clock"] = DueClock(log, store, clock, sweeper, tick_s=settings.clock_tick_s)
        loops["replayer"] = Replayer(log, store, clock, made.configuration.sources, version=version, code_version=__version__)
    if "fetcher" in roles:
        loops["fetcher"] = _fetching(made, version, checkpoint)
    return loops


def _fetching(made: Parts, version: int, checkpoint: Checkpoint) -> Fetching:
    settings, configuration = made.settings, made.configuration
    built = fetchers.build(configuration, made.outbound, made.clock)
    systems = {name: System(fetcher, configuration.sources[source]) for name, (fetcher, source) in built.items()}
    # Different from every other process and from an earlier one of the same number, whose lease has to run out first.
    owner = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(3)}"
    terms = Terms(owner, lease_s=settings.fetch_lease_s, tick_s=settings.fetch_tick_s, alone=settings.embedded)
    engines = Engines(
        made.log,
        made.store,
        made.clock,
        random.random,
        version=version,
        code_version=__version__,
        checkpoint=checkpoint,
    )
    return Fetching(engines, systems, terms)


def api_of(made: Parts) -> Api:
    """What the HTTP application needs."""
    settings = made.settings
    tokens: list[Token] = []
    if settings.tokens_file is not None:
        tokens = read_tokens(settings.tokens_file)
    elif settings.embedded:
        generated_token(settings.data_dir)
        tokens = read_tokens(settings.data_dir / GENERATED)
    registry = process_registry()
    fetching = made.loops.get("fetcher")
    if isinstance(fetching, Fetching):
        registry.register(FetchMetrics(fetching.counts))
    return Api(
        log=made.log,
        store=made.store,
        clock=made.clock,
        configuration=made.configuration,
        access=Access(tokens, reads_open=not settings.reads_need_token),
        asks=Asks(load_inputs, request_entries, request_sweep),
        code_version=__version__,
        limits=Limits(append_s=settings.webhook_deadline_s),
        readiness={name: _check(loop.health) for name, loop in made.loops.items()},
        groups=GROUPS,
        want_key=made.keys.want,
        registry=registry,
    )


def _check(health: Health) -> Check:
    async def check() -> str | None:
        if health.trouble:
            raise RuntimeError(health.trouble)
        return f"{health.records} records in {health.batches} batches"

    return check
