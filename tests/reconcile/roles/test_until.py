"""`until` of a user: access that ends by itself, by the server's clock and without a commit."""

import datetime
import json

import pytest

from parts import postgres
from parts.roles import MARK, Users, catalog, comment, databases_with_connect, exists, heir, members, verifier
from parts.script import psql, sent_statements, shown, squeezed

ALL = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
SOME = pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
PAST = "2020-01-01T00:00:00Z"
FUTURE = "2099-06-01T02:00:00.25+02:00"
FUTURE_UTC = "2099-06-01T00:00:00.25Z"
DAY = 24 * 3600
HOLD = {"hold": 7 * DAY * 1000}
BOB = {"username": "bob", "database": "app", "roles": ["staff"]}


def document(*entries, **more):
    return json.dumps({"version": 2, "users": list(entries)} | more)


def alice(until, **fields):
    return document({"username": "alice", "database": "app", "roles": ["staff"], "until": until} | fields, BOB)


@pytest.fixture
def users(server):
    server.run("CREATE DATABASE app")
    made = Users(server)
    for name in ("alice", "bob", "carol"):
        made.secret(name, f"geheim-{name}")
    return made


@ALL
def test_an_end_is_valid_until_and_told_in_advance(server, users):
    result = users.apply(alice(FUTURE)).good()
    assert server.value("SELECT rolvaliduntil = '2099-06-01 00:00:00.25+00' FROM pg_roles WHERE rolname = 'alice'")
    assert result.report("alice")["until"] == FUTURE_UTC and result.report("bob")["until"] == ""
    left = datetime.datetime(2099, 6, 1, 0, 0, 1, tzinfo=datetime.timezone.utc) - server.value("SELECT now()")
    assert abs(result.wake - left.total_seconds()) < 100, "the pass comes again at that time"
    assert server.can_login("alice", "geheim-alice", "app")
    users.apply(alice(FUTURE)).quiet()
    server.run("ALTER ROLE alice VALID UNTIL 'infinity'")
    assert users.apply(alice(FUTURE)).good().fields("alice")["validUntil"] == (FUTURE_UTC, "infinity")
    assert users.apply(alice(FUTURE)).wake > 0 and users.apply(document(BOB)).wake == 0


@ALL
def test_when_it_has_passed_the_user_is_retired_like_one_whose_line_has_gone(server, users):
    users.apply(alice(FUTURE)).good()
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", database="app")
    left, session = heir(server, "alice"), server.connect("app", "alice", "geheim-alice")
    result = users.apply(alice(PAST), policy={"max_deletions": 1})
    assert not result.blocked and result.deletions == [] and result.wake == 0
    assert [step["action"] for step in result.steps] == ["lock", "end sessions", "revoke", "create heir", "retire", "drop"]
    with pytest.raises(Exception, match="terminat|closed|EOF"):
        session.execute("SELECT 1")
    assert not exists(server, "alice") and members(server, "staff") == ["bob"]
    assert server.value("SELECT tableowner FROM pg_tables WHERE tablename = 't'", database="app") == left
    for _ in range(2):
        again = users.apply(alice(PAST)).quiet()
        assert f"ended at {PAST}: there is no such role" in again.reason("alice")
        assert [text for text in again.warnings if '"alice" is not made' in text and PAST in text], again.warnings
    users.apply(alice(FUTURE)).good()
    assert server.can_login("alice", "geheim-alice", "app")


@ALL
def test_whoever_has_ended_before_she_was_there_is_not_made_and_that_is_said(server, users):
    users.secrets = {name: secret for name, secret in users.secrets.items() if "alice" not in name}
    result = users.apply(alice(PAST, grants=[{"on": "database", "privileges": ["TEMP"]}], parameters={"work_mem": "5MB"})).good()
    assert not exists(server, "alice") and [step for step in result.steps if step["user"] == "alice"] == []
    assert "none is made" in result.reason("alice") and any('"alice" is not made' in text for text in result.warnings)
    users.apply(alice(PAST, grants=[{"on": "database", "privileges": ["TEMP"]}], parameters={"work_mem": "5MB"})).quiet()


