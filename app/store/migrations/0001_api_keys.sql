-- Times are Unix time in seconds. Only the SHA-256 and the first characters of a key are kept.
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    key_prefix TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL, -- separated by spaces
    created_at REAL NOT NULL,
    expires_at REAL,
    revoked_at REAL
) STRICT;
