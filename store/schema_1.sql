-- Version 1. Times are microseconds since 1970; an absent text is ''; JSON is kept as text.
-- Ids grow for ever within a table: history is trimmed at the old end only.

CREATE TABLE application (
	name TEXT NOT NULL PRIMARY KEY,
	document TEXT NOT NULL,
	differences TEXT NOT NULL,
	updated INTEGER NOT NULL
) STRICT;

CREATE TABLE revision (
	id INTEGER PRIMARY KEY,
	application TEXT NOT NULL,
	commit_id TEXT NOT NULL,
	author TEXT NOT NULL,
	message TEXT NOT NULL,
	started INTEGER NOT NULL,
	finished INTEGER NOT NULL,
	phase TEXT NOT NULL,
	cause TEXT NOT NULL,
	outcome TEXT NOT NULL,
	created INTEGER NOT NULL,
	configured INTEGER NOT NULL,
	unchanged INTEGER NOT NULL,
	pruned INTEGER NOT NULL,
	failed INTEGER NOT NULL
) STRICT;
CREATE INDEX revision_of_application ON revision (application, id);

CREATE TABLE inventory (
	application TEXT NOT NULL,
	api_group TEXT NOT NULL,
	kind TEXT NOT NULL,
	namespace TEXT NOT NULL,
	name TEXT NOT NULL,
	version TEXT NOT NULL,
	uid TEXT NOT NULL,
	wanted_hash TEXT NOT NULL,
	live_version TEXT NOT NULL,
	intended INTEGER NOT NULL,
	PRIMARY KEY (application, api_group, kind, namespace, name)
) STRICT;

CREATE TABLE drift (
	id INTEGER PRIMARY KEY,
	application TEXT NOT NULL,
	time INTEGER NOT NULL,
	healed INTEGER NOT NULL,
	api_group TEXT NOT NULL,
	kind TEXT NOT NULL,
	namespace TEXT NOT NULL,
	name TEXT NOT NULL,
	database TEXT NOT NULL,
	user TEXT NOT NULL,
	field TEXT NOT NULL,
	wanted TEXT NOT NULL,
	found TEXT NOT NULL,
	changed_by TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX drift_open ON drift
	(kind, name, namespace, api_group, user, database, field, found, application) WHERE healed = 0;

CREATE TABLE user (
	database TEXT NOT NULL,
	name TEXT NOT NULL,
	document TEXT NOT NULL,
	updated INTEGER NOT NULL,
	PRIMARY KEY (database, name)
) STRICT;

CREATE TABLE user_change (
	id INTEGER PRIMARY KEY,
	database TEXT NOT NULL,
	user TEXT NOT NULL,
	action TEXT NOT NULL,
	statement TEXT NOT NULL,
	commit_id TEXT NOT NULL,
	started INTEGER NOT NULL,
	finished INTEGER NOT NULL,
	outcome TEXT NOT NULL
) STRICT;
CREATE INDEX user_change_of_user ON user_change (user, id);

-- digest: SHA-256 of the verifier, so that no verifier can be read here.
CREATE TABLE verifier (
	database TEXT NOT NULL,
	user TEXT NOT NULL,
	digest TEXT NOT NULL,
	version TEXT NOT NULL,
	PRIMARY KEY (database, user)
) STRICT;

CREATE TABLE database (
	name TEXT NOT NULL PRIMARY KEY,
	document TEXT NOT NULL,
	updated INTEGER NOT NULL
) STRICT;

CREATE TABLE operation (
	id INTEGER PRIMARY KEY,
	kind TEXT NOT NULL,
	target TEXT NOT NULL,
	requested_by TEXT NOT NULL,
	request TEXT NOT NULL,
	started INTEGER NOT NULL,
	finished INTEGER NOT NULL,
	phase TEXT NOT NULL,
	message TEXT NOT NULL,
	result TEXT NOT NULL
) STRICT;

CREATE TABLE fact (
	key TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL,
	updated INTEGER NOT NULL
) STRICT;
CREATE INDEX fact_by_age ON fact (updated);