@ALL
def test_with_a_hold_a_later_until_brings_her_back_as_she_was(server, users):
    """Behaviour 45."""
    users.apply(alice(FUTURE)).good()
    server.run("ALTER ROLE alice SET work_mem = '5MB'", "CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", database="app")
    before = verifier(server, "alice"), databases_with_connect(server, "alice"), members(server, "staff")
    result = users.apply(alice(PAST), policy=HOLD)
    report = result.report("alice")
    assert report["status"] == "Retiring" and report["good"] and 7 * DAY - 100 < result.wake <= 7 * DAY
    assert report["progress"].startswith(f"ended at {PAST}: locked out until {report['until']}, then removed; a later until")
    assert not server.can_login("alice", "geheim-alice", "app") and comment(server, "alice") == MARK + " leaving"
    written = catalog(server)
    again = users.apply(alice(PAST), policy=HOLD)
    assert again.steps == [] and again.writes == 0 and catalog(server) == written
    users.apply(alice(FUTURE), policy=HOLD).good()
    assert before == (verifier(server, "alice"), databases_with_connect(server, "alice"), members(server, "staff"))
    assert server.can_login("alice", "geheim-alice", "app") and comment(server, "alice") == MARK
    users.apply(alice(FUTURE), policy=HOLD).quiet()


@SOME
def test_a_later_until_brings_back_whose_removal_had_begun(server, users):
    """Behaviour 45."""
    users.apply(alice(FUTURE)).good()
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", database="app")
    with server.connect("app") as session:
        session.execute("BEGIN")
        session.execute("SELECT * FROM t")
        stuck = users.apply(alice(PAST), deadline=3000)
        session.execute("ROLLBACK")
    assert stuck.status("alice") == "Retiring" and verifier(server, "alice") is None
    users.apply(alice(FUTURE)).good()
    assert server.can_login("alice", "geheim-alice", "app")
    users.apply(alice(FUTURE)).quiet()


@SOME
def test_planned_ends_neither_count_nor_wait_and_what_is_unlisted_does(server, users):
    """Behaviour 43."""
    few = {"max_deletions": 1}
    many = [{"username": f"guest_{i}x", "until": FUTURE, "password": {"disabled": True}} for i in range(8)]
    users.apply(document(BOB, {"username": "carol"}, *many), policy=few).good()
    ended = users.apply(document(BOB, *(one | {"until": PAST} for one in many)), policy=few)
    assert not ended.blocked and ended.deletions == ["carol"] and not exists(server, "carol") and not exists(server, "guest_0x")
    users.apply(document(BOB | {"until": FUTURE}, {"username": "carol"})).good()
    blocked = users.apply(document(BOB | {"until": PAST}))
    assert blocked.blocked and exists(server, "carol") and not exists(server, "bob"), "a list that wants nobody any more removes nobody else"


@SOME
def test_an_end_that_came_before_the_new_name_counts_as_little(server, users):
    users.secret("dora", "geheim-dora")
    users.apply(document(BOB, {"username": "alice"}, {"username": "carol"})).good()
    renamed = {"username": "alicia", "renamedFrom": "alice", "until": PAST}
    ended = users.apply(document(BOB, renamed), policy={"max_deletions": 1})
    assert not ended.blocked and ended.deletions == ["carol"] and not exists(server, "carol") and not exists(server, "alice")
    users.apply(document(BOB, {"username": "alice"}, {"username": "carol"}, {"username": "dora"})).good()
    blocked = users.apply(document(BOB, renamed), policy={"max_deletions": 1})
    assert blocked.blocked and blocked.deletions == ["carol", "dora"] and exists(server, "carol") and not exists(server, "alice")


