"""The desk: all that people and programs may ask of one tenant's shops, and all they may tell of them.

1. Pages and API ask here and nowhere else, so that both say the same. Another tenant's shop is an unknown one.
2. Whatever leaves is disclosed: whole people, bounds rounded outward.
3. What somebody sends is taken whole or refused (`Refusal`); sending it twice is sending it once.

Each module is one noun: a class over `(store, tenant, clock)` whose methods block.
"""

from cloud.desk.alerts import AlertLine, Alerts
from cloud.desk.annotations import Annotations
from cloud.desk.calibration import Calibration, DoorLine
from cloud.desk.campaigns import CampaignLine, CampaignResult, Campaigns, UnknownCampaignError
from cloud.desk.claims import Claims, UnknownClaimError
from cloud.desk.dailies import Dailies
from cloud.desk.desk import Desk
from cloud.desk.export import Exports
from cloud.desk.fleet import Fleet, UnknownRolloutError
from cloud.desk.flow import Flows
from cloud.desk.funnel import Funnels
from cloud.desk.members import Members, UnknownMemberError
from cloud.desk.post import Post, UnknownWordError
from cloud.desk.ranking import Rankings
from cloud.desk.reader import Reader, ShopLine, UnknownShopError, Visits
from cloud.desk.shares import Shares
from cloud.desk.till import TillForgotten, TillPreview, Tills, TillSold, TillSources, TillTold
from cloud.desk.trends import Trend
from cloud.desk.week import Weeks

__all__ = [
    "AlertLine",
    "Alerts",
    "Annotations",
    "Calibration",
    "CampaignLine",
    "CampaignResult",
    "Campaigns",
    "Claims",
    "Dailies",
    "Desk",
    "DoorLine",
    "Exports",
    "Fleet",
    "Flows",
    "Funnels",
    "Members",
    "Post",
    "Rankings",
    "Reader",
    "Shares",
    "ShopLine",
    "TillForgotten",
    "TillPreview",
    "TillSold",
    "TillSources",
    "TillTold",
    "Tills",
    "Trend",
    "UnknownCampaignError",
    "UnknownClaimError",
    "UnknownMemberError",
    "UnknownRolloutError",
    "UnknownShopError",
    "UnknownWordError",
    "Visits",
    "Weeks",
]
