"""`onRemove` of users.yaml: what becomes of a user whose line goes is said while it is there, and kept in the agent's table."""

import json

import pytest

from parts import postgres
from parts.roles import MARK, Users, catalog, comment, exists, members, verifier
from parts.script import sent_statements, shown, squeezed

ALL = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
SOME = pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
BOB = {"username": "bob", "roles": ["staff"]}


def listed(*users, **defaults):
    return json.dumps({"version": 2, "defaults": defaults, "users": list(users)})


def alice(**fields):
    return {"username": "alice", "roles": ["staff"]} | fields


ONLY_BOB = listed(BOB)


@pytest.fixture
def users(server):
    made = Users(server)
    for name in ("alice", "bob"):
        made.secret(name, f"geheim-{name}")
    return made


def row(server, name="alice"):
    found = server.query("SELECT state FROM pgitops.managed_role WHERE name = %s", [name])
    return found[0][0] if found else None


@ALL
def test_lock_takes_the_login_for_good_and_hands_nothing_over(server, users):
    users.apply(listed(alice(onRemove="lock"), BOB)).good()
    assert row(server) == "user lock" and row(server, "bob") == "user"
    users.apply(listed(alice(onRemove="lock"), BOB)).quiet()
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice")
    before = verifier(server, "alice"), members(server, "staff")
    result = users.apply(ONLY_BOB)
    assert [step["action"] for step in result.steps] == ["lock for the hold", "end sessions"]
    report = result.report("alice")
    assert report["status"] == "Retiring" and report["good"] and "stays so (onRemove: lock)" in report["progress"]
    assert result.wake == 0 and not server.can_login("alice", "geheim-alice") and row(server) == "leaving lock"
    server.run("UPDATE pgitops.managed_role SET since = since - interval '10 years'")
    again = users.apply(ONLY_BOB, policy={"hold": 1000})
    assert again.steps == [] and again.writes == 0 and again.report("alice")["good"]
    assert before == (verifier(server, "alice"), members(server, "staff"))
    assert server.value("SELECT tableowner FROM pg_tables WHERE tablename = 't'") == "alice"
    users.apply(listed(alice(onRemove="lock"), BOB)).good()
    assert server.can_login("alice", "geheim-alice")
    users.apply(listed(alice(onRemove="lock"), BOB)).quiet()


@ALL
def test_keep_lets_the_role_go_as_it_is(server, users):
    users.apply(listed(alice(onRemove="keep"), BOB)).good()
    server.run(f"COMMENT ON ROLE alice IS '{MARK}: from finance'")
    session = server.connect(user="alice", password="geheim-alice")
    result = users.apply(ONLY_BOB)
    assert [step["action"] for step in result.steps] == ["let go"] and result.status("alice") == "Synced"
    assert server.can_login("alice", "geheim-alice") and comment(server, "alice") == "from finance" and row(server) is None
    assert session.execute("SELECT 1").fetchone() == (1,) and members(server, "staff") == ["alice", "bob"]
    session.close()
    quiet = users.apply(ONLY_BOB).quiet()
    assert [role["name"] for role in quiet.unmanaged] == ["alice"]
    assert users.apply(listed(alice(), BOB)).status("alice") == "Refused", "only a person takes it over again"


@SOME
def test_a_default_holds_for_whoever_says_nothing(server, users):
    users.apply(listed(alice(), BOB | {"onRemove": "retire"}, onRemove="keep")).good()
    assert row(server) == "user keep" and row(server, "bob") == "user"
    users.apply(listed(alice(), BOB | {"onRemove": "drop"}, onRemove="keep")).quiet()


@SOME
def test_what_git_says_later_counts(server, users):
    users.apply(listed(alice(onRemove="keep"), BOB)).good()
    result = users.apply(listed(alice(), BOB)).good()
    assert result.fields("alice") == {"onRemove": ("retire", "keep")} and row(server) == "user"
    users.apply(ONLY_BOB)
    assert not exists(server, "alice")


@SOME
def test_the_entry_that_says_absent_says_how(server, users):
    """Behaviour 44."""
    users.apply(listed(alice(onRemove="lock"), BOB)).good()
    users.apply(listed(alice(ensure="absent", onRemove="lock"), BOB))
    assert row(server) == "leaving lock" and not server.can_login("alice", "geheim-alice")
    users.apply(listed(alice(ensure="absent"), BOB))
    assert not exists(server, "alice")


@SOME
def test_a_person_may_remove_one_that_is_locked(server, users):
    users.apply(listed(alice(onRemove="lock"), BOB)).good()
    users.apply(ONLY_BOB)
    users.apply(ONLY_BOB, now=["alice"])
    assert not exists(server, "alice")


@SOME
def test_many_that_are_let_go_are_confirmed_first(server, users):
    """Behaviour 43: whoever is let go keeps the way in."""
    users.apply(listed(alice(onRemove="keep"), BOB | {"onRemove": "lock"})).good()
    before = catalog(server)
    result = users.apply(listed())
    assert result.blocked and catalog(server) == before
    assert {step["action"] for step in result.held} == {"let go", "lock for the hold", "end sessions"}


@SOME
def test_what_is_shown_of_it_is_what_runs(server, users):
    """Behaviour 54."""
    users.secret("carol", "x")
    wanted = listed({"username": "carol"})
    users.apply(listed(alice(onRemove="keep"), BOB | {"onRemove": "lock"}, {"username": "carol"})).good()
    server.run("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
    script = users.plan(wanted).script
    mark = server.log_mark()
    users.apply(wanted)
    assert 'COMMENT ON ROLE "alice" IS NULL' in script
    assert squeezed(shown(script)) == squeezed(sent_statements(server, mark))


@SOME
def test_a_table_of_before_goes_on_as_it_is(server, users):
    """Made by the last release: its rows have one word, and it has no other shape."""
    users.apply(listed(alice(), BOB)).good()
    assert row(server) == "user"
    columns = server.query("SELECT attname::text FROM pg_attribute WHERE attrelid = 'pgitops.managed_role'::regclass AND attnum > 0")
    assert [name for (name,) in columns] == ["oid", "name", "state", "manager", "target", "since"]
    users.apply(listed(alice(onRemove="lock"), BOB)).good()
    assert row(server) == "user lock"


@SOME
def test_a_word_that_is_not_known_is_left_alone(server, users):
    users.apply(listed(alice(onRemove="keep"), BOB)).good()
    server.run("UPDATE pgitops.managed_role SET state = 'user archive' WHERE name = 'alice'")
    before = catalog(server)
    users.apply(ONLY_BOB)
    assert catalog(server) == before


@pytest.mark.parametrize("entry, said", [({"onRemove": "locked"}, "did you mean lock?"), ({"onRemove": True}, "onRemove must be"),
                                         ({"onRemove": None}, "onRemove must be"), ({"onRemove": ""}, "onRemove must be")])
def test_a_word_that_is_none_is_a_mistake(server, users, entry, said):
    result = users.check(listed(alice(**entry)))
    assert len(result.mistakes) == 1 and said in result.mistakes[0] and "users.yaml:1" in result.mistakes[0]
    assert users.check(listed(alice(), onRemove=entry["onRemove"])).mistakes


def test_two_entries_of_one_user_say_the_same(server, users):
    two = listed(alice(database="a", onRemove="lock"), alice(database="b"))
    assert "has onRemove: retire in one entry and lock in another" in users.check(two).mistakes[0]
    assert "version: 2" in users.check(json.dumps({"users": [alice(onRemove="lock")]})).mistakes[0]
