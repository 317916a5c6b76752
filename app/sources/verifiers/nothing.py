"""`none`, and what stands in for a verifier that cannot be made.

Owns: Open, Refusing. Does not own: when they are used (app/sources/build.py). Next stop: app/sources/verify.py.
"""

from collections.abc import Mapping

from app.errors import Misconfigured


class Refusing:
    """Refuses everything: what stands in for a verifier whose secrets are not there."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        return self._reason

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        raise Misconfigured(f"nothing can be signed: {self._reason}")


class Open:
    """Verifies nothing."""

    def check(self, headers: Mapping[str, str], body: bytes, now_s: float) -> str:
        return ""

    def sign(self, body: bytes, now_s: float) -> dict[str, str]:
        return {"content-type": "application/json"}
