-- Version 2. A sync that survives its process; and a failure that is repeated is counted in its row, not written again.

-- One for each Application at most: the state of its operation, whatever agent/sync needs to go on with it.
CREATE TABLE running (
	application TEXT NOT NULL PRIMARY KEY,
	document TEXT NOT NULL,
	updated INTEGER NOT NULL,
	revision INTEGER NOT NULL, -- its rows in the history and in the operations, 0 = none: they stay open
	operation INTEGER NOT NULL
) STRICT;

-- How often the same thing failed in the same way: from `started` (the first time) to `finished` (the last).
ALTER TABLE revision ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
ALTER TABLE user_change ADD COLUMN times INTEGER NOT NULL DEFAULT 1;

-- What a killed agent left open is looked for at each start.
CREATE INDEX revision_open ON revision (id) WHERE finished = 0;
CREATE INDEX user_change_open ON user_change (id) WHERE finished = 0;