@SOME
def test_on_remove_lock_keeps_her_locked_out(server, users):
    users.apply(alice(FUTURE, onRemove="lock")).good()
    result = users.apply(alice(PAST, onRemove="lock"))
    assert exists(server, "alice") and not server.can_login("alice", "geheim-alice", "app") and result.wake == 0
    assert "stays so (onRemove: lock)" in result.report("alice")["progress"]
    assert users.apply(alice(PAST, onRemove="lock")).steps == []


@SOME
def test_one_who_is_locked_ends_too(server, users):
    users.apply(alice(FUTURE)).good()
    users.apply(alice(FUTURE, ensure="locked")).good()
    users.apply(alice(PAST, ensure="locked"))
    assert not exists(server, "alice")


@SOME
def test_nobody_elses_role_is_touched_by_an_end(server, users):
    server.run("CREATE ROLE alice LOGIN")
    before = catalog(server)
    result = users.plan(alice(PAST))
    assert result.status("alice") == "Refused" and result.reason("alice").startswith(f"ended at {PAST}: the role is to be absent but is not ours")
    users.apply(document({"username": "alice", "until": PAST}))
    assert before[0] == [row for row in catalog(server)[0]]


@SOME
def test_a_role_of_others_is_locked_out_and_kept_for_them(server, users):
    holder = {"username": "carol", "roles": ["alice"]}
    users.apply(document({"username": "alice", "until": FUTURE}, holder)).good()
    result = users.apply(document({"username": "alice", "until": PAST}, holder))
    assert result.reason("alice").startswith(f"ended at {PAST}: locked out, not removed: users.yaml lists it as a role of \"carol\"")
    assert not server.can_login("alice", "geheim-alice") and server.can_login("carol", "geheim-carol")
    users.apply(document({"username": "alice", "until": PAST}, {"username": "carol"}))
    assert not exists(server, "alice")
    fresh = users.apply(document({"username": "alice", "until": PAST}, holder))
    assert "cannot be created" in fresh.reason("carol") and not exists(server, "alice"), "no group is made in her place"


@SOME
def test_nobody_is_removed_in_a_pass_that_removes_nobody(server, users):
    users.apply(alice(FUTURE)).good()
    before = catalog(server)
    result = users.apply(alice(PAST), no_deletions=True)
    assert result.status("alice") == "Retiring" and f"ended at {PAST}: to be removed; not in this pass" in result.reason("alice")
    report = users.apply(alice(PAST), policy={"report_only": True})
    assert report.steps and not any(step["done"] for step in report.steps) and catalog(server) == before


@SOME
def test_the_end_is_by_the_servers_clock_to_the_second(server, users):
    soon = server.value("SELECT to_char((now() + interval '2 seconds') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
    users.apply(alice(FUTURE)).good()
    first = users.apply(alice(soon))
    assert 0 <= first.wake <= 3
    while not server.value("SELECT now() >= date_trunc('second', %s::timestamptz) + interval '1 second'", [soon]):
        pass
    users.apply(alice(soon))
    assert not exists(server, "alice"), "without another line"


@SOME
def test_what_is_shown_of_an_end_is_what_runs(server, users):
    """Behaviour 54."""
    users.apply(alice(FUTURE)).good()
    server.run("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
    script = users.plan(alice(PAST), policy=HOLD).script
    mark = server.log_mark()
    users.apply(alice(PAST), policy=HOLD)
    assert squeezed(shown(script)) == squeezed(sent_statements(server, mark))
    users.apply(alice(FUTURE)).good()
    done = psql(server, users.plan(alice(PAST), policy=HOLD).script)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert users.apply(alice(PAST), policy=HOLD).steps == []


@SOME
def test_a_pass_reads_as_much_with_an_end_as_without(server, users):
    users.apply(document(BOB)).good()
    plain = users.apply(document(BOB)).quiet().statements
    assert users.apply(document(BOB, {"username": "carol", "until": PAST})).quiet().statements == plain
