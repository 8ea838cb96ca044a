"""The predecessor's defects, one test for each, numbered as they were found: each would fail on it."""

import json
import re
import threading

import pytest

from parts import postgres
from parts.roles import (MARK, Users, catalog, comment, databases_with_connect, exists, heir, members, verifier)


@pytest.fixture
def users(server):
    made = Users(server)
    for name in ("alice", "bob", "carol"):
        made.secret(name, f"geheim-{name}")
    return made


def entries(*names, **more):
    return [{"username": name, **more} for name in names]


@pytest.mark.parametrize("text", [
    "users: [", "", "# nothing\n", "users:\n", "timestamp: 1\n", "users:\n- roles: [a]\n", "users: {a: b}\n",
    "users:\n- alice\n", "users:\n- username: alice\n  username: bob\n", "--- 1\n--- 2\n", "just text",
])
def test_01_what_cannot_be_read_removes_nobody(server, users, text):
    users.apply(entries("alice", "bob")).good()
    before = catalog(server)
    result = users.apply(text)
    assert result.mistakes and re.match(r"users\.yaml:\d+", result.mistakes[0])
    assert catalog(server) == before


def test_01_an_empty_list_removes_nobody_without_confirmation(server, users):
    users.apply(entries("alice", "bob")).good()
    before = catalog(server)
    result = users.apply([])
    assert result.blocked and result.deletions == ["alice", "bob"] and result.steps == []
    assert catalog(server) == before
    assert users.apply([], confirm="0000000000000000").blocked
    users.apply([], confirm=result.confirm)
    assert not exists(server, "alice") and not exists(server, "bob")


def test_02_many_deletions_wait_for_confirmation(server):
    users = Users(server)
    names = [f"user{letter}" for letter in "abcdefgh"]
    for name in names:
        users.secret(name, name)
    users.apply(entries(*names)).good()
    result = users.apply(entries(*names[:2]))
    assert result.blocked and len(result.deletions) == 6 and len(result.confirm) == 16
    assert all(exists(server, name) for name in names)
    assert result.status(names[3]) == "Retiring" and result.confirm in result.reason(names[3])
    other = users.apply(entries(*names[:1]), confirm=result.confirm)
    assert other.blocked and other.confirm != result.confirm, "a confirmation is good for its own list only"
    later = users.apply(entries(*names[:2]), confirm=result.confirm, commit="another")
    assert later.blocked, "and for its own commit only"
    users.apply(entries(*names[:2]), confirm=result.confirm)
    assert [name for name in names if exists(server, name)] == names[:2]


def test_03_a_deletion_that_fails_is_tried_again(server, users):
    server.run("CREATE DATABASE other")
    users.apply(entries("alice", "bob", database="other")).good()
    server.run("GRANT CREATE ON SCHEMA public TO alice", "CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice",
               database="other")
    server.run("ALTER DATABASE other WITH ALLOW_CONNECTIONS false")
    left = heir(server, "alice")
    result = users.apply(entries("bob"))
    assert result.status("alice") == "Retiring" and "other" in result.reason("alice")
    assert not server.can_login("alice", "geheim-alice") and verifier(server, "alice") is None
    assert users.apply(entries("bob")).status("alice") == "Retiring"
    server.run("ALTER DATABASE other WITH ALLOW_CONNECTIONS true")
    users.apply(entries("bob"))
    assert not exists(server, "alice")
    assert server.value("SELECT tableowner FROM pg_tables WHERE tablename = 't'", database="other") == left


def test_04_a_half_made_user_is_completed(server, users):
    wanted = entries("alice", database="missing", roles=["read_only"])
    result = users.apply(wanted)
    assert result.status("alice") == "Degraded" and "missing" in result.reason("alice")
    assert members(server, "read_only") == ["alice"]
    server.run("CREATE DATABASE missing")
    users.apply(wanted).good()
    assert databases_with_connect(server, "alice") == ["missing"]


