-- The store of a standalone agent of version 0.1.0, as its schema 1 had it: alice and bob came, alice was changed by hand and healed, bob left.
BEGIN TRANSACTION;
CREATE TABLE application (
	name TEXT NOT NULL PRIMARY KEY,
	document TEXT NOT NULL,
	differences TEXT NOT NULL,
	updated INTEGER NOT NULL
) STRICT;
INSERT INTO "application" VALUES('postgres-users','{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"postgres-users","namespace":"argocd"},"spec":{"destination":{"namespace":"postgres","server":"https://kubernetes.default.svc"},"project":"default","source":{"path":"users","repoURL":"file:///srv/team/db.git","targetRevision":""},"syncPolicy":{"automated":{"prune":true,"selfHeal":true},"syncOptions":["CreateNamespace=true"]}},"status":{"conditions":[{"lastTransitionTime":"2026-11-28T17:51:23Z","message":"Kubernetes is off: 1 object was parsed and validated, not applied","type":"StandaloneWarning"}],"health":{"lastTransitionTime":"2026-11-28T17:51:23Z","status":"Healthy"},"history":[{"deployStartedAt":"2026-11-28T17:51:23Z","deployedAt":"2026-11-28T17:51:23Z","id":0,"initiatedBy":{"automated":true},"revision":"1da0c97d5e84c57a76592f7dad5de1d8a0640856","source":{"path":"users","repoURL":"file:///srv/team/db.git","targetRevision":""}},{"deployStartedAt":"2026-11-28T17:51:24Z","deployedAt":"2026-11-28T17:51:24Z","id":1,"initiatedBy":{"automated":true},"revision":"35d3c7ad2ebafac952b13efc5e41b419354adfe6","source":{"path":"users","repoURL":"file:///srv/team/db.git","targetRevision":""}}],"operationState":{"finishedAt":"2026-11-28T17:51:24Z","message":"Kubernetes is off: 1 object was parsed and validated, not applied","operation":{"initiatedBy":{"automated":true},"sync":{"revision":"35d3c7ad2ebafac952b13efc5e41b419354adfe6"}},"phase":"Succeeded","startedAt":"2026-11-28T17:51:24Z","syncResult":{"resources":[],"revision":"35d3c7ad2ebafac952b13efc5e41b419354adfe6","source":{"path":"users","repoURL":"file:///srv/team/db.git","targetRevision":""}}},"reconciledAt":"2026-11-28T17:51:24Z","resources":[{"kind":"ConfigMap","name":"postgres-users-config","namespace":"postgres","status":"Synced","version":"v1"}],"sourceType":"Directory","sync":{"comparedTo":{"destination":{"namespace":"postgres","server":"https://kubernetes.default.svc"},"source":{"path":"users","repoURL":"file:///srv/team/db.git","targetRevision":""}},"revision":"35d3c7ad2ebafac952b13efc5e41b419354adfe6","status":"Synced"}}}','[]',1795888284609459);
CREATE TABLE database (
	name TEXT NOT NULL PRIMARY KEY,
	document TEXT NOT NULL,
	updated INTEGER NOT NULL
) STRICT;
INSERT INTO "database" VALUES('main','{"application":"postgres-users","commit":"35d3c7ad2ebafac952b13efc5e41b419354adfe6","lastPass":"2026-11-28T17:51:25.766Z","name":"main","reason":"","serverVersion":"17.10","status":"Connected","synced":1,"users":1,"warnings":["every role may connect to database \"app\" (PUBLIC has CONNECT), so `database` keeps nobody out: REVOKE CONNECT ON DATABASE \"app\" FROM PUBLIC changes that"]}',1795888285766368);
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
INSERT INTO "drift" VALUES(1,'postgres-users',1795888283721375,0,'','','','','main','alice','createdb','false','true','');
CREATE TABLE fact (
	key TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL,
	updated INTEGER NOT NULL
) STRICT;
INSERT INTO "fact" VALUES('agent.version','0.1.0',1795888283151221);
INSERT INTO "fact" VALUES('agent.started','2026-11-28T17:51:23Z',1795888283156714);
INSERT INTO "fact" VALUES('cluster','off',1795888283302943);
INSERT INTO "fact" VALUES('commit:file:///srv/team/db ','35d3c7ad2ebafac952b13efc5e41b419354adfe6',1795888284574379);
INSERT INTO "fact" VALUES('synced:postgres-users','35d3c7ad2ebafac952b13efc5e41b419354adfe6',1795888284596051);
INSERT INTO "fact" VALUES('tried:postgres-users','35d3c7ad2ebafac952b13efc5e41b419354adfe6',1795888284606887);
INSERT INTO "fact" VALUES('users:main','35d3c7ad2ebafac952b13efc5e41b419354adfe6',1795888284700837);
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
INSERT INTO "operation" VALUES(1,'users-sync','','cli','{"dryRun":false,"hard":false,"prune":false}',1795888283690127,1795888283727320,'Succeeded','1 statements','{"items":[{"blocked":false,"confirm":"","database":"main","deletions":[],"steps":[{"action":"alter","database":"","statement":"ALTER ROLE \"alice\" NOCREATEDB","user":"alice"}]}]}');
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
INSERT INTO "revision" VALUES(1,'postgres-users','1da0c97d5e84c57a76592f7dad5de1d8a0640856','Ada <ada@example.org>','Alice and Bob',1795888283508499,1795888283508500,'Succeeded','automated','Kubernetes is off: 1 object was parsed and validated, not applied',0,0,1,0,0);
INSERT INTO "revision" VALUES(2,'postgres-users','35d3c7ad2ebafac952b13efc5e41b419354adfe6','Ada <ada@example.org>','Bob has left',1795888284580188,1795888284580190,'Succeeded','automated','Kubernetes is off: 1 object was parsed and validated, not applied',0,0,1,0,0);
CREATE TABLE user (
	database TEXT NOT NULL,
	name TEXT NOT NULL,
	document TEXT NOT NULL,
	updated INTEGER NOT NULL,
	PRIMARY KEY (database, name)
) STRICT;
INSERT INTO "user" VALUES('main','alice','{"database":"main","differences":[],"lastChange":{"commit":"1da0c97d5e84c57a76592f7dad5de1d8a0640856","time":"2026-11-28T17:51:23Z"},"name":"alice","reason":"","roles":["readers"],"secretVersion":"1795888283.029760185-155-10436135","status":"Synced"}',1795888283636997);
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
INSERT INTO "user_change" VALUES(1,'main','readers','create group','CREATE ROLE "readers" NOLOGIN; COMMENT ON ROLE "readers" IS ''managed by pgitops (main) group''','1da0c97d5e84c57a76592f7dad5de1d8a0640856',1795888283623458,1795888283634709,'done');
INSERT INTO "user_change" VALUES(2,'main','alice','create','CREATE ROLE "alice" LOGIN PASSWORD ''<hidden>''; COMMENT ON ROLE "alice" IS ''managed by pgitops (main)''','1da0c97d5e84c57a76592f7dad5de1d8a0640856',1795888283623508,1795888283634767,'done');
INSERT INTO "user_change" VALUES(3,'main','bob','create','CREATE ROLE "bob" LOGIN PASSWORD ''<hidden>''; COMMENT ON ROLE "bob" IS ''managed by pgitops (main)''','1da0c97d5e84c57a76592f7dad5de1d8a0640856',1795888283623512,1795888283634772,'done');
INSERT INTO "user_change" VALUES(4,'main','alice','grant','GRANT "readers" TO "alice" WITH INHERIT TRUE, SET TRUE','1da0c97d5e84c57a76592f7dad5de1d8a0640856',1795888283623514,1795888283634777,'done');
INSERT INTO "user_change" VALUES(5,'main','bob','grant','GRANT "readers" TO "bob" WITH INHERIT TRUE, SET TRUE','1da0c97d5e84c57a76592f7dad5de1d8a0640856',1795888283623516,1795888283634781,'done');
INSERT INTO "user_change" VALUES(6,'main','alice','grant','GRANT CONNECT ON DATABASE "app" TO "alice"','1da0c97d5e84c57a76592f7dad5de1d8a0640856',1795888283623517,1795888283634785,'done');
INSERT INTO "user_change" VALUES(7,'main','bob','grant','GRANT CONNECT ON DATABASE "app" TO "bob"','1da0c97d5e84c57a76592f7dad5de1d8a0640856',1795888283623519,1795888283634789,'done');
INSERT INTO "user_change" VALUES(8,'main','alice','alter','ALTER ROLE "alice" NOCREATEDB','1da0c97d5e84c57a76592f7dad5de1d8a0640856',1795888283722132,1795888283723748,'done');
INSERT INTO "user_change" VALUES(9,'main','bob','lock','ALTER ROLE "bob" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD NULL CONNECTION LIMIT 0; COMMENT ON ROLE "bob" IS ''managed by pgitops (main) retiring''','35d3c7ad2ebafac952b13efc5e41b419354adfe6',1795888284674725,1795888284695813,'done');
INSERT INTO "user_change" VALUES(10,'main','bob','retire','REASSIGN OWNED BY "bob" TO "postgres"; DROP OWNED BY "bob"','35d3c7ad2ebafac952b13efc5e41b419354adfe6',1795888284674735,1795888284695842,'done');
INSERT INTO "user_change" VALUES(11,'main','bob','drop','DROP ROLE "bob"','35d3c7ad2ebafac952b13efc5e41b419354adfe6',1795888284674738,1795888284695849,'done');
CREATE TABLE verifier (
	database TEXT NOT NULL,
	user TEXT NOT NULL,
	digest TEXT NOT NULL,
	version TEXT NOT NULL,
	PRIMARY KEY (database, user)
) STRICT;
INSERT INTO "verifier" VALUES('main','alice','6049b67f5f585768b60a78fe066d016d92ceee004e0d91a19657cefb3a38e421','1795888283.029760185-155-10436135');
CREATE INDEX revision_of_application ON revision (application, id);
CREATE UNIQUE INDEX drift_open ON drift
	(kind, name, namespace, api_group, user, database, field, found, application) WHERE healed = 0;
CREATE INDEX user_change_of_user ON user_change (user, id);
CREATE INDEX fact_by_age ON fact (updated);
COMMIT;
PRAGMA user_version = 1;
