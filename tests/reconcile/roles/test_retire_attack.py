"""Who leaves tries to become superuser, or to leave code behind that runs with more rights than the leaver had.

Everything is planted by the user's own hand where PostgreSQL lets an ordinary user do so. `witness` notes with whose rights a
function ran; nobody but the leaver, its heir and whoever called something by hand may ever stand there.
"""

import psycopg
import pytest

from parts import postgres
from parts.process import wait_for
from parts.roles import Users, exists, heir, oid

ALL = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
SOME = pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
BOB = [{"username": "bob"}]
NOTE = ("CREATE FUNCTION open.note(more text) RETURNS void LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO open.witness VALUES (current_user, session_user); EXECUTE more; END $$")


@pytest.fixture
def users(server):
    server.run("CREATE DATABASE app")
    made = Users(server, database="app")
    for name in ("alice", "bob"):
        made.secret(name, f"geheim-{name}")
    made.apply([{"username": "alice", "roles": ["staff"]}, {"username": "bob", "roles": ["staff"]}]).good()
    server.run("CREATE SCHEMA open", "GRANT ALL ON SCHEMA open TO PUBLIC", "CREATE TABLE open.witness (who text, login text)",
               "GRANT INSERT, SELECT ON open.witness TO PUBLIC", NOTE, "GRANT CREATE ON DATABASE app TO alice, bob",
               "CREATE TABLE open.bobs (x int)", "ALTER TABLE open.bobs OWNER TO bob", database="app")
    return made


def by(server, user, *statements, database="app"):
    """As this user, by its own login."""
    with server.connect(database, user, f"geheim-{user}") as session:
        for statement in statements:
            session.execute(statement)


def planted(name, more="SELECT 1"):
    """A function that notes with whose rights it runs. It lies about being immutable, as everybody may."""
    return (f"CREATE OR REPLACE FUNCTION {name}(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS "
            f"$f$ BEGIN PERFORM open.note($m${more}$m$); RETURN $1; END $f$")


def witnesses(server):
    return {who for (who,) in server.query("SELECT DISTINCT who FROM open.witness", database="app")}


def owned_by(server, role, database="app"):
    return [what for (what,) in server.query(
        "SELECT pg_describe_object(classid, objid, 0) FROM pg_shdepend WHERE refclassid = 1260 AND deptype = 'o'"
        " AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = %s) AND dbid IN"
        " (0, (SELECT oid FROM pg_database WHERE datname = current_database()))", [role], database)]


def is_plain(server, role):
    return server.query("SELECT rolsuper OR rolcanlogin OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls,"
                        " (SELECT count(*) FROM pg_auth_members WHERE r.oid IN (roleid, member)) FROM pg_roles r"
                        " WHERE rolname = %s", [role]) == [(False, 0)]


def is_locked(server, user):
    return exists(server, user) and not server.can_login(user, f"geheim-{user}", "app") and server.value(
        "SELECT rolpassword IS NULL AND NOT rolcanlogin FROM pg_authid WHERE rolname = %s", [user])


def run_everything(server):
    """What a superuser and its autovacuum do to tables, sooner or later."""
    server.run("DELETE FROM open.witness", database="app")
    with server.connect("app") as session:
        for (table,) in session.execute("SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'p', 'm')"
                                        " AND relnamespace = 'open'::regnamespace AND relname <> 'witness'").fetchall():
            for statement in (f"ANALYZE {table}", f"REINDEX TABLE {table}", f"VACUUM FULL {table}"):
                try:
                    session.execute(statement)
                except psycopg.Error as error:  # a trap may fail; what counts is with whose rights it ran
                    said = str(error)
                    assert any(word in said for word in ("permission denied", "must be superuser", "attribute")), said


# ---- the two that were found ----

@ALL
def test_a_group_function_in_an_index_never_runs_as_a_superuser(server, users):
    server.run("GRANT CREATE ON DATABASE app TO staff", database="app")
    by(server, "alice", "SET ROLE staff", planted("open.trap"), "RESET ROLE", "CREATE TABLE open.t (x int)",
       "INSERT INTO open.t SELECT generate_series(1, 50)", "CREATE INDEX ON open.t (open.trap(x))", "SET ROLE staff",
       planted("open.trap", "DO $d$ BEGIN IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
               " THEN ALTER ROLE bob SUPERUSER; END IF; END $d$"))
    left = heir(server, "alice")
    users.apply([{"username": "bob", "roles": ["staff"]}])
    assert not exists(server, "alice") and is_plain(server, left)
    run_everything(server)
    assert witnesses(server) == {left}, "it ran, as nobody"
    assert not server.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'bob'")


