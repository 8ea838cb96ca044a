"""`until` of a user: told in advance, and over at that time without a commit and without waiting for the poll."""

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.users import version_2


def push(repository, *users):
    return repository.commit({"postgres-users/users.yaml": version_2(*users)})


@pytest.fixture
def setting(agent, server, tmp_path):
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    agent.database(server)
    agent.application("postgres-users", repository.url, "postgres-users", "postgres")
    agent.secret("postgres", "user-alice-secret", "wonderland")
    return agent, server, repository


def test_an_end_is_told_in_advance(setting):
    agent, server, repository = setting
    push(repository, "{username: alice, until: 2099-01-01T01:00:00+01:00}")
    agent.start()
    found = wait_for("alice", lambda: (lambda one: one if one.get("status") == "Synced" else None)(agent.user("alice")))
    assert found["until"] == "2099-01-01T00:00:00Z" and found["reason"] == "ends at 2099-01-01T00:00:00Z" and "held" not in found
    assert "ends at 2099-01-01T00:00:00Z, in 2" in agent.cli("user", "list").ok().out
    assert "ends at 2099-01-01T00:00:00Z, in 2" in agent.cli("user", "get", "alice").ok().out
    agent.cli("status").ok()
    push(repository, "{username: alice, ensure: locked, until: 2099-01-01T00:00:00Z}")
    wait_for("locked", lambda: agent.user("alice")["locked"])
    said = agent.cli("user", "list").ok().out
    assert "locked by Git" in said and "; ends at 2099-01-01T00:00:00Z, in 2" in said
    push(repository, "{username: alice, until: 2099-01-01T00:00:00Z, validUntil: 2098-01-01T00:00:00Z}")
    wait_for("told", lambda: "has until and validUntil" in agent.cli("status").out)
    assert "users.yaml:9" in agent.cli("app", "get", "postgres-users").out


def test_access_is_over_without_a_commit_and_without_the_poll(setting):
    agent, server, repository = setting
    soon = server.value("SELECT to_char((now() + interval '8 seconds') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
    push(repository, f"{{username: alice, until: \"{soon}\"}}")
    agent.config["poll"] = "1h"
    agent.start()
    wait_for("alice is there", lambda: server.query("SELECT 1 FROM pg_roles WHERE rolname = 'alice'"))
    wait_for("alice is gone", lambda: not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'alice'"), 60)
    assert server.value("SELECT now() >= %s::timestamptz", [soon]), "not before"
    commits = {change["commit"] for change in agent.items("user", "history", "alice")}
    assert len(commits) == 1 and not agent.items("drift", "list"), "an end that was planned is no drift"
    assert "drop" in [change["action"] for change in agent.items("user", "history", "alice")]
    said = agent.cli("user", "sync").ok()
    assert "alice" in agent.cli("user", "get", "alice").ok().out, said
    assert f"ended at {soon}: there is no such role" in agent.user("alice")["reason"]
    assert f'user "alice" is not made: its until {soon} has passed' in agent.cli("status").out
