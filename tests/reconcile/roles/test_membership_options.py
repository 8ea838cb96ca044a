"""Memberships with options: ADMIN everywhere, INHERIT and SET since 16; whoever granted them."""

import json

import pytest

from parts.roles import Users, catalog, members

ALL = pytest.mark.parametrize("server", [13, 14, 15, 16, 17, 18], indirect=True)
MODERN = pytest.mark.parametrize("server", [16, 17, 18], indirect=True)
EARLIER = pytest.mark.parametrize("server", [13, 14, 15], indirect=True)


@pytest.fixture
def users(server):
    made = Users(server)
    for name in ("alice", "bob", "carol"):
        made.secret(name, "geheim")
    return made


def listed(**roles):
    """A list of users, each with these roles."""
    return json.dumps({"version": 2, "users": [{"username": name, "roles": its} for name, its in roles.items()]})


def rows(server, role, member):
    modern = ", inherit_option, set_option" if server.major >= 16 else ""
    return server.query(f"SELECT a.grantor::regrole::text, admin_option{modern} FROM pg_auth_members a"
                        " WHERE roleid = %s::regrole AND member = %s::regrole ORDER BY 1", [role, member])


def may(server, user, privilege):
    return server.value("SELECT pg_has_role(%s, 'staff', %s)", [user, privilege])


@ALL
def test_who_has_admin_by_git_may_grant_and_it_is_taken_back_with_the_word(server, users):
    wanted = listed(alice=[{"name": "staff", "admin": True}], bob=["staff"], carol=[])
    users.apply(wanted).good()
    assert rows(server, "staff", "alice")[0][1] is True
    users.apply(wanted).quiet()
    server.run("CREATE ROLE guest", "REVOKE staff FROM bob", "SET SESSION AUTHORIZATION alice; GRANT staff TO bob, guest")
    before = catalog(server)
    users.apply(wanted).quiet()
    assert catalog(server) == before and members(server, "staff") == ["alice", "bob", "guest"]
    users.apply(listed(alice=["staff"], bob=["staff"], carol=[])).good()
    users.apply(listed(alice=["staff"], bob=["staff"], carol=[])).quiet()
    assert rows(server, "staff", "alice")[0][1] is False
    assert members(server, "staff") == (["alice", "bob"] if server.major >= 16 else ["alice", "bob", "guest"])


@ALL
def test_what_is_granted_by_right_and_is_not_listed_is_taken_back(server, users):
    wanted = listed(alice=[{"name": "staff", "admin": True}], bob=["staff"], carol=[])
    users.apply(wanted).good()
    server.run("SET SESSION AUTHORIZATION alice; GRANT staff TO carol; GRANT staff TO bob WITH ADMIN OPTION")
    result = users.apply(wanted).good()
    assert result.fields("carol")["roles"] == ("", "staff")
    assert result.fields("bob")["roles"] == ("staff", "staff (admin)")
    users.apply(wanted).quiet()
    assert members(server, "staff") == ["alice", "bob"] and not any(row[1] for row in rows(server, "staff", "bob"))


@MODERN
def test_options_converge_both_ways(server, users):
    shapes = [{}, {"inherit": False}, {"set": False}, {"admin": True}, {"admin": True, "inherit": False, "set": False},
              {"inherit": False, "set": False}]
    users.apply(listed(alice=[])).good()
    for shape in shapes:
        wanted = listed(alice=[{"name": "staff"} | shape])
        expected = tuple(shape.get(word, word != "admin") for word in ("admin", "inherit", "set"))
        for by_hand in ("", "ADMIN TRUE, INHERIT TRUE, SET TRUE", "ADMIN FALSE, INHERIT FALSE, SET FALSE"):
            if by_hand:
                server.run(f"GRANT staff TO alice WITH {by_hand}")
            users.apply(wanted).good()
            assert rows(server, "staff", "alice") == [("postgres", *expected)], (shape, by_hand)
        users.apply(wanted).quiet()


@MODERN
def test_what_a_member_has_is_what_all_its_grantors_give_it_and_each_is_narrowed(server, users):
    server.run("CREATE ROLE staff", "CREATE ROLE granter", "GRANT staff TO granter WITH ADMIN OPTION")
    wanted = listed(alice=[{"name": "staff", "admin": True, "set": False}])
    users.apply(listed(alice=[])).good()
    server.run("GRANT staff TO alice WITH ADMIN TRUE, INHERIT FALSE, SET FALSE",
               "GRANT staff TO alice WITH INHERIT TRUE, SET FALSE GRANTED BY granter")
    users.apply(wanted).quiet()
    server.run("GRANT staff TO alice WITH SET TRUE GRANTED BY granter")
    result = users.apply(wanted).good()
    assert result.sql == ['REVOKE SET OPTION FOR "staff" FROM "alice" GRANTED BY "granter" CASCADE']
    assert result.fields("alice")["roles"] == ("staff (admin) (no set)", "staff (admin)")
    users.apply(wanted).quiet()
    assert not may(server, "alice", "SET") and may(server, "alice", "USAGE")


@MODERN
def test_options_that_one_gives_oneself_by_a_right_to_grant_are_taken_back(server, users):
    """Who may grant may grant to herself: ADMIN without INHERIT and SET is told and healed, never trusted to hold."""
    wanted = listed(alice=[{"name": "staff", "admin": True, "inherit": False, "set": False}])
    users.apply(wanted).good()
    server.run("SET SESSION AUTHORIZATION alice; GRANT staff TO alice WITH INHERIT TRUE, SET TRUE")
    assert may(server, "alice", "SET")
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    assert not may(server, "alice", "SET") and not may(server, "alice", "USAGE")


