"""The plan that is shown is one that psql runs as it is, and it is what the agent itself sends."""

import json
import re

import pytest

from parts import postgres
from parts.roles import Users, catalog, exists, heir, verifier
from parts.script import psql, sent_statements, shown, squeezed

SOME = pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
ALL = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
BOB = [{"username": "bob", "roles": ["staff"]}]
DATABASES = ("app", 'th"ree', "host=evil dbname='x\\'", "postgres://x", "a b", "%s;--", "x\ny\r'\\")


@pytest.fixture
def users(server):
    made = Users(server)
    for name in ("alice", "bob", "carol"):
        made.secret(name, f"geheim-{name}")
    made.apply([{"username": "alice", "roles": ["staff"]}] + BOB + [{"username": "carol"}]).good()
    return made


def fill(server):
    for database in DATABASES:
        name = database.replace('"', '""')
        server.run(f'CREATE DATABASE "{name}"' + (" OWNER alice" if database == "app" else ""))
        server.run("CREATE TABLE t (x serial)", "INSERT INTO t DEFAULT VALUES", "ALTER TABLE t OWNER TO alice",
                   "CREATE TABLE other (x int)", "GRANT SELECT ON other TO alice", database=database)


@ALL
def test_what_is_shown_is_what_the_server_logs(server, users):
    fill(server)
    server.run("REVOKE staff FROM bob", "CREATE ROLE readers", "ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
    wanted = [{"username": "bob", "roles": ["staff", "readers"]}, {"username": "carol", "roles": ["staff", "new"]}]
    session = server.connect(user="alice", password="geheim-alice")
    script = users.plan(wanted).script
    mark = server.log_mark()
    result = users.apply(wanted)
    assert not exists(server, "alice"), result.reason("alice")
    assert squeezed(shown(script)) == squeezed(sent_statements(server, mark))
    assert 'GRANT "staff" TO "bob", "carol"' in script and "pg_terminate_backend" in script and "REASSIGN OWNED" in script
    session.close()


@ALL
def test_locks_and_new_names_are_shown_as_the_server_logs_them(server, users):
    server.run("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
    wanted = json.dumps({"version": 2, "users": [
        {"username": "alice", "ensure": "locked", "comment": "away"}, {"username": "robert", "renamedFrom": "bob", "roles": ["staff"], "connectionLimit": 3},
        {"username": "caroline", "renamedFrom": "carol", "login": False}]})
    users.secret("robert", "geheim-bob")
    with server.connect(user="alice", password="geheim-alice"):
        script = users.plan(wanted).script
        mark = server.log_mark()
        users.apply(wanted).good()
        assert squeezed(shown(script)) == squeezed(sent_statements(server, mark))
    assert script.index("RENAME TO") < script.index('ALTER ROLE "alice" NOLOGIN') < script.index("pg_terminate_backend")


@ALL
def test_a_plan_that_is_given_to_psql_does_what_the_agent_would(server, users):
    fill(server)
    left = heir(server, "alice")
    session = server.connect(user="alice", password="geheim-alice")
    plan = users.plan(BOB)
    done = psql(server, plan.script, database="template1")
    assert done.returncode == 0 and not done.stderr, done.stderr
    session.close()
    assert not exists(server, "alice") and not exists(server, "carol")
    for database in DATABASES:
        assert server.value("SELECT tableowner FROM pg_tables WHERE tablename = 't'", database=database) == left
        assert server.value("SELECT count(*) FROM t", database=database) == 1
    users.apply(BOB).quiet()


@SOME
def test_a_hidden_password_stops_psql_before_anything_is_changed(server, users):
    users.secret("alice", "new")
    users.secret("o'zoe\\ :x", "news")
    wanted = BOB + [{"username": "alice"}, {"username": "carol", "ensure": "absent"}, {"username": "o'zoe\\ :x"}]
    plan = users.plan(wanted)
    before = catalog(server)
    done = psql(server, plan.script)
    assert done.returncode == 3 and "syntax error" in done.stderr and catalog(server) == before
    for statement in plan.sql:
        psql(server, f"{statement};\n") if "verifier" in statement else None
    assert catalog(server) == before, "nor does one statement alone"
    other = users.plan(wanted, policy={"report_only": True})
    variables = re.findall(r"\(:'(\w+)'\)", other.script)
    assert len(set(variables)) == len(variables) == 2 and "alice_verifier" in variables
    given = [word for name in variables for word in ("-v", f"{name}={verifier(server, 'bob')}")]
    done = psql(server, other.script, *given)
    assert done.returncode == 0, done.stderr
    assert verifier(server, "alice") == verifier(server, "o'zoe\\ :x") == verifier(server, "bob") and not exists(server, "carol")


@SOME
@pytest.mark.parametrize("how", ["stopping", "going on"])
def test_a_failed_reassign_is_never_followed_by_drop_owned(server, users, how):
    """Going on: as somebody pastes it line by line, and psql does not stop at errors."""
    server.run("CREATE TABLE t AS SELECT 1 AS x", "ALTER TABLE t OWNER TO alice", "CREATE FOREIGN DATA WRAPPER w",
               "ALTER ROLE alice SUPERUSER", "ALTER FOREIGN DATA WRAPPER w OWNER TO alice")
    script = users.plan(BOB + [{"username": "carol"}]).script
    if how == "going on":
        script = script.replace("\\set ON_ERROR_STOP on\n", "")
        script = re.sub(r"SELECT CAST\('pgitops stops.*?;\n", "", script, flags=re.S)
    done = psql(server, script)
    assert done.returncode == (3 if how == "stopping" else 0) and done.stderr
    assert exists(server, "alice") and not server.can_login("alice", "geheim-alice")
    assert server.query("SELECT x, tableowner FROM t, pg_tables WHERE tablename = 't'") == [(1, "alice")]


@ALL
def test_privileges_are_given_in_their_databases_by_psql_as_by_the_agent(server, users):
    for database in ("shop", "store"):
        server.run(f"CREATE DATABASE {database}")
        server.run("CREATE TABLE t (x int)", "GRANT INSERT ON t TO bob", database=database)
    grants = [{"database": database, "on": "tables", "schema": "public", "names": ["t"], "privileges": ["SELECT"]} for database in ("shop", "store")]
    wanted = json.dumps({"version": 2, "groups": [{"name": "staff", "grants": grants}, {"name": "new", "grants": grants}],
                         "users": [{"username": name, "roles": ["staff"], "grants": grants[:1]} for name in ("alice", "bob")]})
    plan = users.plan(wanted)
    done = psql(server, plan.script)
    assert done.returncode == 0 and not done.stderr, done.stderr
    users.apply(wanted).quiet()
    assert not exists(server, "carol")
    for database in ("shop", "store"):
        assert server.query("SELECT has_table_privilege('new', 't', 'SELECT'), has_table_privilege('bob', 't', 'INSERT')",
                            database=database) == [(True, False)]


@ALL
def test_databases_and_extensions_are_made_by_psql_as_by_the_agent(server, users):
    owned = {"owner": "staff"}
    server.run("CREATE DATABASE old", "ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
    wanted = json.dumps({"version": 2, "groups": [{"name": "staff"}], "users": [{"username": "carol", "database": "old"}, *BOB, {"username": "alice", "roles": ["staff"]}],
                         "databases": [owned | {"name": "app", "comment": "x", "revokePublicConnect": True, "extensions": ["pgcrypto", "citext"]},
                                       owned | {"name": "new two", "locale": "C"}, owned | {"name": "old", "revokePublicConnect": True, "extensions": ["hstore"]}]})
    script = users.plan(wanted).script
    mark = server.log_mark()
    if server.major % 2:
        done = psql(server, script)
        assert done.returncode == 0 and not done.stderr, done.stderr
    else:
        users.apply(wanted)
        changes = [text for text in re.findall(r"^[^\n]* pgitops LOG:  statement: (.*)", server.log_since(mark), re.M)
                   if re.match("CREATE (DATABASE|EXTENSION)|ALTER DATABASE|COMMENT|REVOKE|GRANT", text)]
        assert squeezed(changes) == squeezed([line for line in shown(script) if line not in ("BEGIN;", "COMMIT;")])
    users.apply(wanted).quiet()
    for database, names in (("app", ["citext", "pgcrypto"]), ("old", ["hstore"])):
        assert server.query("SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1", database=database) == [(name,) for name in names]


def test_a_plan_for_another_server_stops(server, users):
    script = users.plan(BOB).script
    other = postgres.Postgres(server.major)
    try:
        other.run("CREATE ROLE alice", "CREATE ROLE carol")
        done = psql(other, script)
        assert done.returncode == 3 and "the plan is for another server" in done.stderr
        assert exists(other, "alice") and exists(other, "carol")
    finally:
        other.close()


@SOME
def test_what_waits_for_a_confirmation_is_shown_and_does_nothing(server, users):
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice")
    plan = users.plan(BOB, policy={"max_deletions": 1})
    assert plan.blocked and plan.steps == []
    assert [step["action"] for step in plan.held] == ["lock", "lock", "end sessions", "revoke", "create heir", "retire", "retire", "drop", "drop"]
    before = catalog(server)
    assert 'REASSIGN OWNED BY "alice"' in plan.script and psql(server, plan.script).returncode == 0
    assert catalog(server) == before
    confirmed = users.plan(BOB, policy={"max_deletions": 1}, confirm=plan.confirm)
    assert [step["sql"] for step in confirmed.steps] == [step["sql"] for step in plan.held]
