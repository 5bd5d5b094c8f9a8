-- Version 4: who has never come back, the first to give way where there are too many.

CREATE INDEX identities_never_back ON identities (used_ms) WHERE used_ms = created_ms;
