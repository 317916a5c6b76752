"""One page per vendor: what a preset says, as text for the person who sets the sender up.

Owns: page(), overview(). Does not own: the notes that people wrote (docs/sources/notes/), reading and writing files
(docs/sources/generate.py). Next stop: docs/sources/generate.py.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.sources.access import MODELS
from app.sources.fields import Fields
from app.sources.inventory import kinds_of, modes_of
from app.sources.preset import EventWords, Preset
from app.sources.schemes import (
    AdobeScheme,
    HmacScheme,
    JwtScheme,
    RsaScheme,
    SalsifyScheme,
    Scheme,
    SnsScheme,
    TokenScheme,
    has_clock,
    needs_secrets,
    takes_secrets,
)

# What the notes of every vendor speak about, in this order.
HEADINGS = (
    "At the vendor",
    "Secret",
    "Rights it needs",
    "What is not sent",
    "When a delivery fails",
    "Before it is reached over HTTPS",
)
NOTICE = "<!-- Made by `make docs` from the preset and docs/sources/notes/; edit those. -->"
_MODES = {
    "full": "the whole state",
    "delta": "a change",
    "created": "a change of a thing that is new or back",
    "deletion": "a deletion",
    "thin": "only that something changed",
}
_FACTS = {
    "documented": "come from the vendor's documentation",
    "public code": "come from public code rather than from the vendor's documentation",
    "inferred": "are inferred, at least in part: try it before you rely on it",
    "yours": "are Bindery's own contract",
}


def page(preset: Preset, about: Sequence[str], notes: Mapping[str, str]) -> str:
    """The page as Markdown. about: lines of the comment that the preset's file begins with. notes: heading -> text, all of HEADINGS."""
    parts = [
        NOTICE,
        f"# {preset.about}",
        f"Preset `{preset.preset}`, side {preset.side}. Its facts {_FACTS[preset.facts]}.",
        "```text\n" + "\n".join(about).strip() + "\n```",
        "## In bindery.yaml",
        "```yaml\n" + "\n".join(_example(preset)) + "\n```",
        f"The sender's URL is `https://<your host>/webhooks/<name of the source>{_below(preset)}`.{_methods(preset)}",
        f"How a request is proved: {_proof(preset.verify)}",
        "## What it sends",
        _table(("type", "about", "says", "then the state is fetched"), _events(preset)),
        *([f"Ignored: {', '.join(f'`{name}`' for name in preset.ignore)}."] if preset.ignore else []),
        *_reading(preset),
    ]
    for heading in HEADINGS:
        parts += [f"## {heading}", notes[heading].strip()]
    return "\n\n".join(parts) + "\n"


def overview(presets: Iterable[Preset]) -> str:
    """The list of all pages as Markdown."""
    rows = [(f"[{p.about}]({p.preset}.md)", f"`{p.preset}`", p.side, p.facts, _name(p.verify), _fetcher(p)) for p in presets]
    head = "A sender that is not here is configured with `generic-dam`, `generic-pim` or a preset file of your own beside `bindery.yaml`."
    table = _table(("sender", "preset", "side", "facts", "proved by", "fetched by"), rows)
    return "\n\n".join((NOTICE, "# Senders", head, table)) + "\n"


def _example(preset: Preset) -> Iterator[str]:
    yield "sources:"
    yield f"  {preset.preset}-main:"
    yield f"    preset: {preset.preset}"
    scheme = preset.verify
    if takes_secrets(scheme):
        remark = "" if needs_secrets(scheme) else "   # without: nothing is proved"
        yield f"    secrets: [env:{preset.preset.upper().replace('-', '_')}_SECRET]{remark}"
    if isinstance(scheme, SnsScheme):
        yield "    topic_arn: arn:aws:sns:eu-west-1:111122223333:example   # or accept the first confirmation"
    if isinstance(scheme, SalsifyScheme):
        yield "    url: https://hooks.example.com/webhooks/salsify-main    # exactly as it is registered at the sender"
    if isinstance(scheme, RsaScheme):
        yield f"    keys: [file:keys/{preset.preset}.pem]"
    if preset.side == "dam":
        yield "    when_rights_unknown: hide   # or show"
    fetcher = preset.fetching and preset.fetching.fetcher
    if fetcher and _is_read(preset):
        yield "    api:"
        yield from (f"      {line}" for line in _access(fetcher))


def _access(fetcher: str) -> Iterator[str]:
    model = MODELS[fetcher]
    alone = "token" in model.SECRETS
    for name, field in model.model_fields.items():
        if name == "url":
            if fetcher == "template" or field.is_required():
                yield 'url: "https://api.example.com/things/{id}"' if fetcher == "template" else "url: https://acme.example.com"
        elif field.is_required() or (alone and name == "token"):
            yield f"{name}: env:{fetcher.upper()}_{name.upper()}" if name in model.SECRETS else f"{name}: acme"


