"""The command line of the cloud: footfall-cloud."""

import json
import logging
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from msgspec import to_builtins

from cloud import config_commands, identity_commands
from cloud.config import ConfigError, load
from cloud.core.calibration import CalibrationError, sentence
from cloud.core.figures import Shop
from cloud.core.refusal import Refusal
from cloud.demo import Demo, DemoError, Options
from cloud.paperwork.facts import PaperworkError
from cloud.paperwork.notice import Language
from cloud.store import Store, StoreError, migrate

ERROR, BAD_CONFIG = 1, 78  # sysexits.h: EX_CONFIG

app = typer.Typer(
    help="""Take the counts of sensors, keep each once, and show a shop its numbers.

    Examples:

      footfall-cloud demo                     three simulated shops, from radio to page

      footfall-cloud migrate -c cloud.toml    create the database, or bring it to this version

      footfall-cloud serve -c cloud.toml      take reports, serve the page and the API

      footfall-cloud ingest -c cloud.toml     one more process to take reports, for a large fleet

      footfall-cloud calibrate corner --hours counts.csv   people per device, from people counted

      footfall-cloud till corner sales.csv    what the shop sold, by the hour

      footfall-cloud export --grain hour --from 2026-11-01 --file figures.csv   all figures as a table

      footfall-cloud report corner            a day's report, as it is mailed

      footfall-cloud config plan fleet.toml   which sensors would change what

      footfall-cloud fleet claim corner door SERIAL   a code by which a new sensor joins

      footfall-cloud notice corner --language de   the notice for the door, as PDF and HTML

    Exit codes: 0 done, 1 failed, 2 wrong use, 78 the configuration is wrong.
    """,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(config_commands.app, name="config")
app.add_typer(identity_commands.app, name="fleet")
ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="Settings, a TOML file.", envvar="FOOTFALL_CLOUD_CONFIG")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
ShopArgument = Annotated[str, typer.Argument(help="Id of the shop.")]
ToOption = Annotated[Path | None, typer.Option("--to", help="Write it to this file or folder instead of printing it.")]
AssumeOption = Annotated[
    str | None, typer.Option(help="What is planned, for sensors that have not told: F5,DBM or D24,DBM,EPSILON.")
]
DEFAULT_CONFIG = Path("/etc/footfall/cloud.toml")


def main() -> None:
    """Run the command line; every expected failure ends in one sentence and an exit code."""
    try:
        app()
    except ConfigError as error:
        _fail(error, BAD_CONFIG)
    except (StoreError, DemoError, CalibrationError, Refusal, PaperworkError) as error:
        _fail(error, ERROR)


