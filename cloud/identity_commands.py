"""Identity commands: the certificates a fleet begins with, codes for new sensors, and what is known of every sensor.

Whoever may run these on the cloud's machine may read the authority's key: no sign-in stands between.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import to_builtins

from cloud import fleet_folder
from cloud.authority import AuthorityError
from cloud.config import Config, issuing, load
from cloud.core.claim import shown
from cloud.fleet_commands import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    TenantOption,
    sentences,
    tenant_of,
    whoever,
)
from cloud.store import Store

if TYPE_CHECKING:
    from cloud.desk import Desk

app = typer.Typer(
    help="""Who the sensors are: certificates, codes for new ones, labels.

    Examples:

      footfall-cloud fleet init certificates --host mqtt.example.com   the authority, and the broker's certificate

      footfall-cloud fleet claim corner door 10000000abcdef12    a code for the board with this serial number

      footfall-cloud fleet certificates         who has which, and until when

      footfall-cloud fleet revoke acme:door     believe this sensor no more

      footfall-cloud fleet label acme:door floor=2 canary=yes

      footfall-cloud fleet mute acme:door --hours 8    the shop is being rebuilt
    """,
    no_args_is_help=True,
    rich_markup_mode=None,
)
SensorArgument = Annotated[str, typer.Argument(help="Id of the sensor, tenant:name.")]
_WHERE = """
For the broker: root.pem (cafile), broker.pem, broker.key, revoked.pem (crlfile).
For the cloud, as ca, cert and key of [mqtt]: root.pem, cloud.pem, cloud.key.
Away from every network, for the next broker's certificate in two years: root.key.
Into cloud.toml:
"""
_RELOAD = "Now let the broker read it: systemctl reload mosquitto."
_NO_LIST = "fleet.revoked is not set, so the broker lets it in still; the cloud believes it no more."


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="For certificates and keys; what is there already stays.")],
    host: Annotated[list[str], typer.Option(help="Name or address of the broker; may be given several times.")],
    name: Annotated[str, typer.Option(help="Of the fleet, as certificates show it.")] = "Footfall",
    as_json: JsonOption = False,
) -> None:
    """Make a root, the authority for sensors under it, and the certificates of the broker and of the cloud."""
    with _sentences():
        made = [str(one) for one in fleet_folder.make(folder, host, name, int(time.time()))]
    settings = fleet_folder.settings(folder, host[0])
    if as_json:
        typer.echo(json.dumps({"made": made, "settings": settings}))
        return
    typer.echo("\n".join(made) or "Everything was there already; nothing was made.")
    typer.echo(_WHERE, err=True)
    typer.echo(settings)


@app.command()
def claim(
    shop: Annotated[str, typer.Argument(help="Id of the shop.")],
    zone: Annotated[str, typer.Argument(help="Where in the shop the sensor stands, like door.")],
    serial: Annotated[str, typer.Argument(help="Serial number of its board, as on its label.")],
    name: Annotated[str, typer.Option(help="Of the sensor; else it is made from the zone.")] = "",
    tenant: TenantOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Make a code by which this board becomes a sensor of the shop: good for 15 minutes, once."""
    with _desk(config, tenant, signs=True) as (desk, _):
        made = desk.claims.open(shop, zone, serial, name, whoever())
        then = "Good for 15 minutes, once: type it on the sensor's page, or 'footfall-agent claim CODE' on the sensor."
        typer.echo(json.dumps(to_builtins(made, enc_hook=str)) if as_json else f"{shown(made.code)}\n{then}")


@app.command()
def issue(
    sensor: SensorArgument,
    request: Annotated[Path, typer.Option(help="The sensor's request, PKCS 10, PEM.")],
    to: Annotated[Path | None, typer.Option(help="Write the certificate here instead of printing it.")] = None,
    tenant: TenantOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Make a certificate for a sensor that is not claimed by a code; what the request says of a name is not read."""
    with _desk(config, tenant, signs=True) as (desk, _):
        made = desk.members.issue(sensor, request.read_bytes(), whoever())
        if to is not None:
            to.write_text(made.pem, encoding="ascii")
        if as_json or to is None:
            typer.echo(json.dumps(to_builtins(made)) if as_json else made.pem, nl=as_json)


@app.command()
def certificates(
    sensor: Annotated[str | None, typer.Argument(help="Id of a sensor; else all.")] = None,
    tenant: TenantOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """List the certificates of sensors: number, until when, and whether it was revoked."""
    with _desk(config, tenant) as (desk, _):
        found = desk.members.certificates(sensor)
        if as_json:
            typer.echo(json.dumps(to_builtins(found)))
            return
        for one in found:
            end = f"revoked {_day(one.revoked_at)}" if one.revoked_at is not None else f"until {_day(one.expires_at)}"
            typer.echo(f"{one.sensor:32} {end:20} {one.number}")


@app.command()
def revoke(
    sensor: SensorArgument,
    tenant: TenantOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Revoke all certificates of a sensor, and believe nothing under its name until it is claimed anew."""
    with _desk(config, tenant, signs=True) as (desk, settings):
        gone = desk.members.retire(sensor, whoever())
        written = settings.fleet.revoked
        if written is not None:
            from cloud.issuer import write  # noqa: PLC0415 - no other command needs the broker's library

            write(Path(written), desk.members.revocation_list())
        if as_json:
            typer.echo(json.dumps({"member": to_builtins(gone), "revoked": written}))
            return
        typer.echo(f"{gone.sensor} is retired.")
        typer.echo(f"{written} is written. {_RELOAD}" if written else _NO_LIST)


@app.command()
def label(
    sensor: SensorArgument,
    labels: Annotated[list[str], typer.Argument(help="name=value; name= takes one away.")],
    tenant: TenantOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Write labels on a sensor, by which groups of sensors are chosen."""
    if wrong := [one for one in labels if "=" not in one]:
        raise typer.BadParameter(f"{wrong[0]}: write name=value")
    changes = {name: value for name, _, value in (one.partition("=") for one in labels)}
    with _desk(config, tenant) as (desk, _):
        now = desk.members.label(sensor, changes, whoever())
        typer.echo(json.dumps(to_builtins(now)) if as_json else "\n".join(f"{k}={v}" for k, v in now.labels.items()))


@app.command()
def mute(
    sensor: SensorArgument,
    hours: Annotated[float, typer.Option(min=0, max=366 * 24, help="For so long; 0: tell of it again.")],
    tenant: TenantOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Tell nobody of a sensor for a while; it goes on counting."""
    with _desk(config, tenant) as (desk, _):
        now = desk.members.mute(sensor, round(hours * 3600), whoever())
        until = "Nobody is told of" if now.muted_until else "People are told again of"
        typer.echo(json.dumps(to_builtins(now)) if as_json else f"{until} {now.sensor}.")


@contextmanager
def _sentences() -> Iterator[None]:
    with sentences():
        try:
            yield
        except AuthorityError as error:
            raise LookupError(str(error)) from None


@contextmanager
def _desk(config: Path, tenant: str | None, *, signs: bool = False) -> "Iterator[tuple[Desk, Config]]":
    """The desk, with the authority for what `signs`, and the settings."""
    from cloud.desk import Desk  # noqa: PLC0415 - `init` needs none

    settings = load(config)
    store = Store(settings.database)
    with sentences():
        try:
            authority = issuing(settings) if signs else None
            yield Desk(store, tenant_of(store, tenant), time.time, issuing=authority), settings
        finally:
            store.close()


def _day(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d}"
