"""Fleet commands: plan what a fleet file would change, sign and roll it out, see how it goes, stop it, put it back.

1. `apply` signs, forward and back, on the machine where it is run, and hands signed documents to the database: the key
   is never with the process that serves. The rollout then goes on by itself (`cloud/steward.py`).
2. What is printed for people stands on stdout, what is asked on stderr; `--json` prints the same for programs.
"""

import getpass
import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from msgspec import UNSET, UnsetType

from agent.contract import DeviceConfig, KeyList, OptOuts, encode
from cloud import fleet_file, signing
from cloud.config import load
from cloud.core.fleet.course import RolloutLine, RolloutView
from cloud.core.fleet.plan import Plan
from cloud.store import Store, StoreError

if TYPE_CHECKING:
    from cloud.desk import Fleet

SHOWN = 12  # sensors named in a line; --json names all
keys = typer.Typer(help="Which keys sign settings: a list that a root key has signed.", no_args_is_help=True)

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="Settings, a TOML file.", envvar="FOOTFALL_CLOUD_CONFIG")
]
TenantOption = Annotated[str | None, typer.Option(help="Whose sensors; needed where there are several tenants.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
FileArgument = Annotated[Path, typer.Argument(help="What the fleet shall have: a TOML file.")]
RolloutArgument = Annotated[str, typer.Argument(help="Id of the rollout, as `status` lists it.")]
ListOption = Annotated[Path | None, typer.Option("--opt-out", help="Who opted out: one address a line. Needs --key.")]
TakeOption = Annotated[
    bool, typer.Option("--take-over", help="Change sensors too whose settings were not sent from here.")
]
KeyOption = Annotated[Path, typer.Option(help="The private key, PEM.")]
DEFAULT_CONFIG = Path("/etc/footfall/cloud.toml")


def add(app: typer.Typer) -> None:
    """Add these commands to `footfall-cloud config`."""
    for command in (plan, apply, status, stop, rollback, history):
        app.command()(command)
    app.add_typer(keys, name="keys")


def plan(
    file: FileArgument,
    key: Annotated[Path | None, typer.Option(help="The private key, PEM; for --opt-out.")] = None,
    opt_out: ListOption = None,
    take_over: TakeOption = False,
    tenant: TenantOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Show which sensors would change what. Nothing is changed."""
    with sentences(), _fleet(config, tenant) as fleet:
        found = fleet.plan(fleet_file.load(file), _listed(opt_out, key), take_over=take_over)
        typer.echo(_json(found) if as_json else "\n".join(plan_lines(found)))


def apply(  # noqa: PLR0913 - one argument for each thing that can be said
    *,
    file: FileArgument,
    key: KeyOption,
    kid: Annotated[str, typer.Option(help="Name of the key, as sensors know it.")] = "fleet-1",
    opt_out: ListOption = None,
    take_over: TakeOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and sign nothing.")] = False,
    tenant: TenantOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Sign what `plan` shows, forward and back, and roll it out: some sensors first, the others if those are well."""
    with sentences(), _fleet(config, tenant) as fleet:
        told = fleet_file.load(file)
        private, listed = signing.load_key(key.read_bytes()), _listed(opt_out, key)
        planned = fleet.plan(told, listed, take_over=take_over)
        if not as_json:
            typer.echo("\n".join(plan_lines(planned)))
        if dry_run or not planned.changed:
            typer.echo(_json(planned) if as_json else "Nothing was signed.")
            return
        if not yes and not typer.confirm(f"Roll this out to {_many(len(planned.changed))}?", err=True):
            raise typer.Exit(1)
        with typer.progressbar(length=2 * len(planned.changed), label="Signing", file=sys.stderr) as bar:

            def signed(document: DeviceConfig) -> bytes:
                bar.update(1)
                return encode(signing.sign(document, private, kid))

            made = fleet.make(told, planned, signed, whoever(), listed)
        typer.echo(
            _json(made) if as_json else f"Rollout {made.id} begins; see 'footfall-cloud config status {made.id}'."
        )


def status(
    rollout: Annotated[str | None, typer.Argument(help="Id of a rollout; else all of them.")] = None,
    tenant: TenantOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Show how rollouts go: all of them, or one stage by stage with the sensors that did not keep it."""
    with sentences(), _fleet(config, tenant) as fleet:
        found = fleet.rollouts() if rollout is None else fleet.rollout(rollout)
        if as_json:
            typer.echo(_json(found))
        elif isinstance(found, RolloutView):
            typer.echo("\n".join(view_lines(found)))
        else:
            typer.echo("\n".join(f"{one.id}  {one.sentence}" for one in found) or "There is no rollout.")


def stop(
    rollout: RolloutArgument,
    tenant: TenantOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Release nothing more of a rollout; what was released stays."""
    with sentences(), _fleet(config, tenant) as fleet:
        _show(fleet.stop(rollout, whoever()), as_json=as_json)


def rollback(
    rollout: RolloutArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    tenant: TenantOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Stop a rollout, and put back what was before on every sensor it has reached, at once."""
    with sentences(), _fleet(config, tenant) as fleet:
        reached = _many(fleet.rollout(rollout).rollout.tally.released)
        if not yes and not typer.confirm(f"Put {reached} back?", err=True):
            raise typer.Exit(1)
        _show(fleet.put_back(rollout, whoever()), as_json=as_json)


def history(
    about: Annotated[str | None, typer.Argument(help="Id of a sensor, rollout or key list; else all.")] = None,
    most: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    tenant: TenantOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Show who changed what, the newest first. Times are UTC."""
    with sentences(), _fleet(config, tenant) as fleet:
        found = fleet.deeds(about, most)
        lines = [f"{datetime.fromtimestamp(one.at, UTC):%Y-%m-%d %H:%M:%S}  {one.who}  {one.what}" for one in found]
        typer.echo(_json(found) if as_json else "\n".join(lines) or "Nobody has changed anything.")


@keys.command(name="sign")
def sign_keys(
    key: Annotated[
        list[str], typer.Option(help="A key that signs settings, as NAME=PUBLIC; may be given several times.")
    ],
    root: Annotated[Path, typer.Option(help="The root key, PEM: kept off every network.")],
    version: Annotated[int, typer.Option(min=1, help="Higher than any list before.")],
    kid: Annotated[str, typer.Option(help="Name of the root key, as sensors know it.")] = "root-1",
    to: Annotated[Path | None, typer.Option(help="Write it here instead of printing it.")] = None,
) -> None:
    """Sign which keys sign settings from now on: all of them, for the list replaces the one before."""
    with sentences():
        named = dict(_key(one) for one in key)
        signed = encode(
            signing.sign_keys(KeyList(version=version, keys=named), signing.load_key(root.read_bytes()), kid)
        ).decode()
        if to is None:
            typer.echo(signed)
        else:
            to.write_text(signed + "\n", encoding="utf-8")


@keys.command(name="send")
def send_keys(
    file: Annotated[Path, typer.Argument(help="A list from 'footfall-cloud config keys sign'.")],
    tenant: TenantOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Have every sensor told which keys sign settings, by the cloud that runs; a newer list replaces an older one."""
    with sentences(), _fleet(config, tenant) as fleet:
        text = file.read_bytes().strip()
        told = signing.opened_keys(text)
        fleet.add_keys(told.version, text, sorted(told.keys), whoever())
        typer.echo(f"Key list {told.version} goes to {_many(len(fleet.names()))}.")


def plan_lines(found: Plan) -> Iterator[str]:
    """A plan for people: what changes for whom, and who stays."""
    for one in found.changes:
        yield f"{_many(len(one.sensors))} would change: {_names(one.sensors)}"
        for field in one.fields:
            yield f"  {field.field}: {_value(field.before)} -> {_value(field.after)}"
        if not one.fields:
            yield "  (the same as before, sent anew)"
    for some, words in (
        (found.again, "of these were sent the same before in vain"),
        (found.unwell, "of these are silent or deaf now, and would take it later"),
        (found.unsaid, "of these have never said which settings they have"),
        (found.foreign, "stay: they have settings that were not sent from here (--take-over changes them)"),
        (found.busy, "stay: they are in a rollout that runs"),
        (found.stays, "stay: they have this already, or will take it"),
        (found.unmentioned, "stay: no rule is about them"),
    ):
        if some:
            yield f"{_many(len(some))} {words}: {_names(some)}"
    if not found.changed:
        yield "Nothing would change."


def view_lines(found: RolloutView) -> Iterator[str]:
    """A rollout for people."""
    one = found.rollout
    yield f"{one.id} ({one.name}), made by {one.who} at {datetime.fromtimestamp(one.made_at, UTC):%Y-%m-%d %H:%M} UTC"
    yield one.sentence
    for stage in found.stages:
        each = stage.tally
        yield (
            f"  stage {stage.stage}: {each.sensors} sensors, {each.released} released, {each.applied} applied, "
            f"{each.on_trial} on trial, {each.failed} failed, {each.worse} not well, {each.returned} back"
        )
    failed = [part for part in found.parts if part.failed_at is not None]
    for part in failed[:SHOWN]:
        yield f"  {part.sensor}: {part.why or 'it did not say why.'}"
    if len(failed) > SHOWN:
        yield f"  and {len(failed) - SHOWN} more (--json)"


def whoever() -> str:
    """Who changes something here: the user of the operating system, and the machine."""
    try:
        login = getpass.getuser()
    except (OSError, KeyError):
        login = "unknown"
    return f"{login}@{socket.gethostname()}"[:120]


@contextmanager
def sentences() -> Iterator[None]:
    """Every expected failure ends in one sentence and exit code 1; wrong settings, and the database, see `main`."""
    try:
        yield
    except (signing.SigningError, LookupError) as error:
        sentence = str(error)
    except UnicodeDecodeError:
        sentence = "The opt-out list is not UTF-8 text."
    except OSError as error:
        sentence = f"{error.filename}: {error.strerror}." if error.filename else str(error)
    else:
        return
    typer.echo(sentence[:1].upper() + sentence[1:], err=True)
    raise typer.Exit(1)


@contextmanager
def _fleet(config: Path, tenant: str | None) -> "Iterator[Fleet]":
    from cloud.desk import Fleet  # noqa: PLC0415 - to sign needs no database

    store = Store(load(config).database)
    try:
        yield Fleet(store, tenant_of(store, tenant), time.time)
    finally:
        store.close()


def tenant_of(store: Store, named: str | None) -> str:
    """The tenant that is meant: the one named, or the only one. Raises StoreError where there are several."""
    known = sorted({one.tenant for one in store.shops()})
    if named is not None:
        return named
    if len(known) > 1:
        raise StoreError(f"There are {len(known)} tenants ({', '.join(known)}): name one with --tenant.")
    return known[0] if known else "default"


def _listed(file: Path | None, key: Path | None) -> OptOuts | UnsetType:
    if file is None:
        return UNSET
    if key is None:
        raise signing.SigningError("An opt-out list is made with the key that signs: give --key too.")
    private = signing.load_key(key.read_bytes())
    return signing.opt_outs(file.read_text(encoding="utf-8"), private, int(time.time()))


def _key(text: str) -> tuple[str, str]:
    name, mark, public = text.partition("=")
    if not mark:
        raise signing.SigningError(f'"{text[:60]}" is no key: write it as NAME=PUBLIC, as `keygen` prints it.')
    return name.strip(), public.strip().strip('"')


def _show(one: RolloutLine, *, as_json: bool) -> None:
    typer.echo(_json(one) if as_json else one.sentence)


def _json(told: object) -> str:
    return json.dumps(msgspec.to_builtins(told, enc_hook=str))


def _many(number: int) -> str:
    return "1 sensor" if number == 1 else f"{number} sensors"


def _names(sensors: list[str]) -> str:
    more = len(sensors) - SHOWN
    return ", ".join(sensors[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _value(value: Any) -> str:
    return "(its own)" if value is None else json.dumps(value)
