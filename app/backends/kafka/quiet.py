"""Keeps an outage readable: aiokafka writes some forty lines a second and client while brokers are away.

Owns: the filter on aiokafka's loggers. Does not own: handlers and formats (app/observability.py). Next stop: app/backends/kafka/log.py.
"""

import logging
from collections.abc import Hashable

EVERY_S = 10.0
LOGGERS = ("aiokafka", "aiokafka.conn", "aiokafka.producer.sender", "aiokafka.consumer.fetcher", "aiokafka.consumer.group_coordinator")
MOST_KINDS = 1_000


class OncePerWhile(logging.Filter):
    """Lets a message pass once in EVERY_S seconds, whatever its arguments; the next one that passes says how many were left out."""

    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[Hashable, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        at_s, left_out = self._passed.get(record.msg, (float("-inf"), 0))
        if record.created - at_s < EVERY_S:
            self._passed[record.msg] = (at_s, left_out + 1)
            return False
        if len(self._passed) >= MOST_KINDS:
            self._passed.clear()
        self._passed[record.msg] = (record.created, 0)
        if left_out:
            record.msg = f"{record.msg} (and {left_out} more like this)"
        return True


def quieten() -> None:
    """Puts the filter on aiokafka's loggers, once per process."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, OncePerWhile) for each in logger.filters):
            logger.addFilter(OncePerWhile())
