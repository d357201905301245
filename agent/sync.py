"""The talking process: outbox to MQTT. It has no radio and no key, and sees no address.

1. A report leaves the outbox only when the cloud's watermark says it is committed. PUBACK is not a receipt.
2. A connection without progress is given up; the next comes after a back-off with jitter, for as long as it takes.
3. Reports that are lost are told with another hello: the cloud counts them missing and goes on after them.
4. While a backlog drains, each new report also goes at once, out of turn: live figures do not wait for old ones.
5. Reports that wait for the time of day go without it once the line has worked for ten minutes: it will not come.
6. A new broker, or settings on trial, are spoken for by a new connection. The trial goes on without one (`standing`).
   So is a new certificate, as soon as the cloud owes no word (`succession`).
7. A sensor that was not claimed, or was claimed on another board, connects nowhere; what is counted waits.
"""

import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import msgspec
from msgspec import UNSET

from agent import board, metrics, site, status
from agent.clock import boot_id, boot_s
from agent.config import Config
from agent.connection import BrokerError, Connection
from agent.contract import Hello, ReportBatch, ReportedConfig, Status, Watermark, topics
from agent.core.handover import Handover
from agent.line import Line
from agent.metrics import Exporter
from agent.notify import Service
from agent.outbox import Outbox, OutboxError
from agent.standing import Standing, moment
from agent.succession import Succession
from agent.vitals import Vitals

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
        self,
        config: Config,
        outbox: Outbox,
        connection: Connection,
        standing: Standing | None = None,
        vitals: Vitals | None = None,
        succession: Succession | None = None,
    ) -> None:
        self._config, self._outbox, self._connection, self._standing = config, outbox, connection, standing
        self._succession = succession
        if succession is not None:
            succession.connected()
        self._vitals = vitals or vitals_of(config)
        self._vitals.connected()
        self._handover = Handover(patience_s=config.mqtt.patience_s)
        self._epoch, self._newest = "", 0
        self._answered_at: float | None = None
        self._health_at = 0.0
        self._handover.connected(time.monotonic())
        self._terms = None if standing is None else standing.terms

    @property
    def _in_force(self) -> Config:
        return self._config if self._standing is None else self._standing.config

    @property
    def watermark(self) -> int | None:
        """What the cloud has committed of the epoch that is handed over, as it said on this connection."""
        return self._handover.watermark

    @property
    def is_current(self) -> bool:
        """Whether the connection was made under the settings that are in force now, and with the newest certificate."""
        if self._succession is not None and self._succession.switched and self._handover.idle:
            return False
        return self._standing is None or self._standing.terms == self._terms

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
        if self._succession is not None and self.answered:
            self._renew(self._succession)
        if self._connection.up and now - self._health_at >= self._in_force.health_interval_s:
            self._tell_health()
            self._health_at = now
        if self._handover.stalled(now):
            raise BrokerError(self._connection.unanswered())

    def _greet(self) -> None:
        held = self._outbox.pending()
        self._epoch, serial = held.epoch, board.serial()
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
                boot=board.mark(boot_id()),
                board=board.mark(serial) if serial else UNSET,
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
        connection = self._connection
        (lists, connection.keys), (payloads, connection.desired) = (connection.keys, []), (connection.desired, [])
        for payload in lists:
            self._tell_config(standing.take_keys(payload))
        if not (payloads or standing.is_busy):
            return
        here = moment(self._config)
        for payload in payloads:
            self._tell_config(standing.take(payload, here))
        self._tell_config(standing.look(here, answered=self.answered and self.is_current))

    def _renew(self, succession: Succession) -> None:
        payloads, self._connection.renewed = self._connection.renewed, []
        now = time.time()
        for payload in payloads:
            succession.take(payload, now)
        renewal = succession.due(now)
        if renewal is not None:
            self._connection.publish(topics.RENEW, renewal)

    def _tell_config(self, reported: ReportedConfig | None) -> None:
        if reported is not None:
            self._connection.publish("config", reported)

    def _tell_health(self) -> None:
        self._vitals.interval_s = self._in_force.health_interval_s
        health = self._vitals.look(self._outbox.pending(), self._connection.line)
        if health is not None:
            self._connection.publish("health", health, qos=0)


class Lamp:
    """Shows how the line is: a file for `footfall-agent status`, the service manager, one log line per change.

    It is shown after every turn that read and wrote what there was, and after every attempt that failed.
    """

    def __init__(self, config: Config) -> None:
        self._path = config.line_path
        self._service = Service()
        self._service.opening("Opens the outbox.")
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
        self._service.turned(sentence)
        now = time.monotonic()
        if sentence == self._sentence and now - self._shown_at < _LAMP_S:
            return
        status.write(self._path, status.Line(connected=connected, acknowledged=acknowledged, sentence=sentence))
        self._sentence, self._shown_at = sentence, now


