"""Definitions of figures beside those of other times, places and campaigns."""

from cloud.core.definitions.definition import Definition

COMPARED = (
    Definition(
        name="usual-visitors/1",
        title="Usual visitors",
        summary="How many visitors such a weekday usually has.",
        formula="median of the visitors on the same weekday of the last 8 weeks",
        unit="people (visits begun)",
        source="Only days that are complete, no holidays, and counted with the same people per device; undefined where "
        "fewer than 4 of them are left.",
        caveat="The range is that of one such day's figure, not how much such days differ.",
        digits=0,
    ),
    Definition(
        name="usual-so-far/1",
        title="Usual visitors by this time",
        summary="How many visitors such a weekday usually has had by this time.",
        formula="median of the visitors in the same opening hours of the same weekday of the last 8 weeks",
        unit="people (visits begun)",
        source="Only days whose hours so far are complete, no holidays, and counted with the same people per device; "
        "undefined where fewer than 4 of them are left.",
        caveat="The range is no 80 % interval: it goes from the least to the most of those days.",
        digits=0,
    ),
    Definition(
        name="usual-capture-rate/1",
        title="Usual capture rate",
        summary="The share of those around who came in, as on such a weekday usually.",
        formula="median of the capture rate on the same weekday of the last 8 weeks",
        unit="share from 0 to 1",
        source="The same days as those of the usual visitors.",
        caveat="The range is that of one such day's figure, not how much such days differ.",
        digits=2,
    ),
    Definition(
        name="usual-hour/1",
        title="Usual hour",
        summary="How many come in such an hour of the week, usually.",
        formula="median of the visitors of the same weekday and hour over the last 8 weeks that have ended",
        unit="people (visits begun)",
        source="Only hours that are complete, no holidays, and counted with the same people per device; undefined "
        "where fewer than 3 of them are left.",
        caveat="The range is where four of five of those weeks lie: how much such hours differ, not how well each was "
        "counted.",
        digits=0,
    ),
    Definition(
        name="change/1",
        title="Change",
        summary="By how much a figure differs from the one it is compared with.",
        formula="figure / figure compared with - 1, over days that were opening days both times",
        unit="share, 0.1 being a tenth more",
        source="Each end takes the worse of both ranges; that of people per device is taken out, being one in both.",
        caveat="Undefined where either is incomplete, or people per device were calibrated in between. It says nothing "
        "of the cause.",
        digits=2,
    ),
    Definition(
        name="daily-visitors/1",
        title="Visitors a day",
        summary="How many visitors an opening day had, on average.",
        formula="visitors of the opening days / opening days",
        unit="people (visits begun) a day",
        source="Weeks of which every opening day is complete.",
        caveat="The range is that of the counting: it does not narrow with the days, because its error repeats.",
        digits=0,
    ),
    Definition(
        name="moving-visitors/1",
        title="Moving mean",
        summary="How many visitors an opening day had, on average over the seven days up to this one.",
        formula="visitors of the opening days among seven / those opening days",
        unit="people (visits begun) a day",
        source="Every weekday is in it once, so what is left is not the rhythm of the week.",
        caveat="Undefined unless every opening day of the seven is complete.",
        digits=0,
    ),
    Definition(
        name="before-after/1",
        title="Difference after",
        summary="How many more visitors a day there were after something than before it.",
        formula="mean of up to 4 whole weeks after - mean of up to 4 whole weeks before, each as visitors a day",
        unit="people (visits begun) a day",
        source="Welch's interval for the difference of two means (Biometrika 34, 1947), over weeks with the same "
        "opening days.",
        caveat="A bare before and after: season, weather and whatever else changed are in it. Weeks that follow each "
        "other are alike, so the range is rather too narrow.",
        digits=0,
    ),
    Definition(
        name="zone-lag/1",
        title="How much later a zone fills",
        summary="So many minutes after one zone changes, the other does.",
        formula="the lag at which the changes of one zone and the later changes of the other correlate most",
        unit="minutes",
        source="How many were in each zone, from five minutes to five minutes. The range holds every lag that cannot "
        "be told to be worse, and half of five minutes on either side.",
        caveat="Nobody is followed: that people went from one to the other is the plainest reason, not the only one. "
        "Zones that hear each other seem to fill together.",
        digits=1,
    ),
    Definition(
        name="zone-correlation/1",
        title="How closely a zone follows",
        summary="How much of the changes in one zone is found again in the other.",
        formula="mean over the days of the correlation of changes over a quarter of an hour, less what is usual then",
        unit="0 for not at all, 1 for all of it",
        source="Student's interval over the days, of Fisher's z.",
        caveat="Small numbers are to be expected: most changes are chance.",
        digits=2,
    ),
    Definition(
        name="lift/1",
        title="Lift of a campaign",
        summary="By how much more its shops changed than shops in which it did not run.",
        formula="exp(mean over its shops of log(day / usual day before) - the same of the other shops) - 1, on days "
        "that both have",
        unit="share, 0.08 for 8 % more",
        source="Difference-in-differences of logarithms. From four shops on each shop is one change (Bertrand, Duflo "
        "and Mullainathan 2004; Donald and Lang 2007); with fewer, days are compared by generalised least squares.",
        caveat="It is the mean of the shops' own lifts, so a small shop counts as much as a large one. Whatever else "
        "changed in its shops and not in the others counts as the campaign; without others, whatever changed at all.",
        digits=3,
    ),
    Definition(
        name="detectable-lift/1",
        title="Lift that can be seen",
        summary="The smallest lift that would be called a rise four times out of five.",
        formula="non-central t: power 0.8 at a two-sided level of 0.1, with the variance of the same comparison on the "
        "newest weeks without the campaign",
        unit="share, 0.08 for 8 % more",
        source="Power analysis of the t test (Cohen 1988). The range is what the variance of so few shops leaves open.",
        caveat="It holds if the weeks to come vary as those before. A smaller lift may be there and stay unseen.",
        digits=2,
    ),
)
