"""`retirement: {hold: 7d}`: a leaver is locked out at once, and everything else waits, so that a mistake costs nothing."""

import datetime
import json

import psycopg
import pytest

from parts import postgres
from parts.roles import MARK, Users, catalog, comment, databases_with_connect, exists, heir, members, verifier
from parts.script import psql, sent_statements, shown, squeezed

ALL = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
SOME = pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
ALICE = [{"username": "alice", "roles": ["staff"], "database": "app"}]
BOB = [{"username": "bob", "roles": ["staff"]}]
DAY = 24 * 3600
HOLD = {"hold": 7 * DAY * 1000}


@pytest.fixture
def users(server):
    server.run("CREATE DATABASE app")
    made = Users(server, policy=HOLD)
    for name in ("alice", "bob", "carol"):
        made.secret(name, f"geheim-{name}")
    made.apply(ALICE + BOB).good()
    return made


def state(server, name="alice"):
    return server.query("SELECT state, extract(epoch FROM now() - since)::bigint FROM pgitops.managed_role WHERE name = %s", [name])[0]


def let_pass(server, days):
    """So long ago the lock was, by the server's clock."""
    server.run(f"UPDATE pgitops.managed_role SET since = since - interval '{days} days' WHERE state = 'leaving'")


def held(result, name="alice"):
    report = result.report(name)
    assert report["status"] == "Retiring" and report["good"] and report["reason"] == "", report
    assert f"locked out until {report['until']}, then removed" in report["progress"]
    assert f"`pgitops user sync --database main --now {name}`" in report["progress"]
    return datetime.datetime.fromisoformat(report["until"].replace("Z", "+00:00"))


@ALL
def test_a_leaver_is_only_locked_out_and_comes_back_as_she_was(server, users):
    """Behaviours 39 and 45."""
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", database="app")
    server.run("ALTER ROLE alice SET work_mem = '5MB'", "COMMENT ON ROLE alice IS 'managed by pgitops (main): from finance'")
    before = verifier(server, "alice"), members(server, "staff"), databases_with_connect(server, "alice")
    session = server.connect(user="alice", password="geheim-alice")
    result = users.apply(BOB)
    assert [step["action"] for step in result.steps] == ["lock for the hold", "end sessions"]
    until = held(result)
    now = server.value("SELECT now()")
    assert abs((until - now).total_seconds() - 7 * DAY) < 100 and 7 * DAY - 100 < result.wake <= 7 * DAY
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    assert not server.can_login("alice", "geheim-alice") and comment(server, "alice") == MARK + " leaving: from finance"
    assert before == (verifier(server, "alice"), members(server, "staff"), databases_with_connect(server, "alice"))
    assert server.value("SELECT tableowner FROM pg_tables WHERE tablename = 't'", database="app") == "alice"

    written = catalog(server)
    again = users.apply(BOB)
    assert again.steps == [] and again.writes == 0 and catalog(server) == written
    assert abs((held(again) - until).total_seconds()) <= 2 and state(server)[0] == "leaving"

    back = users.apply(ALICE + BOB).good()
    assert "PASSWORD" not in "".join(back.sql) and back.fields("alice")["login"] == ("true", "false")
    assert server.can_login("alice", "geheim-alice", "app") and comment(server, "alice") == MARK + ": from finance"
    assert before == (verifier(server, "alice"), members(server, "staff"), databases_with_connect(server, "alice"))
    assert state(server)[0] == "user"
    users.apply(ALICE + BOB).quiet()


@ALL
def test_when_the_hold_is_over_everything_else_runs(server, users):
    """Behaviour 39."""
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", database="app")
    left = heir(server, "alice")
    users.apply(BOB)
    let_pass(server, 6)
    held(users.apply(BOB))
    let_pass(server, 1)
    result = users.apply(BOB)
    assert not exists(server, "alice") and result.status("alice") == "Synced" and result.wake == 0
    assert [step["action"] for step in result.steps][0] == "lock"
    assert server.value("SELECT tableowner FROM pg_tables WHERE tablename = 't'", database="app") == left
    users.apply(BOB).quiet()