def test_05_nothing_is_remembered_outside_the_database(server, users):
    users.apply(entries("alice", "bob")).good()
    assert comment(server, "alice") == MARK
    another = Users(server)
    another.secrets = users.secrets
    another.apply(entries("alice"))
    assert not exists(server, "bob")


def test_06_a_users_objects_survive_its_removal(server, users):
    server.run("CREATE DATABASE app", "CREATE ROLE owner", "ALTER DATABASE app OWNER TO owner")
    users.apply(entries("alice", "bob", database="app")).good()
    server.run("CREATE TABLE t (x int)", "INSERT INTO t VALUES (1)", "ALTER TABLE t OWNER TO alice", database="app")
    left = heir(server, "alice")
    users.apply(entries("bob"))
    assert not exists(server, "alice")
    assert server.query("SELECT x, tableowner FROM t, pg_tables WHERE tablename = 't'", database="app") == [(1, left)]


def test_07_two_entries_of_one_user_are_both_obeyed(server, users):
    server.run("CREATE DATABASE one", "CREATE DATABASE two")
    users.apply([{"username": "alice", "database": "one", "roles": ["a"]},
                 {"username": "alice", "database": "two", "roles": ["b"]}]).good()
    assert databases_with_connect(server, "alice") == ["one", "two"]
    assert members(server, "a") == members(server, "b") == ["alice"]
    twice = users.apply(entries("alice", "alice", database="one"))
    assert "listed twice" in twice.mistakes[0]


@pytest.mark.parametrize("sql, field", [
    ("REVOKE read_only FROM alice", "roles"),
    ("GRANT pg_read_all_stats TO alice", "roles"),
    ("ALTER ROLE alice PASSWORD 'changed by hand'", "password"),
    ("ALTER ROLE alice PASSWORD NULL", "password"),
    ("ALTER ROLE alice SUPERUSER", "superuser"),
    ("ALTER ROLE alice NOLOGIN", "login"),
    ("ALTER ROLE alice CREATEROLE", "createrole"),
    ("ALTER ROLE alice CONNECTION LIMIT 1", "connectionLimit"),
    ("ALTER ROLE alice VALID UNTIL '2000-01-01'", "validUntil"),
    ("REVOKE CONNECT ON DATABASE postgres FROM alice", "connect:postgres"),
    ("DROP OWNED BY alice; DROP ROLE alice", "exists"),
])
def test_07_drift_is_seen_and_healed(server, users, sql, field):
    wanted = entries("alice", roles=["read_only"])
    users.apply(wanted).good()
    server.run(*sql.split("; "))
    assert users.plan(wanted).status("alice") == "Drifted"
    result = users.apply(wanted)
    assert field in result.fields("alice")
    assert result.report("alice")["managed_before"] == (field != "exists")
    users.apply(wanted).quiet()
    assert server.can_login("alice", "geheim-alice") and members(server, "read_only") == ["alice"]


def test_07_what_changes_in_git_or_in_the_secret_is_applied(server, users):
    server.run("CREATE DATABASE one", "CREATE DATABASE two")
    users.apply(entries("alice", database="one")).good()
    users.apply(entries("alice", database="two")).good()
    assert databases_with_connect(server, "alice") == ["two"]
    users.secret("alice", "another")
    assert users.apply(entries("alice", database="two")).good().fields("alice") == {
        "password": ("<hidden>", "<hidden>")}
    assert server.can_login("alice", "another") and not server.can_login("alice", "geheim-alice")


def test_08_nothing_of_the_list_becomes_sql(server, users):
    attack = 'SELECT ON pg_class TO alice; ALTER ROLE alice SUPERUSER; --'
    refused = users.apply([{"username": "alice", "privileges": {"pg_class": [attack]}}])
    assert "privileges are not supported" in refused.mistakes[0] and not exists(server, "alice")
    names = ['a"; ALTER ROLE carol SUPERUSER; --', "b'; DROP ROLE carol; --", "c\\'x", "d$$x"]
    for name in names:
        users.secret(name, "x")
    server.run("CREATE ROLE carol")
    users.apply([{"username": name, "roles": [name + "g"]} for name in names]).good()
    assert all(exists(server, name) and members(server, name + "g") == [name] for name in names)
    assert not server.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'carol'")


