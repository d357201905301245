"""Pages: what the setup page shows, as HTML. A part marked `data-live` is fetched again and put in its place."""

from collections.abc import Sequence
from html import escape
from string import Template
from typing import NamedTuple

import segno

from agent.core.gauge import Reading
from agent.setup.lights import Light
from agent.setup.words import Words

_MARKS = {"good": "●", "wait": "◌", "bad": "▲", "off": "○"}
_STEPS = ("connect", "claim", "walk", "count", "notice")
_PAGE = Template("""<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title · Footfall</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/setup.css">
</head>
<body>
<main>
<h1>$title</h1>
<p class="quiet">$name</p>
$body
</main>
<footer>
<p class="quiet">$foot</p>
$again
</footer>
<script src="/static/setup.js" defer></script>
</body>
</html>
""")


class View(NamedTuple):
    """What there is to show. `link`: the cloud's page for this sensor, "" without one; `step`: of five, from 1.

    `claiming`: one is under way; `wrong`: a sentence on what was refused; `kept`: the zones just kept.
    """

    name: str
    serial: str
    link: str
    lights: Sequence[Light]
    reading: Reading | None
    sensor: str = ""
    shop: str = ""
    claiming: bool = False
    connected: bool = False
    acknowledged: bool = False
    settled: bool = False
    zones: tuple[int, int] = (-70, -90)
    wrong: str = ""
    kept: bool = False

    @property
    def step(self) -> int:
        """Which step comes next, from 1 to 4."""
        if not self.sensor:
            return 2 if self.lights[1].state == "good" else 1
        return 4 if self.settled else 3


def page(words: Words, name: str, body: str, again: str = "/") -> str:
    """A whole page; `again`: where it is loaded anew, by who has no scripts."""
    link = f'<noscript><p><a href="{escape(again)}">{words("look-again")}</a></p></noscript>'
    return _PAGE.substitute(
        language=words.language,
        title=words("title"),
        name=escape(name),
        body=body,
        foot=words("foot"),
        again=link,
    )


def home(view: View, words: Words) -> str:
    """The start: how it is, what is heard, and the next thing to do."""
    next_one = _claim(view, words) if not view.sensor else _claimed(view, words)
    parts = [next_one, _lights(view, words), _live(view, words)]
    if view.step == 1:  # without a line there is nothing else to do
        parts = [parts[1], parts[0], parts[2]]
    return page(words, view.name, "\n".join([steps(view, words), *parts]))


def word(name: str, wrong: str, words: Words) -> str:
    """Asks for the setup word."""
    body = f"""<form method="post" action="/word" class="card">
<p>{words("word-lead")}</p>
{refused(wrong)}
{_field("word", words("word"))}
<p><button>{words("word-button")}</button></p>
</form>
{back(words)}"""
    return page(words, name, body, "/word")


def sentence(name: str, told: str, words: Words) -> str:
    """A page that says one thing."""
    return page(words, name, refused(told) + back(words))


def refused(sentence: str) -> str:
    """A sentence on what was not done, if there is one."""
    return f'<p class="refused" role="alert"><span aria-hidden="true">▲</span> {sentence}</p>' if sentence else ""


def back(words: Words) -> str:
    """The way to the start."""
    return f'<p><a href="/">{words("home")}</a></p>'


def _field(name: str, label: str) -> str:
    return (
        f'<p><label for="{name}">{label}</label><input id="{name}" name="{name}" required maxlength="32" '
        'autocomplete="off" autocapitalize="characters" spellcheck="false"></p>'
    )


def steps(view: View, words: Words) -> str:
    """The five steps, and which comes next."""
    rows = []
    for number, name in enumerate(_STEPS, 1):
        state = "done" if number < view.step else "now" if number == view.step else "later"
        current = ' aria-current="step"' if state == "now" else ""
        said = f'<span class="said">{words(state)}</span>'
        rows.append(f'<li class="{state}"{current}><span>{words("step-" + name)}</span> {said}</li>')
    return f'<ol id="steps" class="steps" aria-label="{words("steps")}" data-live>{"".join(rows)}</ol>'


def _lights(view: View, words: Words) -> str:
    rows = [
        f'<li class="{one.state}"><span class="mark" aria-hidden="true">{_MARKS[one.state]}</span>'
        f"<div><strong>{words(one.name)}</strong> <em>{words(one.state)}</em>"
        f"<p>{words(one.sentence)}</p></div></li>"
        for one in view.lights
    ]
    return (
        f'<section class="card" aria-labelledby="how"><h2 id="how">{words("lights")}</h2>'
        f'<ul id="lights" class="lights" data-live>{"".join(rows)}</ul></section>'
    )


def _live(view: View, words: Words) -> str:
    if view.reading is None or view.reading.rests:
        told = f'<p class="quiet">{words("live-none")}</p>'
    else:
        phones, over = view.reading.phones, round(view.reading.over_s)
        said = words("live-one" if phones == 1 else "live-many", n=over)
        told = f'<p><span class="big">{phones}</span> {said}</p>'
    return (
        f'<section class="card" aria-labelledby="heard"><h2 id="heard">{words("live")}</h2>'
        f'<div id="live" data-live>{told}</div><p class="quiet">{words("live-hint")}</p></section>'
    )


def _claim(view: View, words: Words) -> str:
    if view.claiming:
        return f'<section id="next" class="card" data-live>{_progress(view, words)}</section>'
    scan = ""
    if view.link:
        scan = (
            f"<p>{words('claim-lead')}</p>{_qr(view.link, words('claim-qr', url=view.link))}"
            f'<p><a href="{escape(view.link)}" rel="noreferrer">{words("claim-link")}</a></p>'
        )
    return f"""<section id="next" class="card" aria-labelledby="claiming">
<h2 id="claiming">{words("step-claim")}</h2>
{refused(view.wrong)}
{scan}
<p class="quiet">{words("serial", serial=view.serial)}</p>
<form method="post" action="/claim">
{_field("code", words("code"))}
<p><button>{words("claim-button")}</button></p>
</form>
</section>"""


def _progress(view: View, words: Words) -> str:
    done = (bool(view.sensor), bool(view.sensor) and view.connected, bool(view.sensor) and view.acknowledged)
    rows = []
    for name, is_done in zip(("certificate", "connect", "report"), done, strict=True):
        state = "good" if is_done else "wait"
        said = words("done" if is_done else "wait")
        mark = f'<span class="mark" aria-hidden="true">{_MARKS[state]}</span>'
        rows.append(f'<li class="{state}">{mark}<div>{words("claim-" + name)} <em>{said}</em></div></li>')
    return f'<ul class="lights">{"".join(rows)}</ul>'


def _claimed(view: View, words: Words) -> str:
    told = f"<p><strong>{words('claimed', sensor=view.sensor, shop=view.shop or '-')}</strong></p>"
    if not view.acknowledged:
        told += f'<p class="quiet">{words("claimed-hint")}</p>'
    then = f'<p><a class="button" href="/walk">{words("step-walk")}</a></p>'
    if view.settled and view.link:
        link = f'<a class="button" href="{escape(view.link)}" rel="noreferrer">{words("after-link")}</a>'
        then = f'<p>{words("after-lead")}</p><p>{link}</p><p><a href="/walk">{words("walk-again")}</a></p>'
    return f'<section id="next" class="card" data-live>{told}{_progress(view, words)}{then}</section>'


def _qr(text: str, label: str) -> str:
    drawn = segno.make(text, error="m", micro=False).svg_inline(border=4, omitsize=True, light="#fff", svgclass="qr")
    return f'<div role="img" aria-label="{label}">{drawn}</div>'
