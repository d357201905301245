"""Schema: the tables of the cloud, newest version. The migrations bring any older database here.

1. Every primary key starts with the tenant, then the shop or the sensor, so that one shop's rows lie
   together and the tables can be spread over machines by tenant. Quarantine and claim are the exceptions: their
   sender may be unknown.
2. `report` is the only record of what was counted; `period` and `dirty` can be thrown away and recomputed.
3. Bodies are the contract's JSON, as bytes. Times are UTC seconds. `sensor` is the name within the tenant.
4. A report whose sensor did not know the time lies at the window `UNDATED`, which is in no span.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

metadata = MetaData()
UNDATED = -1
LATEST = 2**62  # a second after every other

# One row: counts every change of shops and placements, so that any process knows when to read them again.
revision = Table(
    "revision",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
)

shop = Table(
    "shop",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("shop", String(32), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

placement = Table(
    "placement",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("sensor", String(32), primary_key=True),
    Column("valid_from", BigInteger, primary_key=True, autoincrement=False),
    Column("valid_to", BigInteger),
    Column("shop", String(32), nullable=False),
    Column("zone", String(64), nullable=False),
)

factor = Table(
    "factor",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("shop", String(32), primary_key=True),
    Column("valid_from", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

report = Table(
    "report",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("sensor", String(32), primary_key=True),
    Column("epoch", String(16), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("window_start", BigInteger, nullable=False),
    Column("window_s", Integer, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("report_by_window", "tenant", "sensor", "window_start"),
)

# `sequence`: everything up to it is committed or known to be lost. `highest`: the highest that came or was given up.
# `missing`: reports the sensor gave up that never came. `untrusted`: reports whose date means nothing. `gaps`: what has
# never come, as JSON spans [[first, last], ...]; null: everything has.
watermark = Table(
    "watermark",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("sensor", String(32), primary_key=True),
    Column("epoch", String(16), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("highest", BigInteger, nullable=False),
    Column("missing", BigInteger, nullable=False),
    Column("last_report_at", BigInteger),
    Column("untrusted", BigInteger, nullable=False, server_default="0"),
    Column("gaps", LargeBinary),
)

# `boots`: on which boots of which boards it has spoken, as JSON: a card that was copied shows by that.
sensor_state = Table(
    "sensor_state",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("sensor", String(32), primary_key=True),
    Column("status", String(16)),
    Column("status_at", BigInteger),
    Column("hello", LargeBinary),
    Column("hello_at", BigInteger),
    Column("health", LargeBinary),
    Column("health_at", BigInteger),
    Column("config", LargeBinary),
    Column("config_at", BigInteger),
    Column("boots", LargeBinary),
)

dirty = Table(
    "dirty",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("shop", String(32), primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
)

period = Table(
    "period",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("shop", String(32), primary_key=True),
    Column("grain", String(4), primary_key=True),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

# `id` is a hash of what was received, so that what is sent again is kept once.
quarantine = Table(
    "quarantine",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("received_at", BigInteger, nullable=False),
    Column("topic", String(200), nullable=False),
    Column("reason", String(500), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("tenant", String(32)),
    Column("sensor", String(32)),
    Column("epoch", String(16)),
    Column("sequence", BigInteger),
    Index("quarantine_by_sequence", "tenant", "sensor", "epoch", "sequence"),
    Index("quarantine_by_age", "received_at", "id"),
)

# What the quarantine holds of each sensor, and how much of its was given up. "" and "" stand for whoever the topic does
# not name.
refused = Table(
    "refused",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("sensor", String(32), primary_key=True),
    Column("kept", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("given_up", BigInteger, nullable=False),
)

# What people tell. Bodies are JSON of the types of `cloud.core`; `id` names are made by whoever sends, so that what is
# sent twice is there once.

# What a till sold in a local hour, `hour` being its start, by the source that says so.
sale = Table(
    "sale",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("shop", String(32), primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("source", String(32), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

# People counted by hand at a door, from `start` on.
doorcount = Table(
    "doorcount",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("shop", String(32), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("start", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# What happened in a shop on a date (an ordinal), to be seen beside its figures.
annotation = Table(
    "annotation",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("shop", String(32), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("id", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

campaign = Table(
    "campaign",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("campaign", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

# What a shop wants to be told of, one row per `kind`.
rule = Table(
    "rule",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("shop", String(32), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

# Every time a rule began to hold. `shop` is "" for one that many shops share; `ended_at` is null while it holds.
alert = Table(
    "alert",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("shop", String(32), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("began_at", BigInteger, primary_key=True, autoincrement=False),
    Column("ended_at", BigInteger),
    Column("body", LargeBinary, nullable=False),
    Index("alert_by_end", "tenant", "ended_at"),
)

# Who gets a shop's mails.
recipient = Table(
    "recipient",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("shop", String(32), primary_key=True),
    Column("address", String(254), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

# Mails and webhooks to be sent: an outbox of the cloud. `id` names what is said to whom, so that it is said once;
# `due_at` is null once it was taken, or was given up.
outgoing = Table(
    "outgoing",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("due_at", BigInteger),
    Column("attempts", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("outgoing_by_due", "due_at"),
)

# Links that show a shop to whoever has them; the link itself is not kept, only its SHA-256 in hex.
share = Table(
    "share",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("hash", String(64), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

# What the fleet knows and wants of its sensors. Bodies are JSON of the types of `cloud.core`, or of the contract.

# Every sensor that was claimed: its board's serial number, and what else is known of it.
sensor = Table(
    "sensor",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("sensor", String(32), primary_key=True),
    Column("serial", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("sensor_by_serial", "serial"),
)

# Codes by which a board may become a sensor; of a code only the SHA-256 is kept. Who sends one has no tenant yet, so
# the key begins with it.
claim = Table(
    "claim",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("tenant", String(32), nullable=False),
    Column("serial", String(32), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Column("body", LargeBinary, nullable=False),
    Index("claim_by_expiry", "expires_at"),
)

# Every certificate that was made, by its serial number in hex.
certificate = Table(
    "certificate",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("sensor", String(32), primary_key=True),
    Column("number", String(40), primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("body", LargeBinary, nullable=False),
)

# A change of settings on its way through the fleet.
rollout = Table(
    "rollout",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("rollout", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# What a rollout has for each sensor: the document, and the one that puts back what was before, both signed when the
# rollout was made, for the key is not here.
part = Table(
    "part",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("rollout", String(64), primary_key=True),
    Column("sensor", String(32), primary_key=True),
    Column("stage", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("forward", LargeBinary, nullable=False),
    Column("back", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# What each sensor shall have now: the signed document, byte for byte as it lies at the broker.
wanted = Table(
    "wanted",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("sensor", String(32), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("put_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
    Column("payload", LargeBinary, nullable=False),
)

# Which keys sign settings: every list a root key has signed, newest version in force.
keylist = Table(
    "keylist",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("payload", LargeBinary, nullable=False),
)

# Who changed what of the fleet, and when: only ever added to.
deed = Table(
    "deed",
    metadata,
    Column("tenant", String(32), primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("id", String(32), primary_key=True),
    Column("body", LargeBinary, nullable=False),
)
