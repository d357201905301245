-- The outbox: reports the cloud has not yet said it has. Counts only; nothing here is about any device.
CREATE TABLE report (
    place   INTEGER PRIMARY KEY,  -- the life of the sensing process, shifted by 32 bits, and the sequence within it
    line    BLOB NOT NULL,        -- name, check and the report as it goes over the wire (line.py)
    undated TEXT                  -- the boot it was taken in, while it waits for the time of day
);
CREATE TABLE outbox (
    epoch      TEXT NOT NULL,     -- of the newest life of the sensing process
    evicted    INTEGER NOT NULL,  -- reports given up: the outbox was full, or the disk refused them
    budget_day INTEGER,           -- the last shop-local day on which visits began to be counted; NULL: unknown
    told_until INTEGER,           -- visits are told up to here (UTC seconds), and never a second time; NULL: unknown
    seal       INTEGER NOT NULL   -- CRC-32 of the values before it
)
