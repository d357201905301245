"""Metrics: how the cloud is, for a Prometheus on the same machine: GET /metrics.

1. It says nothing of visitors: only how much came, how late, what waits, and how the sensors are, by status.
2. It answers to who asks this machine by its own name, and not through a proxy that says it is one.
3. Counters are those of this process: workers beside it (`ingest`) are not in them. What waits is of the whole
   database.
4. No label names a shop or a sensor: their number would be that of the series. Which ones it is stands in the fleet's
   list, and what is the matter with them in the alerts.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import get_args

from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.responses import PlainTextResponse, Response

from cloud.core.condition import Condition, Status, shown
from cloud.store import Store, StoreError
from cloud.store.backlog import Backlog, Waiting
from cloud.store.survey import Survey

log = logging.getLogger(__name__)
HERE = frozenset(("127.0.0.1", "localhost", "::1"))
PROXIED = ("forwarded", "x-forwarded-for", "via")
_COUNTED = {  # of what the subscriber counts: what it is
    "messages": "Messages from the broker that were stored.",
    "reports": "Reports that were new.",
    "duplicates": "Reports that had come before.",
    "late": "Reports that came more than a quarter of an hour after their window.",
    "quarantined": "Messages and reports nobody can use.",
    "sales": "Hours of tills, new or changed.",
    "commits": "Commits.",
    "failures": "Commits that have to be tried again.",
    "errors": "Errors nobody expected.",
}


class Metrics(Collector):
    """Of `tenant` in `store`. `counted` gives the counters of who takes the reports; `clock` UTC seconds."""

    def __init__(
        self, store: Store, tenant: str, counted: Callable[[], Mapping[str, float]], clock: Callable[[], float]
    ) -> None:
        self._store, self._tenant, self._counted, self._clock = store, tenant, counted, clock
        self._backlog, self._survey = Backlog(store), Survey(store)

    def collect(self) -> Iterable[Metric]:
        """All of it, as it is now; what the database cannot say now is missing."""
        yield from _ingest(self._counted())
        now = int(self._clock())
        try:
            waiting = self._backlog.look(self._tenant, now)
            placed = self._store.placed(self._tenant)
            conditions = self._survey.conditions(self._tenant, placed, now)
        except StoreError as error:
            log.error("%s", error)
            return
        yield from _waiting(waiting)
        yield from _sensors([one for some in conditions.values() for one in some], now)


def add(site: FastAPI, metrics: Metrics) -> None:
    """Answers GET /metrics, in the format that is asked for."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)

    @site.get("/metrics")
    def exposed(request: Request) -> Response:
        if request.url.hostname not in HERE or any(one in request.headers for one in PROXIED):
            return PlainTextResponse("Metrics are for this machine alone: ask for http://127.0.0.1/metrics.\n", 404)
        encoder, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encoder(registry), media_type=kind)


def _ingest(counted: Mapping[str, float]) -> Iterable[Metric]:
    yield _gauge("footfall_broker_connected", "Whether the broker answers.", counted["connected"])
    for name, says in _COUNTED.items():
        yield CounterMetricFamily(f"footfall_ingest_{name}", says, value=counted[name])
    took = CounterMetricFamily("footfall_ingest_commit_seconds", "Time that commits took.")
    took.add_metric([], counted["commit_seconds"])
    yield took
    yield SummaryMetricFamily(
        "footfall_ingest_lag_seconds",
        "From the end of a window to its commit.",
        count_value=int(counted["dated"]),
        sum_value=counted["lag_seconds"],
    )


def _waiting(of: Waiting) -> Iterable[Metric]:
    yield _gauge("footfall_rollup_backlog", "Hours of shops that are to be rolled up.", of.dirty_hours)
    yield _gauge("footfall_quarantine_messages", "Messages nobody can use that are kept.", of.quarantined)
    yield CounterMetricFamily("footfall_quarantine_given_up", "Of those, how many were given up.", value=of.given_up)
    yield _gauge("footfall_outgoing_messages", "Mails and webhooks that are to be sent.", of.outgoing)
    yield _gauge("footfall_open_claims", "Codes that wait for their sensor.", of.claims)
    yield _gauge("footfall_unsent_settings", "Sensors whose settings lie here and not yet at the broker.", of.unsent)
    rollouts = GaugeMetricFamily("footfall_rollouts", "Changes of settings, by their state.", labels=["state"])
    for state, many in sorted({"running": 0, **of.rollouts}.items()):
        rollouts.add_metric([state], many)
    yield rollouts


def _sensors(conditions: list[Condition], now: int) -> Iterable[Metric]:
    by_status = GaugeMetricFamily("footfall_sensors", "Placed sensors, by their status.", labels=["status"])
    statuses = Counter(shown(one, now).status for one in conditions)
    for status in get_args(Status):
        by_status.add_metric([status], statuses[status])
    yield by_status
    ages = [now - one.last_report_at for one in conditions if one.last_report_at is not None]
    if ages:
        age = GaugeMetricFamily(
            "footfall_watermark_age_seconds", "How long ago sensors last moved their watermark.", labels=["of"]
        )
        age.add_metric(["median"], median(ages))
        age.add_metric(["oldest"], max(ages))
        yield age


def _gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value=value)
