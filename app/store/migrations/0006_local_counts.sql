-- Keys, users, invitations and ended sessions are in the ledger (cluster.db) now, which all machines of a cluster share: what
-- is in these tables is carried over at the next start, which leaves them empty. A later version drops them.
-- What changes with every use stays here, on each machine for itself. Times are Unix time in seconds.
CREATE TABLE api_key_uses (
    id TEXT PRIMARY KEY, -- of the key
    last_used_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user_logins (
    id TEXT PRIMARY KEY, -- of the user
    last_login_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO api_key_uses SELECT id, last_used_at FROM api_keys WHERE last_used_at IS NOT NULL;
INSERT INTO user_logins SELECT id, last_login_at FROM users WHERE last_login_at IS NOT NULL;