@pytest.mark.parametrize("role", ["postgres", "pg_execute_server_program", "pg_write_server_files", "pg_read_server_files",
                                  "zalandos", "admin", "pg_read_all_data"])
def test_09_dangerous_roles_cannot_be_granted_from_git(server, users, role):
    result = users.apply(entries("alice", roles=[role]))
    assert "cannot be granted" in result.mistakes[0] and not exists(server, "alice")


def test_09_nor_through_another_role(server, users):
    server.run("CREATE ROLE boss SUPERUSER", "CREATE ROLE reader", "GRANT pg_write_server_files TO reader",
               "CREATE ROLE outer_reader", "GRANT reader TO outer_reader", "CREATE ROLE fine")
    result = users.apply(entries("alice", roles=["boss", "outer_reader", "fine"]))
    assert result.status("alice") == "Refused"
    assert "superuser" in result.reason("alice") and "pg_write_server_files" in result.reason("alice")
    assert members(server, "boss") == members(server, "outer_reader") == [] and members(server, "fine") == ["alice"]


def test_10_a_role_that_is_not_ours_is_neither_adopted_nor_dropped(server, users):
    server.run("CREATE ROLE alice LOGIN PASSWORD 'hers' CONNECTION LIMIT 3")
    before = catalog(server)
    for wanted in (entries("alice"), [{"username": "alice", "ensure": "absent"}]):
        result = users.apply(wanted)
        assert result.steps == [] and result.status("alice") == "Refused"
    assert users.apply([]).steps == []
    assert catalog(server) == before
    for name in ("postgres", "standby", "robot_zmon", "admin", "pooler", "pg_x", "Public", "foo_260101"):
        assert "cannot be a user or group here" in users.apply(entries(name)).mistakes[0]


@pytest.mark.parametrize("by", [{"adopt": ["alice", "bob"]}, {"policy": {"adopt": True}}], ids=["a person", "the agent file"])
@pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
def test_an_installation_is_taken_over_without_another_password_or_membership(server, users, by):
    """Of its state file nothing is needed: who is ours says the list, and whom it has not is nobody's and told."""
    server.run("CREATE DATABASE app", "CREATE ROLE read_only", "CREATE ROLE analyst",
               *(f"CREATE USER {name} PASSWORD 'geheim-{name}'" for name in ("alice", "bob", "gone")),
               "GRANT read_only TO alice", "GRANT analyst TO alice", "GRANT read_only TO bob", "GRANT CONNECT ON DATABASE app TO alice, bob, gone",
               "CREATE TABLE t AS SELECT 1 AS x", "GRANT SELECT ON t TO read_only")
    wanted = [{"username": "alice", "database": "app", "roles": ["read_only", "analyst"]}, {"username": "bob", "database": "app", "roles": ["read_only"]}]
    text = json.dumps({"users": wanted, "timestamp": "2025-01-02 03:04:05"})
    assert users.apply(text).steps == [], "not by itself"
    before = catalog(server)
    users.apply(text, **by).good()
    roles, memberships, databases, _, _ = catalog(server)
    assert [roles, memberships, databases] == before[:3]
    result = users.apply(text).quiet()
    assert comment(server, "alice") == comment(server, "bob") == MARK
    assert {one["name"]: one["referenced"] for one in result.unmanaged} == {"analyst": True, "gone": False, "read_only": True}
    users.apply(json.dumps({"users": wanted[:1]}))
    assert not exists(server, "bob") and members(server, "read_only") == ["alice"] and exists(server, "gone")


