"""Groups that are members of groups, and groups that go when nobody uses them."""

import json

import pytest

from parts.roles import Users, exists, members

ALL = pytest.mark.parametrize("server", [13, 14, 15, 16, 17, 18], indirect=True)
SOME = pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
USAGE = {"database": "shop", "on": "schema", "schema": "s", "privileges": ["USAGE"]}


@pytest.fixture
def users(server):
    made = Users(server)
    made.secret("alice", "geheim")
    server.run("CREATE DATABASE shop")
    server.run("CREATE SCHEMA s", database="shop")
    return made


def listed(*groups, alice=()):
    return json.dumps({"version": 2, "groups": [group if isinstance(group, dict) else {"name": group} for group in groups],
                       "users": [{"username": "alice", "roles": list(alice)}]})


@ALL
def test_a_group_has_what_its_groups_have_and_no_more(server, users):
    wanted = listed({"name": "a_all", "memberOf": ["z_some", "implied"]}, {"name": "z_some", "grants": [USAGE]}, alice=["a_all"])
    result = users.apply(wanted).good()
    assert result.report("a_all")["roles"] == ["implied", "z_some"]
    users.apply(wanted).quiet()
    assert members(server, "z_some") == ["a_all"] and members(server, "implied") == ["a_all"]
    assert server.value("SELECT has_schema_privilege('alice', 's', 'USAGE')", database="shop")
    server.run("CREATE ROLE stray", "GRANT stray TO a_all", "GRANT stray TO z_some", "REVOKE z_some FROM a_all")
    result = users.apply(wanted).good()
    assert result.fields("a_all")["roles"] == ("implied, z_some", "implied, stray") and not result.fields("z_some")
    users.apply(wanted).quiet()
    assert members(server, "stray") == ["z_some"], "nothing is said of the memberships of a group without memberOf"
    users.apply(listed({"name": "a_all", "memberOf": []}, "z_some", alice=["a_all"]))
    assert members(server, "z_some") == [] and not exists(server, "implied")


@ALL
def test_a_group_that_may_grant_by_git_counts_as_a_grantor(server, users):
    wanted = listed({"name": "leads", "memberOf": [{"name": "staff", "admin": True}]}, "staff", alice=["leads", "staff"])
    users.apply(wanted).good()
    server.run("REVOKE staff FROM alice", "CREATE ROLE bob", "SET SESSION AUTHORIZATION alice; GRANT staff TO bob, alice")
    users.apply(wanted).quiet()
    assert members(server, "staff") == ["alice", "bob", "leads"]
    wanted = listed({"name": "leads", "memberOf": ["staff"]}, "staff", alice=["leads", "staff"])
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    assert "alice" in members(server, "staff") and "leads" in members(server, "staff")


@SOME
def test_what_a_group_may_not_be_a_member_of_is_told_and_holds_up_nobody(server, users):
    server.run("CREATE ROLE root SUPERUSER", "CREATE ROLE middle", "GRANT root TO middle", "CREATE ROLE upper")
    wanted = listed({"name": "low", "memberOf": ["middle", "fine"]}, "fine", alice=["low"])
    result = users.apply(wanted)
    assert result.status("low") == "Refused" and 'is a member of "root"' in result.reason("low")
    assert result.status("alice") == "Synced" and members(server, "middle") == [] and members(server, "fine") == ["low"]
    server.run("GRANT low TO upper")
    result = users.apply(listed({"name": "low", "memberOf": ["upper"]}, alice=["low"]))
    assert result.status("low") == "Refused" and 'it is a member of "low"' in result.reason("low")


@ALL
def test_a_group_that_goes_when_unused_comes_and_goes_with_its_users(server, users):
    passing = {"name": "passing", "dropWhenUnused": True, "memberOf": [{"name": "above"}], "grants": [USAGE],
               "defaultPrivileges": [{"database": "shop", "owner": "postgres", "on": "schemas", "privileges": ["USAGE"]}]}
    above = {"name": "above", "dropWhenUnused": True}
    unused = users.apply(listed(passing, above)).good()
    assert not exists(server, "passing") and "nobody uses it" in unused.reason("passing")
    users.apply(listed(passing, above)).quiet()
    users.apply(listed(passing, above, alice=["passing"])).good()
    users.apply(listed(passing, above, alice=["passing"])).quiet()
    assert members(server, "above") == ["passing"]
    server.run("CREATE ROLE guest", "GRANT passing TO guest")
    users.apply(listed(passing, above)).good()
    users.apply(listed(passing, above)).quiet()
    assert members(server, "passing") == ["guest"], "a member that somebody put in is a user of it"
    server.run("REVOKE passing FROM guest")
    result = users.apply(listed(passing, above)).good()
    assert result.fields("passing")["exists"] == ("false", "true")
    assert not exists(server, "passing") and not exists(server, "above")
    users.apply(listed(passing, above)).quiet()
    assert server.value("SELECT count(*) FROM pgitops.managed_role WHERE name IN ('passing', 'above')") == 0


@SOME
@pytest.mark.parametrize("adopted", [False, True])
def test_what_an_unused_group_that_stays_is_a_member_of_stays_with_it(server, users, adopted):
    """It was dropped by one pass and made by the next."""
    passing = {"name": "passing", "dropWhenUnused": True, "memberOf": [{"name": "above"}]}
    above, top = {"name": "above", "dropWhenUnused": True, "memberOf": [{"name": "top"}]}, {"name": "top", "dropWhenUnused": True}
    if adopted:  # a pass before it may go
        server.run("CREATE ROLE passing")
        users.apply(listed(passing, above, top), policy={"adopt": True}).good()
    else:
        users.apply(listed(passing, above, top, alice=["passing"])).good()
        server.run("ALTER SCHEMA s OWNER TO passing", database="shop")
        result = users.apply(listed(passing, above, top))
        assert result.status("passing") == "Degraded" and "it owns 1 objects" in result.reason("passing")
        assert members(server, "above") == ["passing"] and members(server, "top") == ["above"]
        again = users.apply(listed(passing, above, top))
        assert again.steps == [] and again.writes == 0
        server.run("DROP SCHEMA s CASCADE", database="shop")
    for _ in range(3):
        users.apply(listed(passing, above, top))
    users.apply(listed(passing, above, top)).quiet()
    assert [name for name in ("passing", "above", "top") if exists(server, name)] == []


@SOME
def test_a_group_goes_in_the_pass_that_takes_its_last_member_out(server, users):
    passing = {"name": "passing", "dropWhenUnused": True, "grants": [USAGE]}
    users.apply(listed(passing, alice=["passing", "implied"])).good()
    users.apply(listed(passing)).good()
    users.apply(listed(passing)).quiet()
    assert not exists(server, "passing") and not exists(server, "implied")


@SOME
def test_a_group_that_owns_something_stays_and_says_so(server, users):
    passing = {"name": "passing", "dropWhenUnused": True, "grants": [USAGE]}
    users.apply(listed(passing, alice=["passing"])).good()
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO passing", database="shop")
    result = users.apply(listed(passing))
    assert result.status("passing") == "Degraded" and 'it owns 1 objects in database "shop"' in result.reason("passing")
    assert exists(server, "passing") and server.value("SELECT has_schema_privilege('passing', 's', 'USAGE')", database="shop")
    assert users.apply(listed(passing), no_deletions=True).status("passing") == "Synced"
    server.run("DROP TABLE t", database="shop")
    users.apply(listed(passing)).good()
    assert not exists(server, "passing")
