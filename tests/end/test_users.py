"""Users from a push to PostgreSQL, without Kubernetes: the agent, a Git repository and a real server."""

import json

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.users import config_map


def users_yaml(*users):
    return "users:\n" + "".join(f"  - username: {name}\n    database: app\n    roles: [{', '.join(roles)}]\n"
                                for name, roles in users) if users else "users: []\n"


@pytest.fixture
def setting(agent, server, tmp_path):
    """A repository with alice and bob, their Secrets, an agent that is not started yet."""
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    repository.commit({"postgres-users/users.yaml": config_map(users_yaml(("alice", ["read_only"]), ("bob", ["read_only", "writers"])))})
    agent.database(server)
    agent.application("postgres-users", repository.url, "postgres-users", "postgres")
    agent.secret("postgres", "user-alice-secret", "wonderland")
    agent.secret("postgres", "user-bob-secret", "builder")
    return agent, server, repository


def push(repository, *users):
    return repository.commit({"postgres-users/users.yaml": config_map(users_yaml(*users))})


def test_once_creates_what_git_lists(setting):
    agent, server, _ = setting
    agent.once().ok()
    assert server.can_login("alice", "wonderland", "app")
    assert server.can_login("bob", "builder", "app")
    assert not server.can_login("alice", "wrong", "app")
    assert {item["name"]: item["status"] for item in agent.items("user", "list")} == {"alice": "Synced", "bob": "Synced"}
    assert agent.app("postgres-users")["status"]["sync"]["status"] == "Synced"


def test_what_two_passes_heal_within_a_second_is_healed_twice(setting):
    """Of times in whole seconds the second pass makes the very document of the first one; the drift is another one."""
    agent, server, _ = setting
    agent.start()
    agent.wait_user("alice", "Synced")
    for number in range(1, 9):
        server.run("ALTER ROLE alice CONNECTION LIMIT 7")
        agent.post("/api/v1/users/sync")

        def healed(number=number):
            drift = agent.get("/api/v1/drift?user=alice").json["items"]
            return len(drift) == number and all(one["healed"] for one in drift)

        wait_for(f"drift {number} is healed", healed)


