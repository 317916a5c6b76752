"""How clients of Kafka are made, closed, and how their errors read.

Owns: common options, closing without waiting for ever, the sorting of aiokafka's errors. Does not own: what is done about an error
(appender.py, consumer.py, writer.py). Next stop: app/backends/kafka/appender.py.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer, errors

from app.errors import LogUnavailable

log_line = structlog.get_logger(__name__)

# The topics' max.message.bytes is 1 MiB (schemas/topics.yaml); a batch stays at half of it, a larger entry goes alone.
BATCH_BYTES = 512 * 1024

# What a client may raise when brokers cannot be reached or used: aiokafka's own errors, the sockets', and its time-outs.
TROUBLE = (errors.KafkaError, errors.IllegalOperation, errors.ConsumerStoppedError, OSError, TimeoutError)

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
    """Lets unsent batches go for up to grace_s, then fails them with ProducerClosed.

    aiokafka's own stop() waits for them without end, so what is left is taken down part by part, from parts that have no public names.

    Failure policy: never raises; a connection that cannot be closed in order is logged and dropped.
    """
    accumulator, sender, transactions = producer._message_accumulator, producer._sender, producer._txn_manager  # noqa: SLF001  (see above)
    for step in (producer.stop, sender.close, producer.client.close):
        try:
            async with asyncio.timeout(grace_s):
                await step()
        except TROUBLE as error:
            log_line.info("kafka.producer_closed_by_force", step=step.__qualname__, error=type(error).__name__)
            # Callers of unfinished batches hear of it, and stop()'s own flush, which still waits for them, ends.
            accumulator.fail_all(errors.ProducerClosed())
    ended = transactions.wait_for_transaction_end()
    if ended is not None and ended.done() and not ended.cancelled():
        # A fenced transaction's error was raised elsewhere already; unread here, asyncio would report it as lost.
        ended.exception()
