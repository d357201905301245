"""The roller: whatever is dirty gets rolled up, and a failure is tried again."""

from cloud.roller import Roller
from cloud.store import Store, StoreError, migrate
from tests import fleet
from tests.brokers import until


class Faltering:
    """A store that fails once, as a locked database does."""

    def __init__(self, store):
        self.store, self.failed = store, False

    def recompute(self, limit):
        if not self.failed:
            self.failed = True
            raise StoreError("The database is locked. It is tried again.")
        return self.store.recompute(limit)


def test_it_rolls_up_what_was_left_and_what_comes(tmp_path):
    database = str(tmp_path / "cloud.db")
    migrate(database)
    store = Store(database)
    store.apply_shops([fleet.placed("demo:door")])
    store.commit([fleet.delivery(1, [fleet.report()])], fleet.NOON)
    rolled = []
    roller = Roller(Faltering(store), rolled.extend, pause_s=0.01, longest_s=0.02)
    roller.start()
    until(lambda: len(rolled) == 2, "the hour and the day")
    store.commit([fleet.delivery(2, [fleet.report(fleet.NOON + 60)])], fleet.NOON)
    roller.wake()
    until(lambda: len(rolled) == 4, "the hour and the day again")
    roller.stop()
    assert [one.grain for one in rolled] == ["hour", "day", "hour", "day"]
    assert store.backlog() == 0
    store.close()
