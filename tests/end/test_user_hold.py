"""`retirement: {hold: 7d}` in the agent file: who left is locked out, it is told until when, and a person need not wait."""

import datetime

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.users import config_map


def push(repository, *names):
    return repository.commit({"postgres-users/users.yaml": config_map(
        "users:\n" + "".join(f"- {{username: {name}, database: app, roles: [read_only]}}\n" for name in names))})


@pytest.fixture
def setting(agent, server, tmp_path):
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    push(repository, "alice", "bob")
    agent.database(server)
    agent.application("postgres-users", repository.url, "postgres-users", "postgres")
    agent.secret("postgres", "user-alice-secret", "wonderland")
    agent.secret("postgres", "user-bob-secret", "builder")
    agent.config["databases"][0]["retirement"] = {"hold": "7d"}
    agent.start()
    agent.wait_user("bob")
    return agent, server, repository


def wait_held(agent, server):
    """As a pass after the one that locks bob out tells it: that one does so before, and until when by its own clock."""
    wait_for("bob is locked out", lambda: not server.can_login("bob", "builder", "app"))
    passes = agent.metrics()["pgitops_user_passes_total"]
    wait_for("two more passes", lambda: agent.metrics()["pgitops_user_passes_total"] >= passes + 2)
    return wait_for("bob is held", lambda: (found := agent.user("bob")).get("until") and found)


def test_a_leaver_is_held_and_everybody_is_told_until_when(setting):
    agent, server, repository = setting
    push(repository, "alice")
    held = wait_held(agent, server)
    until = datetime.datetime.fromisoformat(held["until"].replace("Z", "+00:00"))
    assert abs((until - server.value("SELECT now()")).total_seconds() - 7 * 24 * 3600) < 600
    assert held["status"] == "Retiring" and "until 2" in held["reason"] and not server.can_login("bob", "builder", "app")
    text = f"locked out until {agent.user('bob')['until']}, then removed"
    assert text in agent.cli("user", "list").ok().out and text in agent.cli("user", "get", "bob").ok().out
    assert text in agent.cli("status").out
    plan = agent.cli("user", "plan").ok()
    assert f"-- bob: {text}" in plan.out and "nothing to do" in plan.out
    assert agent.cli("user", "plan", "-o", "json").ok().json["items"][0]["waiting"][0]["user"] == "bob"
    assert "then removed" in agent.cli("user", "plan", "-o", "markdown").ok().out
    assert 'pgitops_users_held{database="main"} 1' in agent.get("/metrics", over="socket").body
    assert agent.cli("user", "sync").ok(), "nothing is wrong about it"
    push(repository, "alice", "bob")
    agent.wait_user("bob")
    assert server.can_login("bob", "builder", "app")
    assert [item["action"] for item in agent.items("user", "history", "bob") if item["action"] == "lock"] == []


def test_a_hold_goes_on_without_the_agent_and_its_store(setting):
    agent, server, repository = setting
    push(repository, "alice")
    until = wait_held(agent, server)["until"]
    assert agent.stop() == 0
    for file in agent.state.glob("pgitops.db*"):
        file.unlink()
    server.run("UPDATE pgitops.managed_role SET since = since - interval '1 day' WHERE state = 'leaving'")
    agent.start()
    assert wait_held(agent, server)["until"] < until
    assert server.query("SELECT 1 FROM pg_roles WHERE rolname = 'bob'")


def test_a_person_need_not_wait(setting):
    agent, server, repository = setting
    refused = agent.cli("user", "sync", "--now", "bob").is_(1)
    assert "users.yaml lists it" in refused.err
    assert "--now needs the names" in agent.cli("user", "sync", "--now").is_(2).err
    push(repository, "alice")
    wait_held(agent, server)
    shown = agent.cli("user", "sync", "--now", "bob", "--dry-run").is_(1)
    assert 'DROP ROLE "bob"' in shown.out and server.query("SELECT 1 FROM pg_roles WHERE rolname = 'bob'")
    assert "1 user removed" in agent.cli("user", "sync", "--now", "bob").ok().out
    assert not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'bob'") and not agent.user("bob")


def test_the_end_of_a_hold_is_not_waited_for_by_the_poll(setting):
    agent, server, repository = setting
    assert agent.stop() == 0
    agent.config["poll"] = "1h"
    agent.config["databases"][0]["retirement"] = {"hold": "6s"}
    push(repository, "alice")
    agent.start()
    wait_for("bob is locked out", lambda: not server.can_login("bob", "builder", "app"))
    wait_for("bob is gone", lambda: not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'bob'"), 60)
