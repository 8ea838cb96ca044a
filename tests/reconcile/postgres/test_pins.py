"""What others set for a session does not reach the agent's, whatever stands between it and the server."""

import json
import socket
import struct
import threading

import psycopg
import pytest

from parts import postgres
from parts.pgbouncer import PgBouncer
from parts.process import free_port, read_exactly, stop_accepting
from parts.roles import Users, exists

ALICE = [{"username": "alice"}]
EVERY = pytest.mark.parametrize("server", [13, 14, 15, 16, 17, 18], indirect=True)

TRAPS = (
    "CREATE SCHEMA trap",
    "CREATE FUNCTION trap.caught() RETURNS void LANGUAGE sql AS $$ CREATE ROLE caught SUPERUSER $$",
    "CREATE FUNCTION trap.equal(oid, oid) RETURNS bool LANGUAGE sql AS $$ SELECT trap.caught(); SELECT true $$",
    "CREATE FUNCTION trap.same(text, text) RETURNS bool LANGUAGE sql AS $$ SELECT trap.caught(); SELECT true $$",
    "CREATE FUNCTION trap.equal(name, name) RETURNS bool LANGUAGE sql AS $$ SELECT trap.caught(); SELECT true $$",
    "CREATE FUNCTION trap.current_setting(text) RETURNS text LANGUAGE sql AS $$ SELECT trap.caught(); SELECT 'on'::text $$",
    "CREATE OPERATOR trap.= (leftarg = oid, rightarg = oid, function = trap.equal)",
    "CREATE OPERATOR trap.= (leftarg = text, rightarg = text, function = trap.same)",
    "CREATE OPERATOR trap.= (leftarg = name, rightarg = name, function = trap.equal)",
    "CREATE VIEW trap.pg_authid AS SELECT 1 AS oid",
    "ALTER DATABASE postgres SET search_path = trap, pg_catalog",
    "ALTER DATABASE postgres SET standard_conforming_strings = off",
    "ALTER DATABASE postgres SET default_transaction_read_only = on",
    "ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'",
    "ALTER DATABASE postgres SET lock_timeout = 1",
    "ALTER DATABASE postgres SET row_security = on",
    "ALTER DATABASE postgres SET client_encoding = 'LATIN1'",
    "ALTER DATABASE postgres SET datestyle = 'German'",
)


@pytest.fixture
def users(server):
    made = Users(server)
    made.secret("alice", "geheim")
    return made


@EVERY
@pytest.mark.parametrize("ignored", ["options", "extra_float_digits"])
def test_a_pooler_that_drops_the_startup_options_drops_no_pin(server, users, ignored):
    server.run(*TRAPS)
    tricky = "b\\'x; CREATE ROLE caught; --"
    users.secret(tricky, "ge\\'heim")
    wanted = [{"username": "alice"}, {"username": tricky, "roles": ["é"]}]
    with PgBouncer(server, pool_mode="session", ignore_startup_parameters=ignored) as pool:
        users.apply(wanted, connection=pool.conninfo()).good()
        users.apply(wanted, connection=pool.conninfo()).quiet()
    names = [name for (name,) in server.query("SELECT rolname FROM pg_roles WHERE oid >= 16384", database="template1")]
    assert sorted(names) == sorted(["alice", tricky, "é"])
    assert server.can_login("alice", "geheim", "template1")


@pytest.mark.parametrize("server", [13, 18], indirect=True)
@pytest.mark.parametrize("size", [1, 20])
@pytest.mark.parametrize("robin", [0, 1])
@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pool_that_lends_sessions_for_a_transaction_is_refused(server, users, mode, size, robin):
    with PgBouncer(server, pool_mode=mode, ignore_startup_parameters="options", default_pool_size=size,
                   server_round_robin=robin) as pool:
        result = users.apply(ALICE, connection=pool.conninfo())
        assert result.error_kind == "invalid" and "pool_mode = session" in result.error
        for _ in range(3):  # nothing of ours is left in the sessions of other people
            with psycopg.connect(pool.conninfo(), password=server.password, autocommit=True) as session:
                assert session.execute("SHOW session_replication_role").fetchone() == ("origin",)
    assert not exists(server, "alice")
    assert not server.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'")


def test_a_pool_whose_sessions_take_turns_is_refused_as_well(server, users):
    with PgBouncer(server, pool_mode="transaction", ignore_startup_parameters="options", server_round_robin=1) as pool:
        held = [psycopg.connect(pool.conninfo(), password=server.password) for _ in range(3)]
        for session in held:
            session.execute("SELECT 1")
        for session in held:
            session.close()
        result = users.apply(ALICE, connection=pool.conninfo())
        assert result.error_kind == "invalid" and "pool_mode = session" in result.error
    assert not exists(server, "alice")


def test_a_session_pool_that_is_used_up_is_no_reason_to_refuse(server, users):
    with PgBouncer(server, pool_mode="session", ignore_startup_parameters="options", default_pool_size=1) as pool:
        users.apply(ALICE, connection=pool.conninfo()).good()


