"""Secrets that a sender tells in its first handshake: trusted once, written to the file that the configuration names.

Owns: which sources wait for one, writing the file, compiling the source anew. Does not own: the handshake (app/api/apart.py).
Next stop: app/configuration.py.

Trust on first use: whoever shakes hands first is believed, so a source that waits should be connected soon. The file is made in one step
and never written over; it is as private as a file can be. Processes that share it find it within seconds (app/api/attendance.py).
"""

import asyncio
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import structlog

from app.api.problems import Problem
from app.configuration import Configuration, load
from app.errors import Misconfigured
from app.reading import is_missing
from app.sources.source import Source

log_line = structlog.get_logger(__name__)


class FirstSecrets:
    """The sources of one process that wait for their secret."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._files: Mapping[str, Path] = {
            name: file
            for name, source in configuration.sources.items()
            if source.handshakes and source.handshakes.shared and (file := _missing(configuration, name))
        }
        self._waiting = set(self._files)
        self._told: set[str] = set()
        self.renewed: dict[str, Source] = {}

    def waits(self, name: str) -> bool:
        """Whether the source still has no secret."""
        return name in self._waiting

    def file(self, name: str) -> Path | None:
        """The file that the source's secret is to stand in, None for a source that did not wait for it at start."""
        return self._files.get(name)

    async def take(self, name: str, secret: str) -> bool:
        """Writes the first secret of a source and compiles it anew; whether this secret counts now. Raises Problem (503).

        Failure policy: a file that cannot be written is told as 503, so that the sender shakes hands again.
        """
        file = self._files.get(name)
        if file is None:
            return False
        try:
            if name in self._waiting:
                await asyncio.to_thread(_write_once, file, secret)
        except OSError as failed:
            text = (
                f"The secret of {name!r} cannot be written ({file}, {type(failed).__name__}). Make its folder writable, shake hands again."
            )
            raise Problem("source-unavailable", text, headers={"retry-after": "30"}) from failed
        await self.look()
        # Another process, or another request, may have been first, with this secret or with another one.
        now = self.renewed.get(name)
        if now is None or now.handshakes is None or now.handshakes.shared is None:
            text = f"The secret of {name!r} is there, but bindery.yaml was changed since the start. Restart, then shake hands again."
            raise Problem("source-unavailable", text, headers={"retry-after": "30"})
        return now.handshakes.shared.fits(secret)

    async def look(self) -> None:
        """Compiles anew the sources whose file is there by now; they are in `renewed` from then on.

        Failure policy: a bindery.yaml that was changed meanwhile counts from the next start only, so the source then waits for that.
        """
        found = [name for name in sorted(self._waiting) if await asyncio.to_thread(self._is_there, name)]
        if not found:
            return
        try:
            now = await asyncio.to_thread(load, self._configuration.path)
        except Misconfigured as wrong:
            self._tell(found, f"bindery.yaml was changed and cannot be read: {wrong}")
            return
        for name in found:
            source = now.sources.get(name)
            if now.hash == self._configuration.hash and source and not source.broken:
                self.renewed[name] = source
                self._waiting.discard(name)
                log_line.info("sources.renewed", source=name)
                continue
            changed = source is None or now.hash != self._configuration.hash
            self._tell([name], "bindery.yaml was changed; restart" if changed or source is None else source.broken)

    def _is_there(self, name: str) -> bool:
        """Failure policy: a folder that may not be looked into is told once, and the source waits."""
        try:
            return self._files[name].is_file()
        except OSError as failed:
            self._tell([name], f"its secret's file cannot be looked for ({failed.strerror or type(failed).__name__})")
            return False

    def _tell(self, names: list[str], why: str) -> None:
        """Once for each source: it is looked for every few seconds."""
        for name in sorted(set(names) - self._told):
            log_line.warning("sources.not_renewed", source=name, detail=why)
        self._told |= set(names)


def _missing(configuration: Configuration, name: str) -> Path | None:
    """The first file among the source's secrets that does not exist."""
    if configuration.path is None:
        return None
    held = configuration.raw["sources"][name].get("secrets") or []
    files = [configuration.path.parent / one.removeprefix("file:") for one in held if isinstance(one, str) and one.startswith("file:")]
    return next((file for file in files if is_missing(file)), None)


def _write_once(file: Path, secret: str) -> None:
    """Writes the file unless it exists; whole, or not at all, whenever the process is killed. Raises OSError."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.write(secret + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        # A link is made or refused in one step, and refused where the name is taken.
        os.link(draft, file)
    except FileExistsError:
        return  # somebody else's is there
    finally:
        draft.unlink()
