"""Campaigns: the paths of what a tenant's shops try, and what came of it."""

from typing import Annotated

from fastapi import Depends, FastAPI

from cloud.api.bodies import Json, answers
from cloud.api.sent import named, sent, takes
from cloud.core.campaign import Campaign
from cloud.core.lift import Power
from cloud.desk import CampaignLine, CampaignResult, Desk


def add(api: FastAPI, desk: Desk) -> None:
    """List campaigns, plan them, write them, take them back, and see what came of them."""
    campaigns = desk.campaigns

    @api.get("/campaigns", responses=answers(list[CampaignLine]), summary="All campaigns, the newest first")
    def lines() -> Json:
        return Json(campaigns.lines())

    @api.post(
        "/campaigns/power",
        responses=answers(Power, 422),
        openapi_extra=takes(Campaign),
        summary="What lift a campaign would show",
    )
    def power(told: Annotated[Campaign, Depends(sent(Campaign))]) -> Json:
        """From the newest weeks before it. Nothing is kept."""
        return Json(campaigns.power(told))

    @api.get("/campaigns/{campaign}", responses=answers(Campaign, 404), summary="A campaign")
    def get(campaign: str) -> Json:
        return Json(campaigns.get(campaign))

    @api.put(
        "/campaigns/{campaign}",
        responses=answers(Campaign, 422),
        openapi_extra=takes(Campaign),
        summary="Write a campaign",
    )
    def put(campaign: str, told: Annotated[Campaign, Depends(sent(Campaign))]) -> Json:
        """One of that id is replaced. Answers with what is kept."""
        return Json(campaigns.put(named(told, campaign)))

    @api.delete("/campaigns/{campaign}", responses=answers(None), summary="Take a campaign back")
    def delete(campaign: str) -> Json:
        """One that is not there is taken back already."""
        campaigns.delete(campaign)
        return Json(None)

    @api.get("/campaigns/{campaign}/result", responses=answers(CampaignResult, 404), summary="What came of a campaign")
    def result(campaign: str) -> Json:
        """The lift with its range and warnings, the placebos, and the days for a chart."""
        return Json(campaigns.result(campaign))
