"""Migrate: brings a database to the newest version, and refuses one that is newer than this program."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from cloud.store.engine import open_engine, reading, writing
from cloud.store.errors import StoreTooNewError, StoreTooOldError


def migrate(database: str) -> None:
    """Create or upgrade the database (a SQLAlchemy URL or a file). Raises StoreError, StoreTooNewError."""
    engine = open_engine(database)
    try:
        with writing(engine) as db:
            config = _config()
            _check_known(config, _version(db), engine)
            config.attributes["connection"] = db
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def check(engine: Engine) -> None:
    """Raises StoreTooNewError or StoreTooOldError unless the database has exactly this program's version."""
    config = _config()
    with reading(engine) as db:
        version = _version(db)
    _check_known(config, version, engine)
    if version != ScriptDirectory.from_config(config).get_current_head():
        raise StoreTooOldError(
            f"The database {_name(engine)} has an older version ({version or 'empty'}): "
            "run `footfall-cloud migrate` first."
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config


def _version(db: Connection) -> str | None:
    return MigrationContext.configure(db).get_current_revision()


def _check_known(config: Config, version: str | None, engine: Engine) -> None:
    known = {one.revision for one in ScriptDirectory.from_config(config).walk_revisions()}
    if version is not None and version not in known:
        raise StoreTooNewError(
            f"The database {_name(engine)} was written by a newer version of Footfall (schema {version}; "
            f"this program knows up to {max(known)}): install the newer version, or restore a backup."
        )


def _name(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)
