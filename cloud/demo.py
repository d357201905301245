"""Demo: three shops on a simulated street, from radio frames to the page, on one machine without set-up.

1. Everything but the radio waves is real: real sensor processes, a real broker, the cloud as it is served.
2. Whatever it writes lies in one folder; whatever it starts ends with it.
3. The street's truth is known, and shown beside the count. It says how the simulation is counted, and nothing
   about real phones.
"""

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from agent.radio import street
from cloud import broker, past
from cloud.app import App
from cloud.config import Config, Controller, Http, Mqtt
from cloud.core import calendar
from cloud.core.annotation import Annotation
from cloud.core.campaign import Campaign
from cloud.core.coverage import PlacedShop, Placement
from cloud.core.figures import OpeningHours, Shop, StaffHours
from cloud.store import migrate
from cloud.store.till import Till

MARK = ".footfall-demo"
_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_STARTS_HOUR = 8
# The page lives this long behind the street, in real seconds, so that a window has arrived when it is due.
_TRAVEL_S = 2.0


class DemoError(Exception):
    """The demo cannot start. The message says why and what to do."""


class Stand(NamedTuple):
    """A shop of the demo and the street before it."""

    shop: str
    name: str
    currency: str
    profile: street.Profile


STANDS = (
    Stand("bakery", "Corner bakery, Lyon", "EUR", street.Profile(11, 420, 2.5, 2, 3, 7, 19, "Europe/Paris")),
    Stand("fashion", "Fashion store, Berlin", "EUR", street.Profile(12, 260, 6.0, 4, 6, 10, 20, "Europe/Berlin")),
    Stand("books", "Bookshop, London", "GBP", street.Profile(13, 120, 4.0, 1, 4, 9, 18, "Europe/London")),
)


CONTROLLER = Controller(
    name="Example Shops Ltd",
    address="1 High Street, Exampletown",
    contact="privacy@example.com",
    url="https://example.com/counting",
    authority="Example Data Protection Authority, https://authority.example",
    register="https://example.com/counting/out",
    opt_out_point="at the till",
)
WINDOW_SHOP, WINDOW_LIFT = "fashion", 0.2


class Options(NamedTuple):
    """`folder` for all files, the page's `port`, `speed` of the street, a capture to `replay` instead of it, and
    the seconds to run `for_s` (None: until stopped)."""

    folder: Path
    port: int
    speed: float
    replay: Path | None
    for_s: float | None


class Demo:
    """A demo that runs. `now` is the street's time, UTC seconds."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._real_start = time.time()
        self.start = self._real_start if options.replay else _morning(self._real_start)
        self.speed = 1.0 if options.replay else options.speed
        self.remembered = 0.0  # which share of the weeks before is there
        self._mqtt_port = _free_port()
        self.config = Config(
            database=str(options.folder / "cloud.db"),
            http=Http(port=options.port),
            mqtt=Mqtt(port=self._mqtt_port),
            shops=[_placed(stand, self._placed_since(stand)) for stand in STANDS],
            controllers={("demo", stand.shop): CONTROLLER for stand in STANDS},
        )

    def truly_inside(self, stand: Stand, at: float) -> int:
        """How many devices are inside the stand's shop at `at` (UTC seconds)."""
        return street.truth(self._street(stand), at)

    def _street(self, stand: Stand) -> street.Profile:
        return past.on(stand.profile, _date(stand, self.start))

    def _placed_since(self, stand: Stand) -> float:
        if self._options.replay:
            return self.start
        return calendar.day_of(stand.profile.time_zone, _date(stand, self.start) - timedelta(days=past.DAYS))[0]

    def now(self) -> float:
        """The street's time as the page sees it: a moment ago, so that what was heard has arrived."""
        return self.start + max(0.0, time.time() - self._real_start - _TRAVEL_S) * self.speed

    def run(self, progress: Callable[["Demo", App], None]) -> None:
        """Run until stopped; `progress` is called about twice a second from a thread. Raises DemoError, StoreError."""
        folder = _fresh(self._options.folder)
        with ExitStack() as stack:
            stack.enter_context(broker.embedded(self._mqtt_port))
            migrate(self.config.database)
            app = App(self.config, self.now, roll_pause_s=0.2)
            stack.enter_context(_agents([self._agent_config(stand, folder) for stand in STANDS]))
            stack.enter_context(_thread(lambda stopping: self._watch(app, progress, stopping)))
            if not self._options.replay:
                stack.enter_context(_thread(lambda stopping: self._remember(app, stopping)))
            app.serve()

    def _remember(self, app: App, stopping: threading.Event) -> None:
        """Tell of the weeks before the demo began, and from then on what the tills sell."""
        till, window = Till(app.store), _window(_date(STANDS[0], self.start))
        app.desk.campaigns.put(window)
        app.desk.annotations.put(WINDOW_SHOP, Annotation(id=window.id, date=window.first, text=window.title))
        for number, day in enumerate(past.days(_date(STANDS[0], self.start)), 1):
            if stopping.is_set():
                return
            for stand in STANDS:
                ran = stand.shop == WINDOW_SHOP and window.first <= day.isoformat() <= window.last
                lift = WINDOW_LIFT if ran else 0.0
                told = past.reports(stand.profile, f"demo:{stand.shop}-1", day, self.start, lift)
                app.store.commit([told], int(self.now()))
                till.put("demo", stand.shop, past.sales(stand.profile, day, self.start, lift))
            self.remembered = number / (past.DAYS + 1)
        while not stopping.wait(3600 / self.speed / 4):
            for stand in STANDS:
                now = self.now()
                till.put("demo", stand.shop, past.sales(stand.profile, _date(stand, now), now))

    def _watch(self, app: App, progress: Callable[["Demo", App], None], stopping: threading.Event) -> None:
        while not stopping.wait(0.5):
            progress(self, app)
            if self._options.for_s and time.time() - self._real_start > self._options.for_s:
                app.server.should_exit = True

    def _agent_config(self, stand: Stand, folder: Path) -> Path:
        state = folder / stand.shop
        state.mkdir()
        path = state / "config.toml"
        radio = _settings(self._street(stand))
        clock = f"[time]\nstart = {self.start}\nreal_start = {self._real_start}\nspeed = {self.speed}\n"
        if self._options.replay:
            radio = f'source = "capture"\npath = "{self._options.replay.resolve()}"\nloop = true'
            clock = ""
        path.write_text(
            f'sensor = "demo:{stand.shop}-1"\nstate_dir = "{state}"\nrun_dir = "{state}/run"\n'
            f"window_s = {60 if self._options.replay else 300}\nhealth_interval_s = 2\n"
            f'time_zone = "{stand.profile.time_zone}"\n\n'
            f"[radio.wifi]\n{radio}\n\n[mqtt]\nport = {self._mqtt_port}\n\n{clock}"
        )
        return path