def vitals_of(config: Config) -> Vitals:
    """How this sensor is, as told every `health_interval_s`."""
    certificate = config.mqtt.certificate_file
    folder, own = Path(config.state_dir), None if certificate is None else Path(certificate)
    return Vitals(config.status_path, folder, own, config.health_interval_s)


def exporter_of(config: Config, vitals: Vitals, standing: Standing | None) -> Exporter | None:
    """What a Prometheus of this machine is told by; None unless the settings name a port that is free."""
    if not config.metrics.port:
        return None

    def page() -> str:
        line = status.read_line(config.line_path)
        connected = None if line is None else line.connected
        return metrics.text(vitals.now(), connected, None if standing is None else standing.report)

    try:
        return Exporter(config.metrics.port, page)
    except OSError as error:
        log.warning("metrics.port: 127.0.0.1:%d cannot be served (%s)", config.metrics.port, error.strerror)
        return None


def standing_of(config: Config, trial_s: float | None = None) -> Standing | None:
    """What the fleet signed for this sensor; None where nobody may. `trial_s`: of a trial, if not as usual."""
    if not (config.fleet.config_keys or config.fleet.root_keys):
        return None
    return Standing(config, boot_s(), boot_id(), trial_s)


def succession_of(config: Config) -> Succession | None:
    """Where the next certificate comes from; None for certificates that were not claimed, but put there by somebody."""
    if config.mqtt.certificate_file != str(config.identity_dir / site.PAIR):
        return None
    return Succession(config.identity_dir, config.sensor, board.mark(board.serial()))


def hindrance(config: Config) -> str:
    """Why this sensor may not talk to any cloud, and what to do; "" if it may."""
    if not config.is_claimed:
        return (
            "Not claimed yet: what is counted waits here until somebody claims the sensor, on its setup page or with "
            "'footfall-agent claim CODE'."
        )
    serial = site.read(config.site_path).serial
    if serial is not UNSET and board.is_other(serial):
        return (
            f"This card was set up in another sensor (serial number {serial}; this one has {board.serial()}): run "
            "'footfall-agent reset --all' and claim it anew."
        )
    return ""


def run(config: Config, stopping: Callable[[], bool], trial_s: float | None = None) -> None:
    """Hand over reports until `stopping` says so. A broker's and a disk's faults are waited out."""
    lamp = Lamp(config)
    outbox = Outbox(config.outbox_path, config.outbox_max_reports, boot_id())
    standing = standing_of(config, trial_s)
    vitals = vitals_of(config)
    exporter = exporter_of(config, vitals, standing)
    succession, hindered = succession_of(config), hindrance(config)
    backoff = _BACKOFF_S[0]
    while not stopping():
        connection = talk = None
        try:
            if hindered:
                raise BrokerError(hindered)
            outbox.release(this_boot=False)
            broker = config.mqtt if standing is None else standing.config.mqtt
            connection = Connection(
                broker, config.sensor, takes_settings=standing is not None, renews=succession is not None
            )
            talk = Talk(config, outbox, connection, standing, vitals, succession)
            log.info("connected to %s:%d", broker.host, broker.port)
            while not stopping() and talk.is_current:
                talk.turn()
                lamp.show(talk)
        except BrokerError as error:
            lamp.fault(str(error))
        except OutboxError as error:
            lamp.fault(str(error))
            backoff = min(backoff, _DISK_AGAIN_S)
        finally:
            if connection is not None:
                connection.close(in_order=stopping())
        if talk is not None and talk.answered:
            backoff = _BACKOFF_S[0]
        _look_alone(vitals, outbox)
        moved = _moved(config, standing)
        wait_s = random.uniform(0.5, 1.0) * backoff  # noqa: S311 - spreads reconnects, guards nothing
        _wait(wait_s, lambda: stopping() or moved())  # noqa: B023 - called before the next round
        backoff = _BACKOFF_S[0] if moved() else min(backoff * 2, _BACKOFF_S[1])
    if exporter is not None:
        exporter.close()
    outbox.close()


def _look_alone(vitals: Vitals, outbox: Outbox) -> None:
    """See how the sensor is though the cloud cannot be told: a Prometheus may ask."""
    with suppress(OutboxError):  # then what was seen before stands
        vitals.look(outbox.pending(), None)


def _moved(config: Config, standing: Standing | None) -> Callable[[], bool]:
    """Goes on with a trial while there is no connection; whether the next is to be made under other terms than now."""
    terms = None if standing is None else standing.terms

    def look() -> bool:
        if standing is not None and standing.is_busy:
            standing.look(moment(config), answered=False)
        return standing is not None and standing.terms != terms

    return look


def _wait(seconds: float, stopping: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not stopping() and time.monotonic() < end:
        time.sleep(min(0.2, seconds))
