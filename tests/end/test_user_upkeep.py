"""What is told and left: it shows in status, lists and drift for as long as it is so, and what is healed beside it does not."""

import json

import pytest

from parts.agent import wait_for
from parts.git import Repository

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "postgres-users-config", "namespace": "postgres"}}


@pytest.fixture
def setting(agent, server, tmp_path):
    document = {"version": 2, "defaults": {"memberships": "report"},
                "groups": [{"name": "upper", "dropWhenUnused": True}, {"name": "readers", "memberOf": ["upper"], "memberships": "exact"}],
                "users": [{"username": "alice", "database": "postgres", "roles": ["readers"], "parameters": {"work_mem": "64MB"}}]}
    repository = Repository(tmp_path / "db.git")
    repository.commit({"users/users.yaml": json.dumps(CONFIG_MAP | {"data": {"users.yaml": json.dumps(document)}})})
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    agent.secret("postgres", "user-alice-secret", "password of alice")
    agent.start()
    return agent, server


def open_drift(agent):
    return sorted((item["user"]["name"], item["field"]) for item in agent.items("drift", "list", "--open"))


def test_what_is_told_and_left_stays_open_and_what_is_healed_beside_it_is_closed(setting):
    agent, server = setting
    alice = wait_for("alice", lambda: agent.user("alice"))
    assert alice["status"] == "Drifted" and "memberships: report" in alice["reason"]
    assert {one["field"] for one in alice["differences"]} == {"roles", "connect:postgres"}
    assert agent.user("readers")["status"] == "Synced" and agent.user("readers")["roles"] == ["upper"]
    server.run("GRANT readers TO alice", "GRANT CONNECT ON DATABASE postgres TO alice")
    agent.cli("user", "sync").is_(0)
    assert agent.user("alice")["status"] == "Synced"

    # One transaction: no pass sees the half of it.
    server.run("CREATE ROLE stray; GRANT stray TO alice; ALTER ROLE alice CREATEDB; ALTER ROLE alice SET work_mem = '1GB'")
    agent.cli("user", "sync").is_(1)
    alice = agent.user("alice")
    assert alice["status"] == "Drifted" and [(one["field"], one["wanted"], one["found"]) for one in alice["differences"]] == [
        ("roles", "readers", "readers, stray")]
    assert open_drift(agent) == [("alice", "roles")]
    assert {item["field"] for item in agent.items("drift", "list")} >= {"createdb", "parameter:work_mem", "roles"}
    server.run("REVOKE stray FROM alice")
    agent.cli("user", "sync").is_(0)
    assert open_drift(agent) == [] and agent.user("alice")["status"] == "Synced"
