"""The error tree: every failure that a loop or a door must react to, by what must be done about it.

Owns: the classes below. Does not own: what becomes of an event (app/domain/failures.py decides), HTTP answers (app/api/problems.py).
Next stop: app/ports.py.

    BinderyError
    ├── EngineDown            log or store cannot be reached: pause, back off, resume in place
    │   ├── LogUnavailable
    │   └── StoreUnavailable
    ├── Refused               the engine says no to this one thing for good: it becomes a letter, neighbours go on
    │   └── EntryRefused
    ├── Ownership             somebody else owns the work by now: abandon it, take up what is still mine
    │   ├── Revoked           the partition was taken away in a rebalance
    │   ├── Deposed           a greater epoch stands in the store
    │   └── Fenced            a newer owner's writer exists at the log
    ├── ConfigurationStale    a newer configuration version is in force: stop the process
    ├── Unusable              an authentic request or event that cannot be understood: it becomes a letter
    │   ├── Malformed         it cannot be parsed
    │   └── Unmappable        it parses, the mapping cannot read it
    ├── Misconfigured         settings or bindery.yaml are wrong: refuse to start
    ├── KeyMissing            a signing key is not at hand yet: 503, and it is fetched meanwhile
    └── VendorFailed          the outside did not do what it was asked for: the task waits and is tried again
        ├── VendorDown        no answer, half an answer, 5xx: the whole system is left alone for a while
        ├── VendorBusy        429 or 503 with a time: not before that time
        └── VendorDenied      401, 403: our access is refused; a person has to mend it
"""


class BinderyError(Exception):
    """Root of everything Bindery raises on purpose."""


class EngineDown(BinderyError):
    """An engine cannot be reached or does not answer in time. Nothing is lost; try again in place."""


class LogUnavailable(EngineDown):
    """The event log did not acknowledge in time. The entries may or may not be durable: append them again."""


class StoreUnavailable(EngineDown):
    """The store did not answer in time. A write may or may not have happened: read again and decide again."""


class Refused(BinderyError):
    """An engine refuses one thing for good, whatever the number of tries."""


class EntryRefused(Refused):
    """The log refuses this entry (too large, for instance). Entries beside it are not touched."""


class Ownership(BinderyError):
    """The work belongs to somebody else by now."""


class Revoked(Ownership):
    """The partition was taken away while the batch was under way; its commit was refused."""


class Deposed(Ownership):
    """The store holds a greater epoch for this partition than mine."""


class Fenced(Ownership):
    """A newer owner has opened a writer of the same name: mine can append nothing any more."""


class ConfigurationStale(BinderyError):
    """A newer version of bindery.yaml is in force than the one this process was started with."""


class Unusable(BinderyError):
    """Authentic but not understood: becomes a dead letter. The message names path and type, never a value."""


class Malformed(Unusable):
    """The bytes cannot be parsed (not JSON, not UTF-8, nested too deep)."""


class Unmappable(Unusable):
    """The bytes parse, but the source's mapping cannot make a change of them."""


class Misconfigured(BinderyError):
    """Settings or bindery.yaml are wrong. The message names file, path and what was expected."""


class KeyMissing(BinderyError):
    """The key that a request says it was signed with is not at hand; nothing is known about the request. url: where the key is."""

    def __init__(self, url: str) -> None:
        super().__init__("the key that this request was signed with is not there yet")
        self.url = url


class VendorFailed(BinderyError):
    """A call to the outside failed in a way that may pass. The message names system, method, path and status, no secret and no body."""


class VendorDown(VendorFailed):
    """No connection, no or half an answer in time, too large an answer, 5xx."""


class VendorBusy(VendorFailed):
    """The vendor asks to be left alone. retry_after_s: for how long, 0 where it does not say."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class VendorResting(VendorBusy):
    """Nothing was asked: the vendor wants to be left alone for another retry_after_s, as it said before."""


class VendorDenied(VendorFailed):
    """The vendor refuses our access, also after the credentials were renewed."""
