"""The OpenAPI says what the doors do.

Owns: that every route has examples, problems and access in it. Does not own: whether answers fit it (test_schemathesis.py).
Next stop: app/api/application.py.
"""

from __future__ import annotations

from typing import Any, get_args

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from app.api.models import Binding
from app.api.problems import KINDS
from app.domain import reasons
from tests.api.answers import Shelf
from tests.api.serving import Running


def openapi(server: Running) -> dict[str, Any]:
    answer = server.client.get("/openapi.json")
    assert answer.status_code == 200
    made: dict[str, Any] = answer.json()
    return made


def operations(made: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(method, path, each) for path, item in made["paths"].items() for method, each in item.items()]


def test_every_operation_is_told(server: Running) -> None:
    """A summary, a tag, a typed answer; problems in the one schema; a role where one is needed."""
    made = openapi(server)
    assert made["openapi"].startswith("3.1")
    for method, path, each in operations(made):
        assert each["summary"], path
        assert each["tags"], path
        for status, response in each["responses"].items():
            kinds = response.get("content", {})
            if int(status) >= 400:
                assert kinds["application/problem+json"]["schema"]["$ref"].endswith("/ProblemDetails"), (path, status)
            else:
                assert any(content["schema"] for content in kinds.values()), (path, status)
        if method != "get" and not path.startswith("/webhooks/") and path != "/v1/skus/batch":
            assert each["security"] == [{"bearer": []}], path
            assert each["x-role"] in ("catalogue", "ops"), path


def test_every_reference_and_example_holds(server: Running) -> None:
    """References resolve, and examples of schemas fit them."""
    made = openapi(server)
    schemas = made["components"]["schemas"]

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str):
                assert reference.removeprefix("#/components/schemas/") in schemas, reference
            for each in node.values():
                walk(each)
        elif isinstance(node, list):
            for each in node:
                walk(each)

    walk(made)
    for name, schema in schemas.items():
        for example in [schema[key] for key in ("example",) if key in schema]:
            resolvable = {**schema, "components": made["components"]}
            assert not list(Draft202012Validator(resolvable).iter_errors(example)), name


def test_a_stored_answer_fits_its_schema(server: Running) -> None:
    """What bind() decides is what the OpenAPI promises, byte for byte as served."""
    server.do(Shelf("NH-1", {"front": (None, None), "back": (1, 2)}).store(server.store))
    made = openapi(server)
    schema = {"$ref": "#/components/schemas/SkuAnswer", "components": made["components"]}
    errors = list(Draft202012Validator(schema).iter_errors(server.client.get("/v1/skus/NH-1").json()))
    assert not errors, errors
    told = set(made["components"]["schemas"]["Binding"]["properties"])
    served = server.client.get("/v1/skus/NH-1").json()["bindings"][0]
    assert set(served) == told


def test_states_and_statuses_are_those_of_the_code() -> None:
    """The documented states are the rules' own, and no problem has a status outside 400 to 599."""
    assert get_args(Binding.model_fields["state"].annotation) == get_args(reasons.State)
    assert all(400 <= status < 600 for status, _ in KINDS.values())
