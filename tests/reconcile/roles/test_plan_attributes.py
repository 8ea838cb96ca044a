"""What an entry says of the role itself: login, attributes, limits, validity, comment; and users who are locked by Git.

Numbers are those of the behaviours in the reference on roles (section 6).
"""

import json
import time

import pytest

from parts import postgres
from parts.roles import Users, catalog, comment, databases_with_connect, exists, members, verifier

ALL = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
SOME = pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
EVERYTHING = {"attributes": ["createdb", "createrole", "inherit", "replication", "bypassrls", "superuser"]}
SAID = {"connectionLimit": 3, "validUntil": "2099-06-01T02:00:00.25+02:00", "comment": "Data analyst; it's \"hers\"",
        "attributes": {"createdb": True, "inherit": False}}


def document(*entries, groups=()):
    return json.dumps({"version": 2, "groups": list(groups), "users": [
        entry if isinstance(entry, dict) else {"username": entry} for entry in entries]})


def alice(**fields):
    return document({"username": "alice", "roles": ["staff"]} | fields)


def role(server, name, *columns):
    return server.query(f"SELECT {', '.join(columns)} FROM pg_authid WHERE rolname = %s", [name])[0]


@pytest.fixture
def users(server):
    made = Users(server)
    for name in ("alice", "bob"):
        made.secret(name, f"geheim-{name}")
    return made


@ALL
def test_a_role_is_made_as_its_entry_says_and_kept_so_16_21(server, users):
    users.apply(alice(**SAID)).good()
    users.apply(alice(**SAID)).quiet()
    assert role(server, "alice", "rolconnlimit", "rolcreatedb", "rolinherit", "rolcanlogin") == (3, True, False, True)
    assert role(server, "alice", "rolvaliduntil = '2099-06-01 00:00:00.25+00'") == (True,)
    assert comment(server, "alice") == f"managed by pgitops (main): {SAID['comment']}"
    assert server.can_login("alice", "geheim-alice")
    server.run("ALTER ROLE alice NOLOGIN INHERIT NOCREATEDB CONNECTION LIMIT 7 VALID UNTIL '2030-01-01'")
    found = users.apply(alice(**SAID)).good().fields("alice")
    assert found == {"login": ("true", "false"), "inherit": ("false", "true"), "createdb": ("true", "false"), "connectionLimit": ("3", "7"),
                     "validUntil": ("2099-06-01T00:00:00.25Z", "2030-01-01T00:00:00Z")}
    users.apply(alice(**SAID)).quiet()


@ALL
def test_what_is_not_said_any_more_is_as_create_role_has_it_16(server, users):
    users.apply(alice(**SAID)).good()
    result = users.apply(alice()).good()
    assert set(result.fields("alice")) == {"inherit", "createdb", "connectionLimit", "validUntil"}
    users.apply(alice()).quiet()
    assert role(server, "alice", "rolconnlimit", "rolvaliduntil::text") == (-1, "infinity")
    for nothing in ({"validUntil": "infinity"}, {"validUntil": None}, {"connectionLimit": -1}, {"login": True}, {"attributes": {}},
                    {"attributes": {"superuser": False, "inherit": True}}):
        users.apply(alice(**nothing)).quiet()
    server.run("UPDATE pg_authid SET rolvaliduntil = NULL WHERE rolname = 'alice'")
    users.apply(alice(validUntil="infinity")).quiet()


@SOME
def test_an_instant_is_compared_and_not_its_text_16(server, users):
    users.apply(alice(validUntil="2099-01-01T00:00:00Z")).good()
    for same in ("2099-01-01T01:00:00+01:00", "2098-12-31t16:30:00.000-07:30", "2099-01-01 00:00:00Z"):
        users.apply(alice(validUntil=same)).quiet()
    server.run("ALTER ROLE alice SET timezone = 'Asia/Tokyo'", "ALTER ROLE alice SET datestyle = 'German'",
               "ALTER ROLE postgres SET timezone = 'Asia/Tokyo'", "ALTER ROLE postgres SET datestyle = 'German'")
    try:
        users.apply(alice(validUntil="2099-01-01T00:00:00Z")).quiet()
    finally:
        server.run("ALTER ROLE postgres RESET ALL")
    for odd in ("-infinity", "0044-03-15 BC", "294000-01-01", "1999-01-01 00:00:00.000001"):
        server.run(f"ALTER ROLE alice VALID UNTIL '{odd}'")
        assert "validUntil" in users.apply(alice(validUntil="2099-01-01T00:00:00Z")).good().fields("alice")
        users.apply(alice(validUntil="2099-01-01T00:00:00Z")).quiet()


