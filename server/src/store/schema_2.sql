-- Version 2: when rooms and identities were made, in Unix milliseconds. NULL for those of before.

ALTER TABLE rooms ADD COLUMN created_ms INTEGER;
ALTER TABLE identities ADD COLUMN created_ms INTEGER;
