"""Desk: the nouns of one tenant's desk, put together over its store."""

from collections.abc import Callable

from cloud.authority import Issuing
from cloud.core.message import Ways
from cloud.desk.alerts import Alerts
from cloud.desk.annotations import Annotations
from cloud.desk.calibration import Calibration
from cloud.desk.campaigns import Campaigns
from cloud.desk.claims import Claims
from cloud.desk.erasure import Erasure
from cloud.desk.export import Exports
from cloud.desk.fleet import Fleet
from cloud.desk.flow import Flows
from cloud.desk.funnel import Funnels
from cloud.desk.lamps import Lamps
from cloud.desk.members import Members
from cloud.desk.post import Post
from cloud.desk.ranking import Rankings
from cloud.desk.reader import Reader
from cloud.desk.shares import Shares
from cloud.desk.till import Tills
from cloud.desk.trends import Trend
from cloud.desk.week import Weeks
from cloud.store import Store


class Desk:
    """Everything that pages and API ask of `tenant`; `clock` gives UTC seconds, `ways` how people outside are told.

    `issuing` makes the certificates of sensors; without it none can be claimed.
    """

    def __init__(
        self,
        store: Store,
        tenant: str,
        clock: Callable[[], float],
        ways: Ways = Ways(),  # noqa: B008 - frozen
        issuing: Issuing | None = None,
    ) -> None:
        self.tenant = tenant
        self.clock = clock
        self.reader = Reader(store, tenant, clock)
        self.funnels = Funnels(store, tenant, clock)
        self.weeks = Weeks(store, tenant, clock)
        self.trend = Trend(store, tenant, clock)
        self.flows = Flows(store, tenant, clock)
        self.rankings = Rankings(store, tenant, clock)
        self.exports = Exports(store, tenant, clock)
        self.erasure = Erasure(store, tenant, clock)
        self.shares = Shares(store, tenant, clock)
        self.tills = Tills(store, tenant, clock)
        self.annotations = Annotations(store, tenant, clock)
        self.alerts = Alerts(store, tenant, clock)
        self.calibration = Calibration(store, tenant, clock)
        self.campaigns = Campaigns(store, tenant, clock)
        self.fleet = Fleet(store, tenant, clock)
        self.members = Members(store, tenant, clock, issuing)
        self.claims = Claims(store, tenant, clock, issuing)
        self.lamps = Lamps(store, clock)
        self.post = Post(store, tenant, clock, ways)
