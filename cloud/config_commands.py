"""Config commands: make a key, sign settings for a sensor with it, and hand them to the broker.

Signing needs no network and no database, and sending needs no key: the two may happen on different machines. A document
that was sent is with the broker; that a sensor took it is what the sensor says itself, on `up/config`. Many sensors at
once are the fleet commands' (`cloud/fleet_commands.py`).
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from msgspec import UNSET
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from agent.contract import DeviceConfig, encode, topics
from agent.contract.handover import MAX_PAYLOAD_BYTES
from cloud import fleet_commands, signing
from cloud.config import Mqtt, load
from cloud.fleet_commands import sentences

app = typer.Typer(
    help="Signed settings for sensors: they can make a sensor stricter, never looser.", no_args_is_help=True
)
fleet_commands.add(app)

_WITHIN_S = 15.0
_EARLY_S = 300  # a sensor's clock may be a little behind ours
Kid = Annotated[str, typer.Option(help="Name of the key, as under [fleet] in the sensor's settings.")]
Dbm = Annotated[int | None, typer.Option(min=-127, max=0, help="At least as high as in the sensor's settings.")]


@app.command()
def keygen(
    file: Annotated[Path, typer.Argument(help="For the private key; must not be there yet.")],
    kid: Kid = "fleet-1",
    root: Annotated[bool, typer.Option("--root", help="A root key, which signs lists of keys.")] = False,
) -> None:
    """Make a key to sign settings with, and print its public half for the sensors' settings."""
    with sentences():
        made = signing.new_key()
        line = signing.public_line(signing.load_key(made), kid, "root_keys" if root else "config_keys")
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as kept:
            kept.write(made)
        typer.echo(line)


@app.command()
def sign(  # noqa: PLR0913 - one argument for each thing that can be set
    *,
    sensor: Annotated[str, typer.Argument(help="tenant:name of the sensor.")],
    key: Annotated[Path, typer.Option(help="The private key, PEM.")],
    kid: Kid = "fleet-1",
    version: Annotated[int, typer.Option(min=1, help="Higher than any this sensor has taken.")],
    opt_out: Annotated[Path | None, typer.Option(help="Who opted out: one address a line.")] = None,
    profile: Annotated[Literal["F5", "D24"] | None, typer.Option(help="F5 counts only.")] = None,
    outside_dbm: Dbm = None,
    inside_dbm: Dbm = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="Not to be taken by a sensor after so many days.")] = 2,
    to: Annotated[Path | None, typer.Option(help="Write it here instead of printing it.")] = None,
) -> None:
    """Sign settings for one sensor: all that it shall keep to, for they replace what was signed before."""
    now = int(time.time())
    with sentences():
        private = signing.load_key(key.read_bytes())
        listed = UNSET if opt_out is None else signing.opt_outs(opt_out.read_text(encoding="utf-8"), private, now)
        wanted = DeviceConfig(
            sensor=sensor,
            version=version,
            not_before=now - _EARLY_S,
            expires=now + days * 86400,
            profile=profile or UNSET,
            inside_dbm=UNSET if inside_dbm is None else inside_dbm,
            outside_dbm=UNSET if outside_dbm is None else outside_dbm,
            opt_outs=listed,
        )
        signed = encode(signing.sign(wanted, private, kid)).decode()
        if to is None:
            typer.echo(signed)
        else:
            to.write_text(signed + "\n", encoding="utf-8")


@app.command()
def send(
    file: Annotated[Path, typer.Argument(help="A document from 'footfall-cloud config sign'.")],
    config: Annotated[
        Path, typer.Option("--config", "-c", help="Settings, a TOML file.", envvar="FOOTFALL_CLOUD_CONFIG")
    ] = Path("/etc/footfall/cloud.toml"),
) -> None:
    """Hand a signed document to the broker, which keeps it for the sensor; the last one sent replaces any other."""
    broker = load(config).mqtt
    with sentences():
        text = file.read_bytes().strip()
        if len(text) > MAX_PAYLOAD_BYTES:
            raise signing.SigningError(f"{file} has {len(text)} bytes; at most {MAX_PAYLOAD_BYTES} are allowed.")
        wanted = signing.opened(text)
        _publish(broker, topics.config(wanted.sensor), text)
    typer.echo(f"Version {wanted.version} for {wanted.sensor} is with the broker.", err=True)


def _publish(broker: Mqtt, topic: str, payload: bytes) -> None:
    """Leave `payload` with the broker, retained. Raises OSError, its text a sentence."""
    # Under a name of its own: the cloud's would throw the running cloud off the broker.
    client = Client(CallbackAPIVersion.VERSION2, client_id=f"{broker.client_id}/config")
    answers: list[Any] = []
    client.on_connect = lambda _client, _data, _flags, reason, _more: answers.append(reason)
    if broker.tls:
        client.tls_set(broker.ca, broker.cert, broker.key)
    try:
        client.connect(broker.host, broker.port)
    except (OSError, ValueError) as error:
        raise OSError(f"The broker at {broker.host}:{broker.port} cannot be reached ({error}).") from None
    _wait(client, broker, lambda: bool(answers))
    if answers[0].is_failure:
        raise OSError(f"The broker at {broker.host}:{broker.port} refused us ({answers[0]}).")
    sent = client.publish(topic, payload, qos=1, retain=True)
    _wait(client, broker, sent.is_published)
    client.disconnect()


def _wait(client: Client, broker: Mqtt, done: Callable[[], bool]) -> None:
    until = time.monotonic() + _WITHIN_S
    while not done():
        result = client.loop(0.2)
        if not done() and (result or time.monotonic() > until):
            raise OSError(
                f"{broker.host}:{broker.port} does not answer as a broker does: check mqtt.port and mqtt.tls."
            )
