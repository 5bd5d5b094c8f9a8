-- Version 5: people who were erased. Before it, the file is written anew: what was deleted was not overwritten then.

-- Of their bans: keyed hashes, with which `secrets` has the key.
CREATE TABLE erased_bans (
    room TEXT NOT NULL REFERENCES rooms ON DELETE CASCADE,
    place INTEGER NOT NULL,
    person BLOB NOT NULL CHECK (length(person) = 16),
    address BLOB CHECK (length(address) = 16),
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (room, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Whose words they are; NULL where nobody knows.
ALTER TABLE rooms ADD COLUMN title_by INTEGER;
ALTER TABLE rooms ADD COLUMN topic_by INTEGER;
UPDATE rooms SET title_by = founder, topic_by = iif(topic = '', NULL, founder);
