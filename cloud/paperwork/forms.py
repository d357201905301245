"""Forms: the templates of the papers, filled in. What is not known becomes a mark for a person, never a blank."""

from datetime import datetime
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def filled(form: str, **values: object) -> str:
    """The form of a file name with its values. HTML is escaped; Markdown holds the operator's own words as they are."""
    jinja = Environment(
        loader=PackageLoader("cloud.paperwork"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for each in (ask, moment, cell):
        jinja.filters[each.__name__] = each
    return jinja.get_template(form).render(values)


def ask(value: object, what: str) -> str:
    """The value, or a mark that says what to fill in."""
    return f"[to fill in: {what}]" if value in (None, "") else str(value)


def moment(second: int, zone: str) -> str:
    """Local date and time."""
    return datetime.fromtimestamp(second, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def cell(text: str) -> str:
    """The text as it stands in a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
