"""Whatever fits the OpenAPI, or just does not, is answered as the OpenAPI says: never with a 5xx, never outside its schemas.

Owns: generated requests against every operation. Does not own: what the answers mean (the other tests). Next stop: app/api/application.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from app.api.deps import Limits
from schemas import topics
from tests.api.answers import Shelf, finished
from tests.api.serving import Running, event

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for all generated requests, with something to find. Its log may take its time: the machine is busy."""
    with Running(tmp_path_factory.mktemp("generated"), limits=Limits(append_s=10)) as server:
        for nth, sku in enumerate(("NH-TEE-001", "0", "a/b")):
            server.do(Shelf(sku, {"7d1f0a": (None, None), "0": (None, None)}).store(server.store, offset=nth))
        server.do(finished(server.store, 0, 2))
        yield server


@pytest.mark.slow
def test_every_operation_keeps_its_word(running: Running) -> None:
    """Generated requests with every right are answered with a documented status, content type and schema."""
    schema = schemathesis.openapi.from_url(f"{running.url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > 15
    answered: Counter[int] = Counter()
    for operation, mode in product(operations, (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)):

        @settings(max_examples=6, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=mode))
        def keeps_its_word(case: schemathesis.Case) -> None:
            if case.path.startswith("/webhooks/{source}"):
                case.path_parameters["source"] = "open"
            if case.path.startswith("/v1/sources/{name}"):
                case.path_parameters["name"] = "lenient"
            answer = case.call_and_validate(checks=CHECKS, headers=running.bearer("everybody"), timeout=30)
            answered[answer.status_code] += 1

        try:
            keeps_its_word()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE, "an operation without parameters has nothing to get wrong"
    assert {200, 202, 400, 404, 422} <= answered.keys(), answered


def test_neighbours_of_all_that_went_on(running: Running) -> None:
    """After all of it, every accepted event is on the log, and the next request is served as ever."""
    assert running.deliver("dam-1", event("last")).status_code == 200
    counts = running.app.state.counts
    assert len(running.on_log(topics.EVENTS_DAM)) == sum(each.events for each in counts.values())
    assert len(running.on_log(topics.DEAD_LETTERS)) == sum(each.letters for each in counts.values())
    assert counts["open"].outcomes["internal"] == 0
    assert running.client.get("/v1/skus/NH-TEE-001").status_code == 200
    assert running.client.get("/health/ready").status_code == 200
