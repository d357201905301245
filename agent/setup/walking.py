"""Walking: the page of the walk test, and the two knobs it suggests values for."""

from agent.core.walk import BEFORE_S, PLACES, Walk, Zoning
from agent.setup.pages import View, back, page, refused, steps
from agent.setup.words import Words

LEAST_DBM, MOST_DBM = -95, -30


def walk(view: View, now: Walk | None, at: float, words: Words, *, lost: bool) -> str:
    """The walk test, and the zones it found."""
    body = "\n".join((steps(view, words), refused(view.wrong), _walk(view, now, at, words, lost=lost)))
    zoning = None if now is None else now.zoning()
    return page(words, view.name, body + _zones(view, zoning, words) + back(words), "/walk")


def _walk(view: View, now: Walk | None, at: float, words: Words, *, lost: bool) -> str:
    if view.reading is None or view.reading.rests:
        told = _lead(words) + refused(words("live-none"))
    elif now is None or lost:
        told = _lead(words) + refused(words("walk-lost") if lost else "") + _begin(words("walk-begin"))
    elif now.over(at) or now.zoning():
        told = _going(now, at, words) + _begin(words("walk-again"), "plain")
    else:
        told = _going(now, at, words)
    return f'<section id="walk" class="card" data-live>{told}</section>'


def _lead(words: Words) -> str:
    return f"<h2>{words('step-walk')}</h2><p>{words('walk-lead')}</p>"


def _begin(label: str, kind: str = "first") -> str:
    button = f'<button class="{kind}" name="do" value="begin">{label}</button>'
    return f'<form method="post" action="/walk"><p>{button}</p></form>'


def _going(now: Walk, at: float, words: Words) -> str:
    """What to do just now, and the four places."""
    waits = now.waits_s(at)
    if waits > 0:
        done = f'max="{BEFORE_S:.0f}" value="{BEFORE_S - waits:.0f}" aria-label="{words("wait")}"'
        return f'<p class="lead" role="status">{words("walk-before", n=round(waits))}</p><progress {done}></progress>'
    if now.place is not None:
        said = words("walk-stand", place=words.said(now.place))
    elif now.zoning() is not None:
        return _places(now, words, free=False)
    else:
        said = words("walk-over") if now.over(at) else words("walk-next")
    free = now.place is None and not now.over(at)
    return f'<p class="lead" role="status">{said}</p>{_places(now, words, free=free)}'


def _places(now: Walk, words: Words, *, free: bool) -> str:
    rows = []
    for place in PLACES:
        said, state = "", ""
        if place == now.place:
            said, state = words("now"), "now"
        elif place in now.levels:
            level = now.levels[place]
            said = words("walk-unheard") if level is None else f"{words('walk-heard')}, {level} dBm"
            state = "bad" if level is None else "good"
        off = "" if free and state != "good" else " disabled"
        rows.append(
            f'<li class="{state}"><button name="place" value="{place}"{off}>{words(place)}</button> '
            f"<span>{said}</span></li>"
        )
    return f'<form method="post" action="/walk"><ul class="places">{"".join(rows)}</ul></form>'


def _zones(view: View, zoning: Zoning | None, words: Words) -> str:
    told, (inside, outside) = "", view.zones
    if zoning is not None and not view.kept:
        inside, outside = zoning.inside_dbm, zoning.outside_dbm
        said = words(f"apart-{zoning.grade}", n=zoning.separation_db, place=words.said(zoning.weakest))
        told = f'<p class="lead">{said}</p>'
    kept = ""
    if view.kept:
        said = words("zones-kept", inside=inside, outside=outside)
        kept = f'<p class="done-said" role="status">● {said}</p>'
    return f"""<section class="card" aria-labelledby="zoning" id="zones" data-zones="{inside},{outside}" data-live>
<h2 id="zoning">{words("zones")}</h2>
{told}{kept}
{_band(inside, outside, words)}
<form method="post" action="/zones">
{_knob("outside", words("knob-outside"), outside)}
{_knob("inside", words("knob-inside"), inside)}
<p class="quiet">{words("zones-hint")}</p>
<p><button>{words("zones-keep")}</button></p>
</form>
</section>"""


def _knob(name: str, label: str, value: int) -> str:
    return (
        f'<p><label for="{name}">{label} <output id="{name}-told" for="{name}">{value}</output></label>'
        f'<input type="range" id="{name}" name="{name}" min="{LEAST_DBM}" max="{MOST_DBM}" value="{value}"></p>'
    )


def _band(inside: int, outside: int, words: Words) -> str:
    """Ignored, outside and inside beside each other, weak to strong."""
    wide = MOST_DBM - LEAST_DBM
    left, right = (max(0, min(wide, one - LEAST_DBM)) for one in (outside, inside))
    names = "".join(f"<li>{words('zone-' + one)}</li>" for one in ("ignored", "outside", "inside"))
    return (
        f'<svg class="band" viewBox="0 0 {wide} 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="ignored" x="0" width="{left}" height="6"/>'
        f'<rect class="outside" x="{left}" width="{right - left}" height="6"/>'
        f'<rect class="inside" x="{right}" width="{wide - right}" height="6"/></svg><ul class="key">{names}</ul>'
    )