def test_11_two_users_cannot_share_a_secret(server, users):
    result = users.apply(entries("a_b", "a-b"))
    assert "would share the Secret user-a-b-secret" in result.mistakes[0]
    assert "Kubernetes takes no Secret of this name" in users.apply(entries("Alice@x")).reason("Alice@x")


def test_12_the_line_end_of_a_secret_is_no_part_of_the_password(server, users):
    for ending in ("\n", "\r\n"):
        users.secret("alice", "geheim" + ending)
        users.apply(entries("alice")).good()
        assert server.can_login("alice", "geheim") and not server.can_login("alice", "geheim" + ending)


def test_13_predefined_roles_and_users_can_be_granted(server, users):
    wanted = entries("alice", roles=["pg_monitor"]) + entries("bob", roles=["alice"])
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    assert members(server, "pg_monitor") == ["alice"] and members(server, "alice") == ["bob"]


@pytest.mark.parametrize("name", ["100%", "%s", "%(x)s", "per cent%d"])
def test_14_percent_signs_are_letters(server, users, name):
    users.secret(name, "geheim%s")
    users.apply(entries(name, roles=["%r"])).good()
    assert server.can_login(name, "geheim%s")


def test_15_a_name_that_would_be_cut_is_refused(server, users):
    for name in ("x" * 64, "\u00e9" * 32):
        assert "longer than 63 bytes" in users.apply(entries(name)).mistakes[0]
    for name in ("x" * 63, "\u00e9" * 31):
        users.secret(name, "geheim")
        wanted = entries(name)
        users.apply(wanted).good()
        users.apply(wanted).quiet()
        users.apply([{"username": name, "ensure": "absent"}])


def test_16_a_missing_secret_holds_up_nobody_else(server, users):
    result = users.apply(entries("alice", "nobody_yet", "zoe"))
    assert result.status("alice") == "Synced"
    assert result.status("nobody_yet") == "Degraded" and "user-nobody-yet-secret" in result.reason("nobody_yet")
    assert not exists(server, "nobody_yet")
    users.secret("nobody_yet", "now")
    users.apply(entries("alice", "nobody_yet"))
    assert server.can_login("nobody_yet", "now")


