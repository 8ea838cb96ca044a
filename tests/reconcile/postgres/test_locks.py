"""A lock that is waited for in vain: who holds it."""

import pytest

from parts import postgres
from parts.roles import Users, exists

EVERY = pytest.mark.parametrize("major", postgres.MAJORS)
ALICE, BOB = {"username": "alice"}, {"username": "bob"}


@pytest.fixture
def prepares(major):
    """A server that takes prepared transactions."""
    made = postgres.Postgres(major, {"max_prepared_transactions": "4"})
    yield made
    made.close()


def users_of(server):
    made = Users(server)
    made.secret("alice", "geheim")
    made.secret("bob", "geheim")
    return made


@EVERY
def test_a_prepared_transaction_is_named_with_what_ends_it(prepares):
    users = users_of(prepares)
    prepares.run("CREATE DATABASE app")
    users.apply([ALICE, BOB]).good()
    with prepares.connect("app") as session:
        session.execute("BEGIN")
        session.execute("ALTER ROLE alice CONNECTION LIMIT 5")
        session.execute("PREPARE TRANSACTION 'left ''over'''")
    users.secret("alice", "another")
    users.secret("bob", "another")
    result = users.apply([ALICE, BOB], deadline=6000)
    assert result.status("bob") == "Synced" and result.status("alice") == "Degraded"
    for said in ("lock timeout", "prepared transaction \"left 'over'\"", 'database "app"', "ROLLBACK PREPARED"):
        assert said in result.reason("alice"), result.reason("alice")
    prepares.run("ROLLBACK PREPARED 'left ''over'''", database="app")
    users.apply([ALICE, BOB]).good()


@EVERY
def test_a_prepared_transaction_on_a_leavers_table_is_named(prepares):
    users = users_of(prepares)
    prepares.run("CREATE DATABASE app")
    users.apply([ALICE | {"database": "app"}]).good()
    prepares.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", database="app")
    with prepares.connect("app") as session:
        session.execute("BEGIN")
        session.execute("INSERT INTO t VALUES (1)")
        session.execute("PREPARE TRANSACTION 'two phases'")
    result = users.apply([ALICE | {"ensure": "absent"}], deadline=6000)
    assert 'prepared transaction "two phases"' in result.reason("alice"), result.reason("alice")
    prepares.run("COMMIT PREPARED 'two phases'", database="app")
    users.apply([ALICE | {"ensure": "absent"}])
    assert not exists(prepares, "alice")


@pytest.mark.parametrize("server", [13, 18], indirect=True)
def test_a_session_that_holds_a_lock_is_named(server):
    users = users_of(server)
    users.apply([ALICE]).good()
    users.secret("alice", "another")
    with server.connect(application_name="lunch break") as session:
        session.execute("BEGIN")
        session.execute("ALTER ROLE alice CONNECTION LIMIT 5")
        pid = session.execute("SELECT pg_backend_pid()").fetchone()[0]
        result = users.apply([ALICE], deadline=6000)
        session.execute("ROLLBACK")
    assert f'session {pid} of "postgres"' in result.reason("alice") and "lunch break" in result.reason("alice")
    users.apply([ALICE]).good()
