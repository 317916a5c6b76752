"""What a source's configuration gives its verifier beside secrets.

Owns: Credentials, UnacceptedTopic. Does not own: where they come from (app/configuration.py), who accepts topics.
Next stop: app/sources/verify.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.sources.keyring import KeyRing


@dataclass(frozen=True, slots=True)
class Credentials:
    """keys: PEM texts of public keys or certificates (`keys:`); with them nothing is ever downloaded. topic_arn: the only SNS topic that
    counts. url: the address that the sender signs. path: where requests arrive (/webhooks/{source}), for signing as the sender would.
    keyring: keys by the address they were downloaded from.

    topics: where topic_arn is None, the SNS topics that a person accepted; whoever knows of acceptances fills this very set (it is also
    Source.topics), and the verifier looks into it at every request.
    """

    keys: Sequence[bytes] = ()
    topic_arn: str | None = None
    url: str | None = None
    path: str = "/"
    keyring: KeyRing = field(default_factory=KeyRing)
    topics: set[str] = field(default_factory=set)


class UnacceptedTopic(str):
    """A reason that says: the signature is good, but nobody has accepted this SNS topic for this source yet.

    Any AWS account can sign, so this proves nothing about the sender. A SubscriptionConfirmation refused for this reason is held and shown;
    anything else refused for it is refused. topic: its ARN.
    """

    __slots__ = ("topic",)
    topic: str

    def __new__(cls, topic: str) -> "UnacceptedTopic":
        said = f"the SNS topic {topic[:300]} is not accepted for this source; accept its confirmation, or set topic_arn"
        reason = super().__new__(cls, said)
        reason.topic = topic
        return reason