@ALL
def test_a_function_of_another_user_in_an_index_gains_that_user_nothing(server, users):
    by(server, "bob", planted("open.trap"), "GRANT EXECUTE ON FUNCTION open.trap(int) TO alice")
    by(server, "alice", "CREATE TABLE open.t (x int)", "INSERT INTO open.t SELECT generate_series(1, 50)",
       "CREATE INDEX ON open.t (open.trap(x))")
    left = heir(server, "alice")
    users.apply(BOB)
    assert not exists(server, "alice")
    by(server, "bob", planted("open.trap", "ALTER ROLE bob SUPERUSER"))
    run_everything(server)
    assert witnesses(server) <= {left} and not server.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'bob'")


@ALL
def test_what_others_built_on_her_functions_is_theirs_and_nobody_can_replace_them(server, users):
    by(server, "alice", planted("open.trap"), "GRANT EXECUTE ON FUNCTION open.trap(int) TO bob")
    by(server, "bob", "INSERT INTO open.bobs VALUES (1)", "CREATE INDEX ON open.bobs (open.trap(x))")
    server.run("GRANT ALL ON SCHEMA open TO staff", database="app")
    left = heir(server, "alice")
    users.apply([{"username": "bob", "roles": ["staff"]}])
    assert not exists(server, "alice") and "function open.trap(integer)" in owned_by(server, left)
    for statements in ([planted("open.trap")], ["DROP FUNCTION open.trap(int) CASCADE"], [f'SET ROLE "{left}"'],
                       [f'GRANT "{left}" TO bob'], ["ALTER FUNCTION open.trap(int) OWNER TO bob"]):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            by(server, "bob", *statements)
    run_everything(server)
    assert witnesses(server) == {"bob"}


# ---- each kind of object that carries code ----

TABLE = "CREATE TABLE open.t (x int)"
KINDS = {
    "function": ["SELECT 1"],
    "security definer": ["ALTER FUNCTION open.trap(int) SECURITY DEFINER"],
    "procedure": ["CREATE PROCEDURE open.p() LANGUAGE sql AS 'SELECT 1'"],
    "aggregate": ["CREATE FUNCTION open.s(int, int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
                  "CREATE AGGREGATE open.a(int) (SFUNC = open.s, STYPE = int)"],
    "trigger": [TABLE, "CREATE FUNCTION open.tr() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
                "CREATE TRIGGER t BEFORE INSERT ON open.t FOR EACH ROW EXECUTE FUNCTION open.tr()"],
    "rule": [TABLE, "CREATE RULE r AS ON INSERT TO open.t DO ALSO SELECT open.trap(1)"],
    "view": ["CREATE VIEW open.v AS SELECT open.trap(1)"],
    "materialised view": ["CREATE MATERIALIZED VIEW open.v AS SELECT open.trap(1)"],
    "policy": [TABLE, "ALTER TABLE open.t ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON open.t USING (open.trap(x) > 0)"],
    "index expression": [TABLE, "INSERT INTO open.t VALUES (1)", "CREATE INDEX ON open.t (open.trap(x))"],
    "index predicate": [TABLE, "INSERT INTO open.t VALUES (1)", "CREATE INDEX ON open.t (x) WHERE open.trap(x) > 0"],
    "default": ["CREATE TABLE open.t (x int DEFAULT open.trap(1))"],
    "check": ["CREATE TABLE open.t (x int CHECK (open.trap(x) > 0))"],
    "generated column": ["CREATE TABLE open.t (x int, y int GENERATED ALWAYS AS (open.trap(x)) STORED)"],
    "statistics": [TABLE, "INSERT INTO open.t SELECT generate_series(1, 50)",
                   "CREATE STATISTICS open.st ON (open.trap(x)), x FROM open.t"],
    "partition key": ["CREATE TABLE open.t (x int) PARTITION BY RANGE (open.trap(x))",
                      "CREATE TABLE open.t1 PARTITION OF open.t FOR VALUES FROM (1) TO (100)"],
    "domain": ["CREATE DOMAIN open.d AS int CHECK (open.trap(VALUE) > 0)", "CREATE TABLE open.t (x open.d)"],
    "range": ["CREATE FUNCTION open.sd(int, int) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT 1.0::float8'",
              "CREATE TYPE open.r AS RANGE (SUBTYPE = int, SUBTYPE_DIFF = open.sd)", "CREATE TABLE open.t (x open.r)"],
    "operator": ["CREATE FUNCTION open.eq(int, int) RETURNS bool LANGUAGE sql AS 'SELECT true'",
                 "CREATE OPERATOR open.=== (FUNCTION = open.eq, LEFTARG = int, RIGHTARG = int)"],
    "cast": ["CREATE TYPE open.e AS ENUM ('a')",
             "CREATE FUNCTION open.c(open.e) RETURNS int LANGUAGE sql AS 'SELECT 1'",
             "CREATE CAST (open.e AS int) WITH FUNCTION open.c(open.e) AS IMPLICIT"],
    "publication": [TABLE, "CREATE PUBLICATION p FOR TABLE open.t"],
    "foreign server": ["CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'evil')",
                       "CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (password 'x')",
                       "CREATE FOREIGN TABLE open.f (x int) SERVER s"],
    "collation": ['CREATE COLLATION open.co FROM "C"'],
    "conversion": ["CREATE CONVERSION open.cv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8"],
    "text search": ["CREATE TEXT SEARCH CONFIGURATION open.ts (COPY = simple)"],
}
OLDEST = {"statistics": 14}
SUPERUSERS_ONLY = {"aggregate": [], "foreign server": ["CREATE FOREIGN DATA WRAPPER w", "GRANT USAGE ON FOREIGN DATA WRAPPER w TO alice"]}


