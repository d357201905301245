"""Progress: the demo in a terminal, shop by shop, the count beside the truth."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.live import Live
from rich.table import Table

from cloud.app import App
from cloud.core.figures import Figure, Today
from cloud.core.today import WINDOW_S
from cloud.demo import STANDS, Demo, Stand

_EVERY = 10  # rounds between two lines where there is no terminal to redraw
_HEADINGS = ("Shop", "Local time", "Inside", "80 % interval", "Truly inside", "Visitors so far", "Sensor")


class Progress:
    """Draws a table where there is a terminal, and prints a line now and then where there is none."""

    def __init__(self, address: str, *, truth: bool) -> None:
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False)
        self._address, self._truth = address, truth
        self._rounds = 0

    def __enter__(self) -> Callable[[Demo, App], None]:
        self._console.print(f"Dashboard: {self._address}   (Ctrl-C ends the demo)", highlight=False)
        if self._console.is_terminal:
            self._live.start()
        return self.show

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def show(self, demo: Demo, app: App) -> None:
        """One round."""
        todays = [app.desk.reader.today(stand.shop) for stand in STANDS]
        rows = [self._row(demo, stand, today) for stand, today in zip(STANDS, todays, strict=True)]
        missing = sum(sensor.missing_reports for today in todays for sensor in today.sensors)
        stored = app.subscriber.counters.reports
        caption = f"{demo.speed:g} times real time; {stored} reports stored, {missing} missing"
        if 0 < demo.remembered < 1:
            caption += f"; {demo.remembered:.0%} of the weeks before is there"
        if self._console.is_terminal:
            self._live.update(_table(rows, caption), refresh=True)
        elif self._rounds % _EVERY == 0:
            shops = "; ".join(f"{row[0]} {row[1]}: {row[2]} inside ({row[3]}), truly {row[4]}" for row in rows)
            self._console.print(f"{shops}. {caption}", highlight=False, soft_wrap=True)
        self._rounds += 1

    def _row(self, demo: Demo, stand: Stand, today: Today) -> tuple[str, ...]:
        at, zone = today.inside_at, ZoneInfo(today.time_zone)
        shown = datetime.fromtimestamp(today.now if at is None else at, zone).strftime("%a %H:%M")
        truth = "-" if at is None or not self._truth else str(demo.truly_inside(stand, at - WINDOW_S / 2))
        sensor = today.sensors[0].state if today.sensors else "-"
        inside = today.inside_now
        return today.name, shown, _whole(inside), _range(inside), truth, _whole(today.day.visitors), sensor


def _table(rows: list[tuple[str, ...]], caption: str) -> Table:
    table = Table(caption=caption)
    for heading in _HEADINGS:
        table.add_column(heading, justify="left" if heading in ("Shop", "Sensor") else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _whole(figure: Figure) -> str:
    return "-" if figure.value is None else f"{figure.value:.0f}"


def _range(figure: Figure) -> str:
    return "-" if figure.low is None or figure.high is None else f"{figure.low:.0f} to {figure.high:.0f}"
