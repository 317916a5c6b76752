"""What MongoDB's errors, a URI and a batch's size mean to the store, without a mongod.

Owns: the mapping of the driver's errors and settings. Does not own: what a real server does (test_store_mongo.py).
Next stop: app/backends/mongo/errors.py.
"""

import pytest
from bson import encode
from pymongo.errors import AutoReconnect, ExecutionTimeout, NotPrimaryError, OperationFailure, PyMongoError

from app.backends.mongo.connection import Timeouts
from app.backends.mongo.errors import OF_THE_SERVER, answering
from app.backends.mongo.saving import Outcome, _messages, _sort, stored
from app.backends.mongo.store import MongoStore
from app.errors import Misconfigured, StoreUnavailable
from app.ports import Doc
from tests.contracts.store_suite import product


def test_a_batch_is_cut_into_messages_that_fit() -> None:
    """No document is lost or moved, and each part, in the largest form it can take, is below what one message may hold."""
    docs = [Doc(f"{number}", "€" * 300_000 if number % 3 else "x", tokens=("😀" * 20,) * 9) for number in range(200)]
    parts = list(_messages(docs))
    assert [doc for part in parts for doc in part] == docs
    assert 1 < len(parts) < 30
    assert max(sum(len(encode(stored(doc))) for doc in part) for part in parts) < 47_000_000
    assert list(_messages([])) == []


@pytest.mark.parametrize("code", sorted(OF_THE_SERVER))
def test_S9_a_write_error_about_the_server_is_not_held_against_the_document(code: int) -> None:
    """When the server changes its state in the middle of a batch, no document is refused for it."""
    with pytest.raises(StoreUnavailable, match=str(code)):
        _sort({"writeErrors": [{"index": 0, "code": code}]}, [product(1)], Outcome())


def test_S1_a_write_that_the_majority_did_not_confirm_is_not_saved() -> None:
    """A write concern error says that nothing is known about the batch."""
    with pytest.raises(StoreUnavailable, match="majority"):
        _sort({"writeErrors": [], "writeConcernErrors": [{"code": 64}]}, [product(1)], Outcome())


@pytest.mark.parametrize(
    "error", [AutoReconnect("x"), NotPrimaryError("x"), ExecutionTimeout("x", 50), OperationFailure("x", 13), PyMongoError("x")], ids=repr
)
def test_S9_what_the_driver_raises_is_unavailable(error: PyMongoError) -> None:
    """Whatever the driver says about the server, callers see one error."""
    with pytest.raises(StoreUnavailable), answering():
        raise error


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "localhost",
        "mongodb://",
        "mongodb://u:pa:ss@host",
        "mongodb://u:s3cret@host/?readPreference=never",
        "mongodb://u:s3@cret@h",
        "mongodb://u:s3@h/?tsl=true",
    ],
)
async def test_a_URI_that_cannot_be_used_is_named_without_its_password(uri: str) -> None:
    """A wrong URI stops the start with advice; nothing of the URI is repeated."""
    with pytest.raises(Misconfigured, match="mongodb://user:password") as caught:
        await MongoStore(uri).start()
    assert "s3" not in str(caught.value)


def test_timeouts_that_contradict_each_other_are_refused() -> None:
    """The client must not hang up before the server has told what became of a write."""
    with pytest.raises(Misconfigured, match="majority_s"):
        Timeouts(answer_s=5, majority_s=5)
