"""Definitions of what was counted beside what was sold and staffed."""

from cloud.core.definitions.definition import Definition

TRADED = (
    Definition(
        name="draw-rate/1",
        title="Capture rate, per passer-by",
        summary="How many came in for each one who passed by.",
        formula="visitors / passers-by",
        unit="visitors per passer-by",
        source="The capture rate of those vendors who leave the visitors out of the divisor, such as Bumbee Labs.",
        caveat="Always higher than the capture rate, and above 1 where more came in than passed. Undefined where there "
        "may have been no passer-by.",
        digits=2,
    ),
    Definition(
        name="engaged/1",
        title="Stayed",
        summary="How many of the visitors stayed at least as long as the shop calls engaged.",
        formula="visitors x engagement of the panel",
        unit="people",
        source="The visitors are estimated; the share of them that stayed is that of the panel.",
        caveat="It takes everybody to stay like the panel, a minority of phones. The range holds the noise of the "
        "panel and that of the visitors, not whether the panel is like the others.",
        digits=0,
    ),
    Definition(
        name="conversion/1",
        title="Conversion",
        summary="How many transactions there were for each visitor.",
        formula="transactions / visitors, over the hours that the till told of and the sensors listened to",
        unit="transactions per visitor",
        source="The till's transactions, which are exact, by the estimated visitors of the same hours.",
        caveat="Undefined where there may have been no visitor. Hours listened to for less than 90 % are left out of "
        "both sides, and coverage is the share of the transactions that is left. From the first to the last hour a "
        "till tells of on a date, an hour it leaves out sold nothing; earlier and later hours are left out. Families "
        "buy once, and who only collects buys nothing. While one device counts as one person, it shows change, not "
        "level.",
        digits=3,
    ),
    Definition(
        name="conversion-of-days/1",
        title="Conversion, by days",
        summary="How many transactions there were for each visitor, over whole days.",
        formula="transactions / visitors, over the days that are complete and that the till tells of",
        unit="transactions per visitor",
        source="As conversion, but whole days are taken or left where that takes hours: many shops are read at once.",
        caveat="Coverage is the share of the opening days that is left. A day the till tells of in part counts as if "
        "that were all it sold.",
        digits=3,
    ),
    Definition(
        name="atv/1",
        title="Average transaction value",
        summary="What was paid in a transaction, on average.",
        formula="net sales / transactions",
        unit="the shop's currency",
        source="The till alone, so there is no range.",
        caveat="Returns lower it. Coverage is the share of the transactions whose sales the till tells.",
        digits=2,
    ),
    Definition(
        name="upt/1",
        title="Units per transaction",
        summary="How many items were sold in a transaction, on average.",
        formula="items / transactions",
        unit="items",
        source="The till alone, so there is no range.",
        caveat="Tills differ in what is an item: bags and deposits may count.",
        digits=2,
    ),
    Definition(
        name="sales-per-visitor/1",
        title="Sales per visitor",
        summary="What was sold for each visitor, buyer or not; also called shopper yield.",
        formula="net sales / visitors, over the hours that the till told of and the sensors listened to",
        unit="the shop's currency",
        source="The till's net sales by the estimated visitors of the same hours.",
        caveat="As for conversion: hours not listened to are left out of both sides. Negative where more was returned "
        "than sold.",
        digits=2,
    ),
    Definition(
        name="star/1",
        title="Visitors per staff hour",
        summary="How many came in for each hour that somebody worked on the floor (STAR, shoppers to associates).",
        formula="visitors / hours worked on the floor, over the hours that were staffed and listened to",
        unit="visitors per hour of one member of staff",
        source="Traffic by labour hours, as ShopperTrak defines it. The shop's rota says who is on the floor.",
        caveat="How many visitors there are at a time for each member of staff is this times the mean stay in hours. "
        "The rota is what was planned, not who was there.",
        digits=1,
    ),
)
