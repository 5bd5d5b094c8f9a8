-- Version 6: the store's own time, by which people are forgotten, and what keeps the cost of a login the same however many
-- there are.

-- One row. A span of `lived_ms` is one in which the server ran, or was off by a date that has proved true: no clock can set it.
CREATE TABLE house (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    lived_ms INTEGER NOT NULL,
    counted_ms INTEGER, -- the date up to which time off is part of that; NULL until one has proved true
    date_ms INTEGER, -- the machine's date at the last commit; NULL before the first
    rooms_ms INTEGER, -- and what rooms counted their deadlines in
    jump_from_ms INTEGER, -- the last two dates between which it jumped; NULL if it never has
    jump_to_ms INTEGER,
    jump_lived_ms INTEGER -- when that was
) STRICT;
INSERT INTO house (id, lived_ms) VALUES (0, 7776000000); -- 90 days, so that who is older than all has his place before it
-- The newest that was seen before.
UPDATE house SET (date_ms, rooms_ms) = (SELECT newest, newest FROM (SELECT nullif(max(
    coalesce((SELECT max(used_ms) FROM identities), 0),
    coalesce((SELECT max(created_ms) FROM rooms), 0),
    coalesce((SELECT max(joined_ms) FROM seats), 0),
    coalesce((SELECT max(at_ms) FROM messages), 0),
    coalesce((SELECT max(at_ms) FROM departed), 0)), 0) AS newest));

-- When it was used last by the store's own time; whether it ever was a second time.
ALTER TABLE identities ADD COLUMN lived_ms INTEGER NOT NULL DEFAULT 7776000000;
ALTER TABLE identities ADD COLUMN came_back INTEGER NOT NULL DEFAULT 1;
-- In the order of before, and nobody so old that he is forgotten within the next 30 days, since no date of before can be
-- relied upon.
UPDATE identities SET
    lived_ms = 7776000000 - max(0, min(5184000000, (SELECT min(max(used_ms), unixepoch('now') * 1000) FROM identities) - used_ms)),
    came_back = used_ms IS NOT created_ms OR user IN
        (SELECT user FROM link_guests JOIN links ON links.id = link_guests.link WHERE links.uses_max IS NOT NULL);
DROP INDEX identities_by_use;
DROP INDEX identities_never_back;
CREATE INDEX identities_by_life ON identities (lived_ms);
CREATE INDEX identities_never_back ON identities (lived_ms) WHERE came_back = 0;

-- How many identities there are, and how many that have never come back: kept by triggers, so that a change that is given up
-- changes them no more than the rows.
CREATE TABLE counts (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    identities INTEGER NOT NULL,
    newcomers INTEGER NOT NULL
) STRICT;
INSERT INTO counts SELECT 0, count(*), count(*) FILTER (WHERE came_back = 0) FROM identities;
CREATE TRIGGER identities_made AFTER INSERT ON identities BEGIN
    UPDATE counts SET identities = identities + 1, newcomers = newcomers + (new.came_back = 0) WHERE id = 0;
END;
CREATE TRIGGER identities_gone AFTER DELETE ON identities BEGIN
    UPDATE counts SET identities = identities - 1, newcomers = newcomers - (old.came_back = 0) WHERE id = 0;
END;
CREATE TRIGGER identities_back AFTER UPDATE OF came_back ON identities WHEN new.came_back <> old.came_back BEGIN
    UPDATE counts SET newcomers = newcomers + (new.came_back = 0) - (old.came_back = 0) WHERE id = 0;
END;

-- Who has a seat, a chair or a room that waits for him.
CREATE INDEX seats_by_user ON seats (user);
CREATE INDEX claims_by_user ON claims (user);
CREATE INDEX rooms_by_founder ON rooms (founder);

-- A link may have brought a hundred thousand people: what it leaves behind is taken away little by little. Whoever came by one
-- that is gone has nothing of it meanwhile.
CREATE TABLE links_gone (id INTEGER PRIMARY KEY) STRICT;
DELETE FROM links WHERE room NOT IN (SELECT id FROM rooms);
CREATE TABLE link_guests_6 (
    user INTEGER PRIMARY KEY REFERENCES identities ON DELETE CASCADE,
    link INTEGER NOT NULL -- no reference: see `links_gone`
) STRICT;
INSERT INTO link_guests_6 SELECT user, link FROM link_guests;
DROP TABLE link_guests;
ALTER TABLE link_guests_6 RENAME TO link_guests;
CREATE INDEX link_guests_by_link ON link_guests (link);
CREATE TRIGGER links_end AFTER DELETE ON links BEGIN
    INSERT OR IGNORE INTO links_gone VALUES (old.id);
END;
DROP INDEX links_by_room;
CREATE INDEX links_by_room ON links (room, created_ms, id);
