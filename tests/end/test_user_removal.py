"""A user leaves: what `user list`, `user plan` and `user history` say meanwhile, and what psql makes of them."""

import json
import subprocess

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.users import config_map


def listed(*names):
    return config_map("users:\n" + "".join(f"- {{username: {name}, database: app, roles: [read_only]}}\n" for name in names)
                      if names else "users: []\n")


def push(repository, *names):
    return repository.commit({"postgres-users/users.yaml": listed(*names)})


@pytest.fixture
def setting(agent, server, tmp_path):
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    push(repository, "alice", "bob")
    agent.database(server)
    agent.application("postgres-users", repository.url, "postgres-users", "postgres")
    agent.secret("postgres", "user-alice-secret", "wonderland")
    agent.secret("postgres", "user-bob-secret", "builder")
    agent.secret("postgres", "user-carol-secret", "carols")
    return agent, server, repository


def owns_a_table(server, name):
    server.run("CREATE TABLE t AS SELECT 1 AS x", f"ALTER TABLE t OWNER TO {name}", database="app")
    return f"pgitops_left_{name}_{server.value('SELECT oid FROM pg_roles WHERE rolname = %s', [name])}"


def psql(server, script, database="template1"):
    return subprocess.run(["psql", "-X", "-h", "127.0.0.1", "-p", str(server.port), "-U", server.superuser, "-d", database],
                          env={"PGPASSWORD": server.password, "PATH": "/usr/bin:/bin"}, input=script, capture_output=True,
                          text=True, check=False, timeout=60)


def test_a_removal_under_way_is_retiring_until_the_role_is_gone(setting):
    agent, server, repository = setting
    agent.start()
    agent.wait_user("bob")
    left = owns_a_table(server, "bob")
    seen = []

    def is_gone():
        found = agent.user("bob")
        seen.append((found["status"], found["reason"]) if found else None)
        return not found
    with server.connect("app") as session:
        session.execute("BEGIN")
        session.execute("SELECT * FROM t")
        push(repository, "alice")
        wait_for("bob is locked out", lambda: not server.can_login("bob", "builder", "app"))
        wait_for("it is told", lambda: is_gone() or "being removed" in str(seen[-1]))
        wait_for("and what it waits for", lambda: is_gone() or "lock timeout" in str(seen[-1]))
        session.execute("ROLLBACK")
    wait_for("bob is gone", is_gone, 60, 0.02)
    statuses = [status and status[0] for status in seen]
    first = statuses.index("Retiring")
    assert set(statuses[first:]) == {"Retiring", None} and left in str(seen), seen
    assert not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'bob'")
    wait_for("what is left is told", lambda: left in str(agent.get("/api/v1/databases", over="socket").json["items"][0]["warnings"]))


def test_nobody_is_removed_while_the_newest_commit_is_broken_and_other_work_goes_on(setting):
    agent, server, repository = setting
    agent.start()
    agent.wait_user("bob")
    owns_a_table(server, "bob")
    with server.connect("app") as session:
        session.execute("BEGIN")
        session.execute("SELECT * FROM t")
        push(repository, "alice")
        wait_for("bob waits", lambda: "lock timeout" in agent.user("bob").get("reason", ""))
        repository.commit({"postgres-users/users.yaml": config_map("users: [\n")})
        agent.wait_condition("postgres-users", "ComparisonError", "users.yaml")
        wait_for("it is told", lambda: "the newest commit cannot be used" in agent.user("bob")["reason"])
    server.run("ALTER ROLE alice NOLOGIN")
    wait_for("alice is healed", lambda: server.can_login("alice", "wonderland", "app"))
    assert agent.user("bob")["status"] == "Retiring" and server.query("SELECT 1 FROM pg_roles WHERE rolname = 'bob'")
    push(repository, "alice", "carol")
    wait_for("bob is gone", lambda: not agent.user("bob"))


def test_psql_runs_what_user_plan_and_user_history_print(setting):
    agent, server, repository = setting
    agent.start()
    agent.wait_user("bob")
    left = owns_a_table(server, "bob")
    assert agent.stop() == 0
    agent.config["databases"][0]["policy"] = {"mode": "report"}
    push(repository, "alice")
    agent.start()
    wait_for("the plan", lambda: "REASSIGN OWNED" in agent.cli("user", "plan").out)
    assert "policy.mode is report" in agent.wait_user("bob", "Retiring")["reason"]
    script = agent.cli("user", "plan").is_(1).out
    done = psql(server, script)
    assert done.returncode == 0 and not done.stderr, done.stderr + script
    assert server.query("SELECT x, tableowner FROM t, pg_tables WHERE tablename = 't'", database="app") == [(1, left)]
    wait_for("bob is gone", lambda: not agent.user("bob"))
    history = agent.cli("user", "history", "--sql").ok().out
    assert ":'alice_verifier'" in history and "\\set ON_ERROR_STOP on" in history
    before = server.query("SELECT xmin, * FROM pg_authid ORDER BY oid")
    assert psql(server, history, "postgres").returncode == 3
    assert server.query("SELECT xmin, * FROM pg_authid ORDER BY oid") == before


def test_the_history_is_psqls_in_the_databases_where_it_was_made(setting):
    """A statement for one database would find a table of the same name in another; behind one, the next is where it belongs again."""
    agent, server, repository = setting
    server.run("CREATE DATABASE \"o'd d=b\"")
    for database in ("app", "o'd d=b", "postgres"):
        server.run("CREATE SCHEMA shop", "CREATE TABLE shop.orders (id int)", database=database)
    grants = [{"database": database, "on": "tables", "schema": "shop", "names": ["orders"], "privileges": ["SELECT"]} for database in ("app", "o'd d=b")]
    document = {"version": 2, "groups": [{"name": "readers", "grants": grants}], "users": [{"username": "dora", "password": {"disabled": True}, "roles": ["readers"]}]}
    agent.start()
    agent.wait_user("bob")
    repository.commit({"postgres-users/users.yaml": config_map(json.dumps(document))})
    agent.wait_user("dora", "Synced")
    history = agent.cli("user", "history", "readers", "--sql").ok().out
    assert agent.stop() == 0  # it would make them again
    for database in ("app", "o'd d=b"):
        server.run("REVOKE SELECT ON shop.orders FROM readers", database=database)
    server.run("DROP OWNED BY dora, readers", "DROP ROLE dora, readers")
    done = psql(server, history, "postgres")
    assert done.returncode == 0, done.stderr + history
    may = {database: server.value("SELECT has_table_privilege('readers', 'shop.orders', 'SELECT')", database=database)
           for database in ("app", "o'd d=b", "postgres")}
    assert may == {"app": True, "o'd d=b": True, "postgres": False}


def test_removals_that_wait_for_a_confirmation_are_shown_as_comments(setting):
    agent, server, repository = setting
    agent.start()
    agent.wait_user("bob")
    left = owns_a_table(server, "bob")
    push(repository)
    wait_for("bob waits", lambda: "--confirm" in agent.user("bob").get("reason", ""))
    shown = agent.cli("user", "plan").is_(1)
    assert f'-- REASSIGN OWNED BY "bob" TO "{left}"' in shown.out
    assert all(line.startswith("--") or not line.strip() for line in shown.out.splitlines()), shown.out
    item = agent.cli("user", "plan", "-o", "json").is_(1).json["items"][0]
    assert {step["action"] for step in item["held"]} >= {"lock", "retire", "drop"} and item["steps"] == []
    assert "Only once it is confirmed" in agent.cli("user", "plan", "-o", "markdown").is_(1).out
