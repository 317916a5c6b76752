"""How clients of Kafka are made, closed, and how their errors read.

Owns: common options, closing without waiting for ever, the sorting of aiokafka's errors. Does not own: what is done about an error
(appender.py, consumer.py, writer.py). Next stop: app/backends/kafka/appender.py.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, errors

from app.errors import LogUnavailable

log_line = structlog.get_logger(__name__)

# What is left of a time to close in once the goodbye has had its share: for taking down what does not answer.
FORCE_S = 0.2

# The topics' max.message.bytes is 1 MiB (schemas/topics.yaml); a batch stays at half of it, a larger entry goes alone.
BATCH_BYTES = 512 * 1024

# What a client may raise when brokers cannot be reached or used: aiokafka's own errors, the sockets', and its time-outs.
TROUBLE = (errors.KafkaError, errors.IllegalOperation, errors.ConsumerStoppedError, OSError, TimeoutError)

# aiokafka asserts where its metadata are empty while a broker registers anew ("Did we not perform bootstrap?"), and the state of a
# transaction, which is wrong only after its sender died: failures of the brokers like any other.
FAILURES = (*TROUBLE, AssertionError)

# The broker says no to these very records: https://kafka.apache.org/protocol#protocol_error_codes
TOO_LARGE = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
REFUSALS = (*TOO_LARGE, errors.InvalidTimestampError, errors.PolicyViolationError)

# Neither these records nor this producer are at fault, and trying again at once does not help.
FORBIDDEN = (
    errors.TopicAuthorizationFailedError,
    errors.ClusterAuthorizationFailedError,
    errors.TransactionalIdAuthorizationFailed,
    errors.AuthenticationFailedError,
    errors.SaslAuthenticationFailed,
)

FENCED = (errors.ProducerFenced, errors.InvalidProducerEpoch, errors.TransactionCoordinatorFenced)


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the brokers are and how to be let in. `security`: aiokafka's options security_protocol, ssl_context, sasl_*."""

    bootstrap_servers: str
    client_id: str = "bindery"
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def options(self, role: str) -> dict[str, Any]:
        """Keyword arguments for any aiokafka client."""
        return {"bootstrap_servers": self.bootstrap_servers, "client_id": f"{self.client_id}-{role}", **self.security}

    def unavailable(self, what: str, error: BaseException) -> LogUnavailable:
        """The error to raise for a failure that is nobody's fault but the brokers' or the network's."""
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return LogUnavailable(f"Kafka at {self.bootstrap_servers}: {what} ({why}).")


async def close_producer(producer: AIOKafkaProducer, grace_s: float) -> None:
    """Lets unsent batches go, then fails them with ProducerClosed; grace_s for all of it.

    aiokafka's own stop() waits for them without end, so what is left is taken down part by part, from parts that have no public names.

    Failure policy: never raises; a connection that cannot be closed in order is logged and dropped.
    """
    accumulator, sender = producer._message_accumulator, producer._sender  # noqa: SLF001 - parts have no public names
    transactions = producer._txn_manager  # noqa: SLF001 - parts have no public names

    def failed(step: Callable[[], Awaitable[object]], error: BaseException) -> None:
        log_line.info("kafka.producer_closed_by_force", step=step.__qualname__, error=type(error).__name__)
        # Callers of unfinished batches hear of it, and stop()'s own flush, which still waits for them, ends.
        accumulator.fail_all(errors.ProducerClosed())

    await close_by_steps((producer.stop, sender.close, producer.client.close), grace_s, failed)
    ended = transactions.wait_for_transaction_end()
    if ended is not None and ended.done() and not ended.cancelled():
        # A fenced transaction's error was raised elsewhere already; unread here, asyncio would report it as lost.
        ended.exception()


async def close_by_steps(
    steps: Sequence[Callable[[], Awaitable[object]]],
    within_s: float,
    failed: Callable[[Callable[[], Awaitable[object]], BaseException], None],
) -> None:
    """Does each step, the first with nearly all of the time and the others with FORCE_S each, so that within_s is enough for all.

    Failure policy: a step that fails or takes too long is told to `failed`, and the next one follows.
    """
    shares_s = [max(within_s - FORCE_S * (len(steps) - 1), FORCE_S), *[FORCE_S] * (len(steps) - 1)]
    for step, share_s in zip(steps, shares_s, strict=True):
        try:
            async with asyncio.timeout(share_s):
                await step()
        except FAILURES as error:
            failed(step, error)


async def close_consumer(
    consumer: AIOKafkaConsumer, within_s: float, failed: Callable[[Callable[[], Awaitable[object]], BaseException], None]
) -> None:
    """Leaves the group and closes, or gives up: a cancelled stop() goes no further, so its tasks and connections are ended here.

    Failure policy: never raises; what did not end well is told to `failed`.
    """
    coordinator, fetcher, client = consumer._coordinator, consumer._fetcher, consumer._client  # noqa: SLF001 - parts have no public names
    places = (
        (coordinator, ("_coordination_task", "_heartbeat_task", "_commit_refresh_task", "_reset_committed_task")),
        (fetcher, ("_fetch_task",)),
    )

    async def abandon() -> None:
        tasks = [task for owner, names in places for name in names if (task := getattr(owner, name, None)) is not None]
        tasks += getattr(fetcher, "_pending_tasks", ())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    await close_by_steps((consumer.stop, abandon, client.close), within_s, failed)
