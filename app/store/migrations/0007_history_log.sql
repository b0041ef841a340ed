-- What this machine keeps of requests, audit entries, sums and stored responses gets numbers, in the order of writing, so that
-- other machines can copy what is new. See app/store/history_log.py.

-- One row for each start of the program: numbers from `first` to `last` were given away since then, one to each thing written.
-- Its name tells a database from an older copy of it that was put back: no two starts have the same.
CREATE TABLE history_logs (
    first INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    last INTEGER NOT NULL,
    cluster TEXT -- which one the machine belonged to; NULL: the one at the next start
) STRICT;

-- How far this machine has copied another one's log.
CREATE TABLE history_cursors (
    node TEXT PRIMARY KEY,
    log TEXT NOT NULL,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO history_logs (first, name, last) VALUES (1, lower(hex(randomblob(16))), 0);

ALTER TABLE audit ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
UPDATE audit SET number = counted.number
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM audit) AS counted WHERE counted.id = audit.id;
CREATE INDEX audit_number ON audit (number);

ALTER TABLE responses ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE responses ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0; -- by a client: without its contents, until it expires
UPDATE responses SET number = counted.number
    FROM (SELECT id, row_number() OVER (ORDER BY created_at, id) AS number FROM responses) AS counted
    WHERE counted.id = responses.id;
CREATE INDEX responses_number ON responses (number);

-- Sums are kept apart by the log of whoever counted: such a sum only grows, so of two copies the greater one is right.
ALTER TABLE usage RENAME TO old_usage;
CREATE TABLE usage (
    hour INTEGER NOT NULL, -- Unix time of its beginning
    model TEXT NOT NULL, -- the empty text where a request named none
    endpoint_id TEXT NOT NULL,
    who_kind TEXT NOT NULL,
    who_id TEXT NOT NULL,
    who_name TEXT NOT NULL,
    address TEXT NOT NULL,
    requests INTEGER NOT NULL,
    failures INTEGER NOT NULL, -- outcome failed
    refusals INTEGER NOT NULL, -- outcome refused
    prompt_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    duration_s REAL NOT NULL, -- of all together
    log TEXT NOT NULL, -- in which it was counted
    number INTEGER NOT NULL, -- when it grew last
    PRIMARY KEY (hour, model, endpoint_id, who_kind, who_id, address, log)
) STRICT, WITHOUT ROWID;
INSERT INTO usage
    SELECT old_usage.*, history_logs.name, row_number() OVER (ORDER BY hour) FROM old_usage, history_logs;
DROP TABLE old_usage;
CREATE INDEX usage_number ON usage (number);

UPDATE history_logs SET last = max(
    (SELECT coalesce(max(number), 0) FROM requests),
    (SELECT coalesce(max(number), 0) FROM audit),
    (SELECT coalesce(max(number), 0) FROM responses),
    (SELECT coalesce(max(number), 0) FROM usage)
);
