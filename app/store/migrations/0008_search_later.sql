-- Words go into the search index when there is time for it, at the latest when somebody searches: it is more than half the work
-- that a request's texts make.

-- The texts whose words are not in the index yet.
CREATE TABLE search_waiting (
    number INTEGER PRIMARY KEY
) STRICT;

DROP TRIGGER request_texts_added;

CREATE TRIGGER request_texts_added AFTER INSERT ON request_texts BEGIN
    INSERT INTO search_waiting (number) VALUES (new.number);
END;

DROP TRIGGER request_texts_removed;

-- Taking out of the index what isn't in it would spoil it.
CREATE TRIGGER request_texts_removed AFTER DELETE ON request_texts BEGIN
    INSERT INTO request_search (request_search, rowid, searched)
        SELECT 'delete', old.number, old.searched
        WHERE NOT EXISTS (SELECT 1 FROM search_waiting WHERE number = old.number);
    DELETE FROM search_waiting WHERE number = old.number;
END;
