"""The configuration version that is in force, in the store.

Owns: its document, the raise, the refusal to go on when stale. Does not own: reading bindery.yaml (app/configuration.py).
Next stop: app/bootstrap.py raises it at start; consumers/projector.py and consumers/binder.py ask for it.
"""

from dataclasses import replace

import orjson
import structlog

from app.errors import ConfigurationStale, Misconfigured
from app.ports import Doc, StoreView
from consumers.sweeps import ALL, request_sweep

log_line = structlog.get_logger(__name__)

CURRENT = "current"


async def in_force(store: StoreView) -> int:
    """The version in force, 0 before the first start."""
    doc = (await store.configuration.load([CURRENT])).get(CURRENT)
    return doc.numbers["version"] if doc else 0


async def refuse_if_stale(store: StoreView, mine: int) -> None:
    """Raises ConfigurationStale when a newer version than mine is in force."""
    newest = await in_force(store)
    if newest > mine:
        raise ConfigurationStale(
            f"configuration version {newest} is in force, this process runs version {mine}: it stops and commits nothing. "
            "Start it again with the newer bindery.yaml."
        )


async def establish(store: StoreView, version: int, digest: str, *, numbers_itself: bool) -> int:
    """Makes this configuration the one in force and returns its version; a raise asks for a sweep of all SKUs.

    1. one compare-and-set on the document, `swept` still telling the old version; 2. the sweep is asked for; 3. `swept` tells the new one.
    A start that finds `swept` behind asks again, so a crash in between costs a sweep and never omits one.
    numbers_itself (embedded mode): a changed file gets the next number by itself. Otherwise a change without a raise is refused.
    Raises Misconfigured (changed without a raise), ConfigurationStale (older than what is in force).
    Failure policy: a lost race reads again; StoreUnavailable passes through.
    """
    while True:
        doc = (await store.configuration.load([CURRENT])).get(CURRENT)
        held = doc.numbers["version"] if doc else 0
        same = doc is not None and orjson.loads(doc.body)["hash"] == digest
        if numbers_itself:
            version = held if same else max(held + 1, version)
        _refuse_unless_newer(held, version, same=same or doc is None)
        if doc is not None and version == held:
            return await _sweep_if_due(store, doc)
        numbers = {"version": version, "swept": doc.numbers["swept"] if doc else version}
        wanted = replace(doc or Doc(CURRENT, ""), body=orjson.dumps({"hash": digest}).decode(), numbers=numbers)
        if not (await store.configuration.save([wanted])).conflicts:
            log_line.info("configuration.in_force", version=version, before=held)
            await _sweep_if_due(store, replace(wanted, version=wanted.version + 1))
            return version


def _refuse_unless_newer(held: int, version: int, *, same: bool) -> None:
    if version < held:
        raise ConfigurationStale(
            f"configuration version {held} is in force, bindery.yaml says {version}: use the newer file, or raise its `version`"
        )
    if version == held and not same:
        raise Misconfigured(
            f"bindery.yaml has changed but its `version` is still {version}: raise it, so that decisions made with either can be told apart"
        )


async def _sweep_if_due(store: StoreView, doc: Doc) -> int:
    version = doc.numbers["version"]
    if doc.numbers["swept"] < version:
        await request_sweep(store, ALL)
        # A conflict here means that another process noted the same, or a still newer version, whose own start sees to its sweep.
        await store.configuration.save([replace(doc, numbers={"version": version, "swept": version})])
    return version
