"""Bugs: deliberate faults in privacy, one at a time, each with the test that has to see it.

A bug is a piece of the source and what a careless hand could have written there. `tests/privacy/test_pt15_bugs.py`
plants each in a copy and runs its test there. The text to be replaced must occur exactly once: a bug that no longer
fits the source fails, so that it is brought up to date and not forgotten.
"""

from typing import NamedTuple


class Bug(NamedTuple):
    """`file` (under the checkout), what stands there, what is planted instead, and the pytest words that see it."""

    name: str
    file: str
    stands: str
    planted: str
    seen_by: str


BUGS = (
    Bug(
        "an address in the log",
        "agent/ear.py",
        "                    self._frames += 1\n",
        '                    self._frames += 1\n                    log.info("%s", bytes(frame.payload[34:40]))\n',
        "tests/rules/test_leaks.py -k ear.py",
    ),
    Bug(
        "the decoder keeps the last address",
        "agent/core/dot11.py",
        "            sender = address[0]\n",
        "            sender = address[0]\n            self.last = bytes(address)\n",
        "tests/core/test_sensor.py -k test_no_object_keeps_an_address_after_the_call",
    ),
    Bug(
        "one key for all windows",
        "agent/core/epoch.py",
        "        self.count = self._drawn()\n",
        "        self.count = self._kept = getattr(self, '_kept', None) or self._drawn()\n",
        "tests/core/test_sensor.py -k test_every_window_draws_a_new_key",
    ),
    Bug(
        "a key that is over is not overwritten",
        "agent/core/epoch.py",
        "    key[:] = bytes(len(key))\n",
        "    del key\n",
        "tests/core/test_epoch.py -k test_a_key_that_is_over_is_overwritten_where_it_lies",
    ),
    Bug(
        "the epoch goes by the time of day",
        "agent/core/epoch.py",
        "        aged = opens.boot + self._window_s - self.began.boot\n",
        "        aged = opens.utc + self._window_s - self.began.utc\n",
        "tests/privacy/test_pt09_key_life.py",
    ),
    Bug(
        "an epoch of a week",
        "agent/core/epoch.py",
        "LONGEST_EPOCH_S = 86_400.0\n",
        "LONGEST_EPOCH_S = 604_800.0\n",
        "tests/core/test_epoch.py -k test_a_day_of_25_hours_does_not_stretch_it",
    ),
    Bug(
        "a tag without a key",
        "agent/core/pseudonym.py",
        "blake2s(digest_size=8, key=key, person=purpose)",
        "blake2s(digest_size=8, person=purpose)",
        "tests/core/test_pseudonym.py",
    ),
    Bug(
        "random addresses are followed through the day",
        "agent/core/pseudonym.py",
        "if self._visit is not None and stable and usable",
        "if self._visit is not None and usable",
        "tests/core/test_memory.py -k get_no_visit_tag",
    ),
    Bug(
        "passers-by are followed through the day",
        "agent/core/pseudonym.py",
        " and usable >= self._inside_dbm:",
        ":",
        "tests/core/test_memory.py -k get_no_visit_tag",
    ),
    Bug(
        "no floor",
        "agent/core/pseudonym.py",
        "        if signal is not None and signal < self._floor_dbm:\n            return None\n",
        "",
        "tests/privacy/test_pt14_gates.py",
    ),
    Bug(
        "the radio is read out of hours",
        "agent/core/sensor.py",
        "        if veil is None or self.resting:\n",
        "        if veil is None:\n",
        "tests/privacy/test_pt14_gates.py",
    ),
    Bug(
        "the opt-out list is not asked",
        "agent/core/pseudonym.py",
        "if self._listed is not None and self._listed(",
        "if self._listed is None and self._listed(",
        "tests/privacy/test_pt12_opt_out.py",
    ),
    Bug(
        "who opted out is counted among the frames",
        "agent/core/sensor.py",
        "        if trace is LEFT_OUT:\n            return False\n",
        "        if trace is LEFT_OUT:\n            trace = None\n",
        "tests/privacy/test_pt12_opt_out.py",
    ),
    Bug(
        "half the noise",
        "agent/core/noise.py",
        "VISITS_SCALE: Final = scale_of(VISITS_CAP, VISITS_EPSILON)\n",
        "VISITS_SCALE: Final = scale_of(VISITS_CAP, VISITS_EPSILON) // 2\n",
        "tests/privacy/test_pt05_epsilon.py",
    ),
    Bug(
        "no cap on visits",
        "agent/core/visits.py",
        "        if guest.visits < VISITS_CAP:\n",
        "        if guest.visits < 10**6:\n",
        "tests/privacy/test_pt05_epsilon.py",
    ),
    Bug(
        "a threshold before the noise",
        "agent/core/noise.py",
        "        arrivals=hour.arrivals + laplace(ARRIVALS_SCALE, below),\n",
        "        arrivals=hour.arrivals + laplace(ARRIVALS_SCALE, below) if hour.arrivals > 4 else 0,\n",
        "tests/privacy/test_pt05_epsilon.py",
    ),
    Bug(
        "an hour is told as often as it comes",
        "agent/outbox.py",
        "    if any(hour.start < told_until for hour in hours):\n",
        "    if False:\n",
        "tests/edges/test_outbox.py -k test_an_hour_of_visits_goes_in_once",
    ),
    Bug(
        "every start opens a new budget",
        "agent/outbox.py",
        "opens = state.budget_day is not None and state.budget_day < day",
        "opens = True",
        "tests/privacy/test_pt10_budget.py",
    ),
    Bug(
        "the process goes on after the epoch with its old memory",
        "agent/sense.py",
        "        if self._sensor.memory.epoch_ended or ",
        "        if ",
        "tests/e2e/test_epoch.py -k becomes_a_new_one",
    ),
    Bug(
        "sensing can reach the network code",
        "agent/ear.py",
        "from agent.clock import Clock\n",
        "import paho.mqtt.client\n\nfrom agent.clock import Clock\n",
        "tests/rules/test_rules.py -k test_who_may_import_whom",
    ),
    Bug(
        "settings from outside may loosen",
        "agent/effective.py",
        "    _check_stricter(own, desired)\n",
        "",
        "tests/privacy/test_pt08_settings.py",
    ),
    Bug(
        "a sensitive site may follow visits",
        "agent/config.py",
        '    if config.privacy.site == "sensitive" and config.profile != "F5":\n',
        '    if config.privacy.site == "sensitive" and config.profile == "none":\n',
        "tests/privacy/test_pt08_settings.py",
    ),
    Bug(
        "a field with room for an address",
        "agent/contract/report.py",
        '    clock: Literal["trusted", "redated", "untrusted"]\n',
        '    clock: Literal["trusted", "redated", "untrusted"]\n    seen: str = ""\n',
        "tests/contract/test_contract.py -k test_no_field_has_room_for_an_address",
    ),
    Bug(
        "the key in a text form",
        "agent/core/panels.py",
        '        return "Held(redacted)"\n',
        '        return f"Held({self.key.hex()})"\n',
        "tests/core/test_memory.py -k test_no_text_form",
    ),
    Bug(
        "the memory can be read by other processes of the user",
        "agent/lockdown.py",
        "    if libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0) == 0:\n",
        "    if libc.prctl(_SET_DUMPABLE, 1, 0, 0, 0) == 0:\n",
        "tests/edges/test_lockdown.py",
    ),
    Bug(
        "a log event that no inventory lists",
        "agent/ear.py",
        '            log.info("at rest")\n',
        '            log.info("at rest")\n            log.info("closed at night")\n',
        "tests/privacy/test_pt13_inventory.py",
    ),
)
