"""Papers: what the commands make - a shop's notice, inventory and assessment, put where the user wants them.

The shop, its sensors and its controller are those of the settings, so that a notice can hang before the first phone is
counted; what the sensors keep to is in the database.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import to_builtins

from cloud.config import Config, Controller
from cloud.core.coverage import PlacedShop
from cloud.paperwork import assessment, inventory, page, sheet, structure
from cloud.paperwork.assessment import Kind
from cloud.paperwork.facts import Facts, PaperworkError, assumption, gather, placed_now
from cloud.paperwork.forms import filled
from cloud.paperwork.inventory import Entry
from cloud.paperwork.notice import Language, write
from cloud.store import Store
from cloud.store.sensors import Told


def notice(
    config: Config, shop: str, languages: Sequence[Language], to: Path, assume: str | None, now: int
) -> dict[str, Any]:
    """Write the notice to `to`, a folder or a file that ends in .pdf or .html; what it rests on, and its files.

    Raises PaperworkError, StoreError.
    """
    facts = facts_of(config, shop, assume, now)
    notices = [write(facts, one) for one in dict.fromkeys(languages)]
    if to.suffix in (".pdf", ".html"):
        files = [to]
    else:
        files = [to / f"notice-{facts.shop.shop}{ending}" for ending in (".pdf", ".html")]
    for file in files:
        _save(file, sheet.pdf(notices) if file.suffix == ".pdf" else page.html(notices).encode())
    return {
        "files": [str(file) for file in files],
        "languages": [one.language for one in notices],
        "profile": facts.profile,
        "outside_dbm": facts.outside_dbm,
        "radius_m": list(facts.radius_m),
        "epsilon": facts.epsilon,
        "longest_key_s": facts.longest_key_s,
        "assumed": facts.assumed,
    }


def printed(config: Config, shop: str, language: str, now: int) -> bytes:
    """The notice in one language, as PDF. Raises PaperworkError, StoreError."""
    if language not in tuple(Language):
        raise PaperworkError(f"There is no notice in {language}: ask for {', '.join(Language)}.")
    return sheet.pdf([write(facts_of(config, shop, None, now), Language(language))])


def inventory_of(config: Config, shop: str, now: int, *, as_json: bool) -> str:
    """The inventory, as Markdown or as JSON. Raises PaperworkError, StoreError."""
    placed, controller = _find(config, shop)
    found = _entries()
    if as_json:
        made = {"shop": placed.shop.shop, "made_at": now, "entries": to_builtins(found)}
        return json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    told = _told(config, placed, now)
    return filled("inventory.md", shop=placed.shop, controller=controller, told=told, entries=found, at=now)


def assessment_of(config: Config, shop: str, kind: Kind, assume: str | None, now: int) -> str:
    """The draft of an assessment, as Markdown. Raises PaperworkError, StoreError."""
    return assessment.markdown(facts_of(config, shop, assume, now), kind, len(_entries()))


def facts_of(config: Config, shop: str, assume: str | None, now: int) -> Facts:
    """What the papers of a shop rest on. Raises PaperworkError, StoreError."""
    assumed = None if assume is None else assumption(assume)
    placed, controller = _find(config, shop)
    return gather(placed, controller, _told(config, placed, now), now, assumed)


def put(text: str, to: Path | None, name: str) -> str:
    """What to print: the text itself, or the file it was written to, `to` or `name` in the folder `to`.

    Raises PaperworkError.
    """
    if to is None:
        return text.rstrip("\n")
    file = to / name if to.is_dir() else to
    _save(file, text.encode())
    return str(file)


def _entries() -> list[Entry]:
    return inventory.entries(structure.everything(), inventory.descriptions())


def _find(config: Config, shop: str) -> tuple[PlacedShop, Controller]:
    """The shop of a name, or of "tenant/name" where several tenants have one. Raises PaperworkError."""
    names = {f"{one.shop.tenant}/{one.shop.shop}": one for one in config.shops}
    meant = [name for name, one in names.items() if shop in (name, one.shop.shop)]
    if not meant:
        raise PaperworkError(f"There is no shop {shop}: there are {', '.join(names) or 'none'}.")
    if len(meant) > 1:
        raise PaperworkError(f"Several tenants have a shop {shop}: write {' or '.join(meant)}.")
    placed = _with_claimed(config)[list(names).index(meant[0])]
    return placed, config.controllers[placed.shop.tenant, placed.shop.shop]


def _with_claimed(config: Config) -> list[PlacedShop]:
    store = Store(config.database)
    try:
        return store.with_claimed(config.shops)
    finally:
        store.close()


def _told(config: Config, placed: PlacedShop, now: int) -> dict[str, Told]:
    store = Store(config.database)
    try:
        return store.told(one.sensor for one in placed_now(placed, now))
    finally:
        store.close()


def _save(file: Path, content: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        raise PaperworkError(f"{file} cannot be written ({error.strerror}): name another place with --to.") from None