def plant(server, kind):
    if server.major < OLDEST.get(kind, 13):
        return False
    server.run(*SUPERUSERS_ONLY.get(kind, []), database="app")
    by(server, "alice", planted("open.trap"), *KINDS[kind])
    return True


@SOME
@pytest.mark.parametrize("kind", KINDS)
def test_code_goes_to_nobody_but_an_heir_without_powers(server, users, kind):
    """Not to the heir that the agent file names, either."""
    if not plant(server, kind):
        return  # this version has no such thing
    server.run("CREATE ROLE keeper NOLOGIN")
    left = heir(server, "alice")
    things = owned_by(server, "alice")
    result = users.apply(BOB, policy={"heir": "keeper"})
    assert result.status("alice") == "Retiring" and is_locked(server, "alice")
    assert "carries code" in result.reason("alice") and "in database app" in result.reason("alice"), result.reason("alice")
    assert owned_by(server, "alice") == things and owned_by(server, "keeper") == []

    result = users.apply(BOB)
    assert not exists(server, "alice"), result.reason("alice")
    assert is_plain(server, left) and set(owned_by(server, left)) == {
        thing for thing in things if not thing.startswith("user mapping")}
    run_everything(server)
    assert witnesses(server) <= {left}


@ALL
def test_plain_data_is_given_to_the_heir_that_the_agent_file_names(server, users):
    server.run("CREATE ROLE keeper NOLOGIN")
    by(server, "alice", "CREATE SCHEMA hers", "CREATE TYPE hers.mood AS ENUM ('good')", "CREATE TYPE hers.pair AS (a int, b int)",
       "CREATE TABLE hers.t (id serial PRIMARY KEY, at timestamptz DEFAULT now(), m hers.mood[], p hers.pair,"
       " n text DEFAULT 'none', k int GENERATED BY DEFAULT AS IDENTITY)", "CREATE INDEX ON hers.t (at)",
       "CREATE TABLE hers.u (t int REFERENCES hers.t) PARTITION BY RANGE (t)", "SELECT lo_create(4711)",
       "INSERT INTO hers.t (n) VALUES ('kept')")
    users.apply(BOB, policy={"heir": "keeper"})
    assert not exists(server, "alice") and len(owned_by(server, "keeper")) >= 7
    assert server.value("SELECT n FROM hers.t", database="app") == "kept"


@ALL
def test_a_column_of_somebody_elses_range_is_code(server, users):
    """ANALYZE calls the subtype_diff of a range, with the rights of the table's owner: bob may replace it at any time."""
    by(server, "bob", *KINDS["range"][:2], "GRANT USAGE ON TYPE open.r TO alice")
    by(server, "alice", "CREATE TABLE open.t (x open.r[])")
    server.run("CREATE ROLE keeper NOLOGIN")
    result = users.apply(BOB, policy={"heir": "keeper"})
    assert "table open.t carries code" in result.reason("alice") and is_locked(server, "alice")


