"""exact, additive and report: what becomes of memberships and privileges that users.yaml does not list."""

import json

import pytest

from parts.roles import Users, catalog, databases_with_connect, exists, members

ALL = pytest.mark.parametrize("server", [13, 14, 15, 16, 17, 18], indirect=True)
SOME = pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
ADDITIVE, REPORT = 1, 2


@pytest.fixture
def users(server):
    made = Users(server)
    for name in ("alice", "bob", "carol"):
        made.secret(name, "geheim")
    server.run("CREATE DATABASE shop")
    server.run("CREATE TABLE t (x int)", "CREATE TABLE u (x int)", database="shop")
    return made


def document(*entries, groups=(), **defaults):
    return json.dumps({"version": 2, "users": list(entries), "groups": list(groups), "defaults": defaults})


def tables(*privileges, names=("t",)):
    return {"database": "shop", "on": "tables", "schema": "public", "names": list(names), "privileges": list(privileges)}


def may(server, role, privilege, table="t"):
    return server.value("SELECT has_table_privilege(%s, %s, %s)", [role, table, privilege], database="shop")


@ALL
def test_each_user_has_its_own_word_and_the_defaults_hold_for_the_others(server, users):
    wanted = document({"username": "alice", "roles": ["staff"], "memberships": "exact"}, {"username": "bob", "roles": ["staff"]},
                      {"username": "carol", "roles": ["staff"], "memberships": "report"}, memberships="additive")
    first = users.apply(wanted)
    assert first.status("carol") == "Drifted" and members(server, "staff") == ["alice", "bob"]
    server.run("CREATE ROLE stray", "GRANT stray TO alice, bob, carol", "GRANT CONNECT ON DATABASE shop TO alice, bob, carol",
               "REVOKE staff FROM alice, bob")
    before = catalog(server)
    result = users.apply(wanted)
    assert members(server, "stray") == ["bob", "carol"] and members(server, "staff") == ["alice", "bob"]
    assert [databases_with_connect(server, name) for name in ("alice", "bob", "carol")] == [["postgres"], ["postgres", "shop"], ["shop"]]
    assert before != catalog(server) and result.status("alice") == result.status("bob") == "Synced"
    assert result.status("carol") == "Drifted" and "memberships: report" in result.reason("carol")
    assert result.fields("carol") == {"roles": ("staff", "stray"), "connect:postgres": ("granted", ""), "connect:shop": ("", "granted")}
    before = catalog(server)
    again = users.apply(wanted)
    assert again.steps == [] and again.writes == 0 and catalog(server) == before and again.status("carol") == "Drifted"
    server.run("GRANT staff TO carol", "REVOKE stray FROM carol", "REVOKE CONNECT ON DATABASE shop FROM carol", "GRANT CONNECT ON DATABASE postgres TO carol")
    users.apply(wanted).quiet()


@SOME
def test_who_is_only_reported_is_still_a_user_of_ours(server, users):
    """Password, attributes and the lock of a leaver are no memberships; a role that nobody may be given is not made."""
    wanted = document({"username": "alice", "roles": ["nobody_made"], "memberships": "report"})
    users.apply(wanted)
    assert not exists(server, "nobody_made") and server.can_login("alice", "geheim")
    server.run("ALTER ROLE alice CREATEDB")
    result = users.apply(wanted)
    assert result.status("alice") == "Drifted" and [step["action"] for step in result.steps] == ["alter"]
    assert not server.value("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'alice'")
    users.apply(document({"username": "bob"})).good()
    assert not exists(server, "alice")


