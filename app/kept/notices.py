"""What a sender said of its own deliveries last: that it stopped sending, or goes on, or (its first handshake) with which secret it signs.

Owns: one document a source. Does not own: which events say so (`notices` of a preset). Next stop: consumers/control.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson

from app.ports import Doc, Documents
from schemas.control import Kept


@dataclass(frozen=True, slots=True)
class Notice:
    """notice: suspended, resumed, secret. type: the sender's word. at_us: when it arrived, µs UTC."""

    notice: str
    type: str
    at_us: int

    def gap(self) -> str:
        """Why a gap is suspected, "" where the sender says that it sends."""
        return f"the sender reported that it is {self.notice}" if self.notice == "suspended" else ""


async def note(requests: Documents, told: Kept) -> None:
    """Keeps the newest notice of its source. Failure policy: a lost race reads again; StoreUnavailable passes through."""
    id_ = f"notice/{told.source}"
    notice = Notice(told.about.get("notice", ""), told.about.get("type", ""), told.arrived_us)
    while True:
        doc = (await requests.load([id_])).get(id_)
        if doc is not None and doc.numbers["at_us"] >= notice.at_us:
            return
        body = orjson.dumps({"notice": notice.notice, "type": notice.type}).decode()
        if not (await requests.save([replace(doc or Doc(id_, ""), body=body, numbers={"at_us": notice.at_us})])).conflicts:
            return


async def load(requests: Documents, sources: Mapping[str, object]) -> dict[str, Notice]:
    """The newest notice of each source that sent one. Failure policy: StoreUnavailable passes through."""
    docs = await requests.load([f"notice/{name}" for name in sources])
    return {id_.removeprefix("notice/"): Notice(**orjson.loads(doc.body), at_us=doc.numbers["at_us"]) for id_, doc in docs.items()}