TSQUERY = "ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery FROM open.trap(1)')"
DOMAIN = ["CREATE DOMAIN open.bd AS int CHECK (open.trap(VALUE) > 0)", "ALTER DOMAIN open.bd OWNER TO bob"]
# What a superuser prepares, what alice makes, and what goes on from there; None = it carries nothing.
DISGUISES = {
    "a default that reads SQL out of a text": ([], [f"CREATE TABLE open.t (q tsquery DEFAULT {TSQUERY})"], "table open.t"),
    "a default that queries": ([], ["CREATE TABLE open.t (q text DEFAULT (query_to_xml('SELECT open.trap(1)', true, true, ''))::text)"], "table open.t"),
    "a default that changes a setting": ([], ["CREATE TABLE open.t (q text DEFAULT set_config('search_path', 'open', false))"], "table open.t"),
    "a type that another's function casts": ([], [
        "CREATE TYPE open.e AS ENUM ('a')", "CREATE FUNCTION open.c(open.e) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE CAST (open.e AS int) WITH FUNCTION open.c(open.e) AS IMPLICIT", "SUPERUSER ALTER FUNCTION open.c(open.e) OWNER TO bob"], "type open.e"),
    "a domain in an array in a row type": (DOMAIN, ["CREATE TYPE open.cc AS (x open.bd[])"], "type open.cc"),
    "a row type of a row type's column": (DOMAIN, ["CREATE TYPE open.cc AS (x open.bd[])", "CREATE TYPE open.dd AS (x open.cc[])", "CREATE TABLE open.t (c open.dd)"], "table open.t"),
    "a type that is another's": (["CREATE TYPE open.be AS ENUM ('a')", "ALTER TYPE open.be OWNER TO bob"], ["CREATE TABLE open.t (c open.be)"], "table open.t"),
    "a table of another's type": (["CREATE TYPE open.ty AS (x int)", "ALTER TYPE open.ty OWNER TO bob"], ["CREATE TABLE open.t OF open.ty"], "table open.t"),
    "a partition of another's": (["CREATE TABLE open.p (x int) PARTITION BY RANGE (x)"], [
        "CREATE TABLE open.t (x int)", "SUPERUSER ALTER TABLE open.p ATTACH PARTITION open.t FOR VALUES FROM (0) TO (9)",
        "SUPERUSER ALTER TABLE open.p OWNER TO bob"], "table open.t"),
    "a column of another's type that refers to it": ([], [
        "CREATE TABLE open.t (x int PRIMARY KEY)", "SUPERUSER CREATE TYPE open.k AS ENUM ('a')", "SUPERUSER ALTER TYPE open.k OWNER TO bob",
        "SUPERUSER CREATE FUNCTION open.of(open.k) RETURNS int LANGUAGE sql AS 'SELECT 1'", "SUPERUSER ALTER FUNCTION open.of(open.k) OWNER TO bob",
        "SUPERUSER CREATE CAST (open.k AS int) WITH FUNCTION open.of(open.k) AS IMPLICIT",
        "SUPERUSER CREATE TABLE open.b (k open.k REFERENCES open.t)"], "table open.t"),
    "defaults of constants and of the time": ([], [
        "CREATE TABLE open.t (a int[] DEFAULT ARRAY[1, 2], b date DEFAULT CURRENT_DATE + 30, c timestamptz DEFAULT now() + '1 day'::interval,"
        " d uuid DEFAULT gen_random_uuid(), e text DEFAULT current_user, f timestamp DEFAULT timezone('utc', now()), g varchar(3) DEFAULT 'abc',"
        " h numeric(4, 2) DEFAULT 1, i text COLLATE \"C\" DEFAULT 'x', j bigint DEFAULT 7, k jsonb DEFAULT '{}', l float8 DEFAULT random())"], None),
}


