"""What a shop has deleted is gone, and nothing else."""

import pytest

from agent.contract import encode
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.refusal import Refusal
from cloud.core.till import Sale
from cloud.desk.erasure import Erasure
from cloud.store import Store, migrate
from cloud.store.delivery import Reports
from cloud.store.till import Till
from tests.shops import a_shop, at, busy

DAYS = ("2026-09-30", "2026-10-01")


@pytest.fixture
def store(tmp_path):
    migrate(str(tmp_path / "cloud.db"))
    store = Store(str(tmp_path / "cloud.db"))
    for shop in ("corner", "other"):
        placed = Placement(sensor=f"acme:{shop}", zone="door")
        store.apply_shops([PlacedShop(shop=a_shop(shop), placements=[placed])])
        for number, day in enumerate(DAYS):
            told = busy(at(f"{day} 00:00"), at(f"{day} 23:55"))
            rows = [
                (
                    "acme",
                    shop,
                    f"{number:016x}",
                    n,
                    one.report.window_start,
                    300,
                    at(f"{day} 23:59"),
                    encode(one.report),
                )
                for n, one in enumerate(told, 1)
            ]
            store.commit([Reports("acme", shop, f"{number:016x}", 1, len(rows), rows, [])], at("2026-11-20 12:00"))
            sale = Sale(hour=at(f"{day} 10:00"), source="till", transactions=3)
            Till(store).put("acme", shop, [sale])
    while store.recompute(100):
        pass
    yield store
    store.close()


def left(store, shop):
    """Local dates of which anything is left: reports, hours, days, sales, lines."""
    first, last = at("2026-01-01 00:00"), at("2027-01-01 00:00")
    seconds = {
        "reports": [one.report.window_start for one in store.reports("acme", shop, first, last)],
        "hours": [one.start for one in store.periods("acme", shop, "hour", first, last)],
        "days": [one.start for one in store.periods("acme", shop, "day", first, last)],
        "sales": [one.hour for one in Till(store).sales("acme", shop)],
        "lines": [one.start for one in store.lines("acme", [shop], first, last)[shop]],
    }
    october = at("2026-10-01 00:00")
    return {name: sorted({"2026-09" if one < october else "2026-10" for one in some}) for name, some in seconds.items()}


def erasing(store, before, typed):
    return Erasure(store, "acme", lambda: at("2026-11-20 12:00")).erase("corner", before, typed)


def test_what_was_before_is_gone_of_this_shop_alone_and_stays_gone(store):
    name = store.shop("acme", "corner").name
    said = erasing(store, "2026-10-01", name)
    assert str(said).startswith("Deleted: 287 reports, 25 figures by hour and day, 1 hours")
    assert set(map(tuple, left(store, "corner").values())) == {("2026-10",)}
    assert set(map(tuple, left(store, "other").values())) == {("2026-09", "2026-10")}
    assert store.recompute(100) == []
    assert store.latest_window("acme", "corner").start >= at("2026-10-01 00:00")
    assert str(erasing(store, "2026-10-01", name)).startswith("Deleted: 0 reports, 0 figures")


@pytest.mark.parametrize(
    ("before", "typed", "says"),
    [
        ("2026-10-02", "", "choose the first of a month"),
        ("2026-12-01", "", "only months that are over"),
        ("2026-10-01", "other", "Type the name of the shop"),
        ("soon", "", "which is no date"),
    ],
)
def test_nothing_is_deleted_by_mistake(store, before, typed, says):
    with pytest.raises(Refusal, match=says):
        erasing(store, before, typed)
    assert left(store, "corner")["days"] == ["2026-09", "2026-10"]
