"""The command line of the sensor: footfall-agent."""

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from agent.asking import AskingError
from agent.config import ConfigError, load
from agent.core.epoch import KEY_BYTES
from agent.core.window import Zones
from agent.outbox import OutboxError
from agent.radio import RadioError

ERROR, TEMPORARY, BAD_CONFIG = 1, 75, 78  # sysexits.h: EX_TEMPFAIL, EX_CONFIG
DEFAULT_CONFIG = Path("/etc/footfall/config.toml")

app = typer.Typer(
    help="""Hear the phones around a shop, forget who they are, and tell the cloud how many there were.

    Examples:

      footfall-agent check                       is everything there that counting needs?

      footfall-agent radio test                  what does each radio hear just now?

      footfall-agent run                         count until stopped (Ctrl-C)

      footfall-agent status --json               how is the sensor, for a program

      footfall-agent opt-out                     leave out the phone that is held to the sensor

      footfall-agent replay capture.pcap --json  count a recorded capture

    Exit codes: 0 done, 1 failed, 2 wrong use, 75 try again later, 78 the configuration is wrong.
    """,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="Settings, a TOML file.", envvar="FOOTFALL_CONFIG")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def main() -> None:
    """Run the command line; every expected failure ends in one sentence and an exit code."""
    try:
        app()
    except ConfigError as error:
        _fail(error, BAD_CONFIG)
    except (RadioError, AskingError) as error:
        _fail(error, TEMPORARY)
    except OutboxError as error:
        _fail(error, ERROR)


@app.command()
def run(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Count until stopped: the sensing and the talking process, started again if one dies.

    For a machine without a service manager; it runs what `sense` and `sync` run, and as root what `keep` runs.
    """
    from agent import supervise  # noqa: PLC0415 - each command pays for its own imports only

    real = load(config).radio.is_real
    if real and os.geteuid() != 0:
        print("Not root, so the radios must be set up by others: see 'footfall-agent keep'.", file=sys.stderr)
    sys.exit(supervise.run(config, keep=real and os.geteuid() == 0))


@app.command()
def sense(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """The sensing process: radio to outbox. It opens no network connection."""
    _become("sense", config)


@app.command()
def sync(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """The talking process: outbox to the cloud. It opens no radio and holds no key."""
    _become("sync", config)


@app.command()
def keep(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """The keeping process, as root: readies the radios, changes channels, brings back one that hears nothing."""
    _become("keep", config)


@app.command()
def replay(
    capture: Annotated[Path, typer.Argument(help="pcap or pcapng: Wi-Fi (radiotap or plain) or Bluetooth LE.")],
    window: Annotated[int, typer.Option(min=60, max=600, help="Window length in seconds, aligned to UTC.")] = 300,
    inside_dbm: Annotated[int, typer.Option(min=-127, max=0, help="Inside the shop from this signal up.")] = -70,
    outside_dbm: Annotated[int, typer.Option(min=-127, max=0, help="Ignored below this signal.")] = -127,
    as_json: JsonOption = False,
) -> None:
    """Count a recorded capture, one line per window, as fast as it goes."""
    from agent import replay as player  # noqa: PLC0415

    rows = player.windows(capture, partial(os.urandom, KEY_BYTES), window, Zones(inside_dbm, outside_dbm))
    if not as_json:
        print(f"{'window (UTC)':20} {'devices':>8} {'80 % interval':>15} {'inside':>7} {'listened':>9} {'frames':>8}")
    for row in rows:
        print(json.dumps(row._asdict()) if as_json else player.line(row), flush=True)


@app.command()
def check(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Test all that counting needs: settings, disk, clock, radio, broker. Each answer says what to do."""
    from agent import check as checks  # noqa: PLC0415

    findings = checks.run(config)
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings]))
    else:
        for finding in findings:
            typer.echo(_colour(finding.ok, f"{finding.part:9}  {finding.sentence}"))
    if not all(finding.ok for finding in findings):
        sys.exit(BAD_CONFIG if not findings[0].ok else ERROR)


radio = typer.Typer(help="The radios: which there are, what each can do, what it hears.", no_args_is_help=True)
app.add_typer(radio, name="radio")
_COLOURS = {"certified": "green", "works": "green", "unknown": "yellow", "doubtful": "yellow", "not usable": "red"}


@radio.command(name="list")
def radio_list(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Which radios this machine has, how good each is for a sensor, and which one listens (marked *)."""
    from agent import radios  # noqa: PLC0415

    rows = radios.listed(load(config) if config.exists() else None)
    if as_json:
        print(json.dumps([row._asdict() for row in rows]))
        return
    for row in rows:
        grade = typer.style(f"{row.grade:10}", fg=_COLOURS[row.grade])
        typer.echo(f"{'*' if row.chosen else ' '} {row.radio:9}  {row.name:8}  {grade}  {row.sentence}")
    if not rows:
        print("There is no radio: plug the supplied Wi-Fi stick in.")
        sys.exit(TEMPORARY)


@radio.command(name="test")
def radio_test(
    config: ConfigOption = DEFAULT_CONFIG,
    seconds: Annotated[int, typer.Option(min=1, max=3600, help="For how long to listen.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Listen for a while and show, second by second, how much each radio hears; as root."""
    from agent import radios  # noqa: PLC0415

    fine = True
    for one in radios.heard(load(config), seconds):
        if isinstance(one, radios.Told):
            fine = fine and one.ok
            typer.echo(json.dumps(one._asdict()) if as_json else _colour(one.ok, one.sentence))
        else:
            print(json.dumps(one._asdict()) if as_json else radios.line(one), flush=True)
    if not fine:
        sys.exit(TEMPORARY)


def _colour(ok: bool, sentence: str) -> str:
    return f"{typer.style('ok  ' if ok else 'FAIL', fg='green' if ok else 'red')}  {sentence}"


@app.command()
def status(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """How the sensor is: what it hears, what waits for the cloud, what was lost."""
    from agent import overview  # noqa: PLC0415

    found = overview.look(load(config))
    print(json.dumps(found) if as_json else overview.text(found))
    if not found["sensing"]:
        sys.exit(TEMPORARY)


@app.command(name="opt-out")
def opt_out(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Leave out the phone that is held to the sensor now. Takes half a minute; it must have its Wi-Fi settings open.

    The phone is left out until the epoch ends, as long as it keeps its address. Whoever wants to be left out for good,
    with an address that stays, belongs on the opt-out list.
    """
    from agent import asking  # noqa: PLC0415

    answer = asking.ask(load(config).leave_path, sys.stderr if sys.stderr.isatty() else None)
    print(json.dumps({"answer": answer}) if as_json else asking.SENTENCES[answer])
    if answer != "left-out":
        sys.exit(TEMPORARY)


@app.command()
def outbox(
    config: ConfigOption = DEFAULT_CONFIG,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")] = False,
    as_json: JsonOption = False,
) -> None:
    """The reports that wait for the cloud: everything this sensor has on its disk about anyone."""
    from agent import holdings  # noqa: PLC0415

    found = holdings.rows(load(config).outbox_path)
    if as_csv:
        holdings.write_csv(found, sys.stdout)
    elif as_json:
        print(json.dumps(list(found)))
    else:
        print(holdings.text(found))


def _become(part: str, config: Path) -> None:
    """Go on as the process without the command line: the same process id, 15 MB less."""
    os.execv(sys.executable, [sys.executable, "-m", "agent.daemon", part, str(config)])  # noqa: S606


def _fail(error: Exception, code: int) -> None:
    print(error, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