@SOME
def test_an_end_that_has_passed_is_a_warning_for_as_long_as_it_stands(server, users):
    past = alice(validUntil="2020-01-01T00:00:00Z")
    for _ in range(2):
        result = users.apply(past).good()
        assert [text for text in result.warnings if "alice" in text and "2020-01-01T00:00:00Z has passed" in text], result.warnings
    assert result.steps == [] and not server.can_login("alice", "geheim-alice")
    assert not [text for text in users.apply(alice(validUntil="2099-01-01T00:00:00Z")).good().warnings if "passed" in text]
    assert server.can_login("alice", "geheim-alice")


@ALL
def test_powers_by_hand_are_taken_away_20(server, users):
    users.apply(alice()).good()
    server.run("ALTER ROLE alice SUPERUSER CREATEROLE REPLICATION BYPASSRLS")
    assert users.apply(alice()).good().fields("alice")["superuser"] == ("false", "true")
    assert role(server, "alice", "rolsuper", "rolcreaterole", "rolreplication", "rolbypassrls") == (False,) * 4


@ALL
def test_attributes_are_given_where_the_agent_file_allows_them(server, users):
    powers = {"createrole": True, "replication": True, "bypassrls": True, "superuser": True, "createdb": True}
    refused = users.check(alice(attributes=powers)).mistakes
    assert [text.split(" ")[2] for text in refused] == ["createrole", "replication", "bypassrls", "superuser"]
    assert all(text.startswith("users.yaml:1:") and "policy.allowAttributes" in text for text in refused)
    wanted = alice(attributes=powers)
    users.apply(wanted, policy=EVERYTHING).good()
    users.apply(wanted, policy=EVERYTHING).quiet()
    assert role(server, "alice", "rolsuper", "rolcreaterole", "rolreplication", "rolbypassrls") == (True,) * 4
    users.apply(alice(attributes={"createrole": True}), policy=EVERYTHING).good()
    assert role(server, "alice", "rolsuper", "rolcreaterole", "rolreplication", "rolbypassrls") == (False, True, False, False)
    assert users.check(alice(attributes={"createdb": True}), policy={"attributes": []}).mistakes
    users.apply(document("bob"), policy=EVERYTHING)
    assert not exists(server, "alice")


@SOME
def test_nobody_is_given_a_user_with_powers_as_a_role(server, users):
    """SET ROLE would give them; whether the user is there already, is made in this pass, or stands above another role."""
    for power, words in (("createrole", "create and alter roles"), ("superuser", "is a superuser"), ("replication", "copy the whole cluster"),
                         ("bypassrls", "row security")):
        powerful = {"username": "alice", "attributes": {power: True}}
        wanted = document(powerful, {"username": "bob", "roles": ["alice"]})
        for _ in range(2):
            result = users.apply(wanted, policy=EVERYTHING)
            assert result.status("bob") == "Refused" and words in result.reason("bob")
            assert result.status("alice") == "Synced" and members(server, "alice") == []
        users.apply(document({"username": "alice"}, {"username": "bob", "roles": ["alice"]}), policy=EVERYTHING).good()
        assert members(server, "alice") == ["bob"]
        users.apply(wanted, policy=EVERYTHING)
        assert members(server, "alice") == [], "what was given before it had the power is taken back"
    wanted = document({"username": "alice", "attributes": {"createdb": True}}, {"username": "bob", "roles": ["alice"]})
    users.apply(wanted).good()
    assert members(server, "alice") == ["bob"], "to make databases is no power over others"


