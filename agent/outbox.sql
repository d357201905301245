-- The outbox: reports the cloud has not yet said it has. Counts only; nothing here is about any device.
CREATE TABLE report (
    sequence     INTEGER PRIMARY KEY,  -- given by us, never reused within an epoch
    window_start INTEGER NOT NULL,     -- UTC seconds; for the age of the oldest, and for people who look
    body         BLOB NOT NULL         -- the report as it goes over the wire, byte for byte
);
CREATE TABLE outbox (
    epoch        TEXT NOT NULL,        -- drawn when this file is made
    acknowledged INTEGER NOT NULL,     -- the cloud has everything up to here
    evicted      INTEGER NOT NULL,     -- reports given up because the outbox was full
    budget_day   INTEGER NOT NULL,     -- the last shop-local day on which visits began to be counted
    told_until   INTEGER NOT NULL      -- visits are told up to here (UTC seconds), and never a second time
);
