-- Answers of /v1/responses, for GET and previous_response_id. Times are Unix time in seconds.
CREATE TABLE responses (
    id TEXT PRIMARY KEY,
    created_at REAL NOT NULL,
    api_key_id TEXT,
    document BLOB NOT NULL,
    input_items BLOB NOT NULL,
    expires_at REAL NOT NULL
) STRICT;

CREATE INDEX responses_expires_at ON responses (expires_at);
