"""What the driver's errors mean, in one place.

Owns: `answering()` and the classes of MongoDB's error codes. Does not own: which document of a batch an error belongs to (saving.py).
Next stop: app/errors.py.

Codes: https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bson.errors import BSONError
from pymongo.errors import BulkWriteError, ConnectionFailure, InvalidOperation, OperationFailure, PyMongoError

from app.errors import StoreUnavailable

# A write error of one document that is not about the document: the server changes its state, has no room or was told to stop.
OF_THE_SERVER = frozenset(
    {
        6,  # HostUnreachable
        7,  # HostNotFound
        13,  # Unauthorized
        24,  # LockTimeout
        39,  # FileStreamFailed
        46,  # LockBusy
        50,  # MaxTimeMSExpired
        64,  # WriteConcernFailed
        89,  # NetworkTimeout
        91,  # ShutdownInProgress
        100,  # UnsatisfiableWriteConcern
        112,  # WriteConflict
        133,  # FailedToSatisfyReadPreference
        146,  # ExceededMemoryLimit
        189,  # PrimarySteppedDown
        202,  # NetworkInterfaceExceededTimeLimit
        237,  # CursorKilled
        262,  # ExceededTimeLimit
        9001,  # SocketException
        10058,  # LegacyNotPrimary
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11601,  # Interrupted
        11602,  # InterruptedDueToReplStateChange
        13388,  # StaleConfig
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
        14031,  # OutOfDiskSpace
    }
)

# What encoding a document that BSON cannot hold raises (bson.errors.InvalidDocument and InvalidStringData are BSONErrors).
# OverflowError: an integer beyond 64 bit. UnicodeError: a lone surrogate. DocumentTooLarge is an InvalidDocument.
CANNOT_ENCODE = (BSONError, OverflowError, UnicodeError)


@contextmanager
def answering() -> Iterator[None]:
    """Turns what the driver raises into StoreUnavailable.

    Not only what is known to pass by itself: a user without rights or an index that somebody dropped keeps the service waiting too, and
    visibly so, until it is mended. Giving up instead would lose nothing either, but would need a restart.
    Left alone are InvalidOperation (a call after stop() or outside its session, so a defect) and BulkWriteError, which saving.py reads.
    """
    try:
        yield
    except (InvalidOperation, BulkWriteError):
        raise
    except PyMongoError as error:
        raise unavailable(error) from error


def unavailable(error: PyMongoError) -> StoreUnavailable:
    """The sentence a person reads; it holds addresses and codes, no credentials and no documents."""
    if isinstance(error, ConnectionFailure):
        return StoreUnavailable(
            f"MongoDB does not answer ({type(error).__name__}: {_short(str(error))}). The service goes on when it does."
        )
    if isinstance(error, OperationFailure):
        name = (error.details or {}).get("codeName", type(error).__name__)
        return StoreUnavailable(f"MongoDB refuses to serve (code {error.code}, {name}): look at its log and at this service's user.")
    return StoreUnavailable(f"MongoDB cannot be used ({type(error).__name__}).")


def _short(text: str) -> str:
    """The driver appends the whole topology; its first part says what happened."""
    return text.split(", Topology Description", 1)[0].split(", Timeout:", 1)[0][:300]