@SOME
def test_a_comment_of_git_replaces_and_a_missing_one_leaves_peoples_words_25(server, users):
    server.run("CREATE ROLE alice LOGIN", "COMMENT ON ROLE alice IS 'by hand'")
    users.apply(alice(), policy={"adopt": True}).good()
    assert comment(server, "alice") == "managed by pgitops (main): by hand"
    users.apply(alice(comment="by Git")).good()
    users.apply(alice(comment="by Git")).quiet()
    server.run("COMMENT ON ROLE alice IS 'managed by pgitops (main): someone else''s'")
    users.apply(alice()).quiet()
    assert users.apply(alice(comment="by Git")).good().fields("alice") == {
        "comment": ("managed by pgitops (main): by Git", "managed by pgitops (main): someone else's")}
    for lost in ("NULL", "''", "'anything'"):
        server.run(f"COMMENT ON ROLE alice IS {lost}")
        users.apply(alice(comment="by Git")).good()
        assert comment(server, "alice") == "managed by pgitops (main): by Git"
    users.apply(alice()).quiet()
    users.apply(alice(comment="")).good()
    users.apply(alice(comment="")).quiet()
    assert comment(server, "alice") == "managed by pgitops (main)"


@SOME
@pytest.mark.parametrize("text", ["a\nb\n", "x: y: z", "); DROP ROLE bob; --", "managed by pgitops (other): forged", "managed by pgitops (main) group",
                                  "\u00e9\u2603", "'" * 5000, "y" * 65000])
def test_any_comment_comes_to_rest(server, users, text):
    users.apply(alice(comment=text)).good()
    users.apply(alice(comment=text)).quiet()
    assert comment(server, "alice").startswith("managed by pgitops (main)")


@SOME
def test_groups_have_comments_too_25(server, users):
    def staff(**fields):
        return document("alice", groups=[{"name": "staff"} | fields])
    users.apply(staff(comment="those who work here")).good()
    users.apply(staff(comment="those who work here")).quiet()
    assert comment(server, "staff") == "managed by pgitops (main) group: those who work here"
    server.run("COMMENT ON ROLE staff IS 'managed by pgitops (main) group: by hand'")
    users.apply(staff()).quiet()
    assert users.apply(staff(comment="")).good().fields("staff")["comment"][1].endswith("by hand")
    assert comment(server, "staff") == "managed by pgitops (main) group"
    users.apply(staff(comment="")).quiet()


@ALL
def test_a_user_who_never_logs_in_needs_no_secret(server, users):
    wanted = document({"username": "carol", "login": False, "roles": ["staff"]})
    users.apply(wanted).good()
    assert users.apply(wanted).quiet().gets == 0
    assert role(server, "carol", "rolcanlogin", "rolpassword") == (False, None) and members(server, "staff") == ["carol"]
    server.run("ALTER ROLE carol LOGIN")
    assert users.apply(wanted).good().fields("carol") == {"login": ("false", "true")}
    users.secret("carol", "geheim-carol")
    users.apply(document({"username": "carol", "roles": ["staff"]})).good()
    assert server.can_login("carol", "geheim-carol")


@ALL
def test_a_locked_user_keeps_everything_but_the_login(server, users):
    server.run("CREATE DATABASE app")
    wanted = {"username": "alice", "roles": ["staff"], "databases": ["app"], "connectionLimit": 5}
    users.apply(document(wanted)).good()
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice")
    before = verifier(server, "alice")
    with server.connect("app", "alice", "geheim-alice") as session:
        users.apply(document(wanted)).quiet()
        result = users.apply(document(wanted | {"ensure": "locked"})).good()
        assert [step["action"] for step in result.steps] == ["alter", "end sessions"]
        with pytest.raises(Exception, match="terminat|closed|EOF"):
            session.execute("SELECT 1")
    users.apply(document(wanted | {"ensure": "locked"})).quiet()
    assert not server.can_login("alice", "geheim-alice", "app") and verifier(server, "alice") == before
    assert members(server, "staff") == ["alice"] and databases_with_connect(server, "alice") == ["app"]
    assert server.value("SELECT tableowner FROM pg_tables WHERE tablename = 't'") == "alice"
    server.run("REVOKE staff FROM alice", "ALTER ROLE alice LOGIN CONNECTION LIMIT -1")
    assert set(users.apply(document(wanted | {"ensure": "locked"})).good().fields("alice")) == {"login", "roles", "connectionLimit"}
    assert [step["action"] for step in users.apply(document(wanted)).good().steps] == ["alter"]
    assert verifier(server, "alice") == before and server.can_login("alice", "geheim-alice", "app")
    users.apply(document(wanted)).quiet()


