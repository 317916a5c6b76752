"""What senders ask before, beside and instead of sending events: challenges, confirmations, shared secrets, test calls, notices.

Owns: the words `answers` and `notices` of a preset, and what a request must look like to be one of these.
Does not own: answering (app/api/apart.py), calls to the outside (consumers/confirmations.py). Next stop: app/api/apart.py.

Sources: Adobe I/O Events, guides/index (`GET ?challenge=…` is echoed); Amazon SNS, "HTTP/HTTPS subscription confirmation" and "verify
signature" (any AWS account can sign a message, so a topic counts once it is pinned or accepted); Ergonode, detailed-reference
(`POST /handshake {"shared_secret": …}`); Frontify and Acquia test calls.
"""

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qs

import orjson
from pydantic import Field, model_validator

from app.sources.expressions import compile_expression
from app.sources.fields import Expr, Strict
from app.sources.keyring import SNS_HOST

Notice = Literal["suspended", "resumed"]

# Under which a subscription may be confirmed; the host by the rule that certificates have to keep as well.
_CONFIRM = re.compile(rf"https://{SNS_HOST.pattern}/\?[A-Za-z0-9=&:._%+-]+", re.ASCII)
_CONFIRMATIONS = (b"SubscriptionConfirmation", b"UnsubscribeConfirmation")
LONGEST_CHALLENGE, SHORTEST_SECRET, LONGEST_SECRET = 1_000, 8, 1_000


class ChallengeWords(Strict):
    """`GET ?challenge=…`, or another name: the value is the answer, as plain text. Nothing is signed."""

    kind: Literal["challenge"]
    query: str = Field("challenge", min_length=1)


class SnsWords(Strict):
    """SubscriptionConfirmation and UnsubscribeConfirmation of Amazon SNS, verified like any message."""

    kind: Literal["sns"]


class SharedSecretWords(Strict):
    """`POST /webhooks/{source}/{below}` tells the secret that later requests are proved with, in a member of its JSON body."""

    kind: Literal["shared-secret"]
    below: str = Field("handshake", pattern=r"^[A-Za-z0-9_-]+$")
    member: str = Field("shared_secret", min_length=1)


class AcknowledgeWords(Strict):
    """A genuine request that means nothing, such as a test call: answered 200, mapped to nothing. All conditions must hold.

    body: an expression over the body that is true (as JMESPath says); a body of no bytes is null. header: name -> value.
    """

    kind: Literal["acknowledge"]
    body: Expr | None = None
    header: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.body is None and not self.header:
            raise ValueError("expected body, header or both")
        return self


AnswerWords = Annotated[ChallengeWords | SnsWords | SharedSecretWords | AcknowledgeWords, Field(discriminator="kind")]

