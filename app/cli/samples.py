"""Recorded requests as files: a body and a sidecar beside it, as the samples of the tests and `bindery sources try` have them.

Owns: their names and form. Does not own: redacting (the service did). Next stop: app/cli/trying.py.
"""

from base64 import b64decode
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson


def write(folder: Path, name: str, sample: Mapping[str, Any]) -> Path:
    """Writes `<name>.json` (exact bytes; `.bin` for what is no text) and `<name>.headers.json`; the file of the body. Raises OSError."""
    held = sample["body"]
    body = held["text"].encode() if "text" in held else b64decode(held["base64"])
    file = folder / f"{name}.{'json' if 'text' in held else 'bin'}"
    file.write_bytes(body)
    sidecar = {
        "body_file": file.name,
        "body_sha256": sha256(body).hexdigest(),
        "body_bytes": len(body),
        "method": sample["method"],
        "path": sample["path"],
        "headers": sample["headers"],
        "recorded": {"arrived_at": sample["arrived_at"], "verified": sample["verified"], "reason": sample["reason"]},
        "notes": "Recorded and redacted: hot fields dropped, authors hashed, tokens and signatures taken out. It verifies no more.",
    }
    (folder / f"{name}.headers.json").write_bytes(orjson.dumps(sidecar, option=orjson.OPT_INDENT_2) + b"\n")
    return file
