-- Version 1: the state of every room as it is now, and who is who. Numbers of 64 bits are stored as signed ones.

CREATE TABLE identities (
    user INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    token BLOB NOT NULL UNIQUE CHECK (length(token) = 32), -- SHA-256; the token itself is never kept
    used_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX identities_by_use ON identities (used_ms);

CREATE TABLE rooms (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    topic TEXT NOT NULL,
    mode INTEGER NOT NULL,
    takes_hands INTEGER NOT NULL,
    takes_messages INTEGER NOT NULL,
    is_locked INTEGER NOT NULL,
    is_unlisted INTEGER NOT NULL,
    passcode TEXT,
    founder INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    successor INTEGER,
    next_member INTEGER NOT NULL,
    next_stream INTEGER NOT NULL,
    next_invitation INTEGER NOT NULL,
    next_message INTEGER NOT NULL,
    ends_at_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE seats (
    room TEXT NOT NULL REFERENCES rooms ON DELETE CASCADE,
    member INTEGER NOT NULL,
    user INTEGER NOT NULL,
    name TEXT NOT NULL,
    address BLOB NOT NULL,
    role INTEGER NOT NULL,
    joined_ms INTEGER NOT NULL,
    held_until_ms INTEGER,
    stream INTEGER, -- NULL in the audience, and with it what follows
    since_ms INTEGER,
    role_since_ms INTEGER,
    self_muted INTEGER,
    host_muted INTEGER,
    microphone INTEGER,
    PRIMARY KEY (room, member)
) STRICT, WITHOUT ROWID;

CREATE TABLE invitations (
    room TEXT NOT NULL REFERENCES rooms ON DELETE CASCADE,
    member INTEGER NOT NULL,
    id INTEGER NOT NULL,
    by_member INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (room, member)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    room TEXT NOT NULL REFERENCES rooms ON DELETE CASCADE,
    id INTEGER NOT NULL,
    member INTEGER NOT NULL,
    user INTEGER NOT NULL,
    name TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    text TEXT, -- NULL once it is removed
    PRIMARY KEY (room, id)
) STRICT, WITHOUT ROWID;

-- Lists whose order matters: `place` counts from 0.

CREATE TABLE hands (
    room TEXT NOT NULL REFERENCES rooms ON DELETE CASCADE,
    place INTEGER NOT NULL,
    member INTEGER NOT NULL,
    raised_ms INTEGER NOT NULL,
    PRIMARY KEY (room, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE claims (
    room TEXT NOT NULL REFERENCES rooms ON DELETE CASCADE,
    place INTEGER NOT NULL,
    user INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (room, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE muted_away (
    room TEXT NOT NULL REFERENCES rooms ON DELETE CASCADE,
    place INTEGER NOT NULL,
    user INTEGER NOT NULL,
    PRIMARY KEY (room, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE blocks (
    room TEXT NOT NULL REFERENCES rooms ON DELETE CASCADE,
    place INTEGER NOT NULL,
    user INTEGER NOT NULL,
    address BLOB,
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (room, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE bans (
    room TEXT NOT NULL REFERENCES rooms ON DELETE CASCADE,
    place INTEGER NOT NULL,
    user INTEGER NOT NULL,
    name TEXT NOT NULL,
    address BLOB,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (room, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE departed (
    room TEXT NOT NULL REFERENCES rooms ON DELETE CASCADE,
    place INTEGER NOT NULL,
    user INTEGER NOT NULL,
    name TEXT NOT NULL,
    address BLOB NOT NULL,
    role INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (room, place)
) STRICT, WITHOUT ROWID;