def test_a_push_adds_and_removes(setting):
    agent, server, repository = setting
    agent.start()
    agent.wait_user("alice", "Synced")
    agent.secret("postgres", "user-carol-secret", "carols")
    head = push(repository, ("alice", ["read_only"]), ("carol", ["writers"]))
    agent.wait_user("carol", "Synced")
    assert server.can_login("carol", "carols", "app")
    wait_for("bob is gone", lambda: not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'bob'"))
    wait_for("bob is not listed", lambda: not agent.user("bob"))
    assert agent.app("postgres-users")["status"]["sync"]["revision"] == head
    changes = agent.items("user", "history", "bob")
    assert any(change["action"] == "drop" and change["outcome"] == "done" for change in changes)


@pytest.mark.parametrize("statement, field", [
    ("ALTER ROLE alice SUPERUSER", "superuser"),
    ("REVOKE read_only FROM alice", "roles"),
    ("GRANT writers TO alice", "roles"),
    ("ALTER ROLE alice NOLOGIN", "login"),
    ("ALTER ROLE alice PASSWORD 'mine'", "password"),
    ("DROP ROLE alice", "exists"),
])
def test_a_hand_change_is_recorded_and_healed(setting, statement, field):
    agent, server, _ = setting
    agent.start()
    agent.wait_user("alice", "Synced")
    if statement.startswith("DROP"):  # in one transaction: else a pass sees the half of it
        statement = f"REVOKE ALL ON DATABASE app FROM alice; {statement}"
    server.run(statement)

    def healed():
        return [item for item in agent.items("drift", "list", "--user", "alice") if item["healed"]]
    drift = wait_for("healed drift of alice", healed)
    assert any(field in item["field"] for item in drift), drift
    assert server.can_login("alice", "wonderland", "app")
    assert "mine" not in json.dumps(agent.items("drift", "list")) and "mine" not in agent.log()


def test_an_empty_list_removes_nobody_until_confirmed(setting):
    agent, server, repository = setting
    agent.start()
    agent.wait_user("alice", "Synced")
    push(repository)

    def held():
        databases = agent.get("/api/v1/databases", over="socket").json["items"]
        return next((item["reason"] for item in databases if "--confirm" in item["reason"]), None)
    reason = wait_for("the deletions are held back", held)
    assert server.can_login("alice", "wonderland", "app") and server.can_login("bob", "builder", "app")
    confirm = reason.split("--confirm ")[1].split("`")[0].split(",")[0]
    agent.cli("user", "sync", "--confirm", confirm).ok()
    wait_for("both are gone", lambda: not server.query("SELECT 1 FROM pg_roles WHERE rolname IN ('alice', 'bob')"))


def test_a_rotated_secret_is_applied(setting):
    agent, server, _ = setting
    agent.start()
    agent.wait_user("alice", "Synced")
    agent.secret("postgres", "user-alice-secret", "looking-glass")
    wait_for("the new password works", lambda: server.can_login("alice", "looking-glass", "app"))
    assert not server.can_login("alice", "wonderland", "app")


def test_a_missing_secret_holds_back_one_user_only(setting):
    agent, server, repository = setting
    push(repository, ("alice", ["read_only"]), ("dora", []))
    agent.start()
    agent.wait_user("alice", "Synced")
    dora = agent.wait_user("dora", "Degraded")
    assert "user-dora-secret" in dora["reason"]
    agent.secret("postgres", "user-dora-secret", "explorer")
    agent.wait_user("dora", "Synced")
    assert server.can_login("dora", "explorer", "app")


@pytest.mark.parametrize("text, said", [
    ("users: [\n", "users.yaml"),
    ("users:\n  - username: alice\n  - username: alice\n", "alice"),
    ("users:\n  - username: pg_monitor\n", "pg_monitor"),
    ("users:\n  - username: postgres\n", "postgres"),
    ("users:\n  - username: x\n    password: s3cr3t-inline\n", "password"),
    ("users:\n  - username: x\n    roles: [pg_execute_server_program]\n", "pg_execute_server_program"),
    ("user:\n  - username: alice\n", "user"),
])
def test_a_mistake_in_users_yaml_touches_nobody(setting, text, said):
    agent, server, repository = setting
    agent.start()
    agent.wait_user("alice", "Synced")
    good = agent.app("postgres-users")["status"]["sync"]["revision"]
    bad = repository.commit({"postgres-users/users.yaml": config_map(text)})
    condition = agent.wait_condition("postgres-users", "ComparisonError", said)
    assert "postgres-users/users.yaml:" in condition["message"] and bad[:12] in condition["message"]
    assert "s3cr3t-inline" not in agent.log() and "s3cr3t-inline" not in condition["message"]
    server.run("ALTER ROLE alice NOLOGIN")  # the last good state is still in force
    wait_for("alice is healed", lambda: server.can_login("alice", "wonderland", "app"))
    assert server.can_login("bob", "builder", "app")
    status = agent.app("postgres-users")["status"]
    assert status["sync"]["status"] == "Unknown" and status["sync"]["revision"] == good
    push(repository, ("alice", ["read_only"]), ("bob", []))
    agent.wait_app("postgres-users", "Synced", repository.head)


def test_a_plan_shows_sql_and_changes_nothing(setting):
    agent, server, repository = setting
    agent.start()
    agent.wait_user("alice", "Synced")
    assert agent.cli("user", "plan").ok()
    agent.signal(19)  # stopped: the hand change stays until the plan has been asked for
    server.run("ALTER ROLE alice SUPERUSER")
    agent.signal(18)
    plan = agent.cli("user", "plan")
    assert plan.code in (0, 1)
    agent.wait_user("alice", "Synced")
    wait_for("healed", lambda: not server.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'alice'"))


@pytest.mark.parametrize("application, said", [
    ("other", "there is no application other"),
    ("empty", "no users are in force: application empty has no synced commit with them"),
])
def test_a_sync_of_users_that_there_are_not_is_answered(agent, server, tmp_path, application, said):
    repository = Repository(tmp_path / "db.git")
    repository.commit({"empty/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"})
    agent.database(server, application=application)
    agent.application("empty", repository.url, "empty", "postgres")
    agent.begin()
    for verb, code in (("sync", 1), ("plan", 2)):
        answer = agent.cli("user", verb, "--timeout", "20s")
        answer.is_(code)
        assert said in answer.err, str(answer)


def test_a_server_that_is_down_is_waited_for(setting):
    agent, server, repository = setting
    agent.start()
    agent.wait_user("alice", "Synced")
    server.stop()
    try:
        def waiting():
            databases = agent.get("/api/v1/databases", over="socket").json["items"]
            return databases[0]["status"] == "Waiting"
        wait_for("the database is waited for", waiting)
        push(repository, ("alice", []), ("bob", []))
        agent.wait_app("postgres-users", "Synced", repository.head)
    finally:
        server.start()
    wait_for("alice lost read_only", lambda: not server.query(
        "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = 'alice'"))


def test_a_quiet_pass_writes_nothing(setting):
    agent, server, _ = setting
    agent.start()
    agent.wait_user("alice", "Synced")
    agent.wait_user("bob", "Synced")
    passes, writes = "pgitops_user_passes_total", "pgitops_sql_writes_total"
    before = agent.metrics()
    first = server.query("SELECT rolname, xmin FROM pg_authid ORDER BY 1")
    wait_for("three more passes", lambda: agent.metrics()[passes] >= before[passes] + 3)
    assert agent.metrics()[writes] == before[writes]
    assert server.query("SELECT rolname, xmin FROM pg_authid ORDER BY 1") == first


def test_a_name_of_bytes_that_are_no_text_ends_neither_agent_nor_pass(setting):
    agent, server, _ = setting
    agent.start()
    agent.wait_user("alice", "Synced")
    server.run("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    with server.connect("latin", client_encoding="latin1") as session:
        for name, comment in (("partì", "managed by pgitops (main)"), ("grùppo", "managed by pgitops (main) group"), ("jérôme", "déjà vu")):
            session.execute(f"CREATE ROLE \"{name}\" LOGIN; COMMENT ON ROLE \"{name}\" IS '{comment}'")
        session.execute('GRANT "jérôme" TO alice')
    degraded = agent.wait_user("alice", "Degraded")
    assert "j\\xe9r\\xf4me" in degraded["reason"]
    server.run("ALTER ROLE bob NOLOGIN")
    wait_for("bob is healed", lambda: server.can_login("bob", "builder", "app"))
    assert any("\\xec" in item["name"] for item in agent.items("user", "list", "--unmanaged"))  # a comment makes nothing ours
    for command in (["status"], ["user", "list"], ["user", "plan"], ["drift", "list"], ["user", "history"]):
        assert agent.cli(*command).code in (0, 1), command
    assert agent.cli("status", "-o", "json").json
    for path in ("/api/v1/applications/b%E9d", "/api/v1/drift?user=b%E9d", "/b%E9d"):
        assert agent.get(path, over="socket", headers={"X-Request-Id": "b\xe9d"}).status in (200, 400, 404), path
    agent.alive()


def test_warnings_are_told_wherever_people_look(setting):
    agent, server, _ = setting
    agent.start()
    agent.wait_user("alice", "Synced")
    before = agent.metrics()["pgitops_user_passes_total"]
    wait_for("two more passes", lambda: agent.metrics()["pgitops_user_passes_total"] >= before + 2)
    said = ('group role "read_only" gives its members nothing', 'every role may connect to database "app"')
    for warning in said:
        assert warning in agent.cli("status").ok().out
        assert warning in agent.cli("user", "get", "alice").ok().out
        assert any(warning in text for text in agent.items("user", "get", "alice")[0]["warnings"])
        assert any(warning in text for text in agent.get("/api/v1/databases", over="socket").json["items"][0]["warnings"])
        assert len([line for line in agent.lines(level="warning") if warning in line.get("warning", "")]) == 1
    metric = 'pgitops_user_warnings{database="main"}'
    assert agent.metrics()[metric] == 3
    server.run("GRANT pg_read_all_stats TO read_only", "REVOKE CONNECT ON DATABASE app FROM PUBLIC")
    server.run("CREATE TABLE t (x int)", "GRANT SELECT ON t TO writers", database="app")
    wait_for("nothing to warn of", lambda: agent.metrics()[metric] == 0)
    assert "Warnings" not in agent.cli("status").ok().out
def test_what_groups_may_do_comes_from_git_and_stays_so(setting):
    agent, server, repository = setting
    server.run("CREATE TABLE t (a int)", database="app")
    text = ('version: 2\ngroups:\n  - name: readers\n    grants:\n'
            '      - {database: app, on: tables, schema: public, names: ["*"], privileges: [SELECT]}\n'
            '      - {database: app, on: tables, schema: public, names: [nothing], privileges: [INSERT]}\n'
            'users:\n  - {username: alice, database: app, roles: [readers]}\n')
    repository.commit({"postgres-users/users.yaml": config_map(text)})
    agent.start()
    found = agent.wait_user("readers", "Degraded")
    assert found["group"] and 'grant in database app: app: table public.nothing does not exist' in found["reason"]
    assert agent.wait_user("alice", "Synced")["roles"] == ["readers"] and not agent.user("alice")["group"]
    assert "(a group)" in agent.cli("user", "list").ok().out
    plan = agent.cli("user", "plan").is_(1).out
    assert "-- readers: app: table public.nothing does not exist (line " in plan
    assert "app: table public.nothing does not exist" in agent.cli("user", "plan", "-o", "markdown").is_(1).out
    missing = agent.cli("user", "plan", "-o", "json").is_(1).json["items"][0]["missing"]
    assert [item["user"] for item in missing] == ["readers"]

    head = repository.commit({"postgres-users/users.yaml": config_map(text.replace("[nothing]", "[t]"))})
    agent.wait_app("postgres-users", "Synced", head)
    agent.wait_user("readers", "Synced")
    server.run("GRANT DELETE ON t TO readers", "REVOKE SELECT ON t FROM readers", database="app")
    agent.cli("user", "sync").ok()
    assert server.value("SELECT string_agg(privilege_type, ' ' ORDER BY privilege_type) FROM information_schema.table_privileges WHERE grantee = 'readers'",
                        database="app") == "INSERT SELECT"
    drift = {(row["field"], row["wanted"], row["found"]) for row in agent.items("drift", "list", "--user", "readers")}
    assert drift == {("app: table public.t", "SELECT", ""), ("app: table public.t", "", "DELETE")}
    statements = [change["statement"] for change in agent.items("user", "history", "readers")]
    assert '\\connect "app"\nREVOKE DELETE ON TABLE "public"."t" FROM "readers"' in statements
