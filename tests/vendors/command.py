"""A vendor server as a process of its own.

Owns: the command line shared by all vendors, and `running()`, which starts one from a test. Does not own: the servers.
Next stop: akeneo.py.

`python -m tests.vendors.akeneo --port 0 --delay-ms 50 --products 20000` prints one line of JSON, {"port", "url"}, once it listens, and
ends on SIGTERM or SIGINT, with --until-eof also when its standard input ends (so that it never outlives who started it with a pipe).
Below /-/ it can be asked and changed: GET report; POST faults, put, remove, set, reset.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import uvloop

from tests.vendors.serving import VendorServer


def main(make: Callable[[argparse.Namespace], VendorServer], add: Callable[[argparse.ArgumentParser], object] = lambda _: None) -> None:
    """Runs the server that `make` builds from the arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--until-eof", action="store_true", help="end when standard input ends")
    add(parser)
    arguments = parser.parse_args()
    server = make(arguments)
    server.delay_s = arguments.delay_ms / 1000
    uvloop.run(_serve(server, arguments.port, until_eof=arguments.until_eof))


async def _serve(server: VendorServer, port: int, *, until_eof: bool) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopped.set)
    reading = asyncio.create_task(_eof(stopped)) if until_eof else None
    async with await server.start(port):
        print(json.dumps({"port": server.port, "url": server.url}), flush=True)
        await stopped.wait()
    if reading:
        reading.cancel()


async def _eof(stopped: asyncio.Event) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    stopped.set()


@dataclass(frozen=True, slots=True)
class Running:
    """A server in another process. url: where it listens, without a path."""

    url: str
    pid: int

    def report(self) -> dict:
        """{violations, calls, peak_open, counts: {"METHOD path": n}} so far."""
        return dict(httpx.get(f"{self.url}/-/report").raise_for_status().json())

    def tell(self, what: str, data: object) -> None:
        """POST /-/{what}: faults, put, remove, set, reset."""
        httpx.post(f"{self.url}/-/{what}", json=data).raise_for_status()


@contextlib.contextmanager
def running(vendor: str, *arguments: str) -> Iterator[Running]:
    """`python -m tests.vendors.{vendor} …` until the end of the block; it dies with this process as well."""
    command = [sys.executable, "-m", f"tests.vendors.{vendor}", "--until-eof", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            line = process.stdout.readline()
            assert line, f"tests.vendors.{vendor} did not start"
            yield Running(json.loads(line)["url"], process.pid)
        finally:
            process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
