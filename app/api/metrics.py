"""The numbers of the webhook door: counted in plain integers, read by /metrics and /v1/sources.

Owns: names and meaning of these metrics, the counters. Does not own: the metrics of consumers (they register their own collectors).
Next stop: app/api/webhooks.py counts, app/api/health.py and app/api/operations.py show.

The hot path only adds to integers; families are built when somebody asks. Counts are of this process since it started.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

# Upper bounds in seconds. Senders give up after half a second at the earliest, so the buckets are dense below it.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0, 2.5)
LABELS = [*(f"{bound}" for bound in BUCKETS), "+Inf"]

REQUESTS = "bindery_webhook_requests", "Webhook requests by source and outcome: accepted, disconnected or the kind of problem."
EVENTS = "bindery_webhook_events", "Events appended to the log, by source."
LETTERS = "bindery_webhook_letters", "Authentic requests or parts of them that became dead letters at the door, by source."
SECONDS = "bindery_webhook_seconds", "Time from the headers of an accepted request to its answer, by source."
IN_FLIGHT = "bindery_webhook_in_flight", "Requests that are being worked on, by source."
IN_FLIGHT_BYTES = "bindery_webhook_in_flight_bytes", "Bytes of request bodies held in memory, all sources."
LAST = "bindery_webhook_last_accepted_timestamp_seconds", "When a request of this source was last accepted; absent before the first."

ACCEPTED, DISCONNECTED = "accepted", "disconnected"
NOBODY = ""  # the source of requests for a source that is not configured


@dataclass(slots=True)
class Counts:
    """What became of the requests of one source. Instants in µs UTC, 0 for never; `last_error` is the last refusal in words,
    `newest_order_us` the newest time that the sender gave an event."""

    outcomes: Counter[str] = field(default_factory=Counter)
    events: int = 0
    letters: int = 0
    in_flight: int = 0
    bytes_in_flight: int = 0
    last_delivery_us: int = 0
    last_accepted_us: int = 0
    last_error_us: int = 0
    last_error: str = ""
    newest_order_us: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * len(LABELS))
    seconds: float = 0.0

    def accepted(self, events: int, letters: int, seconds: float, at_us: int) -> None:
        self.outcomes[ACCEPTED] += 1
        self.events += events
        self.letters += letters
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds
        self.last_accepted_us = at_us

    def refused(self, kind: str, detail: str, at_us: int) -> None:
        self.outcomes[kind] += 1
        self.last_error, self.last_error_us = detail, at_us


class DoorMetrics(Collector):
    """The families of the webhook door, made from the counts when they are scraped."""

    def __init__(self, counts: Mapping[str, Counts]) -> None:
        self._counts = counts

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        requests = CounterMetricFamily(*REQUESTS, labels=["source", "outcome"])
        events = CounterMetricFamily(*EVENTS, labels=["source"])
        letters = CounterMetricFamily(*LETTERS, labels=["source"])
        in_flight = GaugeMetricFamily(*IN_FLIGHT, labels=["source"])
        last = GaugeMetricFamily(*LAST, labels=["source"])
        seconds = HistogramMetricFamily(*SECONDS, labels=["source"])
        for source, counts in self._counts.items():
            for outcome, count in counts.outcomes.items():
                requests.add_metric([source, outcome], count)
            if source == NOBODY:
                continue
            events.add_metric([source], counts.events)
            letters.add_metric([source], counts.letters)
            in_flight.add_metric([source], counts.in_flight)
            if counts.last_accepted_us:
                last.add_metric([source], counts.last_accepted_us / 1e6)
            upto = [sum(counts.buckets[: n + 1]) for n in range(len(LABELS))]
            seconds.add_metric([source], list(zip(LABELS, upto, strict=True)), counts.seconds)
        held = GaugeMetricFamily(*IN_FLIGHT_BYTES, value=sum(counts.bytes_in_flight for counts in self._counts.values()))
        return [requests, events, letters, in_flight, held, last, seconds]
