"""Recordings: the wish to keep the next requests of a source as samples, one at a time per source.

Owns: the document of a recording. Does not own: redacting (app/sources/source.py), keeping (app/kept/rings.py). Next stop:
app/api/sources.py.
"""

from dataclasses import dataclass, replace

import orjson

from app.ports import Doc, Documents

ACTIVE = "recordings:active"


@dataclass(frozen=True, slots=True)
class Recording:
    """id: 16 hexadecimal digits. count: how many requests. until_us: µs UTC, when it ends whatever came."""

    id: str
    source: str
    count: int
    asked_us: int
    until_us: int
    by: str

    def active(self, now_us: int) -> bool:
        """Whether it is not over by time."""
        return now_us < self.until_us


def _read(doc: Doc) -> Recording:
    return Recording(**{name: value for name, value in orjson.loads(doc.body).items() if name in Recording.__slots__})


async def begin(requests: Documents, recording: Recording) -> None:
    """Takes the place of the source's recording before. Failure policy: a lost race reads again; StoreUnavailable passes through."""
    while True:
        id_ = f"recording/{recording.source}"
        held = (await requests.load([id_])).get(id_, Doc(id_, ""))
        body = orjson.dumps({name: getattr(recording, name) for name in Recording.__slots__}).decode()
        if not (await requests.save([replace(held, body=body, tokens=(ACTIVE,))])).conflicts:
            return


async def end(requests: Documents, source: str, id_: str) -> None:
    """Ends this recording, if it is still the source's. Failure policy: a lost race is another one's recording; the rest passes through."""
    doc = (await requests.load([f"recording/{source}"])).get(f"recording/{source}")
    if doc is not None and doc.tokens and _read(doc).id == id_:
        await requests.save([replace(doc, tokens=())])


async def of_source(requests: Documents, source: str) -> tuple[Recording | None, bool]:
    """The source's last recording, and whether it goes on (its time may be over). Failure policy: StoreUnavailable passes through."""
    doc = (await requests.load([f"recording/{source}"])).get(f"recording/{source}")
    return (_read(doc), bool(doc.tokens)) if doc else (None, False)


async def active(requests: Documents) -> list[Recording]:
    """All that go on. Failure policy: StoreUnavailable passes through."""
    return [_read(doc) for doc in await requests.matching([ACTIVE])]