Passes = Callable[[Any, Mapping[str, str]], bool]
NoticeOf = Callable[[str], Notice | None]


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """The handshake that tells a secret. below: the path's last segment. secrets: those that are configured and could be read."""

    below: str
    member: str
    secrets: tuple[bytes, ...]

    def told(self, body: bytes) -> str:
        """The secret in a body, "" where there is none: a configured one, or what a file could hold (8 to 1,000 characters in one line)."""
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError:
            return ""
        secret = parsed.get(self.member) if isinstance(parsed, dict) else None
        if not isinstance(secret, str):
            return ""
        if secret and self.fits(secret):
            return secret
        if not SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET:
            return ""
        return secret if secret.isprintable() and secret == secret.strip() else ""

    def fits(self, secret: str) -> bool:
        """Whether it is one of the configured ones; compared in constant time."""
        fits = [hmac.compare_digest(known, secret.encode()) for known in self.secrets]
        return any(fits)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What Amazon SNS wants to be confirmed. url: to be visited, "" for an address that is not Amazon's. type: SNS's own word."""

    type: str
    topic: str
    url: str
    id: str

    @property
    def subscribes(self) -> bool:
        """Whether a topic asks to be let in; else it says that it was unsubscribed."""
        return self.type == "SubscriptionConfirmation"


@dataclass(frozen=True, slots=True)
class Handshakes:
    """What a source answers beside events. challenge: name of the query parameter, "" for none. sns: whether confirmations may come;
    pinned: whether the configuration names the topic, so that the verifier refuses any other."""

    challenge: str = ""
    sns: bool = False
    pinned: bool = False
    shared: SharedSecret | None = None

    def challenged(self, query: bytes) -> bytes | None:
        """The answer to a challenge in this query string, None where there is none (or one too long to be meant)."""
        values = parse_qs(query.decode("latin-1")).get(self.challenge) if self.challenge else None
        return values[0].encode() if values and len(values[0]) <= LONGEST_CHALLENGE else None

    def topic(self, body: bytes) -> str:
        """The topic of a verified message of SNS, "" where it names none."""
        return _text(_parsed(body), "TopicArn")

    def confirmation(self, body: bytes) -> Confirmation | None:
        """What a verified message of SNS wants to be confirmed, None for all other messages."""
        # Cheaper than parsing what is parsed once more if it is a notification.
        if not any(word in body for word in _CONFIRMATIONS):
            return None
        parsed = _parsed(body)
        type_, url = _text(parsed, "Type"), _text(parsed, "SubscribeURL")
        if type_.encode() not in _CONFIRMATIONS:
            return None
        return Confirmation(type_, _text(parsed, "TopicArn"), url if is_of_sns(url) else "", _text(parsed, "MessageId"))


def is_of_sns(url: str) -> bool:
    """Whether a subscription may be confirmed at this address: https, Amazon's own host, no user, no port."""
    return _CONFIRM.fullmatch(url) is not None


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def _text(parsed: Any, name: str) -> str:
    value = parsed.get(name) if isinstance(parsed, dict) else None
    return value if isinstance(value, str) else ""


def compile_handshakes(answers: Sequence[AnswerWords], secrets: Sequence[str], *, pinned: bool) -> Handshakes | None:
    """The handshakes of a source, None where it has none. secrets: those that could be read."""
    challenge, sns, shared = "", False, None
    for words in answers:
        match words:
            case ChallengeWords():
                challenge = words.query
            case SnsWords():
                sns = True
            case SharedSecretWords():
                shared = SharedSecret(words.below, words.member, tuple(secret.encode() for secret in secrets))
            case AcknowledgeWords():
                pass  # compile_passes(): a matter of the body, after verification
    return Handshakes(challenge, sns, pinned, shared) if challenge or sns or shared else None


def compile_passes(answers: Sequence[AnswerWords]) -> Passes | None:
    """Tells whether a genuine body, parsed, is one that is acknowledged and means nothing; None where no body is."""
    tests = [_passes(words) for words in answers if isinstance(words, AcknowledgeWords)]
    return (lambda body, headers: any(test(body, headers) for test in tests)) if tests else None


def _passes(words: AcknowledgeWords) -> Passes:
    get = compile_expression(words.body).get if words.body else None
    wanted = {name.lower(): value for name, value in words.header.items()}

    def passes(body: Any, headers: Mapping[str, str]) -> bool:
        if any(headers.get(name) != value for name, value in wanted.items()):
            return False
        try:
            return get is None or _holds(get(body))
        except ValueError:
            return False  # A body of another shape is no test call; reading it as an event says what is wrong with it.

    return passes


def _holds(value: Any) -> bool:
    return value is not None and value is not False and value not in ("", [], {})


def compile_notices(notices: Mapping[str, Notice]) -> NoticeOf | None:
    """Tells what a type of event says about the sender's own deliveries, None where no type says anything."""
    patterns = [(re.compile(translate(name)), notice) for name, notice in notices.items()]
    return (lambda type_: next((notice for pattern, notice in patterns if pattern.match(type_)), None)) if patterns else None
