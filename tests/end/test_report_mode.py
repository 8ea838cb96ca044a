"""policy.mode: report - a DBA who wants to see the SQL before anybody runs it."""

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.manifests import users


@pytest.fixture
def setting(agent, server, tmp_path):
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    repository.commit({"users/users.yaml": users(alice=["readers"])})
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    for name in ("alice", "carol"):
        agent.secret("postgres", f"user-{name}-secret", f"password of {name}")
    return agent, server, repository


def test_a_commit_is_shown_as_sql_and_nothing_is_written(setting):
    agent, server, repository = setting
    agent.start()
    wait_for("alice", lambda: agent.user("alice").get("status") == "Synced")
    agent.stop()

    agent.config["databases"][0]["policy"] = {"mode": "report"}
    agent.start()
    head = repository.commit({"users/users.yaml": users(alice=["readers"], carol=["readers"])})
    carol = wait_for("carol", lambda: agent.user("carol"))
    assert carol["status"] == "Drifted" and "`pgitops user plan`" in carol["reason"]
    agent.wait_app("postgres-users", revision=head)
    plan = agent.cli("user", "plan").is_(1).out
    assert 'CREATE ROLE "carol" LOGIN PASSWORD' in plan and 'GRANT "readers" TO "carol"' in plan and "carol" in plan

    # Several passes later it still is a wish that nobody has fulfilled, and no drift.
    result = agent.cli("user", "sync").is_(1)
    assert "1 of 2 users" in result.err and "carol" in result.err and "policy.mode is report" in result.err
    agent.cli("user", "sync").is_(1)
    assert agent.items("drift", "list") == []
    assert server.query("SELECT 1 FROM pg_roles WHERE rolname = 'carol'") == []

    # The DBA has run it, or lets the agent do it.
    agent.stop()
    del agent.config["databases"][0]["policy"]
    agent.start()
    wait_for("carol is there", lambda: agent.user("carol").get("status") == "Synced")
    assert agent.user("carol")["reason"] == "" and server.can_login("carol", "password of carol", "app")
    assert agent.items("drift", "list") == []


def test_what_somebody_changes_by_hand_is_drift_here_too(setting):
    agent, server, _ = setting
    agent.start()
    wait_for("alice", lambda: agent.user("alice").get("status") == "Synced")
    agent.stop()
    agent.config["databases"][0]["policy"] = {"mode": "report"}
    agent.start()
    server.run("ALTER ROLE alice CREATEDB")
    agent.cli("user", "sync").is_(1)
    drift = agent.items("drift", "list", "--open")
    assert [(item["user"]["name"], item["field"]) for item in drift] == [("alice", "createdb")]
    assert server.value("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'alice'") is True


def test_a_sync_that_fails_says_for_whom_and_why(setting):
    agent, _, repository = setting
    repository.commit({"users/users.yaml": users(alice=["readers"], nobody=["readers"])})
    agent.start()
    wait_for("nobody", lambda: agent.user("nobody"))
    result = agent.cli("user", "sync").is_(1)
    assert "1 of 2 users are not as Git says; nobody: Degraded" in result.err and "user-nobody-secret" in result.err
