-- Users, their invitations and ended sessions; limits of API keys; the audit log. Times are Unix time in seconds.
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password_hash TEXT NOT NULL, -- argon2id, in its own text form
    role TEXT NOT NULL, -- admin or viewer
    created_at REAL NOT NULL,
    last_login_at REAL,
    generation INTEGER NOT NULL DEFAULT 1 -- sessions of an earlier one are over
) STRICT;

CREATE TABLE invitations (
    id TEXT PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE, -- SHA-256 of the code
    code_prefix TEXT NOT NULL,
    created_at REAL NOT NULL,
    created_by TEXT,
    expires_at REAL NOT NULL,
    used_at REAL,
    used_by TEXT -- id of the user that it made
) STRICT;

CREATE TABLE revoked_sessions (
    id TEXT PRIMARY KEY, -- the token's jti
    expires_at REAL NOT NULL
) STRICT;

ALTER TABLE api_keys ADD COLUMN requests_per_minute INTEGER;
ALTER TABLE api_keys ADD COLUMN requests_per_day INTEGER;
ALTER TABLE api_keys ADD COLUMN tokens_per_minute INTEGER;
ALTER TABLE api_keys ADD COLUMN tokens_per_day INTEGER;

CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    at REAL NOT NULL,
    who_kind TEXT, -- api_key, session, this_machine; NULL: nobody that was recognised
    who_id TEXT,
    who_name TEXT,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    status INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    details TEXT NOT NULL -- JSON object
) STRICT;

CREATE INDEX audit_at ON audit (at);
