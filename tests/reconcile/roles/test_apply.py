"""Steps are sent in few messages, and what fails concerns only whom it concerns."""

import threading

import psycopg
import pytest

from parts.roles import Users, databases_with_connect, exists, members


@pytest.fixture
def many(server):
    users = Users(server)
    users.wanted = [{"username": f"user{number}x", "roles": ["a", "b", "c"]} for number in range(60)]
    for one in users.wanted:
        users.secret(one["username"], one["username"])
    return users


def test_users_that_share_a_role_share_a_statement(server, many):
    mark = server.log_mark()
    server.run("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
    result = many.apply(many.wanted).good()
    assert result.writes == 4 + 3 * 3 + 3 * 60 + 3 + 1
    assert members(server, "b") == sorted(one["username"] for one in many.wanted)
    assert len([line for line in server.log_since(mark).splitlines() if "GRANT" in line]) == 0, "verifiers silence the log"
    many.apply(many.wanted).quiet()


def test_what_is_shown_is_what_is_sent(server, many):
    users = many.wanted[:3]
    many.apply(users).good()
    server.run("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()", "CREATE ROLE other",
               "ALTER ROLE user0x CREATEDB", "REVOKE a FROM user1x", "GRANT other TO user2x")
    mark = server.log_mark()
    planned = many.plan(users)
    result = many.apply(users).good()
    assert planned.sql == result.sql and len(result.sql) == 3
    log = server.log_since(mark)
    assert all(sql in log for sql in result.sql)


def test_one_user_that_cannot_be_changed_keeps_nobody_else_back(server, many):
    many.apply(many.wanted).good()
    for one in many.wanted:
        many.secret(one["username"], "another")
    with server.connect() as session:
        session.execute("BEGIN")
        session.execute("ALTER ROLE user7x CONNECTION LIMIT 5")
        result = many.apply(many.wanted, deadline=3000)
        session.execute("ROLLBACK")
    assert [report["name"] for report in result.reports if report["status"] != "Synced"] == ["user7x"]
    assert "lock" in result.reason("user7x") and server.can_login("user6x", "another")
    assert len([step for step in result.steps if not step["done"]]) == 1
    many.apply(many.wanted).good()
    assert server.can_login("user7x", "another")


def test_one_role_that_cannot_be_granted_keeps_no_other_back(server, many):
    many.apply([dict(one, roles=[]) for one in many.wanted]).good()
    server.run("CREATE ROLE a", "CREATE ROLE b", "CREATE ROLE c")
    with server.connect() as session:
        session.execute("BEGIN")
        session.execute("DROP ROLE b")
        result = many.apply(many.wanted, deadline=3000)
        session.execute("COMMIT")
    assert {report["status"] for report in result.reports} == {"Degraded"}
    assert len(members(server, "a")) == len(members(server, "c")) == 60
    many.apply(many.wanted).good()
    assert len(members(server, "b")) == 60


def test_changes_of_others_at_the_same_moment_are_survived(server, many):
    server.run("CREATE ROLE noise", "CREATE DATABASE app")
    stop, collisions = threading.Event(), []

    def disturb():
        with server.connect() as session:
            while not stop.is_set():
                for sql in ("GRANT CONNECT ON DATABASE app TO noise", "REVOKE CONNECT ON DATABASE app FROM noise"):
                    try:
                        session.execute(sql)
                    except psycopg.errors.InternalError:
                        collisions.append(sql)  # "tuple concurrently updated": the pass was faster

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for number in range(12):
            wanted = [{"username": f"user{at}x", "database": "app" if (at + number) % 2 else "postgres"} for at in range(4)]
            many.apply(wanted).good()
    finally:
        stop.set()
        thread.join()
    assert databases_with_connect(server, "user0x") == ["app"]


def test_more_than_one_message_holds(server):
    users = Users(server)
    wanted = [{"username": f"user{number}x", "roles": ["g" * 60]} for number in range(700)]
    for one in wanted:  # derived beforehand, so that only the sending is tested
        name = one["username"]
        users.secret(name, "SCRAM-SHA-256$1:c2FsdHNhbHRzYWx0c2FsdA==$" + "A" * 43 + "=:" + "A" * 43 + "=")
    users.apply(wanted).good()
    assert len(members(server, "g" * 60)) == 700
    users.apply(wanted).quiet()
    for number in range(0, 700, 50):
        server.run(f"ALTER ROLE user{number}x NOLOGIN")
    assert len(users.apply(wanted).good().steps) == 14


def test_a_user_whose_creation_fails_is_given_nothing(server, many):
    with server.connect() as session:
        session.execute("BEGIN")
        session.execute("CREATE ROLE user1x")
        result = many.apply(many.wanted[:3], deadline=3000)
        session.execute("COMMIT")
    assert result.status("user1x") == "Degraded" and result.status("user0x") == "Synced"
    first, *others = [step["error"] for step in result.steps if step["user"] == "user1x"]
    assert "SQLSTATE" in first and len(others) == 4 and all("not tried" in error for error in others)
    assert many.apply(many.wanted[:3]).status("user1x") == "Refused", "it is somebody else's now"
    assert exists(server, "user1x")
