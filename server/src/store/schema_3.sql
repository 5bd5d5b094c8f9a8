-- Version 3: links that let their bearers in with more than others have, and whom each has brought.

CREATE TABLE links (
    id INTEGER PRIMARY KEY,
    room TEXT NOT NULL, -- no reference: a room's row may be written anew. A link goes when its room ends
    secret BLOB NOT NULL UNIQUE CHECK (length(secret) = 32), -- SHA-256; the secret itself is never kept
    role INTEGER NOT NULL,
    skips_passcode INTEGER NOT NULL,
    skips_lock INTEGER NOT NULL,
    not_before_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    uses_max INTEGER, -- NULL where anybody may use it
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX links_by_room ON links (room);

CREATE TABLE link_guests (
    user INTEGER PRIMARY KEY REFERENCES identities ON DELETE CASCADE,
    link INTEGER NOT NULL REFERENCES links ON DELETE CASCADE
) STRICT;
CREATE INDEX link_guests_by_link ON link_guests (link);
