"""The commands about this sensor's settings: footfall-agent config show, explain, validate."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from agent import layers
from agent.config import load
from agent.layers import UnknownError

app = typer.Typer(help="This sensor's settings: what holds, who said it, who may change it.", no_args_is_help=True)
Option = Annotated[Path, typer.Option("--config", "-c", help="Settings, a TOML file.", envvar="FOOTFALL_CONFIG")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
DEFAULT = Path("/etc/footfall/config.toml")


@app.command()
def show(config: Option = DEFAULT, as_json: Json = False) -> None:
    """Every setting that holds, and which layer said it: default, file, on the spot, fleet."""
    found = layers.settings(config)
    if as_json:
        typer.echo(msgspec.json.encode([one._asdict() for one in found]))
        return
    for one in found:
        value = "not set" if one.value is None else msgspec.json.encode(one.value).decode()
        typer.echo(f"{one.key:28} {one.layer:12} {value}")


@app.command()
def explain(
    key: Annotated[str, typer.Argument(help="A setting, like radio.wifi.stay_s.")],
    config: Option = DEFAULT,
    as_json: Json = False,
) -> None:
    """One setting: what holds, who said it, what is allowed, who may change it."""
    try:
        found = layers.setting(config, key)
    except UnknownError as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo(msgspec.json.encode(found._asdict()) if as_json else layers.text(found))


@app.command()
def validate(file: Annotated[Path, typer.Argument(help="Settings, a TOML file.")]) -> None:
    """Whether a settings file can be used; if not, the key and what is allowed. Exit code 78 if not."""
    load(file)
    typer.echo(f"{file} can be used.")