def _window(today: date) -> Campaign:
    """Something that one of the shops did in the two weeks before, and that brought more people in."""
    others = [stand.shop for stand in STANDS if stand.shop != WINDOW_SHOP]
    first, last = today - timedelta(days=14), today - timedelta(days=1)
    return Campaign(
        id="window",
        title="New window display",
        first=first.isoformat(),
        last=last.isoformat(),
        exposed=[WINDOW_SHOP],
        control=others,
        note=f"Simulated: {WINDOW_LIFT:.0%} more people came in than otherwise.",
    )


def _placed(stand: Stand, start: float) -> PlacedShop:
    hours = OpeningHours(
        days=_DAYS, opens=f"{stand.profile.opens_hour:02}:00", closes=f"{stand.profile.closes_hour:02}:00"
    )
    staff = StaffHours(days=_DAYS, begins=hours.opens, ends=hours.closes, people=stand.profile.staff)
    shop = Shop(
        tenant="demo",
        shop=stand.shop,
        name=stand.name,
        time_zone=stand.profile.time_zone,
        hours=[hours],
        staff=[staff],
        currency=stand.currency,
    )
    placed = Placement(sensor=f"demo:{stand.shop}-1", zone="door", valid_from=int(start))
    return PlacedShop(shop=shop, placements=[placed])


def _date(stand: Stand, at: float) -> date:
    return calendar.date_at(stand.profile.time_zone, int(at))


def _settings(profile: street.Profile) -> str:
    values = (
        f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}"
        for key, value in profile._asdict().items()
    )
    return "\n".join(('source = "street"', *values))


def _morning(real: float) -> float:
    """Yesterday morning, so that the street catches up with nothing that is still to come."""
    zone = ZoneInfo(STANDS[0].profile.time_zone)
    yesterday = datetime.fromtimestamp(real, zone) - timedelta(days=1)
    return yesterday.replace(hour=_STARTS_HOUR, minute=0, second=0, microsecond=0).timestamp()


def _fresh(folder: Path) -> Path:
    """An empty folder of the demo's own. Raises DemoError rather than touch another's."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise DemoError(f"{folder} holds files that are not the demo's: name another folder with --folder.")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        (folder / MARK).touch()
    except OSError as error:
        raise DemoError(f"{folder} cannot be written ({error.strerror}): name another folder with --folder.") from None
    return folder


@contextmanager
def _agents(configs: list[Path]) -> Iterator[None]:
    running = []
    try:
        for path in configs:
            with (path.parent / "log").open("wb") as log:
                command = [sys.executable, "-m", "agent", "run", "--config", str(path)]
                running.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))  # noqa: S603
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


@contextmanager
def _thread(work: Callable[[threading.Event], None]) -> Iterator[None]:
    stopping = threading.Event()
    thread = threading.Thread(target=work, args=(stopping,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(10)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
