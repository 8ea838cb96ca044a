"""What the agent connects to, refuses, and does not let others do to its session."""

import psycopg
import pytest

from parts import postgres
from parts.process import wait_for
from parts.roles import Users, exists

ALICE = [{"username": "alice"}]


@pytest.fixture
def users(server):
    made = Users(server)
    made.secret("alice", "geheim")
    return made


def test_a_uri_connects_as_well(server, users):
    uri = f"postgresql://postgres@127.0.0.1:{server.port}/postgres?sslmode=prefer"
    users.apply(ALICE, connection=uri).good()


def test_options_of_the_connection_do_not_replace_the_agents_own(server, users):
    server.run("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()",
               "CREATE VIEW pg_authid AS SELECT 1 AS oid")
    connection = server.conninfo() + " options='-c search_path=public,pg_catalog -c work_mem=1MB' target_session_attrs=any"
    users.apply(ALICE, connection=connection).good()


def test_a_wrong_password_is_denied_and_not_shown(server, users):
    result = users.apply(ALICE, password="wrong-geheim")
    assert result.error_kind == "denied" and "password authentication failed" in result.error
    assert "wrong-geheim" not in result.output


@pytest.mark.parametrize("connection", ["host=127.0.0.1 password=geheim2", "postgresql://postgres:geheim2@127.0.0.1/x"])
def test_a_password_in_the_connection_is_refused_and_not_shown(users, connection):
    result = users.apply(ALICE, connection=connection)
    assert result.error_kind == "invalid" and "passwordFrom" in result.error and "geheim2" not in result.output


def test_text_that_is_no_connection_is_refused_and_not_shown(users):
    result = users.apply(ALICE, connection="host geheim2")
    assert result.error_kind == "invalid" and "geheim2" not in result.output


def test_a_database_that_does_not_exist_waits_for_somebody_to_change_it(server, users):
    result = users.apply(ALICE, connection=server.conninfo("missing"))
    assert result.error_kind == "invalid" and '"missing" does not exist' in result.error


def test_a_server_that_is_down_is_tried_again(users):
    result = users.apply(ALICE, connection=f"host=127.0.0.1 port={postgres.free_port()} user=postgres dbname=postgres")
    assert result.error_kind == "retry" and "Connection refused" in result.error


@pytest.mark.parametrize("server", [13, 18], indirect=True)
def test_whoever_is_no_superuser_is_told_so(server, users):
    server.run("CREATE ROLE operator LOGIN PASSWORD 'x'")
    result = users.apply(ALICE, connection=server.conninfo(user="operator"), password="x")
    assert result.error_kind == "denied" and 'role "operator" is neither a superuser nor may it make roles' in result.error


@pytest.mark.parametrize("major", [13, 18])
def test_a_standby_is_never_written_to_and_its_primary_is_found(major):
    with_standby = postgres.Postgres(major)
    standby = with_standby.standby()
    alone = Users(standby)
    alone.secret("alice", "geheim")
    result = alone.apply(ALICE)
    assert result.error_kind == "retry" and "standby" in result.error
    both = f"host=127.0.0.1,127.0.0.1,127.0.0.1 port={postgres.free_port()},{standby.port},{with_standby.port}" \
           " user=postgres dbname=postgres"
    alone.apply(ALICE, connection=both).good()
    assert exists(with_standby, "alice")
    standby.close()
    with_standby.close()


@pytest.mark.parametrize("major", [13, 18])
def test_a_full_server_is_tried_again(major):
    full = postgres.Postgres(major, {"max_connections": "4", "superuser_reserved_connections": "0", "max_wal_senders": "0"})
    held = []

    def is_full():
        try:
            held.append(full.connect())
        except psycopg.OperationalError:
            return len(held) == 4  # until then a session of the start is still about to end

    wait_for("no place is left", is_full)
    result = Users(full).apply(ALICE)
    assert result.error_kind == "retry" and "too many clients" in result.error
    full.close()


def test_another_agent_is_waited_for_and_then_named(server, users):
    with server.connect() as session:
        session.execute("SELECT pg_advisory_lock(31639126545395827)")
        result = users.apply(ALICE, deadline=3000)
    assert result.error_kind == "retry" and "another agent" in result.error and not exists(server, "alice")


@pytest.mark.parametrize("server", [13, 18], indirect=True)
def test_settings_of_database_and_role_do_not_reach_the_session(server, users):
    server.run("CREATE SCHEMA trap",
               "CREATE FUNCTION trap.caught() RETURNS void LANGUAGE sql AS $$ CREATE ROLE caught $$",
               "CREATE FUNCTION trap.equal(oid, oid) RETURNS bool LANGUAGE sql AS $$ SELECT trap.caught(); SELECT true $$",
               "CREATE FUNCTION trap.same(text, text) RETURNS bool LANGUAGE sql AS $$ SELECT trap.caught(); SELECT true $$",
               "CREATE OPERATOR trap.= (leftarg = oid, rightarg = oid, function = trap.equal)",
               "CREATE OPERATOR trap.= (leftarg = text, rightarg = text, function = trap.same)",
               "CREATE FUNCTION trap.aclexplode(aclitem[]) RETURNS SETOF text LANGUAGE sql AS $$ SELECT 'x' $$",
               "CREATE VIEW trap.pg_authid AS SELECT 1 AS oid",
               "ALTER DATABASE postgres SET search_path = trap, pg_catalog",
               "ALTER ROLE postgres SET search_path = trap, pg_catalog",
               "ALTER DATABASE postgres SET standard_conforming_strings = off",
               "ALTER DATABASE postgres SET default_transaction_read_only = on",
               "ALTER DATABASE postgres SET statement_timeout = 1",
               "ALTER DATABASE postgres SET client_encoding = 'LATIN1'")
    tricky = "b\\'x; CREATE ROLE caught; --"
    users.secret(tricky, "ge\\'heim")
    wanted = [{"username": "alice"}, {"username": tricky, "roles": ["\u00e9\u00df"]}]
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    users.apply([{"username": "alice"}])
    names = [name for (name,) in server.query("SELECT rolname FROM pg_roles WHERE oid >= 16384", database="template1")]
    assert sorted(names) == ["alice", "\u00e9\u00df"]


@pytest.mark.parametrize("server", [17, 18], indirect=True)
@pytest.mark.parametrize("body, enable", [("RAISE EXCEPTION 'nobody logs in'", "ENABLE ALWAYS"),
                                          ("RAISE EXCEPTION 'nobody logs in'", "ENABLE"), ("PERFORM pg_sleep(60)", "ENABLE")])
def test_a_login_trigger_cannot_keep_the_agent_out(server, users, body, enable):
    server.run(f"CREATE FUNCTION keep_out() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN {body}; END $$",
               "CREATE EVENT TRIGGER keep_out ON login EXECUTE FUNCTION keep_out();"
               f"ALTER EVENT TRIGGER keep_out {enable}")
    users.apply(ALICE, deadline=10000).good()


@pytest.mark.parametrize("server", [13, 18], indirect=True)
def test_event_triggers_of_a_database_do_not_run_for_the_agent(server, users):
    server.run("CREATE DATABASE app")
    users.apply([{"username": "alice", "database": "app"}, {"username": "bob", "ensure": "absent"}]).good()
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice",
               "CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$",
               "CREATE EVENT TRIGGER no ON ddl_command_start EXECUTE FUNCTION no()", database="app")
    users.apply([{"username": "alice", "ensure": "absent"}])
    assert not exists(server, "alice")
