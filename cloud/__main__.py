"""The command line of the cloud: footfall-cloud."""

import json
import logging
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from cloud.config import ConfigError, load
from cloud.demo import Demo, DemoError, Options
from cloud.store import StoreError, migrate

ERROR, BAD_CONFIG = 1, 78  # sysexits.h: EX_CONFIG

app = typer.Typer(
    help="""Take the counts of sensors, keep each once, and show a shop its numbers.

    Examples:

      footfall-cloud demo                     three simulated shops, from radio to page

      footfall-cloud migrate -c cloud.toml    create the database, or bring it to this version

      footfall-cloud serve -c cloud.toml      take reports, serve the page and the API

    Exit codes: 0 done, 1 failed, 2 wrong use, 78 the configuration is wrong.
    """,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="Settings, a TOML file.", envvar="FOOTFALL_CLOUD_CONFIG")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
DEFAULT_CONFIG = Path("/etc/footfall/cloud.toml")


def main() -> None:
    """Run the command line; every expected failure ends in one sentence and an exit code."""
    try:
        app()
    except ConfigError as error:
        _fail(error, BAD_CONFIG)
    except (StoreError, DemoError) as error:
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


@app.command(name="migrate")
def migrate_database(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Create the database, or bring it to the version of this program. Safe to repeat."""
    settings = load(config)
    migrate(settings.database)
    print(json.dumps({"database": "migrated"}) if as_json else "The database has this program's version.")


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


def _fail(error: Exception, code: int) -> None:
    print(error, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
