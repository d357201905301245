"""Letters: what is told to people outside, as mails in their language and as bodies of webhooks.

1. A mail says all of it in plain text; the HTML says the same, with nothing but headings and paragraphs: no picture, no
   script, no colour, nothing fetched.
2. It ends with how to end it: a link where our pages have a public address, else the answer to it.
3. The body of a webhook is an event in JSON (CloudEvents 1.0), the sentences in English.
"""

import html
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from cloud.core.alerts import News
from cloud.core.daily import Daily
from cloud.core.message import Event, Mail
from cloud.core.recipient import Subscription
from cloud.language import ENGLISH, LANGUAGES, Language


def language(code: str) -> Language:
    """The language of that code, or English."""
    return LANGUAGES.get(code, ENGLISH)


def daily_lines(told: Daily, lang: Language) -> list[str]:
    """A report as lines of text, the headline first."""
    return [lang.say(told.headline), *map(lang.say, told.lines)]


def daily_mail(told: Daily, to: Subscription, public_url: str) -> Mail:
    """The report of a day."""
    lang = language(to.recipient.wishes.language)
    lines = daily_lines(told, lang)
    footer = [lang.say("The true number lies within the range in brackets four times out of five.")]
    if public_url:
        footer.append(lang.say("The shop's pages: {link}", link=f"{public_url}/shops/{told.shop}"))
    return _mail(to, f"{told.name}: {lines[0]}", lines, footer, public_url)


def news_mail(news: News, to: Subscription, public_url: str) -> Mail:
    """An alert that began or ended."""
    lang = language(to.recipient.wishes.language)
    title, footer = lang.say(news.title), []
    if public_url:
        page = f"{public_url}/shops/{news.shop}" if news.shop else f"{public_url}/"
        footer.append(lang.say("The shop's pages: {link}", link=page))
    subject = f"{news.shop_name}: {title}" if news.shop_name else title
    return _mail(to, subject, [title, lang.say(news.sentence)], footer, public_url)


def confirmation(shop_name: str, to: Subscription, public_url: str) -> Mail:
    """Asks whoever reads the address whether they want a shop's mails."""
    lang = language(to.recipient.wishes.language)
    link = f"{public_url}/confirm/{to.word}"
    lines = [
        lang.say("Do you want the numbers of {shop} by mail?", shop=shop_name),
        lang.say("Somebody entered this address. If you want the mails, say yes on this page: {link}", link=link),
        lang.say("If not, do nothing: you get no other mail."),
    ]
    return _plain(to.recipient.address, lang, lines)


def trial(to: str) -> Mail:
    """Says that mails arrive, to the operator who tries it."""
    return _plain(to, ENGLISH, ["Mails from Footfall arrive here.", "Nobody has to do anything."])


def daily_event(told: Daily, event: str, at: int, tenant: str) -> bytes:
    """The report of a day as an event of the name `event`."""
    return _event("daily", event, at, f"/{tenant}/{told.shop}", told)


def news_event(news: News, event: str, tenant: str) -> bytes:
    """An alert that began or ended, as an event."""
    return _event("alert", event, news.at, f"/{tenant}/{news.shop}".rstrip("/"), news)


def _event(kind: Event, event: str, at: int, source: str, data: object) -> bytes:
    told = {
        "specversion": "1.0",
        "id": event,
        "source": source,
        "type": f"footfall.{kind}",
        "time": datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": data,
    }
    return msgspec.json.encode(told, enc_hook=str)  # a Saying is a str


def _mail(to: Subscription, subject: str, lines: Sequence[str], footer: Sequence[str], public_url: str) -> Mail:
    lang = language(to.recipient.wishes.language)
    link = f"{public_url}/unsubscribe/{to.word}" if public_url else None
    if link:
        ends = lang.say("To end these mails: {link}", link=link)
    else:
        ends = lang.say("To end these mails, answer with STOP: whoever runs the sensors reads it.")
    return Mail(
        to=to.recipient.address,
        subject=subject.rstrip("."),
        text=_text(lines, [*footer, ends]),
        html=_html(lang, lines, [*footer, ends]),
        unsubscribe=link,
    )


def _plain(to: str, lang: Language, lines: Sequence[str]) -> Mail:
    """One that comes once, and so has no end."""
    return Mail(to=to, subject=lines[0], text=_text(lines), html=_html(lang, lines))


def _text(lines: Sequence[str], footer: Sequence[str] = ()) -> str:
    parts = ["\n".join(lines), *(["-- \n" + "\n".join(footer)] if footer else [])]
    return "\n\n".join(parts) + "\n"


def _html(lang: Language, lines: Sequence[str], footer: Sequence[str] = ()) -> str:
    title, *rest = (_linked(one) for one in lines)
    body = "".join(f"<p>{one}</p>\n" for one in rest)
    small = "".join(f"<p><small>{_linked(one)}</small></p>\n" for one in footer)
    return (
        f'<!doctype html>\n<html lang="{lang.code}">\n<head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body>\n<h1>{title}</h1>\n{body}{small}</body>\n</html>\n"
    )


def _linked(line: str) -> str:
    """A line in HTML; a link at its end can be followed."""
    words, space, last = line.rpartition(" ")
    if not last.startswith(("https://", "http://")):
        return html.escape(line)
    link = html.escape(last)
    return f'{html.escape(words)}{space}<a href="{link}">{link}</a>'