@SOME
def test_the_clock_begins_anew_with_each_leaving_and_goes_on_while_she_is_away(server, users):
    users.apply(BOB)
    let_pass(server, 5)
    server.run("ALTER ROLE alice LOGIN")
    held(users.apply(BOB))
    assert not server.can_login("alice", "geheim-alice"), "whoever gives it back by hand does not keep it"
    assert state(server)[1] >= 5 * DAY, "and the hold is not longer for it"
    users.apply(ALICE + BOB).good()
    users.apply(BOB)
    assert state(server)[1] < 100


@SOME
def test_another_hold_counts_for_those_that_are_held(server, users):
    users.apply(BOB)
    let_pass(server, 2)
    held(users.apply(BOB, policy={"hold": 3 * DAY * 1000}))
    users.apply(BOB, policy={"hold": DAY * 1000})
    assert not exists(server, "alice")


@SOME
def test_a_person_may_end_the_hold_of_one(server, users):
    users.apply([{"username": "carol"}] + ALICE + BOB).good()
    users.apply(BOB)
    result = users.apply(BOB, now=["alice"])
    assert not exists(server, "alice") and exists(server, "carol") and not result.not_adopted
    held(result, "carol")


@pytest.mark.parametrize("name, why", [("bob", "users.yaml lists it"), ("nobody", "no such role"), ("postgres", "no user of ours")])
def test_who_is_not_held_is_not_removed_by_asking(server, users, name, why):
    users.apply(BOB)
    before = catalog(server)
    result = users.apply(BOB, now=[name])
    assert f'"{name}" is not removed' in result.not_adopted and why in result.not_adopted and catalog(server) == before


def test_to_end_a_hold_confirms_nothing(server, users):
    """Behaviour 43."""
    result = users.apply(BOB, policy=HOLD | {"max_deletions": 1}, now=["alice"])
    assert not result.blocked and not exists(server, "alice")
    users.apply(ALICE + BOB + [{"username": "carol"}]).good()
    before = catalog(server)
    result = users.apply(BOB, policy=HOLD | {"max_deletions": 1}, now=["alice"])
    assert result.blocked and "--confirm" in result.not_adopted and catalog(server) == before
    assert {step["action"] for step in result.held} >= {"lock", "lock for the hold", "drop"}
    confirmed = users.apply(BOB, policy=HOLD | {"max_deletions": 1}, confirm=result.confirm)
    assert held(confirmed) and held(confirmed, "carol")
    let_pass(server, 8)
    users.apply(BOB, policy=HOLD | {"max_deletions": 1})
    assert not exists(server, "alice") and not exists(server, "carol"), "what was confirmed is not asked again"


@SOME
def test_ensure_absent_is_held_too(server, users):
    """Behaviour 44: and for one that was never ours it is an answer, not a hold."""
    server.run("CREATE ROLE zoe LOGIN")
    result = users.apply([{"username": "alice", "ensure": "absent"}, {"username": "zoe", "ensure": "absent"}] + BOB)
    held(result)
    assert result.status("zoe") == "Refused" and server.value("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'zoe'")


@SOME
def test_one_that_is_past_its_hold_is_not_held_again(server, users):
    """Behaviours 40 and 42: what a locked object keeps back goes on, whatever the hold says then."""
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", database="app")
    with server.connect("app") as session:
        session.execute("BEGIN")
        session.execute("SELECT * FROM t")
        result = users.apply(BOB, policy={}, deadline=3000)
        session.execute("ROLLBACK")
    assert result.status("alice") == "Retiring" and state(server)[0] == "retiring"
    users.apply(BOB)
    assert not exists(server, "alice")


@SOME
def test_one_that_had_begun_to_go_and_comes_back_gets_its_password_again(server, users):
    """Behaviour 45."""
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", database="app")
    with server.connect("app") as session:
        session.execute("BEGIN")
        session.execute("SELECT * FROM t")
        users.apply(BOB, now=["alice"], deadline=3000)
        session.execute("ROLLBACK")
    assert verifier(server, "alice") is None
    users.apply(ALICE + BOB).good()
    assert server.can_login("alice", "geheim-alice", "app")
    users.apply(ALICE + BOB).quiet()