@SOME
def test_the_password_of_a_locked_user_is_left_alone_until_it_is_unlocked(server, users):
    locked = alice(ensure="locked")
    users.apply(alice()).good()
    before = verifier(server, "alice")
    users.secret("alice", "new")
    assert users.apply(locked).good().gets == 0 and verifier(server, "alice") == before
    del users.secrets["user-alice-secret"]
    users.apply(locked).quiet()
    users.secret("alice", "newer", version="9")
    users.apply(alice()).good()
    assert server.can_login("alice", "newer")


@SOME
def test_a_user_can_be_made_locked_and_a_leaver_come_back_locked(server, users):
    users.apply(document("bob", {"username": "carol", "ensure": "locked"})).good()
    assert role(server, "carol", "rolcanlogin", "rolpassword") == (False, None)
    left = users.apply(document("bob", {"username": "carol", "ensure": "locked"})).quiet()
    assert left.status("carol") == "Synced"
    server.run("CREATE FOREIGN DATA WRAPPER w", "ALTER ROLE bob SUPERUSER", "ALTER FOREIGN DATA WRAPPER w OWNER TO bob")
    assert users.apply(document("alice", {"username": "carol", "ensure": "locked"})).status("bob") == "Retiring"
    result = users.apply(document("alice", {"username": "carol", "ensure": "locked"}, {"username": "bob", "ensure": "locked"}))
    assert result.status("bob") == "Synced" and not server.can_login("bob", "geheim-bob")


@SOME
def test_a_session_that_outlives_the_lock_is_ended_by_a_later_pass(server, users):
    """The agent was killed between the two, or somebody made the role log in for a moment."""
    users.apply(alice()).good()
    with server.connect("postgres", "alice", "geheim-alice") as session:
        server.run("ALTER ROLE alice NOLOGIN")
        assert [step["action"] for step in users.apply(alice(ensure="locked")).good().steps] == ["end sessions"]
        with pytest.raises(Exception, match="terminat|closed|EOF"):
            session.execute("SELECT 1")
    users.apply(alice(ensure="locked")).quiet()


@SOME
def test_who_is_locked_is_still_a_role_of_others(server, users):
    wanted = document({"username": "alice", "ensure": "locked"}, {"username": "bob", "roles": ["alice"]})
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    assert members(server, "alice") == ["bob"]


@SOME
def test_two_entries_of_one_user_are_one_3(server, users):
    server.run("CREATE DATABASE app")
    entries = [{"username": "alice", "database": "app", "comment": "hers"}, {"username": "alice", "database": "postgres", "connectionLimit": 2}]
    users.apply(document(*entries)).good()
    users.apply(document(*entries)).quiet()
    assert databases_with_connect(server, "alice") == ["app", "postgres"] and role(server, "alice", "rolconnlimit") == (2,)
    said_twice = users.check(document(entries[0], entries[1] | {"comment": "hers"})).mistakes
    assert len(said_twice) == 1 and "comment" in said_twice[0]
    mixed = users.check(document(entries[0], entries[1] | {"ensure": "locked"})).mistakes
    assert len(mixed) == 1 and "locked" in mixed[0]


@ALL
def test_a_quiet_pass_asks_as_much_for_many_as_for_one(server, users):
    def entries(count):
        return document(*({"username": f"u{i}", "login": False, "connectionLimit": i, "comment": f"number {i}"} for i in range(1, count)),
                        {"username": "z", "ensure": "locked"})
    users.apply(entries(2)).good()
    few = users.apply(entries(2)).quiet().statements
    users.apply(entries(200)).good()
    assert users.apply(entries(200)).quiet().statements == few


@ALL
def test_the_plan_changes_nothing_and_is_what_runs(server, users):
    users.apply(alice()).good()
    before = catalog(server)
    wanted = document({"username": "alice", "ensure": "locked"} | SAID, {"username": "carol", "login": False} | SAID)
    plan = users.plan(wanted)
    assert catalog(server) == before
    assert users.apply(wanted).good().sql == plan.sql