@MODERN
def test_who_has_the_right_from_one_who_should_not_is_granted_anew(server, users):
    """carol's ADMIN is a hand's: what alice has from her goes with it, and alice's own grants, by right, must come back in the same pass."""
    wanted = listed(alice=[{"name": "staff", "admin": True}], bob=["staff"], carol=["staff"])
    users.apply(listed(alice=[], bob=[], carol=["staff"])).good()
    server.run("GRANT staff TO carol WITH ADMIN OPTION",
               "SET SESSION AUTHORIZATION carol; GRANT staff TO alice WITH ADMIN OPTION",
               "RESET SESSION AUTHORIZATION", "SET SESSION AUTHORIZATION alice; GRANT staff TO bob")
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    assert members(server, "staff") == ["alice", "bob", "carol"]
    assert rows(server, "staff", "bob") == [("postgres", False, True, True)]


@MODERN
def test_what_comes_back_by_somebody_elses_hands_falls_with_the_right_it_began_with(server, users):
    """alice gives the right on to robot, who gives alice more of it: REVOKE of hers takes his along, so hers is granted anew in that pass."""
    narrow, wide = listed(alice=[{"name": "staff", "inherit": False}]), listed(alice=["staff"])
    users.apply(narrow).good()
    server.run("CREATE ROLE robot", "GRANT staff TO alice WITH ADMIN OPTION", "SET SESSION AUTHORIZATION alice", "GRANT staff TO robot WITH ADMIN OPTION",
               "SET SESSION AUTHORIZATION robot", "GRANT staff TO alice", "RESET SESSION AUTHORIZATION")
    users.apply(wide).good()
    users.apply(wide).quiet()
    assert may(server, "alice", "USAGE")


@MODERN
@pytest.mark.parametrize("group", ["not listed", "listed", "unused"])
def test_what_a_group_granted_by_a_right_of_ours_falls_with_it(server, users, group):
    """alice gives the right on to a group that gives it to bob: what bob has by the group alone goes with hers, or with the group."""
    users.apply(listed(alice=[], bob=[], carol=["staff", "writers"])).good()
    server.run("GRANT staff TO alice WITH ADMIN OPTION", "SET SESSION AUTHORIZATION alice", "GRANT staff TO writers WITH ADMIN OPTION",
               "SET SESSION AUTHORIZATION writers", "GRANT staff TO bob", "RESET SESSION AUTHORIZATION")
    groups = {"not listed": [], "listed": [{"name": "writers"}], "unused": [{"name": "writers", "dropWhenUnused": True}]}[group]
    members = [] if group == "unused" else ["writers"]
    wanted = json.dumps({"version": 2, "groups": groups, "users": [
        {"username": "alice"}, {"username": "bob", "roles": ["staff"]}, {"username": "carol", "roles": members}]})
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    assert may(server, "bob", "USAGE") and not may(server, "alice", "USAGE")


@MODERN
def test_what_a_leaver_granted_is_granted_anew_where_lists_only_add(server, users):
    additive = {"policy": {"additive": True}}
    users.apply(listed(alice=[{"name": "staff", "admin": True}], bob=[])).good()
    server.run("SET SESSION AUTHORIZATION alice; GRANT staff TO bob")
    wanted = listed(bob=["staff"])
    users.apply(wanted, **additive).good()
    users.apply(wanted, **additive).quiet()
    assert may(server, "bob", "USAGE")


@EARLIER
def test_options_of_16_are_told_before_it_and_are_no_difference(server, users):
    wanted = listed(alice=[{"name": "staff", "admin": True, "inherit": False}], bob=[{"name": "staff", "set": False}])
    result = users.apply(wanted).good()
    told = [one for one in result.warnings if "need PostgreSQL 16" in one]
    assert len(told) == 1 and '"alice" in "staff", "bob" in "staff"' in told[0]
    again = users.apply(wanted).quiet()
    assert told[0] in again.warnings
    assert rows(server, "staff", "alice") == [("postgres", True)] and rows(server, "staff", "bob") == [("postgres", False)]


@MODERN
def test_an_additive_policy_adds_options_and_takes_none(server, users):
    additive = {"policy": {"additive": True}}
    server.run("CREATE ROLE staff")
    users.apply(listed(alice=[])).good()
    server.run("GRANT staff TO alice WITH ADMIN TRUE, INHERIT FALSE, SET TRUE")
    wanted = listed(alice=[{"name": "staff", "set": False}])
    result = users.apply(wanted, **additive).good()
    assert result.sql == ['GRANT "staff" TO "alice" WITH INHERIT TRUE']
    users.apply(wanted, **additive).quiet()
    assert rows(server, "staff", "alice") == [("postgres", True, True, True)]


@MODERN
def test_many_grants_of_a_right_by_right_cost_no_query_more(server, users):
    few = listed(alice=[{"name": "staff", "admin": True}], bob=["staff"])
    users.apply(few).good()
    statements = users.apply(few).quiet().statements
    server.run("CREATE ROLE granter", "GRANT staff TO granter WITH ADMIN OPTION", "GRANT staff TO bob GRANTED BY granter",
               "SET SESSION AUTHORIZATION alice; GRANT staff TO bob")
    assert users.apply(few).quiet().statements == statements