@EVERY
@pytest.mark.parametrize("between", [False, True])
@pytest.mark.parametrize("setting", ["role = lowly", "session_authorization = lowly"])
def test_a_role_that_a_database_sets_keeps_no_removal_stuck(server, setting, between):
    server.run("CREATE ROLE lowly", "CREATE DATABASE app")
    users = Users(server)
    users.secret("alice", "geheim")
    users.apply([{"username": "alice", "database": "app"}]).good()
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", database="app")
    server.run(f"ALTER DATABASE app SET {setting}", f"ALTER DATABASE postgres SET {setting}", database="template1")
    if between:
        with PgBouncer(server, pool_mode="session", ignore_startup_parameters="options") as pool:
            users.apply([{"username": "alice", "ensure": "absent"}], connection=pool.conninfo()).good()
    else:
        users.apply([{"username": "alice", "ensure": "absent"}]).good()
    assert not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'alice'", database="template1")


@pytest.mark.parametrize("server", [13, 18], indirect=True)
@pytest.mark.parametrize("where", ["another database", "another server"])
def test_a_pool_that_leads_a_database_elsewhere_changes_nothing_there(server, where):
    """What would be handed over, dropped or granted there is not what the list and the catalog are about."""
    server.run("CREATE DATABASE app", "CREATE DATABASE shop")
    other = postgres.Postgres(server.major) if where == "another server" else server
    at = "app" if other is not server else "shop"
    users = Users(server)
    for name in ("alice", "bob"):
        users.secret(name, "geheim")
    grants = [{"database": "app", "on": "tables", "schema": "public", "names": ["t"], "privileges": ["SELECT"]}]
    wanted = json.dumps({"version": 2, "users": [{"username": "bob", "grants": grants}]})
    try:
        users.apply([{"username": "alice"}, {"username": "bob"}]).good()
        if other is not server:
            other.run("CREATE ROLE alice", "CREATE ROLE bob", "CREATE DATABASE app")
        for one, database in ((server, "app"), (other, at)):
            one.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", database=database)
        with PgBouncer(server, pool_mode="session", ignore_startup_parameters="options",
                       databases=f"app = host=127.0.0.1 port={other.port} dbname={at} user=postgres password={other.password}") as pool:
            result = users.apply(wanted, connection=pool.conninfo())
        assert result.status("alice") == "Retiring" and result.status("bob") == "Degraded", result.answer
        for name in ("alice", "bob"):
            assert f'"app" leads to {where}' in result.reason(name) and "pool" in result.reason(name), result.reason(name)
        assert not other.value("SELECT has_table_privilege('bob', 't', 'SELECT')", database=at)
        assert other is server or other.value("SELECT tableowner FROM pg_tables WHERE tablename = 't'", database=at) == "alice"
        users.apply(wanted).good()
        assert not exists(server, "alice") and server.value("SELECT has_table_privilege('bob', 't', 'SELECT')", database="app")
    finally:
        if other is not server:
            other.close()


class Swallow:
    """Between agent and server: answers the first SETs itself, as a pooler would that takes them for its own."""

    def __init__(self, server):
        self.server, self.port = server, free_port()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            upstream = socket.create_connection(("127.0.0.1", self.server.port))
            threading.Thread(target=self.copy, args=(upstream, client), daemon=True).start()
            threading.Thread(target=self.watch, args=(client, upstream), daemon=True).start()

    @staticmethod
    def copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass
        target.close()

    def watch(self, client, upstream):
        try:
            self.startup(client, upstream)
            while True:
                head = read_exactly(client, 5)
                body = read_exactly(client, struct.unpack("!I", head[1:])[0] - 4)
                if head[:1] == b"Q" and body.startswith(b"SET "):
                    body = b"SET pgitops.session = 'pinned'\0"
                    head = b"Q" + struct.pack("!I", len(body) + 4)
                upstream.sendall(head + body)
        except OSError:
            upstream.close()

    def startup(self, client, upstream):
        while True:
            size = read_exactly(client, 4)
            body = read_exactly(client, struct.unpack("!I", size)[0] - 4)
            if len(body) <= 4:
                client.sendall(b"N")  # neither TLS nor GSSAPI here
                continue
            fields = [field for field in body[4:].split(b"\0")]
            pairs = [(name, value) for name, value in zip(fields[::2], fields[1::2]) if name and name != b"options"]
            kept = body[:4] + b"".join(name + b"\0" + value + b"\0" for name, value in pairs) + b"\0"
            upstream.sendall(struct.pack("!I", len(kept) + 4) + kept)
            return

    def close(self):
        stop_accepting(self.listener, self.thread)


@pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
@pytest.mark.parametrize("setting, said", [
    ("search_path = trap, pg_catalog", 'the setting search_path is "trap, pg_catalog"'),
    ("role = lowly", 'the setting role is "lowly"'),
    ("row_security = on", 'the setting'),
])
def test_a_session_that_is_not_what_was_set_is_refused_by_the_settings_name(server, users, setting, said):
    server.run("CREATE ROLE lowly", *TRAPS[:-8], f"ALTER DATABASE postgres SET {setting}")
    between = Swallow(server)
    result = users.apply(ALICE, connection=f"host=127.0.0.1 port={between.port} dbname=postgres user=postgres")
    between.close()
    assert result.error_kind == "invalid" and said in result.error and "what set it: " in result.error, result.error
    names = [name for (name,) in server.query("SELECT rolname FROM pg_roles WHERE oid >= 16384", database="template1")]
    assert names == ["lowly"]
