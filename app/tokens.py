"""Access tokens as files: reading the configured ones, generating one for the embedded mode.

Owns: the file format. Does not own: what a role may do (app/api/access.py). Next stop: app/bootstrap.py.

One token a line: `<role>[,<role>…] <name> <token>`; empty lines and lines that begin with # are skipped.
"""

import os
import secrets
from pathlib import Path

from app.api.access import ROLES, Token
from app.errors import Misconfigured

GENERATED = "token"


def read_tokens(path: Path) -> list[Token]:
    """The tokens of a file. Raises Misconfigured naming file and line; the text of a token is never part of a message."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise Misconfigured(f"{path}: the tokens cannot be read ({error.strerror}): check the path and the permissions") from None
    tokens = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        roles = words[0].split(",")
        if len(words) != 3 or any(role not in ROLES for role in roles):
            raise Misconfigured(f"{path}:{number}: expected `<role>[,<role>] <name> <token>` with roles of {', '.join(ROLES)}")
        tokens.append(Token.of(words[1], [role for role in ROLES if role in roles], words[2]))
    return tokens


def generated_token(data_dir: Path) -> str:
    """The token of the embedded service, made at its first start and kept in a file that only its owner can read.

    Failure policy: an OSError passes through; without its data directory the service cannot run anyway.
    """
    path = data_dir / GENERATED
    if not path.exists():
        text = secrets.token_urlsafe(32)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"ops,catalogue,reader local {text}\n")
    return path.read_text("utf-8").split()[2]
