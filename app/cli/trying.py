"""`bindery sources try`: what one request becomes, step by step.

Owns: reading the request's files, signing where there are no headers, printing. Does not own: what it becomes (app/sources/try_.py).
Next stop: app/sources/try_.py.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from app.bootstrap import download_key, system_clock
from app.cli.failing import explained
from app.cli.local import File, SourceName, configured
from app.cli.printing import AsJson, counted, readable, show_json
from app.cli.running import Config, settings_of
from app.configuration import Configuration
from app.errors import KeyMissing, Misconfigured
from app.settings import Settings
from app.sources.source import Source
from app.sources.try_ import explain_request, order_in_words

Sidecar = Annotated[
    Path | None,
    typer.Option("--headers", help="JSON file with the request's `headers` and, where it is known, `path`; without: signed here."),
]
_SIDECAR = 'write {"headers": {"name": "value"}, "path": "/webhooks/…"}, as the request had them'


@explained
def try_source(
    source: SourceName,
    file: File,
    headers: Sidecar = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Shows what a request becomes, genuine or not, step by step: verification, pieces, record, order, facets."""
    settings = settings_of(config=config)
    configuration, chosen = configured(settings.config, source)
    body, now_s = file.read_bytes(), system_clock().now_us() / 1e6
    held, signed_here = (_sidecar(headers), "") if headers else _signed_here(chosen, body, now_s)
    method = "POST" if "POST" in chosen.methods else min(chosen.methods)
    held = {":method": method, ":path": f"/webhooks/{source}", **held}
    shown, without_key = _explained(settings, configuration, chosen, held, body)
    if as_json:
        # These three and no others, so that programs can be strict; what is not about events is told to people.
        show_json({name: shown[name] for name in ("verified", "reason", "events")})
    else:
        _print(Console(soft_wrap=True), shown, signed_here + without_key)


def _explained(
    settings: Settings, configuration: Configuration, source: Source, headers: Mapping[str, str], body: bytes
) -> tuple[dict[str, Any], str]:
    """What the request becomes, and a remark about its key. A signing key that is not at hand is downloaded once."""
    now_s, why = system_clock().now_us() / 1e6, ""
    try:
        return explain_request(source, headers, body, now_s, configuration.version), ""
    except KeyMissing as missing:
        why = asyncio.run(download_key(settings, configuration, missing.url))
        remark = f" (the signing key was downloaded from {missing.url})" if not why else ""
    try:
        return explain_request(source, headers, body, now_s, configuration.version), escape(remark)
    except KeyMissing as missing:
        told = f"the signing key at {missing.url} could not be downloaded ({why or 'it is not there'}); `keys: [file:…]` can name it"
        shown = explain_request(_without_proof(source, told), headers, body, now_s, configuration.version)
        return shown, ""


def _without_proof(source: Source, why: str) -> Source:
    """The source, refusing everything for this reason: mappings are looked into all the same."""
    return replace(source, broken=why)


def _print(console: Console, shown: Mapping[str, Any], remark: str) -> None:
    console.print(f"[bold]genuine[/bold]: {'yes' if shown['verified'] else 'no, ' + escape(shown['reason'])}{remark}")
    if shown.get("beside"):
        console.print(f"[bold]beside events[/bold]: {escape(shown['beside'])}")
        return
    events = shown["events"]
    console.print(f"[bold]split[/bold]: {counted(len(events), 'piece')}")
    for number, event in enumerate(events, 1):
        told = escape(f"{event['key'] or 'no record'}  ({'full state' if event['full'] else 'change'}, id {event['id']})")
        console.print(f"\n{number}. [bold]{escape(event['type'] or 'no type')}[/bold]  {told}")
        if event["dead_letter"]:
            letter = event["dead_letter"]
            console.print(f"  becomes a dead letter, {letter['disposition']}: {escape(letter['message'])}")
        if event["order"]:
            console.print(f"  order: {order_in_words(event['order'])}", highlight=False)
        for leaf, value in sorted((event["facets"] or {}).items()):
            console.print(escape(f"  {leaf} = {orjson.dumps(readable(leaf, value)).decode()}"), highlight=False)
    for fetch in shown.get("fetches", ()):
        console.print(escape(f"\nasks for a fetch of {fetch['kind']} {fetch['id']}: {fetch['reason']}"), highlight=False)


def _sidecar(path: Path) -> dict[str, str]:
    """The members `headers` and `path` (as ":path") of a JSON file, and nothing else of it.

    Failure policy: raises Misconfigured for a file that cannot be read or holds no such object.
    """
    try:
        parsed = orjson.loads(path.read_bytes())
    except OSError as wrong:
        raise Misconfigured(f"{path} cannot be read ({type(wrong).__name__}); name the file with the request's headers") from None
    except orjson.JSONDecodeError as wrong:
        raise Misconfigured(f"{path} is not JSON ({wrong.msg}); {_SIDECAR}") from None
    held = parsed.get("headers") if isinstance(parsed, dict) else None
    if not isinstance(held, dict):
        raise Misconfigured(f"{path} holds no object `headers`; {_SIDECAR}")
    where = parsed.get("path")
    return {name: str(value) for name, value in held.items()} | ({":path": where} if isinstance(where, str) else {})


def _signed_here(source: Source, body: bytes, now_s: float) -> tuple[dict[str, str], str]:
    """Headers as the sender would sign this body now, and a remark; none where the source cannot sign."""
    try:
        return source.sign(body, now_s), " (signed here, since no headers were given)"
    except Misconfigured as wrong:
        return {}, f" (no headers were given, and {escape(str(wrong))})"
