"""The talking process: outbox to MQTT. It has no radio and no key, and sees no address.

1. A report leaves the outbox only when the cloud's watermark says it is committed. PUBACK is not a receipt.
2. A connection without progress is given up; the next comes after a back-off with jitter, for as long as it takes.
3. Reports that are lost are told with another hello: the cloud counts them missing and goes on after them.
4. While a backlog drains, each new report also goes at once, out of turn: live figures do not wait for old ones.
5. Reports that wait for the time of day go without it once the line has worked for ten minutes: it will not come.
"""

import logging
import random
import time
from collections.abc import Callable
from importlib.metadata import version

import msgspec

from agent import status
from agent.clock import boot_id
from agent.config import Config
from agent.connection import BrokerError, Connection
from agent.contract import Hello, OutboxHealth, ReportBatch, ReportedConfig, Status, Watermark
from agent.core.handover import Handover
from agent.desired import Standing
from agent.line import Line
from agent.outbox import Outbox, OutboxError

log = logging.getLogger("footfall.sync")

_LAMP_S = 5.0
_BACKOFF_S = (1.0, 60.0)
_DISK_AGAIN_S = 10.0
_UNDATED_S = 600.0


class Talk:
    """What happens on one connection: hello, then reports as the cloud's watermark allows, settings, and health.

    Reports go epoch by epoch, each with a hello of its own.
    """

    def __init__(
        self, config: Config, outbox: Outbox, connection: Connection, standing: Standing | None = None
    ) -> None:
        self._config, self._outbox, self._connection, self._standing = config, outbox, connection, standing
        self._handover = Handover(patience_s=config.mqtt.patience_s)
        self._epoch, self._newest = "", 0
        self._answered_at: float | None = None
        self._health_at = 0.0
        self._handover.connected(time.monotonic())

    @property
    def watermark(self) -> int | None:
        """What the cloud has committed of the epoch that is handed over, as it said on this connection."""
        return self._handover.watermark

    @property
    def answered(self) -> bool:
        """Whether the cloud has said anything on this connection."""
        return self._answered_at is not None

    def turn(self) -> None:
        """One round. Raises BrokerError when the connection has ended or makes no progress, OutboxError."""
        self._connection.turn()
        now = time.monotonic()
        if self._connection.up and self._handover.hello_due(now):
            self._greet()
        for watermark in self._take_heard():
            if watermark.epoch == self._epoch:
                self._acknowledge(watermark)
                self._handover.acknowledged(watermark.sequence, now)
                self._answered_at = self._answered_at or now
        if self.answered:
            self._hand_over(now)
        if self._standing is not None:
            self._take_desired(self._standing)
        if self._connection.up and now - self._health_at >= self._config.health_interval_s:
            self._tell_health()
            self._health_at = now
        if self._handover.stalled(now):
            raise BrokerError("The cloud acknowledges nothing: connecting anew.")

    def _greet(self) -> None:
        held = self._outbox.pending()
        self._epoch = held.epoch
        self._connection.publish("status", Status(state="online"), retain=True)
        self._connection.publish(
            "hello",
            Hello(
                sensor=self._config.sensor,
                epoch=held.epoch,
                first=held.first,
                last=held.last,
                evicted=held.evicted,
                software=version("footfall"),
            ),
        )
        if self._standing is not None:
            self._tell_config(self._standing.report)

    def _acknowledge(self, watermark: Watermark) -> None:
        try:
            self._outbox.acknowledge(watermark.epoch, watermark.sequence)
        except OutboxError as error:  # what stays there goes with the next one
            log.warning("what the cloud has stays in the outbox: %s", error)

    def _hand_over(self, now: float) -> None:
        while batch := self._handover.next():
            rows = self._outbox.after(self._epoch, *batch)
            if not rows or rows[0].sequence != batch.after + 1:
                if self._handover.idle:
                    self._go_on(rows, now)
                break
            self._send(rows)
            self._handover.sent(rows[-1].sequence, now)
        newest = self._outbox.newest()
        if newest is None or newest.place <= self._newest:
            return
        self._newest = newest.place
        if (newest.epoch, newest.sequence) > (self._epoch, self._handover.upto):
            self._send([newest])

    def _go_on(self, rows: list[Line], now: float) -> None:
        """All that could go has gone, up to a gap, the end of an epoch, or a report without a time."""
        if rows:
            self._outbox.check()  # what damage hides is no gap
        held = self._outbox.pending()
        if rows or held.epoch != self._epoch:
            self._handover.connected(now)
        elif held.waiting and self._answered_at is not None and now - self._answered_at > _UNDATED_S:
            self._outbox.release(this_boot=True)

    def _take_heard(self) -> list[Watermark]:
        heard, self._connection.heard = self._connection.heard, []
        return heard

    def _send(self, rows: list[Line]) -> None:
        reports = [msgspec.Raw(one.body) for one in rows]
        first = rows[0]
        batch = ReportBatch(sensor=self._config.sensor, epoch=first.epoch, first=first.sequence, reports=reports)
        self._connection.publish("report", batch)

    def _take_desired(self, standing: Standing) -> None:
        payloads, self._connection.desired = self._connection.desired, []
        for payload in payloads:
            self._tell_config(standing.take(payload, time.time()))
        self._tell_config(standing.due(time.time()))

    def _tell_config(self, reported: ReportedConfig | None) -> None:
        if reported is not None:
            self._connection.publish("config", reported)

    def _tell_health(self) -> None:
        health = status.read(self._config.status_path)
        if health is None:
            return
        held = self._outbox.pending()
        age = None if held.oldest_window_start is None else max(0.0, health.at - held.oldest_window_start)
        waiting = OutboxHealth(pending=held.waiting, oldest_age_s=age, evicted=held.evicted)
        self._connection.publish("health", msgspec.structs.replace(health, outbox=waiting), qos=0)