def _below(preset: Preset) -> str:
    if isinstance(preset.verify, TokenScheme) and preset.verify.path:
        return "/<token>"
    return "/…" if preset.receive.below else ""


def _methods(preset: Preset) -> str:
    return "" if preset.receive.methods == ("POST",) else f" Requests are {' or '.join(preset.receive.methods)}."


def _name(scheme: Scheme) -> str:
    if isinstance(scheme, HmacScheme):
        return f"HMAC-{scheme.algorithm.upper()}"
    return {
        "standard-webhooks": "Standard Webhooks",
        "cloudinary": "Cloudinary's digest",
        "token": "a fixed token",
        "basic": "HTTP Basic",
        "jwt": "a JSON Web Token",
        "contentful": "Contentful's canonical request",
        "sns": "Amazon SNS",
        "salsify": "Salsify's RSA signature",
        "adobe": "Adobe's RSA signatures",
        "rsa": "an RSA signature",
        "none": "nothing",
    }[scheme.scheme]


def _proof(scheme: Scheme) -> str:
    words = [_name(scheme)]
    if isinstance(scheme, HmacScheme):
        where = " or ".join(f"`{header}`" for header in scheme.headers)
        words.append(f"in {where}, {scheme.encoding}, over `{scheme.template}`")
    elif isinstance(scheme, TokenScheme):
        places = ((scheme.header, "header"), (scheme.field, "member of the body"), (scheme.query, "parameter of the query"))
        named = [f"in the {what} `{name}`" for name, what in places if name]
        words += named or ["as the last part of the path"]
    elif isinstance(scheme, JwtScheme | RsaScheme):
        words.append(f"in the header `{scheme.header}`")
    elif isinstance(scheme, AdobeScheme):
        words.append("of which one suffices; its keys are fetched from Adobe, or given as `keys`")
    if getattr(scheme, "optional", False):
        words.append("(where a secret is configured; without one nothing is proved, so choose a source name that nobody can guess)")
    said = " ".join(words)
    if scheme.scheme == "none":
        said += "; choose a source name that nobody can guess"
    elif not has_clock(scheme):
        said += ". No time is proved: a captured request stays valid, and repeating it changes nothing"
    elif (tolerance_s := getattr(scheme, "tolerance_s", None)) is not None:
        said += f". It may be {tolerance_s:.0f} s old (`tolerance_s`)"
    return said + "."


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _events(preset: Preset) -> Iterator[tuple[str, str, str, str]]:
    for type_ in preset.sent():
        words = preset.words(type_)
        says = " or ".join(_MODES[mode] for mode in sorted(modes_of(words)))
        split = ", one per resource" if words.split is not None else ""
        yield f"`{type_}`", " or ".join(sorted(kinds_of(words))), says + split, _fetches(preset, words)


def _fetches(preset: Preset, words: EventWords) -> str:
    modes = modes_of(words)
    if modes == {"deletion"}:
        return "late, in case it is back" if preset.fetching else "no"
    return "yes" if words.fetch or "thin" in modes else "no"


def _is_read(preset: Preset) -> bool:
    """Whether a state that a fetch brought could be read."""
    return any(name not in preset.sent() for name in preset.events)


def _fetcher(preset: Preset) -> str:
    fetcher = preset.fetching and preset.fetching.fetcher
    kinds = [name.rpartition(".")[2] for name in preset.events if name not in preset.sent()]
    return f"{fetcher} ({', '.join(kinds) or 'its states cannot be read yet'})" if fetcher else "nothing"


def _reading(preset: Preset) -> list[str]:
    rows = list(_fields(preset.fields))
    for embedded in preset.embedded or ():
        rows += [(f"{name} (of each {embedded.kind} at `{embedded.path}`)", path) for name, path in _fields(embedded.fields)]
    hot = [f"`{name}`" for name in preset.hot_fields]
    hot += [f"what has the type `{name}`" for name in preset.hot_types]
    hot += [f"objects of {' and '.join(f'`{name}`' for name in shape)} alone" for shape in preset.hot_shapes]
    dropped = [f"Dropped before anything is kept: {', '.join(hot)}."] if hot else []
    if not rows:
        return dropped
    told = "Every line can be written anew under `overrides` of the source."
    return ["## What is read from it", _table(("field", "expression"), rows), told, *dropped]


def _fields(fields: Fields) -> Iterator[tuple[str, str]]:
    for name, value in fields.model_dump(exclude_unset=True, by_alias=True).items():
        yield from _paths(name, value)


def _paths(name: str, value: object) -> Iterator[tuple[str, str]]:
    """(field, expression) of everything that has a path; groups of fields are gone through."""
    if not isinstance(value, Mapping):
        return
    if isinstance(value.get("path"), str):
        yield f"`{name}`", "`" + " ".join(value["path"].split()) + "`"
        return
    for member, inner in value.items():
        yield from _paths(f"{name}.{member}", inner)