@pytest.mark.parametrize("server", [13, 15, 18], indirect=True)
@pytest.mark.parametrize("disguise", DISGUISES)
def test_only_what_provably_carries_no_code_goes_to_a_named_heir(server, users, disguise):
    before, hers, stays = DISGUISES[disguise]
    by(server, "bob", planted("open.trap"))
    server.run("CREATE ROLE keeper NOLOGIN", *before, database="app")
    for statement in hers:
        if statement.startswith("SUPERUSER "):
            server.run(statement.removeprefix("SUPERUSER "), database="app")
        else:
            by(server, "alice", statement)
    result = users.apply(BOB, policy={"heir": "keeper"})
    assert exists(server, "alice") == bool(stays), result.reason("alice") if stays is None and exists(server, "alice") else owned_by(server, "keeper")
    if stays:
        assert f"{stays} carries code" in result.reason("alice") and is_locked(server, "alice") and owned_by(server, "keeper") == []


# ---- what nobody without powers can own ----

UNMOVABLE = {
    "foreign-data wrapper": (["CREATE FOREIGN DATA WRAPPER w"], "ALTER FOREIGN DATA WRAPPER w OWNER TO alice",
                             "foreign-data wrapper w"),
    "event trigger": (["CREATE FUNCTION open.et() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
                       "CREATE EVENT TRIGGER et ON ddl_command_start EXECUTE FUNCTION open.et()",
                       "ALTER EVENT TRIGGER et DISABLE"],
                      "ALTER EVENT TRIGGER et OWNER TO alice", "event trigger et"),
    "publication of all tables": (["CREATE PUBLICATION p FOR ALL TABLES"], "ALTER PUBLICATION p OWNER TO alice", "publication p"),
    "subscription": (["CREATE SUBSCRIPTION sub CONNECTION 'dbname=x' PUBLICATION p WITH (connect = false)"],
                     "ALTER SUBSCRIPTION sub OWNER TO alice", 'subscription "sub" of database "app"'),
}


@ALL
@pytest.mark.parametrize("kind", UNMOVABLE)
def test_what_cannot_be_moved_leaves_the_role_locked_and_is_named(server, users, kind):
    made, given, named = UNMOVABLE[kind]
    by(server, "alice", "CREATE TABLE open.t (x int)", "INSERT INTO open.t VALUES (1)")
    server.run(*made, "ALTER ROLE alice SUPERUSER", given, database="app")
    things = owned_by(server, "alice")
    try:
        result = users.apply(BOB)
        assert result.status("alice") == "Retiring" and is_locked(server, "alice")
        assert named in result.reason("alice") and "app" in result.reason("alice"), result.reason("alice")
        assert not server.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'alice'")
        assert owned_by(server, "alice") == things, "a failed REASSIGN is never followed by DROP OWNED"
        assert server.value("SELECT count(*) FROM open.t", database="app") == 1
    finally:
        if kind == "subscription":
            server.run("ALTER SUBSCRIPTION sub SET (slot_name = NONE)", "DROP SUBSCRIPTION sub", database="app")


# ---- more rights than the leaver had ----

@ALL
def test_the_second_leavers_code_does_not_run_over_the_first_ones_data(server, users):
    by(server, "bob", "CREATE TABLE open.secret (x int)", "INSERT INTO open.secret VALUES (42)")
    by(server, "alice", planted("open.trap"), "CREATE TABLE open.t (x int)", "INSERT INTO open.t VALUES (1)",
       "CREATE INDEX ON open.t (open.trap(x))", planted("open.trap", "INSERT INTO open.witness SELECT 'stolen', x FROM open.secret"))
    users.secret("carol", "x")
    carol = [{"username": "carol"}]
    first, second = heir(server, "bob"), heir(server, "alice")
    users.apply(carol + [{"username": "alice"}])
    users.apply(carol)
    assert not exists(server, "alice") and not exists(server, "bob") and first != second
    run_everything(server)
    assert "stolen" not in witnesses(server)
    assert "table open.secret" in owned_by(server, first)


@SOME
@pytest.mark.parametrize("made", ["LOGIN", "NOLOGIN ROLE alice", "NOLOGIN IN ROLE powerful", "NOLOGIN SUPERUSER", "NOLOGIN BYPASSRLS"])
def test_an_heir_that_was_made_before_with_powers_gets_nothing(server, users, made):
    server.run("CREATE ROLE powerful", "CREATE ROLE other")
    left = heir(server, "alice")
    server.run(f'CREATE ROLE "{left}" {made.replace("ROLE alice", "ROLE other")}')
    by(server, "alice", planted("open.trap"))
    result = users.apply(BOB)
    assert is_locked(server, "alice") and left in result.reason("alice") and owned_by(server, left) == []
    server.run(f'DROP ROLE "{left}"')
    users.apply(BOB)
    assert not exists(server, "alice") and is_plain(server, left)


