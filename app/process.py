"""Runs one process: engines up, configuration in force, consumers and HTTP until a signal, then an orderly end.

Owns: start, stop, exit codes. Does not own: what the parts are (app/bootstrap.py). Next stop: app/api/webhooks.py, where events come in.

The first SIGTERM or SIGINT finishes the batches under way and leaves within ten seconds; a second one ends the process at once.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Collection, Generator
from dataclasses import replace

import structlog
import uvicorn

from app.api.application import create_app
from app.api.one_write import OneWriteProtocol
from app.bootstrap import Parts, api_of, consumers_of, parts
from app.errors import ConfigurationStale, EngineDown
from app.listening import listeners
from app.settings import Settings
from consumers.configuration import establish

log_line = structlog.get_logger(__name__)

STALE_EXIT, DEFECT_EXIT, SECOND_SIGNAL_EXIT = 3, 70, 130
STOP_WITHIN_S, LOOPS_END_S = 10.0, 6.0
BACKLOG = 4096


class _Server(uvicorn.Server):
    """uvicorn, with the signals left to this module: consumers have to stop by them, too."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def run(settings: Settings, *, roles: Collection[str], http: bool, checkpoint: Callable[[str], None] = lambda name: None) -> int:
    """Runs until stopped; the exit code (0 after a signal, 3 when a newer configuration is in force, 70 after a defect).

    Failure policy: engines that are not there yet are waited for; Misconfigured (a port that is taken, too) and ConfigurationStale at start
    pass through, and by then everything is closed again.
    """
    made = parts(settings)
    stop = asyncio.Event()
    _on_signals(stop)
    held: list[socket.socket] = []
    port = settings.port if http else settings.health_port
    try:
        version = await _connect(made, stop)
        if version is None:
            return 0
        made.configuration = replace(made.configuration, version=version)
        made.loops = consumers_of(made, version, roles, checkpoint)
        # Only now: a socket that listens while nobody answers, because an engine is still waited for, keeps senders and probes hanging.
        held = listeners(settings.host, port, BACKLOG) if http or port else []
        return await _until_stopped(made, stop, held, webhooks=http)
    finally:
        for each in held:
            each.close()
        await made.outbound.stop()
        await made.log.stop()
        await made.store.stop()
        if made.lock is not None:
            made.lock.close()


def _on_signals(stop: asyncio.Event) -> None:
    def asked() -> None:
        if stop.is_set():
            os._exit(SECOND_SIGNAL_EXIT)
        stop.set()
        # Everything survives a crash at any instant, so an end that an engine holds up is cut short; by a thread, as the loop may hang too.
        cut = threading.Timer(STOP_WITHIN_S - 0.5, os._exit, (0,))
        cut.daemon = True
        cut.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked)


async def _connect(made: Parts, stop: asyncio.Event) -> int | None:
    """Starts the engines and puts the configuration in force, waiting for what is not there yet; its version, or None when stopped."""
    if not await _waited(stop, "store", made.store.start) or not await _waited(stop, "log", made.log.start):
        return None
    found: list[int] = []

    async def configure() -> None:
        wanted = made.configuration
        found.append(await establish(made.store, wanted.version, wanted.hash, numbers_itself=made.settings.embedded))

    await _waited(stop, "store", configure)
    return found[0] if found else None


async def _waited(stop: asyncio.Event, engine: str, call: Callable[[], Awaitable[None]]) -> bool:
    """Calls until the engine answers; False where the process was stopped meanwhile."""
    while not stop.is_set():
        try:
            await call()
        except EngineDown as down:
            log_line.warning("process.waiting_for_engine", engine=engine, detail=str(down))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 1.0)
        else:
            return True
    return False


async def _until_stopped(made: Parts, stop: asyncio.Event, held: list[socket.socket], *, webhooks: bool) -> int:
    app = create_app(api_of(made), webhooks=webhooks) if held else None
    loops = [asyncio.create_task(loop.run(), name=name) for name, loop in made.loops.items()]
    serving: list[asyncio.Task[None]] = []
    servers: list[_Server] = []
    stops: list[Callable[[], None]] = [made.keys.stop]
    if app:
        config = uvicorn.Config(
            app,
            http=OneWriteProtocol,
            log_config=None,
            access_log=False,
            proxy_headers=False,  # nothing here asks where a request came from
            server_header=False,
            lifespan="off",
            backlog=BACKLOG,
            timeout_graceful_shutdown=5,
        )
        servers.append(_Server(config))
        serving.append(asyncio.create_task(servers[0].serve(sockets=held), name="http"))
        if webhooks:
            loops.append(asyncio.create_task(made.keys.run(), name="keys"))
            stops.append(app.state.attendance.stop)
            loops.append(asyncio.create_task(app.state.attendance.run(), name="attendance"))
        await _announce(servers[0], serving[0])
    _collect_garbage_seldom()
    stopping = asyncio.create_task(stop.wait(), name="signal")
    ended, _ = await asyncio.wait({*loops, *serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    log_line.info("process.stopping", because=sorted(task.get_name() for task in ended))
    for server in servers:
        server.should_exit = True
    for end in (*(loop.stop for loop in made.loops.values()), *stops):
        end()
    _, late = await asyncio.wait({*loops, *serving}, timeout=LOOPS_END_S) if loops or serving else (set(), set())
    for task in (*late, stopping):
        task.cancel()
    return _exit_code([*loops, *serving])


def _collect_garbage_seldom() -> None:
    """What start-up made stays for good and is never looked at again; the rest is looked through every 50,000 new containers, not 700.

    A batch makes some hundred thousand containers and its end frees them without the collector. With the usual thresholds about a third of
    the consumers' time went into looking for cycles among them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _announce(server: _Server, serving: asyncio.Task[None]) -> None:
    while not server.started and not serving.done():  # noqa: ASYNC110 -- uvicorn tells by an attribute, it has no event to wait for
        await asyncio.sleep(0.01)
    for each in server.servers:
        for taken in each.sockets:
            log_line.info("process.listening", address="http://{}:{}".format(*taken.getsockname()[:2]))


def _exit_code(tasks: Collection[asyncio.Task[None]]) -> int:
    code = 0
    for task in tasks:
        error = task.exception() if task.done() and not task.cancelled() else None
        if isinstance(error, ConfigurationStale):
            log_line.error("process.configuration_stale", part=task.get_name(), detail=str(error))
            code = max(code, STALE_EXIT)
        elif error is not None:
            log_line.error("process.part_failed", part=task.get_name(), exc_info=error)
            code = DEFECT_EXIT
    return code
