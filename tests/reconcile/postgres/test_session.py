"""A server that goes silent, dies or never answers in the middle of a pass."""

import threading

import pytest

from parts import postgres
from parts.process import wait_for
from parts.roles import Users, exists

WANTED = [{"username": name, "roles": ["read_only"]} for name in ("alice", "bob", "carol")]


@pytest.fixture
def users(server):
    made = Users(server)
    for one in WANTED:
        made.secret(one["username"], "geheim")
    return made


class InBackground:
    """A pass that runs while the test does something to the server."""

    def __init__(self, users, wanted, **request):
        self.result = None
        self.thread = threading.Thread(target=lambda: setattr(self, "result", users.apply(wanted, **request)))
        self.thread.start()

    def join(self):
        self.thread.join()
        return self.result


def wait_for_lock(session):
    """Asked in a session that there is: a new one may take as long as the pass waits, a sixth of its deadline."""
    question = "SELECT pid FROM pg_locks WHERE NOT granted"  # 13 shows no wait of who has track_activities = off
    return wait_for("the pass waits for a lock", lambda: session.execute(question).fetchone())[0]


@pytest.mark.parametrize("kill", ["terminate", "crash"])
def test_a_connection_lost_in_the_middle_is_reported_and_the_next_pass_converges(server, users, kill):
    users.apply(WANTED[:2]).good()
    for one in WANTED:
        users.secret(one["username"], "another")
    session = server.connect()
    session.execute("BEGIN")
    session.execute("ALTER ROLE bob CONNECTION LIMIT 5")
    running = InBackground(users, WANTED, deadline=30000)
    pid = wait_for_lock(session)
    if kill == "terminate":
        server.run(f"SELECT pg_terminate_backend({pid})")
    else:
        server.restart(how="immediate")
    session.close()
    result = running.join()
    assert result.error_kind == "retry" and "lost" in result.error
    assert any("connection to the database lost" in step["error"] for step in result.steps)
    users.apply(WANTED).good()
    users.apply(WANTED).quiet()
    assert server.can_login("bob", "another")


def test_a_server_that_says_nothing_is_left_at_the_deadline(server, users):
    users.apply(WANTED[:1]).good()
    users.secret("alice", "another")
    with server.connect() as session:
        session.execute("BEGIN")
        session.execute("ALTER ROLE alice CONNECTION LIMIT 5")
        running = InBackground(users, WANTED[:1], deadline=6000)
        wait_for_lock(session)
        server.pause()
        result = running.join()
        server.resume()
        session.execute("ROLLBACK")
    assert result.error_kind == "retry" and "lost" in result.error
    users.apply(WANTED[:1])
    users.apply(WANTED[:1]).quiet()


def test_a_frozen_server_is_given_up_when_connecting(server, users):
    server.pause()
    try:
        assert users.apply(WANTED, deadline=2000).error_kind == "retry"
    finally:
        server.resume()
    users.apply(WANTED).good()


@pytest.mark.parametrize("major", [13, 18])
def test_a_missing_synchronous_standby_holds_up_nothing(major):
    lonely = postgres.Postgres(major, {"synchronous_standby_names": "nobody", "synchronous_commit": "on"})
    users = Users(lonely)
    users.secret("alice", "geheim")
    users.apply([{"username": "alice"}]).good()
    users.apply([{"username": "alice", "ensure": "absent"}])
    assert not exists(lonely, "alice")
    lonely.close()


def test_a_server_that_starts_is_tried_again(server, users):
    server.stop("immediate")
    assert users.apply(WANTED).error_kind == "retry"
    server.start()
    users.apply(WANTED).good()