def test_nobody_may_list_or_grant_an_heir(server, users):
    name = "pgitops_left_alice_16400"
    assert "pgitops_left" in str(users.check([{"username": name}]).mistakes)
    assert "pgitops_left" in str(users.check([{"username": "bob", "roles": [name]}]).mistakes)


@SOME
@pytest.mark.parametrize("made, said", [
    ("SUPERUSER", "SUPERUSER"), ("CREATEROLE", "CREATEROLE"), ("CREATEDB", "CREATEDB"), ("REPLICATION", "REPLICATION"),
    ("BYPASSRLS", "BYPASSRLS"), ("IN ROLE powerful", 'member of "powerful"'), ("IN ROLE between", 'member of "between"'),
    (None, "no such role"),
])
def test_the_agent_files_heir_never_has_more_than_the_leaver(server, users, made, said):
    server.run("CREATE ROLE powerful", "CREATE ROLE between IN ROLE powerful", "GRANT staff TO powerful")
    if made:
        server.run(f"CREATE ROLE keeper NOLOGIN {made}")
    by(server, "alice", "CREATE TABLE open.t (x int)")
    result = users.apply(BOB + [{"username": "zoe", "ensure": "absent"}], policy={"heir": "keeper"})
    assert is_locked(server, "alice") and said in result.reason("alice") and "reassignOwnedTo" in result.reason("alice")
    assert "table open.t" in owned_by(server, "alice")


def test_a_membership_that_the_agent_file_names_is_allowed(server, users):
    server.run("CREATE ROLE powerful", "CREATE ROLE keeper NOLOGIN IN ROLE powerful, staff")
    by(server, "alice", "CREATE TABLE open.t (x int)")
    users.apply([{"username": "bob", "roles": ["staff"]}], policy={"heir": "keeper", "heir_roles": ["powerful"]})
    assert not exists(server, "alice") and "table open.t" in owned_by(server, "keeper")


# ---- shared objects ----

@ALL
def test_a_database_never_goes_to_the_owner_of_another_one(server, users):
    server.run("CREATE DATABASE hers OWNER alice", "ALTER DATABASE app OWNER TO bob")
    by(server, "alice", "CREATE TABLE open.t (x int)")
    left = heir(server, "alice")
    result = users.apply(BOB)
    assert not exists(server, "alice")
    assert server.value("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'hers'") == left
    assert server.value("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'app'") == "bob"
    assert any(step["sql"] == f'ALTER DATABASE "hers" OWNER TO "{left}"' for step in result.steps), "it is told"


@ALL
def test_a_tablespace_has_its_heir_too(server, users, tmp_path_factory):
    folder = server.folder / f"space{server.log_mark()}"
    folder.mkdir()
    server._own(folder)
    server.run(f"CREATE TABLESPACE hers OWNER alice LOCATION '{folder}'")
    try:
        left = heir(server, "alice")
        users.apply(BOB)
        assert not exists(server, "alice")
        assert server.value("SELECT pg_get_userbyid(spcowner) FROM pg_tablespace WHERE spcname = 'hers'") == left
    finally:
        server.run("DROP TABLESPACE hers")


# ---- what comes from the side ----

@ALL
def test_default_privileges_policies_mappings_and_large_objects(server, users):
    server.run("CREATE FOREIGN DATA WRAPPER w", "CREATE SERVER s FOREIGN DATA WRAPPER w", "GRANT USAGE ON FOREIGN SERVER s TO alice",
               "ALTER TABLE open.bobs ENABLE ROW LEVEL SECURITY", "CREATE POLICY hers ON open.bobs TO alice USING (true)",
               database="app")
    by(server, "alice", "CREATE USER MAPPING FOR alice SERVER s OPTIONS (password 'x')", "SELECT lo_create(4712)",
       "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO bob")
    left = heir(server, "alice")
    users.apply(BOB)
    assert not exists(server, "alice")
    for catalog, rows in (("pg_policy", 0), ("pg_user_mapping", 0), ("pg_default_acl", 0), ("pg_largeobject_metadata", 1)):
        assert server.value(f"SELECT count(*) FROM {catalog}", database="app") == rows, catalog
    assert owned_by(server, left) == ["large object 4712"]