@ALL
def test_groups_have_a_word_for_memberships_and_one_for_privileges(server, users):
    groups = [{"name": "keeps", "memberOf": ["upper"], "memberships": "additive", "grants": [tables("SELECT")], "grantsMode": "additive"},
              {"name": "told", "memberOf": ["upper"], "memberships": "report", "grants": [tables("SELECT")], "grantsMode": "report"},
              {"name": "upper"}, {"name": "exact", "grants": [tables("SELECT")]}]
    wanted = document({"username": "alice"}, groups=groups)
    users.apply(wanted)
    assert members(server, "upper") == ["keeps"] and may(server, "keeps", "SELECT") and not may(server, "told", "SELECT")
    server.run("CREATE ROLE stray", "GRANT stray TO keeps, told")
    server.run("GRANT INSERT ON t TO keeps, told, exact", "GRANT DELETE ON t TO keeps WITH GRANT OPTION", "GRANT SELECT (x) ON u TO keeps",
               "REVOKE SELECT ON t FROM keeps, exact", database="shop")
    result = users.apply(wanted)
    assert members(server, "stray") == ["keeps", "told"] and result.status("keeps") == result.status("exact") == "Synced"
    assert all(may(server, "keeps", privilege) for privilege in ("SELECT", "INSERT", "DELETE"))
    assert may(server, "exact", "SELECT") and not may(server, "exact", "INSERT")
    assert may(server, "told", "INSERT") and not may(server, "told", "SELECT") and result.status("told") == "Drifted"
    assert result.fields("told") == {"roles": ("upper", "stray"), "shop: table public.t": ("", "INSERT")} or \
        ("SELECT", "") in [(one["wanted"], one["found"]) for one in result.report("told")["differences"]]
    assert "grantsMode: report" in result.reason("told") and "memberships: report" in result.reason("told")
    again = users.apply(wanted)
    assert again.steps == [] and again.writes == 0 and again.status("told") == "Drifted"


@SOME
def test_defaults_hold_for_privileges(server, users):
    wanted = document({"username": "alice", "grants": [tables("SELECT")]}, {"username": "bob", "grants": [tables("SELECT")], "grantsMode": "exact"}, grants="additive")
    users.apply(wanted).good()
    server.run("GRANT INSERT ON t TO alice, bob", "GRANT SELECT (x), INSERT (x) ON u TO alice", database="shop")
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    assert may(server, "alice", "INSERT") and not may(server, "bob", "INSERT")
    none = document({"username": "alice", "grants": []}, grants="additive")
    users.apply(none)
    assert may(server, "alice", "SELECT"), "nothing is taken away"


def test_the_agent_file_has_the_last_word(server, users):
    plain = document({"username": "alice", "roles": ["staff"]})
    for policy in (ADDITIVE, REPORT):
        mistakes = users.check(document({"username": "alice", "memberships": "exact"}), policy={"memberships": policy}).mistakes
        assert len(mistakes) == 1 and "policy.memberships" in mistakes[0]
        mistakes = users.check(document(groups=[{"name": "g", "grants": [], "grantsMode": "exact"}]), policy={"grants": policy}).mistakes
        assert len(mistakes) == 1 and "policy.grants" in mistakes[0]
        assert "policy.grants" in users.check(document(grants="exact"), policy={"grants": policy}).mistakes[0]
    assert users.apply(plain, policy={"memberships": REPORT}).status("alice") == "Drifted" and not exists(server, "staff")
    users.apply(plain).good()
    server.run("CREATE ROLE stray", "GRANT stray TO alice")
    users.apply(plain, policy={"memberships": ADDITIVE}).quiet()
    assert users.apply(document({"username": "alice", "memberships": "report"}), policy={"memberships": ADDITIVE}).status("alice") == "Drifted"


@pytest.mark.parametrize("server", [16, 18], indirect=True)
def test_a_right_to_grant_that_is_left_counts_and_what_it_gave_too(server, users):
    wanted = document({"username": "alice", "roles": ["staff"], "memberships": "additive"}, {"username": "bob", "roles": ["staff"]})
    users.apply(wanted).good()
    server.run("GRANT staff TO alice WITH ADMIN OPTION", "REVOKE staff FROM bob", "SET SESSION AUTHORIZATION alice; GRANT staff TO bob")
    users.apply(wanted).quiet()
    assert members(server, "staff") == ["alice", "bob"]
