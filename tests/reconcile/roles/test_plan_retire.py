"""Who is removed, and when that waits for somebody to say so."""

import pytest

from parts.roles import MARK, Users, catalog, comment, exists, members

BOB = [{"username": "bob"}]


@pytest.fixture
def users(server):
    made = Users(server)
    for name in ("alice", "bob"):
        made.secret(name, f"geheim-{name}")
    made.apply([{"username": "alice", "roles": ["staff"]}, {"username": "bob"}]).good()
    return made


def test_retirement_goes_on_without_another_confirmation(server, users):
    server.run("CREATE DATABASE shut")
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", database="shut")
    server.run("ALTER DATABASE shut ALLOW_CONNECTIONS false")
    confirm = users.apply([]).confirm
    users.apply([], confirm=confirm)
    assert exists(server, "alice") and not exists(server, "bob")
    server.run("ALTER DATABASE shut ALLOW_CONNECTIONS true")
    result = users.apply([])
    assert not result.blocked and not exists(server, "alice")


def test_a_user_that_comes_back_half_way_is_whole_again(server, users):
    server.run("CREATE DATABASE shut")
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", database="shut")
    server.run("ALTER DATABASE shut ALLOW_CONNECTIONS false")
    users.apply(BOB)
    wanted = [{"username": "alice", "roles": ["staff"]}] + BOB
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    assert server.can_login("alice", "geheim-alice") and members(server, "staff") == ["alice"]
    assert comment(server, "alice") == MARK


def test_absent_users_need_no_confirmation_and_the_rest_still_does(server, users):
    users.secret("carol", "x")
    result = users.apply([{"username": "alice", "ensure": "absent"}])
    assert result.blocked and result.deletions == ["bob"] and not exists(server, "alice") and exists(server, "bob")
    result = users.apply([{"username": "bob", "ensure": "absent"}, {"username": "alice", "ensure": "absent"}])
    assert not result.blocked and not exists(server, "bob")
    assert result.status("alice") == "Synced" and result.reason("alice") == ""


def test_a_pass_that_may_remove_nobody_removes_nobody(server, users):
    before = catalog(server)
    result = users.apply([{"username": "bob", "ensure": "absent"}, {"username": "zoe"}], no_deletions=True)
    assert result.status("alice") == result.status("bob") == "Retiring" and result.steps == []
    assert catalog(server) == before


def test_the_limit_of_the_policy_counts(server, users):
    assert users.apply(BOB, policy={"max_deletions": 1}).status("alice") == "Synced"
    for name in ("u1", "u2", "u3"):
        users.secret(name, "x")
    users.apply(BOB + [{"username": name} for name in ("u1", "u2", "u3")]).good()
    assert users.apply(BOB + [{"username": "u1"}], policy={"max_deletions": 1}).blocked
    assert not users.apply(BOB + [{"username": "u1"}], policy={"max_deletions": 2}).blocked
