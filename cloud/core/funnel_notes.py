"""Funnel notes: what a reader should know of a funnel's figures, in the order of weight."""

from collections.abc import Iterator
from datetime import date

from cloud.core.figures import COMPLETE
from cloud.core.funnel import Funnel
from cloud.core.glossary import round_down
from cloud.core.metrics import Trade
from cloud.core.presets import Preset
from cloud.core.saying import Saying


def notes(funnel: Funnel, trade: Trade, preset: Preset) -> list[str]:
    """The notes on `funnel`, whose till's part was made of `trade`."""
    return [*_of_people(funnel), *_of_till(funnel, trade), *_of_panel(funnel), *_of_preset(preset)]


def _of_people(funnel: Funnel) -> Iterator[Saying]:
    if funnel.coverage < COMPLETE:
        yield Saying(
            "Only {share:percent} of the time due was listened to: these figures are incomplete, do not compare them.",
            share=round_down(funnel.coverage),
        )
    if not funnel.calibrated:
        yield Saying(
            "Nobody has counted people here yet: one device counts as one person. Look at changes, not levels."
        )


def _of_till(funnel: Funnel, trade: Trade) -> Iterator[Saying]:
    if funnel.till is None:
        return
    deaf = [one for one in trade.hours if one.takings.hours and not one.listened]
    sales = sum(one.takings.transactions or 0 for one in deaf)
    if len(deaf) == 1:
        yield Saying(
            "The sensor did not listen during one hour, with {sales} of {all} sales: conversion is without it.",
            sales=sales,
            all=funnel.till.transactions,
        )
    elif deaf:
        yield Saying(
            "The sensor did not listen during {hours} hours, with {sales} of {all} sales: conversion is without them.",
            hours=len(deaf),
            sales=sales,
            all=funnel.till.transactions,
        )
    if trade.dates < COMPLETE:
        yield Saying(
            "The till told of {share:percent} of the days on which the shop was open.", share=round_down(trade.dates)
        )
    conversion = funnel.till.conversion
    if conversion.low is not None and conversion.low > 1:
        yield Saying("The till sold more often than people came in: count at the door, and calibrate the shop.")


def _of_panel(funnel: Funnel) -> Iterator[Saying]:
    if funnel.panel is None:
        yield Saying("No sensor here has told of visits on these days: who stayed and who came back is not known.")
        return
    if funnel.panel.from_ != funnel.from_:
        yield Saying(
            "Stays and returns are of {first:day} to {last:day} only.",
            first=date.fromisoformat(funnel.panel.from_),
            last=date.fromisoformat(funnel.panel.to),
        )
    stays, bounce = funnel.panel.stays, funnel.panel.bounce
    if stays is not None and bounce is not None and funnel.engaged_s > stays.edges_s[-1]:
        yield Saying(
            "Engaged is {wanted} minutes here, and stays are told apart up to {most} minutes: who stayed is not known.",
            wanted=round(funnel.engaged_s / 60),
            most=round(stays.edges_s[-1] / 60),
        )


def _of_preset(preset: Preset) -> Iterator[Saying]:
    if preset.name != "default":
        yield Saying("Compared by the definitions of {vendor}: {same}", vendor=preset.title, same=preset.same)
        yield Saying("What differs from them all the same: {other}", other=preset.other)