@ALL
def test_an_open_transaction_that_makes_something_for_her_loses_nothing(server, users):
    server.run("GRANT alice TO bob")
    with server.connect("app", "bob", "geheim-bob") as session:
        session.execute("BEGIN")
        session.execute("SET ROLE alice")
        session.execute("CREATE TABLE open.late AS SELECT 1 AS x")
        result = users.apply(BOB, deadline=3000)
        assert is_locked(server, "alice") and "makes something for the user, pid" in result.reason("alice"), result.reason("alice")
        session.execute("COMMIT")
    left = heir(server, "alice")
    users.apply(BOB)
    assert not exists(server, "alice") and "table open.late" in owned_by(server, left)


@pytest.mark.parametrize("major", postgres.MAJORS)
def test_a_prepared_transaction_keeps_her_locked_and_is_named(major):
    server = postgres.Postgres(major, {"max_prepared_transactions": "4"})
    try:
        users = Users(server)
        for name in ("alice", "bob"):
            users.secret(name, f"geheim-{name}")
        users.apply([{"username": "alice"}, {"username": "bob"}]).good()
        server.run("GRANT alice TO bob", "CREATE SCHEMA open", "GRANT ALL ON SCHEMA open TO PUBLIC")
        for name in ("alice", "bob"):
            by(server, name, "BEGIN", "SET ROLE alice", f"CREATE TABLE open.of_{name} ()", "RESET ROLE",
               f"PREPARE TRANSACTION 'by {name}'", database="postgres")
        result = users.apply(BOB, deadline=3000)
        assert result.status("alice") == "Retiring" and exists(server, "alice")
        for name in ("alice", "bob"):
            assert f'prepared transaction "by {name}" of database "postgres"' in result.reason("alice"), result.reason("alice")
            server.run(f"COMMIT PREPARED 'by {name}'")
        left = heir(server, "alice")
        users.apply(BOB)
        assert not exists(server, "alice")
        assert sorted(owned_by(server, left, "postgres")) == ["table open.of_alice", "table open.of_bob"]
    finally:
        server.close()


def test_a_replication_slot_that_she_read_is_told():
    server = postgres.Postgres(16)
    try:
        users = Users(server)
        for name in ("alice", "bob"):
            users.secret(name, f"geheim-{name}")
        users.apply([{"username": "alice"}, {"username": "bob"}]).good()
        server.run("ALTER ROLE alice REPLICATION")
        server.run("SELECT pg_create_physical_replication_slot('hers', true)")
        reader = server.connect(user="alice", password="geheim-alice", replication="true")
        reader.pgconn.send_query(b"START_REPLICATION SLOT hers PHYSICAL 0/1000000")
        wait_for("it reads", lambda: server.value("SELECT active FROM pg_replication_slots"))
        result = users.apply(BOB)
        assert not exists(server, "alice") and any('slot "hers"' in warning for warning in result.warnings)
        wait_for("its end", lambda: not server.value("SELECT active FROM pg_replication_slots"))
        reader.close()
    finally:
        server.close()


@ALL
def test_a_leaver_that_owns_the_database_it_is_reached_through(server, users):
    server.run("ALTER DATABASE app OWNER TO alice")
    by(server, "alice", "CREATE FUNCTION open.eq(name, name) RETURNS bool LANGUAGE sql AS 'SELECT false'",
       "CREATE OPERATOR open.= (FUNCTION = open.eq, LEFTARG = name, RIGHTARG = name)",
       "ALTER DATABASE app SET search_path = open, pg_catalog", "CREATE SCHEMA hers", "CREATE TABLE hers.t (x int)")
    left = heir(server, "alice")
    result = users.apply(BOB)
    server.run("ALTER DATABASE app RESET search_path")
    assert not exists(server, "alice"), result.reason("alice")
    assert "table hers.t" in owned_by(server, left)
    assert server.value("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'app'") == left


@ALL
def test_protected_roles_are_not_removed_and_it_is_told(server, users):
    before = server.query("SELECT xmin, * FROM pg_authid WHERE rolname = 'alice'")
    result = users.apply(BOB, policy={"protected": ["ali*"]})
    assert result.status("alice") == "Refused" and "protectedRoles" in result.reason("alice")
    assert server.query("SELECT xmin, * FROM pg_authid WHERE rolname = 'alice'") == before
    assert ("drop", "alice") not in result.actions and result.deletions == []
    assert server.can_login("alice", "geheim-alice", "app") and oid(server, "alice")