class Lamp:
    """Shows how the line is: a file for `footfall-agent status`, one log line per change."""

    def __init__(self, config: Config) -> None:
        self._path = config.line_path
        self._sentence = ""
        self._shown_at = 0.0

    def show(self, talk: Talk) -> None:
        """The connection is up; once the cloud has said its watermark, the line works."""
        told = talk.answered
        self._say("The cloud has acknowledged." if told else "Waiting for the cloud's answer.", told, talk.watermark)

    def fault(self, sentence: str) -> None:
        """The line does not work, and why."""
        if sentence != self._sentence:
            log.warning("%s", sentence)
        self._say(sentence, False, None)

    def _say(self, sentence: str, connected: bool, acknowledged: int | None) -> None:  # noqa: FBT001
        now = time.monotonic()
        if sentence == self._sentence and now - self._shown_at < _LAMP_S:
            return
        status.write(self._path, status.Line(connected=connected, acknowledged=acknowledged, sentence=sentence))
        self._sentence, self._shown_at = sentence, now


def run(config: Config, stopping: Callable[[], bool]) -> None:
    """Hand over reports until `stopping` says so. A broker's and a disk's faults are waited out."""
    outbox = Outbox(config.outbox_path, config.outbox_max_reports, boot_id())
    lamp = Lamp(config)
    standing = Standing(config) if config.fleet.config_keys else None
    backoff = _BACKOFF_S[0]
    while not stopping():
        connection = talk = None
        try:
            outbox.release(this_boot=False)
            connection = Connection(config.mqtt, config.sensor, takes_settings=standing is not None)
            talk = Talk(config, outbox, connection, standing)
            log.info("connected to %s:%d", config.mqtt.host, config.mqtt.port)
            while not stopping():
                talk.turn()
                lamp.show(talk)
        except BrokerError as error:
            lamp.fault(str(error))
        except OutboxError as error:
            lamp.fault(str(error))
            backoff = min(backoff, _DISK_AGAIN_S)
        finally:
            if connection is not None:
                connection.close()
        if talk is not None and talk.answered:
            backoff = _BACKOFF_S[0]
        _wait(random.uniform(0.5, 1.0) * backoff, stopping)  # noqa: S311 - spreads reconnects, guards nothing
        backoff = min(backoff * 2, _BACKOFF_S[1])
    outbox.close()


def _wait(seconds: float, stopping: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not stopping() and time.monotonic() < end:
        time.sleep(min(0.2, seconds))