def test_17_two_agents_take_turns(server, users):
    results = []
    other = Users(server)
    other.secrets = users.secrets
    wanted = entries("alice", "bob", "carol", roles=["read_only"])
    threads = [threading.Thread(target=lambda one: results.append(one.apply(wanted)), args=(one,)) for one in (users, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(result.good() for result in results)
    assert sorted(len(result.steps) > 0 for result in results) == [False, True]


def test_18_a_restarted_server_is_found_again(server, users):
    users.apply(entries("alice")).good()
    server.restart(how="immediate")
    users.apply(entries("alice")).quiet()


def test_19_the_session_says_who_it_is_and_ends_waits(server, users):
    server.run("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
    mark = server.log_mark()
    users.apply(entries("alice")).good()
    assert " pgitops LOG:" in server.log_since(mark)
    server.run("CREATE ROLE held")
    with server.connect() as session:
        session.execute("BEGIN")
        session.execute("ALTER ROLE alice CONNECTION LIMIT 2")
        users.secret("alice", "another")
        result = users.apply(entries("alice", "bob"), deadline=3000)
        session.execute("ROLLBACK")
    assert result.status("alice") == "Degraded" and "55P03" in result.reason("alice")
    assert result.status("bob") == "Synced"


def test_20_foreign_text_stays_inside_its_line(server, users):
    result = users.apply('users:\n- username: "a\\nlevel=error"\n- username: "\\e[31m"\n')
    assert len(result.mistakes) == 2 and all("control character" in mistake for mistake in result.mistakes)
    assert not any("\n" in mistake or "\x1b" in mistake for mistake in result.mistakes)


def test_21_what_happened_can_be_counted(server, users):
    result = users.apply(entries("alice", roles=["read_only"])).good()
    assert result.statements > result.writes > 0
    assert result.steps and all(step["done"] for step in result.steps)


def test_22_an_empty_group_role_is_announced_and_goes_when_unused(server, users):
    result = users.apply(entries("alice", roles=["read_only"])).good()
    assert any("read_only" in warning and "created empty" in warning for warning in result.warnings)
    assert comment(server, "read_only") == MARK + " group"
    users.apply(entries("alice"))
    users.apply(entries("alice"))
    assert not exists(server, "read_only")
    users.apply(entries("alice", roles=["read_only"]))
    server.run("CREATE TABLE t (x int)", "GRANT SELECT ON t TO read_only")
    users.apply(entries("alice"))
    users.apply(entries("alice"))
    assert exists(server, "read_only"), "a group that was granted something stays"


def test_23_a_plan_is_not_a_deed(server, users):
    wanted = entries("alice", "bob", roles=["read_only"])
    before = catalog(server)
    planned = users.plan(wanted)
    assert catalog(server) == before and planned.writes == 0
    assert planned.status("alice") == "Drifted" and not any(step["done"] for step in planned.steps)
    reported = users.apply(wanted, policy={"report_only": True})
    assert catalog(server) == before and reported.status("alice") == "Drifted"
    assert users.apply(wanted).sql == planned.sql


@pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
def test_24_a_membership_that_somebody_else_granted_is_really_revoked(server, users):
    users.apply(entries("alice")).good()
    server.run("CREATE ROLE granter", "CREATE ROLE extra", "GRANT extra TO granter WITH ADMIN OPTION",
               "GRANT extra TO alice" if server.major < 16 else "GRANT extra TO alice GRANTED BY granter")
    users.apply(entries("alice")).good()
    assert members(server, "extra") == ["granter"]
    users.apply(entries("alice")).quiet()


@pytest.mark.parametrize("server", [13, 18], indirect=True)
def test_25_no_password_and_no_verifier_reaches_the_servers_log(server, users):
    server.run("ALTER SYSTEM SET log_statement = 'all'", "ALTER SYSTEM SET log_min_duration_statement = 0",
               "ALTER SYSTEM SET log_min_error_statement = 'debug5'", "SELECT pg_reload_conf()")
    mark = server.log_mark()
    users.secret("held", "geheim-held")
    result = users.apply(entries("alice", "bob", "held")).good()
    made = [verifier(server, name) for name in ("alice", "bob", "held")]
    with server.connect() as session:  # a statement that fails with a verifier in it
        session.execute("BEGIN")
        session.execute("ALTER ROLE held CONNECTION LIMIT 2")
        users.secret("held", "geheim-held2")
        failed = users.apply(entries("alice", "bob", "held"), deadline=3000)
        session.execute("ROLLBACK")
    assert failed.status("held") == "Degraded"
    log = server.log_since(mark)
    assert "pg_auth_members" in log, "statements are logged"
    activity = json.dumps(server.query("SELECT query FROM pg_stat_activity"))
    for text in (log, activity, result.output, failed.output):
        assert "geheim" not in text and "SCRAM-SHA-256$" not in text
        assert not any(one.split("$")[2] in text for one in made)


def test_26_the_database_field_is_told_to_keep_nobody_out(server, users):
    server.run("CREATE DATABASE app")
    warnings = users.apply(entries("alice", database="app")).good().warnings
    assert any("every role may connect to database \"app\"" in warning for warning in warnings)
    server.run("REVOKE CONNECT ON DATABASE app FROM PUBLIC")
    assert users.apply(entries("alice", database="app")).warnings == []
    users.apply(entries("alice", "bob", database="app"))
    users.apply(entries("alice", database="app") + entries("bob"))
    assert server.can_login("alice", "geheim-alice", "app") and not server.can_login("bob", "geheim-bob", "app")


def test_inline_passwords_are_refused_and_not_repeated(server, users):
    result = users.apply([{"username": "alice", "password": "im-git"}])
    assert "does not belong in Git" in result.mistakes[0] and "im-git" not in result.output