@SOME
def test_powers_that_a_hand_gave_go_with_the_login(server, users):
    server.run("ALTER ROLE alice SUPERUSER CREATEROLE")
    users.apply(BOB)
    assert server.query("SELECT rolsuper, rolcreaterole, rolcanlogin FROM pg_roles WHERE rolname = 'alice'") == [(False, False, False)]


@SOME
def test_nobody_is_locked_out_where_nothing_may_be_written(server, users):
    before = catalog(server)
    result = users.apply(BOB, policy=HOLD | {"report_only": True})
    assert result.report("alice")["until"] == "" and "locked out for 7d, then removed" in result.report("alice")["progress"]
    assert catalog(server) == before


@SOME
def test_the_hold_survives_the_agents_table(server, users):
    """It begins again: when it began was there alone."""
    users.apply(BOB)
    let_pass(server, 5)
    server.run("DROP SCHEMA pgitops CASCADE")
    held(users.apply(BOB, remembered=["alice"]))
    assert state(server)[0] == "leaving" and state(server)[1] < 100


@SOME
def test_a_row_without_a_time_in_reach_is_held(server, users):
    users.apply(BOB)
    for word in ("infinity", "-infinity"):
        server.run(f"UPDATE pgitops.managed_role SET since = '{word}' WHERE state = 'leaving'")
        result = users.apply(BOB)
        assert result.steps == [] and exists(server, "alice") and "has no time" in result.report("alice")["progress"]


@SOME
def test_one_that_another_agent_takes_over_keeps_its_clock(server, users):
    users.apply(BOB)
    let_pass(server, 5)
    users.apply(BOB, manager="east", take_over="west", no_deletions=True)
    assert state(server)[1] >= 5 * DAY
    held(users.apply(BOB, manager="east"))


@SOME
def test_what_is_shown_of_a_hold_is_what_runs(server, users):
    """Behaviour 54."""
    server.run("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
    script = users.plan(BOB).script
    mark = server.log_mark()
    users.apply(BOB)
    assert squeezed(shown(script)) == squeezed(sent_statements(server, mark))
    users.apply(ALICE + BOB).good()
    done = psql(server, users.plan(BOB).script)
    assert done.returncode == 0 and not done.stderr, done.stderr
    held(users.apply(BOB))


@SOME
def test_a_lock_that_hangs_on_one_row_stops_nobody_else(server, users):
    """Behaviour 53."""
    users.apply(ALICE + BOB + [{"username": "carol"}]).good()
    with server.connect() as session:
        session.execute("BEGIN")
        session.execute("ALTER ROLE alice CONNECTION LIMIT 5")
        result = users.apply(BOB, deadline=3000)
        session.execute("ROLLBACK")
    assert "55P03" in result.reason("alice") and held(result, "carol")
    held(users.apply(BOB))


@SOME
def test_a_group_that_goes_when_unused_waits_for_the_hold(server, users):
    """Whoever is held comes back as she was, so what she is in is in use until she is gone."""
    def wanted(*people):
        passing = {"name": "passing", "dropWhenUnused": True, "grants": [{"database": "app", "on": "database", "privileges": ["CREATE"]}]}
        return json.dumps({"version": 2, "groups": [passing, {"name": "staff"}],
                           "users": [{"username": "alice", "roles": ["passing"], "database": "app"}] * ("alice" in people) + BOB})
    users.apply(wanted("alice")).good()
    held(users.apply(wanted()))
    assert members(server, "passing") == ["alice"] and users.apply(wanted()).steps == []
    users.apply(wanted("alice")).good()
    assert members(server, "passing") == ["alice"] and server.can_login("alice", "geheim-alice", "app")
    users.apply(wanted())
    let_pass(server, 8)
    users.apply(wanted())
    assert not exists(server, "alice")
    users.apply(wanted())
    assert not exists(server, "passing")
    users.apply(wanted()).quiet()
