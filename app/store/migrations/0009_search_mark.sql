-- Which texts wait for the search index is one number instead of a row for each: a trigger's row for each text took as long as
-- the text's own.
INSERT INTO request_search (rowid, searched)
    SELECT number, searched FROM request_texts WHERE number IN (SELECT number FROM search_waiting);

DROP TRIGGER request_texts_added;
DROP TRIGGER request_texts_removed;
DROP TABLE search_waiting;

-- One row. The words of all texts up to number `last` are in the index, those of no later one are: numbers only grow
-- (app/store/history_log.py).
CREATE TABLE search_mark (
    last INTEGER NOT NULL
) STRICT;

INSERT INTO search_mark SELECT max(
    (SELECT coalesce(max(last), 0) FROM history_logs),
    (SELECT coalesce(max(number), 0) FROM request_texts)
);

-- Taking out of the index what isn't in it would spoil it.
CREATE TRIGGER request_texts_removed AFTER DELETE ON request_texts
WHEN old.number <= (SELECT last FROM search_mark) BEGIN
    INSERT INTO request_search (request_search, rowid, searched) VALUES ('delete', old.number, old.searched);
END;
