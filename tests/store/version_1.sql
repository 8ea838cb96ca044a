-- A store as version 1 of the schema left it: what an agent before it was updated had written.

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

INSERT INTO application VALUES ('users', '{"metadata":{"name":"users"}}', '[]', 100);
INSERT INTO revision VALUES (1, 'users', 'c1', 'Ada <ada@example.org>', 'Add eve', 100, 200, 'Succeeded', 'automated',
	'successfully synced', 2, 0, 7, 0, 0);
INSERT INTO revision VALUES (2, 'users', 'c2', 'Ada <ada@example.org>', 'Add bob', 300, 0, 'Running', 'automated', '',
	0, 0, 0, 0, 0);
INSERT INTO inventory VALUES ('users', '', 'ConfigMap', 'postgres', 'users', 'v1', 'u1', 'h1', '7', 0);
INSERT INTO drift VALUES (1, 'users', 100, 0, '', 'ConfigMap', 'postgres', 'users', '', '', 'data.a', '1', '2', 'kubectl');
INSERT INTO user VALUES ('main', 'eve', '{"name":"eve"}', 100);
INSERT INTO user_change VALUES (1, 'main', 'eve', 'create', 'CREATE ROLE "eve"', 'c1', 100, 200, 'done');
INSERT INTO user_change VALUES (2, 'main', 'bob', 'create', 'CREATE ROLE "bob"', 'c2', 300, 0, '');
INSERT INTO verifier VALUES ('main', 'eve', 'd1', '3');
INSERT INTO database VALUES ('main', '{"name":"main"}', 100);
INSERT INTO operation VALUES (1, 'sync', 'users', 'cli', '{}', 100, 200, 'Succeeded', 'done', '');
INSERT INTO fact VALUES ('synced:users', 'c1', 100);

PRAGMA user_version = 1;
