"""Reset: the sensor belongs to nobody again.

1. What says whose it is goes first, then the keys. Wherever a power cut falls, it is the sensor of before or nobody's,
   and the same command again does the rest.
2. Reports that wait stay, and go to whoever claims the sensor next, unless everything is to go. Then what was learnt
   and what the fleet signed goes too, and the day's secret: its panel begins anew.
3. What says which noise was told already stays in any case: noise drawn twice for one figure would average away.
4. The sensing process writes what it holds as it ends. So a note tells the next one to let go of it once more.
"""

from pathlib import Path

from msgspec import UNSET

from agent import disk, identity, site
from agent.config import Config
from agent.identity import IdentityError
from agent.outbox import Outbox, OutboxError
from agent.site import Site, SiteError


class ResetError(Exception):
    """Not all of it could be let go of. The message says what to do."""


def losses(config: Config, *, everything: bool) -> list[str]:
    """What a reset takes away, and what it leaves, in sentences; empty where there is nothing to reset.

    `config`: the settings file's alone, for what was settled may be damaged. Raises OutboxError.
    """
    found, lost = _settled(config), []
    if found is None:
        lost.append("What was settled here is damaged, and goes.")
    elif found.sensor is not UNSET:
        shop = f" at {found.shop_name}" if found.shop_name else ""
        lost.append(f"It is {found.sensor}{shop} no longer: its key and certificate go, and nothing brings them back.")
    elif config.identity_dir.is_dir() and any(config.identity_dir.iterdir()):
        lost.append("A key without a name goes.")
    if found is not None and found.inside_dbm is not UNSET:
        lost.append("The zones that its walk test found go.")
    if config.desired_path.exists() and (lost or everything):
        lost.append("The settings that its fleet signed hold no longer, its opt-out list with them.")
    waiting = _waiting(config)
    if everything:
        lost.append(f"Reports that wait for the cloud go, and nobody will ever see them: {waiting}.")
        lost.append("What was learnt of classes of devices goes.")
    elif lost and waiting:
        lost.append(f"Reports that wait stay, and go to whoever claims it next (--all deletes them): {waiting}.")
    return lost


def carry_out(config: Config, *, everything: bool) -> None:
    """Do it; `config` as in `losses`. Raises ResetError."""
    if not Path(config.state_dir).is_dir():
        return
    try:
        if everything:
            config.forget_path.touch()
        for path in (config.site_path, config.site_path.with_suffix(".new")):
            path.unlink(missing_ok=True)
        disk.settle(Path(config.state_dir))
        identity.drop(config.identity_dir)
        if everything:
            for path in (config.desired_path, config.keys_path):
                path.unlink(missing_ok=True)
            _forget(config)
    except (IdentityError, OutboxError) as error:
        raise ResetError(str(error)) from None
    except OSError as error:
        raise ResetError(f"{error.filename} cannot be deleted ({error.strerror}): run this as root.") from None


def is_due(config: Config) -> bool:
    """Whether the sensing process is to let go of everything before it begins."""
    return config.forget_path.exists()


def finish(config: Config) -> None:
    """Let go of what the sensing process wrote as it ended. A disk that refuses is tried again at the next start."""
    try:
        _forget(config)
        config.forget_path.unlink(missing_ok=True)
    except (OSError, OutboxError):
        return


def _forget(config: Config) -> None:
    config.learnt_path.unlink(missing_ok=True)
    if not config.outbox_path.exists():
        return
    outbox = Outbox(config.outbox_path, config.outbox_max_reports)
    try:
        outbox.release(this_boot=True)
        left = outbox.pending()
        while left.waiting:
            outbox.acknowledge(left.epoch, left.last)
            before, left = left, outbox.pending()
            if left.waiting >= before.waiting:
                raise OutboxError(f"The reports in {config.outbox_path} cannot be deleted: check the disk.")
    finally:
        outbox.close()


def _settled(config: Config) -> Site | None:
    try:
        return site.read(config.site_path)
    except SiteError:
        return None


def _waiting(config: Config) -> int:
    if not config.outbox_path.exists():
        return 0
    outbox = Outbox(config.outbox_path, config.outbox_max_reports)
    try:
        return outbox.pending().waiting
    finally:
        outbox.close()
