"""Layers, drivers, purity and real time: the tree obeys, and each rule notices a violation.

Owns: running tests/architecture/imports.py. Does not own: the rules themselves. Next stop: tests/architecture/test_shape.py.
"""

from collections.abc import Callable

import pytest

from tests.architecture import imports
from tests.architecture.tree import PRODUCT, Module, module, modules

RULES = [imports.layers, imports.drivers, imports.purity, imports.real_time]
Rule = Callable[[Module], list[str]]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_obeys(rule: Rule) -> None:
    """No module of the product breaks the rule."""
    violations = [violation for each in modules(*PRODUCT) for violation in rule(each)]
    assert not violations, "\n" + "\n".join(violations)


VIOLATIONS = [
    (imports.layers, "schemas/event.py", "from app.domain import order"),
    (imports.layers, "app/domain/bind.py", "from app.ports import Store"),
    (imports.layers, "app/domain/bind.py", "import consumers.binder"),
    (imports.layers, "app/domain/bind.py", "from ..ports import Store"),
    (imports.layers, "app/ports.py", "from app.backends.sqlite import store"),
    (imports.layers, "app/backends/mongo/store.py", "from app.api import webhooks"),
    (imports.layers, "app/backends/mongo/store.py", "from consumers import binder"),
    (imports.layers, "consumers/binder.py", "from app.backends import mongo"),
    (imports.layers, "consumers/binder.py", "from app import backends"),
    (imports.layers, "consumers/binder.py", "def f():\n    import app.backends.mongo"),
    (imports.layers, "consumers/binder.py", "import importlib\nimportlib.import_module('app.backends.mongo')"),
    (imports.layers, "consumers/binder.py", "from app.api import skus"),
    (imports.layers, "app/api/skus.py", "from consumers import binder"),
    (imports.layers, "app/api/skus.py", "from app.bootstrap import build"),
    (imports.layers, "app/sources/verify.py", "from app.api import webhooks"),
    (imports.layers, "app/cli.py", "from app.backends.sqlite import store"),
    (imports.layers, "app/cli.py", "from tests.conftest import x"),
    (imports.drivers, "consumers/binder.py", "import aiokafka"),
    (imports.drivers, "app/bootstrap.py", "from motor.motor_asyncio import AsyncIOMotorClient"),
    (imports.drivers, "app/api/skus.py", "from bson import ObjectId"),
    (imports.purity, "app/domain/bind.py", "async def bind(): ..."),
    (imports.purity, "app/domain/bind.py", "x = [y async for y in z]"),
    (imports.purity, "app/domain/bind.py", "import os.path"),
    (imports.purity, "app/domain/bind.py", "from io import BytesIO"),
    (imports.purity, "app/domain/bind.py", "import logging"),
    (imports.purity, "app/domain/bind.py", "import random"),
    (imports.purity, "app/domain/bind.py", "import time"),
    (imports.purity, "app/domain/bind.py", "open('x')"),
    (imports.purity, "app/domain/bind.py", "from datetime import datetime\ndatetime.now()"),
    (imports.purity, "app/domain/bind.py", "import uuid\nuuid.uuid4()"),
    (imports.real_time, "consumers/binder.py", "import time"),
    (imports.real_time, "consumers/binder.py", "from time import monotonic"),
    (imports.real_time, "consumers/clock.py", "import random"),
    (imports.real_time, "app/api/skus.py", "import datetime as dt\ndt.datetime.now(dt.UTC)"),
    (imports.real_time, "app/api/skus.py", "from datetime import date\ndate.today()"),
]


@pytest.mark.parametrize(("rule", "path", "source"), VIOLATIONS, ids=lambda value: getattr(value, "__name__", None))
def test_a_violation_is_noticed(rule: Rule, path: str, source: str) -> None:
    """Each rule reports the wrong module it is fed, with its path."""
    violations = rule(module(path, source))
    assert violations
    assert all(violation.startswith(path) for violation in violations)


ALLOWED = [
    (imports.layers, "app/bootstrap.py", "from app.backends.mongo import store\nfrom consumers import binder"),
    (imports.layers, "app/cli.py", "from app import bootstrap"),
    (imports.layers, "app/domain/bind.py", "from app.domain.order import Order\nfrom . import facets\nfrom schemas import event"),
    (imports.layers, "app/api/skus.py", "from app.ports import Store\nfrom app.sources import load"),
    (imports.drivers, "app/backends/kafka/log.py", "import aiokafka"),
    (imports.purity, "app/domain/bind.py", "from datetime import UTC, datetime\ndatetime.fromtimestamp(0, UTC)\nimport json"),
    (imports.purity, "consumers/binder.py", "import asyncio"),
    (imports.real_time, "app/backends/clock.py", "import time\nfrom datetime import datetime\ndatetime.now()"),
    (imports.real_time, "app/domain/order.py", "from datetime import time as wall_time, timezone"),
]


@pytest.mark.parametrize(("rule", "path", "source"), ALLOWED, ids=lambda value: getattr(value, "__name__", None))
def test_what_is_allowed_passes(rule: Rule, path: str, source: str) -> None:
    """No rule cries wolf."""
    assert rule(module(path, source)) == []
