"""`python -m deploy.engines run|start|stop|status`: the engines on a command line.

Owns: arguments, what is printed, exit codes (0 done, 1 it failed and says why, 3 `status` found engines that do not run).
Does not own: the engines (`deploy/engines/__init__.py`).
Next stop: the Makefile's `engines`.

Standard output carries only lines a shell can evaluate: `eval "$(python -m deploy.engines start)"`.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from deploy.engines import KAFKA_HEAP, Engines, EnginesError

DEFAULT_DATA_DIR = Path(".engines")
WATCH_INTERVAL_S = 0.5


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    # A polite request to end is treated as Ctrl-C: the engines are stopped in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return int(arguments.command(arguments))
    except EnginesError as error:
        print("\n".join([str(error), *getattr(error, "__notes__", [])]), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def run(arguments: argparse.Namespace) -> int:
    """Start, print the settings, stay until Ctrl-C or until an engine ends, stop."""
    with ExitStack() as stack:
        try:
            data_dir = arguments.data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bindery-engines-")))
            engines = stack.enter_context(_start(arguments, data_dir, outlive_parent=False))
            _print_environment(engines)
            print(f"Engines run, logs are in {engines.data_dir}. Ctrl-C stops them.", file=sys.stderr)
            while all(node.running() for node in engines.nodes):
                time.sleep(WATCH_INTERVAL_S)
        except KeyboardInterrupt:
            print("Stopping the engines.", file=sys.stderr)
            return 0
        gone = " and ".join(f"{node.name} (process {node.pid})" for node in engines.nodes if not node.running())
        print(f"{gone} ended by itself; stopping the rest.", file=sys.stderr)
        return 1


def start(arguments: argparse.Namespace) -> int:
    """Start in the background; a second start of running engines prints their settings again."""
    engines = Engines.attach(arguments.data_dir)
    if engines is None or not all(node.running() for node in engines.nodes):
        engines = _start(arguments, arguments.data_dir, outlive_parent=True)
    _print_environment(engines)
    print(f"Engines run in the background; stop them with: {_again('stop', arguments.data_dir)}", file=sys.stderr)
    return 0


def stop(arguments: argparse.Namespace) -> int:
    """Stop what the state file of the data directory names; nothing to stop is a success."""
    engines = Engines.attach(arguments.data_dir)
    if engines is None:
        print(f"No engines were started in {arguments.data_dir}.", file=sys.stderr)
        return 0
    engines.stop()
    print(f"Stopped the engines of {arguments.data_dir}; their data is kept.", file=sys.stderr)
    return 0


def status(arguments: argparse.Namespace) -> int:
    """One line per engine."""
    engines = Engines.attach(arguments.data_dir)
    if engines is None:
        print(f"No engines were started in {arguments.data_dir}; start them with: {_again('start', arguments.data_dir)}")
        return 3
    for node in engines.nodes:
        state = f"runs as process {node.pid} on 127.0.0.1:{node.port}" if node.running() else f"does not run; its log is {node.log}"
        print(f"{node.name} {state}")
    return 0 if all(node.running() for node in engines.nodes) else 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.engines", description="Start and stop a real Kafka and MongoDB, without Docker."
    )
    commands = parser.add_subparsers(required=True, metavar="run|start|stop|status")
    for command, data_dir, note in (
        (run, None, "a temporary one, removed at the end"),
        (start, DEFAULT_DATA_DIR, str(DEFAULT_DATA_DIR)),
        (stop, DEFAULT_DATA_DIR, str(DEFAULT_DATA_DIR)),
        (status, DEFAULT_DATA_DIR, str(DEFAULT_DATA_DIR)),
    ):
        sub = commands.add_parser(command.__name__, help=command.__doc__)
        sub.set_defaults(command=command)
        sub.add_argument("--data-dir", type=Path, default=data_dir, help=f"folder of data and logs (default: {note})")
        if command in (run, start):
            only = sub.add_mutually_exclusive_group()
            only.add_argument("--no-kafka", action="store_true", help="MongoDB only")
            only.add_argument("--no-mongo", action="store_true", help="Kafka only")
            sub.add_argument("--kafka-heap", default=KAFKA_HEAP, metavar="SIZE", help=f"Java's -Xmx of the broker (default: {KAFKA_HEAP})")
    return parser


def _start(arguments: argparse.Namespace, data_dir: Path, *, outlive_parent: bool) -> Engines:
    kafka, mongo = not arguments.no_kafka, not arguments.no_mongo
    return Engines.start(data_dir, kafka=kafka, mongo=mongo, kafka_heap=arguments.kafka_heap, outlive_parent=outlive_parent)


def _print_environment(engines: Engines) -> None:
    for name, value in engines.environment.items():
        print(f"export {name}={shlex.quote(value)}", flush=True)


def _again(command: str, data_dir: Path) -> str:
    return f"python -m deploy.engines {command} --data-dir {shlex.quote(str(data_dir))}"


if __name__ == "__main__":
    sys.exit(main())
