"""What crosses the network between a sensor and the cloud, and from a till to the cloud; nothing else does.

Rules this package keeps:

1. Only counts, health, configuration and the hours of a till have a type here. There is no field that could hold an
   address, a name of a network, or a value derived from one (`tests/contract/test_contract.py` reads every field). One
   thing made of addresses goes the other way, to the sensors: the list of those who asked to be left out (`optout`).
2. The type the core emits is the type on the wire is the row in the store.
3. A message carries `v`, the contract version. Within a version a type may only gain fields that may be absent, and
   the cloud learns them before any sensor does: a field that is not in the contract is a mistake and is refused.
4. The vectors in `tests/vectors/` pin the bytes. Vectors are added, never edited.
5. Topics use only what MQTT 3.1.1 has: QoS 0 and 1, retained messages, a last will, at most seven slashes.

It imports nothing of ours: the cloud imports it, and so may anyone else.
"""

from agent.contract.desired import DeviceConfig, KeyList, ReportedConfig, Signed
from agent.contract.handover import Hello, ReportBatch, Status, Watermark
from agent.contract.health import Health, OutboxHealth, Privacy, RadioHealth
from agent.contract.identity import Claim, Claimed, Renewal, Renewed
from agent.contract.optout import OptOuts
from agent.contract.report import DwellDay, Estimate, Heard, Report, VisitsHour
from agent.contract.till import TillHour, TillHours
from agent.contract.wire import ContractError, decode, encode

__all__ = [
    "Claim",
    "Claimed",
    "ContractError",
    "DeviceConfig",
    "DwellDay",
    "Estimate",
    "Health",
    "Heard",
    "Hello",
    "KeyList",
    "OptOuts",
    "OutboxHealth",
    "Privacy",
    "RadioHealth",
    "Renewal",
    "Renewed",
    "Report",
    "ReportBatch",
    "ReportedConfig",
    "Signed",
    "Status",
    "TillHour",
    "TillHours",
    "VisitsHour",
    "Watermark",
    "decode",
    "encode",
]
