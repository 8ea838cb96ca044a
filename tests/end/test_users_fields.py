"""Locked, limited and renamed users: from a push to PostgreSQL, and what the agent says of them."""

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.users import version_2


def commit(repository, *users):
    return repository.commit({"postgres-users/users.yaml": version_2(*users)})


@pytest.fixture
def setting(agent, server, tmp_path):
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    agent.database(server, policy={"allowAttributes": ["createdb", "replication"]})
    agent.application("postgres-users", repository.url, "postgres-users", "postgres")
    agent.secret("postgres", "user-alice-secret", "wonderland")
    return agent, server, repository


def wait_user(agent, name, what):
    return wait_for(f"user {name}", lambda: agent.alive() and (lambda found: found if what(found) else None)(agent.user(name)), 30, 0.05)


def test_a_user_is_locked_and_comes_back_and_everybody_is_told(setting):
    agent, server, repository = setting
    commit(repository, "{username: alice, attributes: {replication: true}, connectionLimit: 4, comment: hers}")
    agent.start()
    assert not wait_user(agent, "alice", lambda found: found.get("status") == "Synced")["locked"]
    assert server.query("SELECT rolreplication, rolconnlimit FROM pg_roles WHERE rolname = 'alice'") == [(True, 4)]
    session = server.connect("app", "alice", "wonderland")
    commit(repository, "{username: alice, ensure: locked}")
    found = wait_user(agent, "alice", lambda found: found.get("locked") and found["status"] == "Synced")
    assert "locked by Git" in found["reason"] and "locked by Git" in agent.cli("user", "list").ok().out
    assert not server.can_login("alice", "wonderland", "app")
    with pytest.raises(Exception, match="terminat|closed|EOF"):
        session.execute("SELECT 1")
    commit(repository, "{username: alice}")
    found = wait_user(agent, "alice", lambda found: found.get("status") == "Synced" and not found["locked"])
    assert found["reason"] == "" and server.can_login("alice", "wonderland", "app")


def test_a_user_is_renamed_with_the_secret_of_before(setting):
    agent, server, repository = setting
    commit(repository, "{username: alice}")
    agent.start()
    wait_user(agent, "alice", lambda found: found.get("status") == "Synced")
    oid = server.value("SELECT oid FROM pg_roles WHERE rolname = 'alice'")
    commit(repository, "{username: alicia, renamedFrom: alice}")
    wait_user(agent, "alicia", lambda found: found.get("status") == "Synced")
    assert server.value("SELECT oid FROM pg_roles WHERE rolname = 'alicia'") == oid and agent.user("alice") == {}
    assert server.can_login("alicia", "wonderland", "app")
    assert "user-alicia-secret" in agent.cli("user", "get", "alicia").ok().out
    assert [change["action"] for change in agent.items("user", "history", "alicia")] == ["rename"]
    agent.secret("postgres", "user-alicia-secret", "looking-glass")
    wait_for("her own Secret", lambda: server.can_login("alicia", "looking-glass", "app"))


def test_what_the_agent_file_does_not_allow_is_a_mistake_of_its_line(setting):
    agent, server, repository = setting
    commit(repository, "{username: alice}")
    agent.start()
    wait_user(agent, "alice", lambda found: found.get("status") == "Synced")
    commit(repository, "{username: alice, attributes: {superuser: true}}")
    said = "attribute superuser cannot be given by users.yaml"
    wait_for("told", lambda: said in agent.cli("status").out)
    assert "users.yaml:9" in agent.cli("app", "get", "postgres-users").out
    assert not server.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'alice'")