@app.command()
def serve(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Take reports from the broker, roll them up, and serve the page and the API, until stopped."""
    from cloud.app import App  # noqa: PLC0415 - `migrate` need not load a web server

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    settings = load(config)
    served = App(settings, time.time)
    print(f"Dashboard: http://{settings.http.host}:{settings.http.port}/", file=sys.stderr)
    served.serve()


@app.command()
def ingest(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Take a part of the reports beside `serve`, until stopped; start as many as you need. Needs mqtt.share."""
    from cloud.app import ingest  # noqa: PLC0415

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    ingest(load(config), time.time)


@app.command(name="migrate")
def migrate_database(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Create the database, or bring it to the version of this program. Safe to repeat."""
    settings = load(config)
    migrate(settings.database)
    print(json.dumps({"database": "migrated"}) if as_json else "The database has this program's version.")


@app.command()
def calibrate(
    shop: ShopArgument,
    hours: Annotated[Path | None, typer.Option(help="People by the hour: CSV with the header hour,people.")] = None,
    taps: Annotated[Path | None, typer.Option(help="Times at which people came in, one a line.")] = None,
    begun: Annotated[datetime | None, typer.Option("--from", help="When tapping began, local time.")] = None,
    ended: Annotated[datetime | None, typer.Option("--to", help="When tapping ended.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the factor and keep nothing.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """From phones to people: fit the shop's factor to people you counted at the door. It holds from now on."""
    from cloud import calibrate as door  # noqa: PLC0415

    store = Store(load(config).database)
    found = _known(store, shop)
    if hours is not None and taps is None:
        counts, source = door.read_hours(hours, found), "hours"
    elif taps is not None and hours is None and begun is not None and ended is not None:
        counts, source = door.read_taps(taps, begun, ended, found), "taps"
    else:
        raise typer.BadParameter("give --hours FILE, or --taps FILE with --from and --to")
    factor = door.fit(store, found, counts, int(time.time()), source)
    if not dry_run:
        store.calibrate(found.tenant, found.shop, factor)
    print(json.dumps(to_builtins(factor)) if as_json else sentence(factor))
    store.close()


@app.command()
def till(
    shop: ShopArgument,
    file: Annotated[Path, typer.Argument(help="CSV, one line an hour.", exists=True, dir_okay=False)],
    source: Annotated[str, typer.Option(help="Which till it is of: told again, its hours are replaced.")] = "csv",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change and keep nothing.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Take what the shop sold by the hour from a file: transactions, and items and net sales where they are known."""
    from cloud.desk import Tills  # noqa: PLC0415

    store = Store(load(config).database)
    tills = Tills(store, _known(store, shop).tenant, time.time)
    payload = file.read_bytes()
    told = tills.preview(shop, payload, source).told if dry_run else tills.add_csv(shop, payload, source)
    print(json.dumps(to_builtins(told, enc_hook=str)) if as_json else "\n".join([told.sentence, *told.notes]))
    store.close()


@app.command()
def export(
    shop: Annotated[list[str] | None, typer.Option(help="Id of a shop; may be given several times; else all.")] = None,
    grain: Annotated[Literal["hour", "day"], typer.Option(help="A row for every hour, or for every day.")] = "day",
    first: Annotated[str | None, typer.Option("--from", help="First date, as 2026-11-01; else 28 days.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last date, included; else today.")] = None,
    kind: Annotated[Literal["csv", "parquet"], typer.Option("--format", help="Of the table.")] = "csv",
    file: Annotated[Path | None, typer.Option(help="Write it here instead of printing it.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """All figures as one table, for tools of your own; what its columns mean is at /api/v1/export/columns."""
    from cloud.desk import Exports, dates  # noqa: PLC0415

    store = Store(load(config).database)
    tenants = {one.tenant for one in ([_known(store, one) for one in shop] if shop else store.shops())}
    if len(tenants) != 1:
        raise StoreError(f"There are shops of {len(tenants)} tenants: name those of one with --shop.")
    exports = Exports(store, tenants.pop(), time.time)
    span = dates.span(first, last, exports.today(shop or ()), default=28, limit=dates.MAX_DAYS)
    pieces = (exports.csv if kind == "csv" else exports.parquet)(shop or (), grain, *span)
    with sys.stdout.buffer if file is None else file.open("wb") as table:
        table.writelines(pieces)
    store.close()


@app.command()
def report(
    shop: ShopArgument,
    day: Annotated[
        str | None, typer.Option("--date", help="Of this local date, as 2026-11-24; else yesterday.")
    ] = None,
    language: Annotated[str, typer.Option(help="de, en, fr or zh.")] = "en",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """A day's report, as it is mailed at 08:00 of the next."""
    from cloud.desk import Dailies, dates, letters  # noqa: PLC0415
    from cloud.desk.dailies import date_of  # noqa: PLC0415

    store = Store(load(config).database)
    found = _known(store, shop)
    told = Dailies(store, found.tenant, time.time).report(shop, dates.one(day, date_of(found, int(time.time()))))
    lines = letters.daily_lines(told, letters.language(language))
    print(json.dumps(to_builtins(told, enc_hook=str)) if as_json else "\n".join(lines))
    store.close()


@app.command(name="mail-test")
def mail_test(
    address: Annotated[str, typer.Argument(help="Where to send it.")], config: ConfigOption = DEFAULT_CONFIG
) -> None:
    """Send one mail by the mail server in the settings, and say how that went."""
    from cloud import post  # noqa: PLC0415

    post.trial(load(config), address, time.time())
    print("The mail server has taken it. Look in the mailbox, and among the spam.")


@app.command()
def notice(
    shop: ShopArgument,
    language: Annotated[list[Language] | None, typer.Option(help="May be given several times; else English.")] = None,
    to: Annotated[Path, typer.Option(help="A folder, or a file that ends in .pdf or .html.")] = Path(),
    assume: AssumeOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Write the notice for the shop's door, one A4 page for each language, from what its sensors keep to."""
    from cloud.paperwork import papers  # noqa: PLC0415

    made = papers.notice(load(config), shop, language or [Language.ENGLISH], to, assume, int(time.time()))
    print(json.dumps(made) if as_json else "\n".join(made["files"]))


@app.command()
def inventory(
    shop: ShopArgument, to: ToOption = None, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False
) -> None:
    """All that sensor and cloud keep or say: every column, field, topic, file and log event, and for how long."""
    from cloud.paperwork import papers  # noqa: PLC0415

    made = papers.inventory_of(load(config), shop, int(time.time()), as_json=as_json)
    print(papers.put(made, to, f"inventory-{shop}.{'json' if as_json else 'md'}"))


@app.command()
def assessment(
    shop: ShopArgument,
    kind: Annotated[Literal["dpia", "pipia"], typer.Option(help="Of the GDPR, or of China's PIPL.")] = "dpia",
    to: ToOption = None,
    assume: AssumeOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Draft the assessment the law asks for, from how the shop counts; what only you know is marked to fill in."""
    from cloud.paperwork import papers  # noqa: PLC0415

    made = papers.assessment_of(load(config), shop, kind, assume, int(time.time()))
    print(papers.put(made, to, f"{kind}-{shop}.md"))


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="For everything the demo writes.")] = Path("demo-data"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the page, on this machine.")] = 8080,
    speed: Annotated[float, typer.Option(min=1, max=1000, help="How much faster than real time the street is.")] = 240,
    replay: Annotated[Path | None, typer.Option(help="Play this capture instead, as it was recorded.")] = None,
    for_s: Annotated[float | None, typer.Option("--for", help="End after so many seconds.")] = None,
) -> None:
    """Three shops on a simulated street: real sensors, broker, cloud and page, with nothing to set up."""
    from cloud.progress import Progress  # noqa: PLC0415

    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    if replay is not None and not replay.is_file():
        raise DemoError(f"{replay}: there is no such capture.")
    running = Demo(Options(folder.resolve(), port, speed, replay, for_s))
    with Progress(f"http://127.0.0.1:{port}/", truth=replay is None) as progress:
        running.run(progress)


def _known(store: Store, shop: str) -> Shop:
    known = {one.shop: one for one in store.shops()}
    if shop not in known:
        raise StoreError(f"There is no shop {shop}: there are {', '.join(known) or 'none'}.")
    return known[shop]


def _fail(error: Exception, code: int) -> None:
    print(error, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
