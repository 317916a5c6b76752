"""Topics as schemas/topics.yaml wants them, against topics as the brokers have them.

Owns: reading the file, the comparison, creating what is missing. Does not own: the settings themselves (schemas/topics.yaml), the command
(app/cli/). Next stop: schemas/topics.yaml.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from app.backends.kafka.connection import TROUBLE
from app.errors import LogUnavailable, Misconfigured


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. `replication_factor` -1: the brokers' default. `config`: Kafka's names, values as text."""

    name: str
    partitions: int
    replication_factor: int = -1
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """What is not as wanted, in words. `missing`: the topic is absent and can be created."""

    topic: str
    words: str
    missing: bool = False

    def __str__(self) -> str:
        return f"{self.topic}: {self.words}"


def wanted(text: str | None = None) -> list[Topic]:
    """The topics of schemas/topics.yaml, or of this text in its place. A setting of null is left to the brokers. Raises Misconfigured."""
    if text is None:
        text = resources.files("schemas").joinpath("topics.yaml").read_text()
    try:
        spec = yaml.safe_load(text)
        defaults = spec["defaults"]
        return [
            _topic(name, {**defaults, **own, "config": {**defaults["config"], **own.get("config", {})}})
            for name, own in spec["topics"].items()
        ]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise Misconfigured(f"topics.yaml: expected `defaults` and `topics`, each with partitions and config: {error}") from error


def _topic(name: str, spec: Mapping[str, Any]) -> Topic:
    config = {key: str(value) for key, value in spec["config"].items() if value is not None}
    return Topic(name, int(spec["partitions"]), int(spec["replication_factor"]), config)


def differences(spec: Sequence[Topic], found: Mapping[str, Topic]) -> list[Difference]:
    """Everything that is not as wanted, in the order of the spec; [] when all is well."""
    result = []
    for topic in spec:
        have = found.get(topic.name)
        if have is None:
            settings = ", ".join(f"{key}={value}" for key, value in sorted(topic.config.items()))
            result.append(Difference(topic.name, f"missing: {topic.partitions} partitions, {settings}", missing=True))
            continue
        if have.partitions != topic.partitions:
            result.append(
                Difference(
                    topic.name,
                    f"has {have.partitions} partitions, wanted {topic.partitions}: never changed in place, keys would move between owners; "
                    "make a new topic version and drain this one",
                )
            )
        if topic.replication_factor not in (-1, have.replication_factor):
            words = f"has {have.replication_factor} replicas, wanted {topic.replication_factor}: reassign them with the tools of Kafka"
            result.append(Difference(topic.name, words))
        result += [
            Difference(topic.name, f"{key} is {have.config.get(key, 'not set')}, wanted {value}: alter it with the tools of Kafka")
            for key, value in sorted(topic.config.items())
            if have.config.get(key) != value
        ]
    return result


async def apply(admin: AIOKafkaAdminClient, spec: Sequence[Topic], *, dry_run: bool) -> list[Difference]:
    """Compares, and creates what is missing unless dry_run; gives the differences that were found before.

    Failure policy: raises LogUnavailable when brokers do not answer or refuse to create a topic; topics created before stay. Another
    process creating the same topics at the same time is no error.
    """
    try:
        found = await _found(admin, [topic.name for topic in spec])
        result = differences(spec, found)
        if not dry_run:
            await _create(admin, [topic for topic in spec if topic.name not in found])
    except TROUBLE as error:
        raise LogUnavailable(f"Topics could not be compared or created: {type(error).__name__}: {error}") from error
    return result


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic]) -> None:
    if not topics:
        return
    # Empty assignments, not none: the constructor takes replication factor -1 only so.
    new = [NewTopic(each.name, each.partitions, each.replication_factor, {}, dict(each.config)) for each in topics]
    response = await admin.create_topics(new)
    for name, code, *message in response.topic_errors:
        if code and for_code(code) is not TopicAlreadyExistsError:
            raise for_code(code)(f"{name}: {message[0] if message else ''}")


async def _found(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, Topic]:
    existing = set(await admin.list_topics()) & set(names)
    if not existing:
        return {}
    described = await admin.describe_topics(sorted(existing))
    responses = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(existing)])
    configs: dict[str, dict[str, str]] = {}
    for response in responses:
        for code, message, _, name, entries in response.resources:
            if code:
                raise for_code(code)(f"{name}: {message}")
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return {
        each["topic"]: Topic(each["topic"], len(each["partitions"]), len(each["partitions"][0]["replicas"]), configs[each["topic"]])
        for each in described
    }


async def synchronise(bootstrap_servers: str, security: Mapping[str, Any], spec: Sequence[Topic], *, dry_run: bool) -> list[Difference]:
    """apply() with an admin client of its own. Failure policy: brokers that do not answer are LogUnavailable."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers, **security)
    try:
        await admin.start()
        return await apply(admin, spec, dry_run=dry_run)
    except TROUBLE as error:
        raise LogUnavailable(f"Kafka at {bootstrap_servers} does not answer: {type(error).__name__}: {error}") from error
    finally:
        await admin.close()
