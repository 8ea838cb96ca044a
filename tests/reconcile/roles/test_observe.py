"""A quiet pass reads little, whatever the number of users, and writes nothing."""

import pytest

from parts import postgres
from parts.roles import Users, catalog


def wanted(count):
    return [{"username": f"user{number}x", "roles": ["a", f"g{number % 5}"], "database": "app"} for number in range(count)]


@pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
def test_a_quiet_pass_asks_for_no_password_and_writes_nothing(server):
    server.run("CREATE DATABASE app")
    users = Users(server)
    for one in wanted(40):
        users.secret(one["username"], one["username"])
    users.apply(wanted(3)).good()
    few = users.apply(wanted(3)).quiet()
    users.apply(wanted(40)).good()
    before = catalog(server)
    many = users.apply(wanted(40)).quiet()
    assert catalog(server) == before
    assert many.gets == few.gets == 0
    assert many.statements == few.statements <= 12
    assert users.plan(wanted(40)).statements == many.statements


def test_without_memory_passwords_are_compared_and_found_equal(server):
    users = Users(server)
    for one in wanted(40):
        users.secret(one["username"], one["username"])
    server.run("CREATE DATABASE app")
    users.apply(wanted(40)).good()
    users.known = {}
    assert users.apply(wanted(40)).quiet().gets == 40
    assert users.apply(wanted(40)).quiet().gets == 0


def test_what_only_looks_different_is_no_difference(server):
    users = Users(server)
    users.secret("alice", "geheim")
    users.apply([{"username": "alice"}]).good()
    server.run("ALTER ROLE alice VALID UNTIL 'infinity'", "ALTER ROLE alice SET search_path = \"$user\", public",
               "COMMENT ON ROLE alice IS 'managed by pgitops (main): said by people'")
    users.apply([{"username": "alice"}]).quiet()
