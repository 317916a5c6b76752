"""The numbers of the fetches: counted in plain integers, read by /metrics.

Owns: names and meaning of these metrics, the counters. Does not own: the door's (app/api/metrics.py).
Next stop: consumers/fetching.py counts, app/bootstrap.py registers.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CALLS = "bindery_fetch_calls", "Calls to a system's vendor that have ended, by outcome: answered, down, busy, denied, defect."
PAGES = "bindery_fetch_pages", "Pages that were written, by system."
TASKS = "bindery_fetch_tasks", "Tasks by what became of them: done, again, absent, failed, rejected."
OPEN = "bindery_fetch_open_calls", "Calls that are open now, by system."
OWNED = "bindery_fetch_owned", "1 where this process works the system's tasks off."
WAITING = "bindery_fetch_waiting_tasks", "Tasks that wait, by system, as its owner last saw them."
OLDEST = "bindery_fetch_oldest_due_timestamp_seconds", "Due time of the task that has been due for longest; absent where none is."
PAUSED = "bindery_fetch_paused_until_timestamp_seconds", "Until when a system is left alone; absent where it is not."


@dataclass(slots=True)
class Counts:
    """Of one system, in this process. Instants in µs UTC, 0 for none."""

    calls: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    pages: int = 0
    open: int = 0
    owned: bool = False
    waiting: int = 0
    oldest_due_us: int = 0
    paused_until_us: int = 0


class FetchMetrics(Collector):
    """The families, made from the counts when they are scraped."""

    def __init__(self, counts: Mapping[str, Counts]) -> None:
        self._counts = counts

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        calls = CounterMetricFamily(*CALLS, labels=["system", "outcome"])
        tasks = CounterMetricFamily(*TASKS, labels=["system", "outcome"])
        pages = CounterMetricFamily(*PAGES, labels=["system"])
        gauges = {named: GaugeMetricFamily(*named, labels=["system"]) for named in (OPEN, OWNED, WAITING, OLDEST, PAUSED)}
        for system, counts in self._counts.items():
            for family, counter in ((calls, counts.calls), (tasks, counts.tasks)):
                for outcome, count in counter.items():
                    family.add_metric([system, outcome], count)
            pages.add_metric([system], counts.pages)
            gauges[OPEN].add_metric([system], counts.open)
            gauges[OWNED].add_metric([system], counts.owned)
            if counts.owned:
                gauges[WAITING].add_metric([system], counts.waiting)
                for named, at_us in ((OLDEST, counts.oldest_due_us), (PAUSED, counts.paused_until_us)):
                    if at_us:
                        gauges[named].add_metric([system], at_us / 1e6)
        return [calls, tasks, pages, *gauges.values()]
