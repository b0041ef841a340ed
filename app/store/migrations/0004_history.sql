-- The history of requests. Times are Unix time in seconds. Rows are written in the order in which answers ended.
CREATE TABLE requests (
    number INTEGER PRIMARY KEY, -- what the texts and the search index refer to
    id TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL,
    started_at REAL NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    model TEXT, -- as the client wrote it
    endpoint_id TEXT,
    endpoint_name TEXT,
    node_name TEXT, -- who answered
    who_kind TEXT, -- api_key, session, this_machine, loopback; NULL: nobody that was recognised
    who_id TEXT,
    who_name TEXT,
    address TEXT NOT NULL,
    status INTEGER NOT NULL,
    outcome TEXT NOT NULL, -- ok, refused, failed, cancelled
    error_code TEXT,
    streamed INTEGER NOT NULL,
    duration_s REAL NOT NULL,
    queued_s REAL NOT NULL,
    first_token_s REAL,
    prompt_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    request_bytes INTEGER NOT NULL,
    answer_bytes INTEGER NOT NULL
) STRICT;

-- No more than this: looking through 100,000 short rows takes 10 ms, and each index makes every request dearer.
CREATE INDEX requests_started_at ON requests (started_at);

-- Apart from the rows, so that lists read little.
CREATE TABLE request_texts (
    number INTEGER PRIMARY KEY REFERENCES requests (number) ON DELETE CASCADE,
    request_body TEXT NOT NULL, -- media redacted
    answer_body TEXT NOT NULL, -- a stream: its joined text
    searched TEXT NOT NULL -- the words of both sides
) STRICT;

-- Without positions (detail): half the work, and nobody asks for phrases.
CREATE VIRTUAL TABLE request_search USING fts5 (
    searched,
    content = 'request_texts',
    content_rowid = 'number',
    tokenize = "unicode61 remove_diacritics 2",
    prefix = '2 3',
    detail = none
);

CREATE TRIGGER request_texts_added AFTER INSERT ON request_texts BEGIN
    INSERT INTO request_search (rowid, searched) VALUES (new.number, new.searched);
END;

CREATE TRIGGER request_texts_removed AFTER DELETE ON request_texts BEGIN
    INSERT INTO request_search (request_search, rowid, searched) VALUES ('delete', old.number, old.searched);
END;

-- Sums for statistics, which outlive the rows: one per hour and whoever and whatever took part.
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
    PRIMARY KEY (hour, model, endpoint_id, who_kind, who_id, address)
) STRICT, WITHOUT ROWID;
