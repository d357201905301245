"""The command line of the sensor: footfall-agent."""

import json
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from agent import config_commands
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

      footfall-agent setup                       open the setup page for an hour

      footfall-agent opt-out                     leave out the phone that is held to the sensor

      footfall-agent claim 7F3A-K2PX             make it the sensor that this code was made for

      footfall-agent replay capture.pcap --json  count a recorded capture

      footfall-agent bundle                      make a file for support that says nothing of anyone

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


app.add_typer(config_commands.app, name="config")
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


@app.command()
def setup(
    config: ConfigOption = DEFAULT_CONFIG,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it answers, on a machine without systemd.")] = 8080,
    as_json: JsonOption = False,
) -> None:
    """Open the setup page for an hour: where it is, and the setup word that lets somebody change things there.

    Without systemd it is served from here, until the hour is over or Ctrl-C.
    """
    from agent.setup import host  # noqa: PLC0415

    try:
        found = host.invite(config, port)
    except OSError as error:
        print(f"The setup page cannot be opened ({error.strerror}): run this as root.", file=sys.stderr)
        sys.exit(ERROR)
    if as_json:
        print(json.dumps(found._asdict()))
    else:
        if sys.stdout.isatty():
            print(host.picture(found.addresses[-1]))
        print(f"Setup page: {' or '.join(found.addresses)}\nSetup word: {found.word}\nIt closes in an hour.")
    if not found.by_systemd:
        _become("setup", config, str(port))


@app.command()
def claim(
    code: Annotated[str, typer.Argument(help="The eight letters and digits that the claim page shows.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Make it the sensor that a code was made for: it makes its key here, and gets its name and certificate.

    As root. The code is good for 15 minutes; typed again after a failure, it does the same.
    """
    from agent import claiming, identity  # noqa: PLC0415

    settings = load(config)
    identity.become_owner(settings.identity_dir)
    if not identity.may_write(settings.identity_dir):
        print("You may not claim this sensor: run 'sudo footfall-agent claim CODE'.", file=sys.stderr)
        sys.exit(ERROR)
    try:
        claimed = claiming.claim(settings, code)
    except claiming.ClaimingError as error:
        _fail(error, TEMPORARY if error.later else ERROR)
        return
    told = {"sensor": claimed.sensor, "shop": claimed.shop_name}
    print(json.dumps(told) if as_json else f"This is {claimed.sensor} now, at {claimed.shop_name}.")


@app.command()
def reset(
    everything: Annotated[
        bool, typer.Option("--all", help="Delete reports that wait, too, and what was learnt.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask: without --yes nothing is done.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Make it nobody's sensor again, to be claimed anew. It says what is lost, and asks.

    As root. In the cloud, retire the old sensor too: who copied its key before could still use it.
    """
    from agent import identity  # noqa: PLC0415
    from agent import reset as resetting  # noqa: PLC0415
    from agent.config import written  # noqa: PLC0415

    settings = written(config)
    identity.become_owner(settings.identity_dir)
    if not identity.may_write(settings.identity_dir):
        print("You may not reset this sensor: run 'sudo footfall-agent reset'.", file=sys.stderr)
        sys.exit(ERROR)
    lost = resetting.losses(settings, everything=everything)
    if lost and not yes:
        print("\n".join(lost), file=sys.stderr)
        if no_input or not sys.stdin.isatty():
            raise typer.BadParameter("nobody can be asked here, so nothing was deleted: add --yes.")
        if not typer.confirm("Reset this sensor?", err=True):
            print("Nothing was deleted.", file=sys.stderr)
            sys.exit(ERROR)
    try:
        resetting.carry_out(settings, everything=everything)
    except resetting.ResetError as error:
        _fail(error, ERROR)
    said = "It is nobody's sensor now: claim it anew." if lost else "It was nobody's sensor already."
    if settings.is_claimed:
        said = f"Nothing says here whose it is, but {config} does: it is {settings.sensor} still."
    print(json.dumps({"lost": lost}) if as_json else said)


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


@app.command()
def bundle(
    config: ConfigOption = DEFAULT_CONFIG,
    to: Annotated[Path | None, typer.Option("--to", help="Where to write it; a new file here if left out.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Write it without asking.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Print all of it and write nothing.")] = False,
) -> None:
    """Make a file for support: versions, settings, health and logs, without names, addresses, keys or counts of anyone.

    As root, else much of it cannot be read. It shows what is in it, and asks before it is written. Nobody sends it.
    """
    from agent import bundle as bundles  # noqa: PLC0415

    found = bundles.parts(config, bundles.books())
    for part in found:
        if show:
            print(f"== {part.name}: {part.says}\n{part.text}\n")
        else:
            typer.echo(f"{part.name:14} {len(part.text):8} characters  {part.says}", err=True)
    if show:
        return
    target = to or Path(f"footfall-bundle-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.tar.gz")
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter("nobody can be asked here: add --yes to write it, or --show to read it.")
        if not typer.confirm(f"Write this to {target}?", err=True):
            print("Nothing was written.", file=sys.stderr)
            sys.exit(ERROR)
    try:
        size = bundles.write(found, target)
    except OSError as error:
        print(f"{target} cannot be written ({error.strerror or error}): choose another with --to.", file=sys.stderr)
        sys.exit(ERROR)
    print(json.dumps({"file": str(target), "bytes": size}))


def _become(part: str, config: Path, *more: str) -> None:
    """Go on as the process without the command line: the same process id, 15 MB less."""
    os.execv(sys.executable, [sys.executable, "-m", "agent.daemon", part, str(config), *more])  # noqa: S606


def _fail(error: Exception, code: int) -> None:
    print(error, file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
