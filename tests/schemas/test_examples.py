"""Every example is a message that the code reads, that the code writes, and that the published schemas describe.

Owns: examples against schemas, models and codecs. Does not own: that there are enough of them (tests/schemas/test_registry.py).
Next stop: tests/schemas/test_answers.py.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, ValidationError

from app.domain import decisions
from app.ports import Doc
from consumers.binder import entry_of
from consumers.sweeps import request_entries
from schemas import letter
from schemas.event import Event
from schemas.messages import BY_NAME, Example, examples
from tests.schemas.contract import with_a_stranger, wrongs

ALL = examples()
every_example = pytest.mark.parametrize("example", ALL, ids=lambda example: example.file)


def of(*names: str) -> pytest.MarkDecorator:
    """The examples of these messages."""
    return pytest.mark.parametrize("example", [each for each in ALL if each.message in names], ids=lambda example: example.file)


def refused(model: type[BaseModel] | Mapping[str, Any] | None, value: Any) -> bool:
    """Whether the model refuses the value."""
    assert isinstance(model, type)
    try:
        model.model_validate_json(orjson.dumps(value))
    except ValidationError:
        return True
    return False


@every_example
def test_an_example_is_valid(example: Example) -> None:
    """The published schemas and the models accept it."""
    message = BY_NAME[example.message]
    assert wrongs(example) == []
    assert message.headers is None or not refused(message.headers, example.headers)
    assert not isinstance(message.value, type) or not refused(message.value, example.value)


@of("decision", "bind-request", "sku-bindings")
def test_an_unknown_member_is_refused(example: Example) -> None:
    """Wherever an unknown member stands in a value of ours, the schema and the model refuse it."""
    for where, changed in with_a_stranger(example.value):
        assert wrongs(example, value=changed), where
        assert refused(BY_NAME[example.message].value, changed), where


@of("decision", "bind-request", "sku-bindings")
def test_a_missing_member_is_refused(example: Example) -> None:
    """A value without one of its required members is refused by the schema and the model."""
    model = BY_NAME[example.message].value
    assert isinstance(model, type)
    for name in [name for name, field in model.model_fields.items() if field.is_required()]:
        changed = {member: value for member, value in example.value.items() if member != name}
        assert wrongs(example, value=changed), name
        assert refused(model, changed), name


@every_example
def test_headers_of_ours_are_closed(example: Example) -> None:
    """An unknown header of ours, and a missing one, are refused by the schema and the model."""
    unknown = {**example.headers, "bindery-stranger": "1"}
    assert wrongs(example, headers=unknown)
    model = BY_NAME[example.message].headers
    if model is None:
        return
    assert refused(model, unknown)
    for field in model.model_fields.values():
        if field.is_required():
            changed = {name: text for name, text in example.headers.items() if name != field.alias}
            assert len(changed) < len(example.headers)
            assert wrongs(example, headers=changed), field.alias
            assert refused(model, changed), field.alias


@of("letter")
def test_a_letter_keeps_headers_of_the_original(example: Example) -> None:
    """Headers in nobody's name space pass beside the letter's own."""
    kept = {**example.headers, "x-shop-topic": "assets/update"}
    assert wrongs(example, headers=kept) == []
    assert not refused(BY_NAME["letter"].headers, kept)


@of("event", "decision")
def test_an_event_survives_the_codec(example: Example) -> None:
    """What is read from the wire is written to the wire again."""
    key, value, headers = example.entry()
    event = Event.read(key, value, headers)
    assert (event.key.encode(), event.value) == (key, value)
    assert sorted(event.headers()) == sorted(headers)
    assert dict(headers)["ce_subject"] == key


@of("letter", "letter-outcome")
def test_a_letter_survives_the_codec(example: Example) -> None:
    """What is read from the wire is written to the wire again, letters and outcomes alike."""
    key, value, headers = example.entry()
    read = letter.read(key, value, headers)
    assert isinstance(read, letter.Letter) == (example.message == "letter")
    again_key, again_value, again_headers = read.entry()
    assert (again_key, again_value, sorted(again_headers)) == (key, value, sorted(headers))


@of("decision")
def test_a_decision_is_understood(example: Example) -> None:
    """The projector makes a change of it, under the key that belongs to its product and asset."""
    event = Event.read(*example.entry())
    change = decisions.change_of(event, 1)
    assert change.record == example.key == decisions.decision_key(*example.value["about"])
    told = {name: value for name, value in example.value.items() if event.type == decisions.SET or name == "about"}
    assert {name: value for name, value in change.leaves.items() if name != "status"} == told


@of("bind-request")
def test_a_bind_request_is_what_is_written(example: Example) -> None:
    """The code that asks for decisions writes exactly this message."""
    (entry,) = request_entries([example.key], **example.value)
    key, value, headers = example.entry()
    assert (entry.key, orjson.loads(entry.value), list(entry.headers)) == (key, orjson.loads(value), headers)


@of("sku-bindings")
def test_an_answer_is_what_is_written(example: Example) -> None:
    """The binder's entry of a stored answer is exactly this message."""
    content = {name: value for name, value in example.value.items() if name != "revision"}
    body = orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()
    entry = entry_of(Doc(example.key, body, numbers={"revision": example.value["revision"]}))
    key, value, headers = example.entry()
    assert (entry.key, orjson.loads(entry.value), list(entry.headers)) == (key, orjson.loads(value), headers)


def full_headers() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """(message, headers) with every header that the codecs can write."""
    event = Event("i", "s", "t", "asset/s/1", b"{}", 1, 2, "2026-01-01T00:00:00Z", "letter", 3, "replay", 4)
    yield "event", event.headers()
    cut = letter.Letter(
        "id",
        "k",
        b"v",
        (),
        "topic",
        0,
        0,
        0,
        "s",
        "map",
        "E",
        "m",
        "f",
        "malformed",
        0,
        1,
        1,
        1,
        0,
        "t",
        "e",
        "0",
        1,
        replayable=False,
        truncated_from=9,
    )
    yield "letter", cut.entry()[2]
    yield "letter-outcome", letter.Outcome("id", 1, "superseded", 5, "why").entry()[2]


@pytest.mark.parametrize(("name", "headers"), list(full_headers()), ids=lambda value: value if isinstance(value, str) else "")
def test_the_models_know_every_header_that_is_written(name: str, headers: list[tuple[str, bytes]]) -> None:
    """The headers that a codec writes at most are those of the model, none more and none less."""
    model = BY_NAME[name].headers
    assert model is not None
    assert {header for header, _ in headers} == {field.alias for field in model.model_fields.values()}
    assert not refused(model, {header: text.decode() for header, text in headers})
