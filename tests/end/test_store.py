"""The store is memory, not truth: lost, damaged or of another time, the agent goes on, and who only reads needs no agent."""

import json
import os
import pathlib
import re
import sqlite3
import time

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.manifests import config_map, users


@pytest.fixture
def setting(agent, crds, server, tmp_path):
    """Two objects and two users, in force; the agent is stopped."""
    server.run("CREATE DATABASE app")
    namespace, people = crds.namespace(), crds.namespace()
    repository = Repository(tmp_path / "db.git")
    repository.commit({"app/a.yaml": config_map("a"), "app/b.yaml": config_map("b"), "app/c.yaml": config_map("c"),
                       "users/users.yaml": users(alice=["readers"], bob=[], carol=[])})
    for name in ("alice", "bob", "carol"):
        crds.admin.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"user-{name}-secret", "namespace": people},
                           "stringData": {"password": f"pw-{name}"}})
    agent.kubernetes(crds)
    agent.database(server)
    agent.application("team", repository.url, "app", namespace)
    agent.application("postgres-users", repository.url, "users", people)
    agent.start()
    agent.wait_app("team", "Synced", repository.head)
    agent.wait_app("postgres-users", "Synced", repository.head)
    wait_for("the users", lambda: all(server.can_login(name, f"pw-{name}", "app") for name in ("alice", "bob", "carol")))
    for name in ("alice", "bob", "carol"):
        agent.wait_user(name)  # the store has them when their pass ends
    assert agent.stop() == 0
    return agent, crds.admin, namespace, server, repository


def lose(agent):
    for file in agent.state.glob("pgitops.db*"):
        file.unlink()


def damage(agent):
    """As a disk does it: pages in the middle."""
    for file in agent.state.glob("pgitops.db-*"):
        file.unlink()
    with open(agent.state / "pgitops.db", "r+b") as file:
        for page in range(1, os.path.getsize(file.name) // 4096):
            file.seek(page * 4096)
            file.write(os.urandom(512))


@pytest.mark.parametrize("what", [lose, damage])
def test_without_its_store_the_agent_goes_on_and_prunes_only_later(setting, what):
    agent, kube, namespace, server, repository = setting
    versions = {name: kube.get("v1", "ConfigMap", namespace, name)["metadata"]["resourceVersion"] for name in "abc"}
    roles = server.query("SELECT rolname, xmin::text FROM pg_authid ORDER BY 1")
    what(agent)
    agent.start()
    agent.wait_app("team", "Synced", repository.head)
    agent.wait_app("postgres-users", "Synced", repository.head)
    wait_for("the users are known", lambda: {item["name"] for item in agent.items("user", "list")} == {"alice", "bob", "carol"})
    assert {name: kube.get("v1", "ConfigMap", namespace, name)["metadata"]["resourceVersion"] for name in "abc"} == versions
    assert server.query("SELECT rolname, xmin::text FROM pg_authid ORDER BY 1") == roles
    assert what is lose or (agent.lines(level="warning") and (agent.state / "pgitops.db.corrupt").exists())
    head = repository.commit({"app/c.yaml": None, "users/users.yaml": users(alice=["readers"], bob=[])})
    agent.wait_app("team", "Synced", head)
    assert kube.get("v1", "ConfigMap", namespace, "c") is None and kube.get("v1", "ConfigMap", namespace, "b")
    wait_for("carol is gone", lambda: not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'carol'"))


def test_nothing_is_removed_in_the_first_pass_after_a_loss(setting):
    """The commit that removes something came while the store was away: it is not followed blindly, and not forgotten."""
    agent, kube, namespace, server, repository = setting
    head = repository.commit({"app/c.yaml": None, "users/users.yaml": users(alice=["readers"], bob=[])})
    lose(agent)
    mark_log = len(agent.log())
    agent.start()
    wait_for("carol is gone", lambda: not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'carol'"))
    assert server.can_login("bob", "pw-bob", "app")
    agent.wait_app("postgres-users", "Synced", head)
    wait_for("c is known to be too much", lambda: kube.get("v1", "ConfigMap", namespace, "c") is None or [
        row for row in agent.app("team")["status"]["resources"] if row["name"] == "c"])
    assert kube.get("v1", "ConfigMap", namespace, "a") and kube.get("v1", "ConfigMap", namespace, "b")
    assert "pruning" not in agent.log()[mark_log:].split("c", 1)[0]


def test_a_store_of_a_newer_program_is_refused_and_left_alone(setting, cli):
    agent = setting[0]
    path = agent.state / "pgitops.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 999")
    db.close()
    before = path.read_bytes()
    result = cli("agent", "--config", agent.file, "--once").is_(2)
    assert "999" in result.err and str(path) in result.err
    assert "999" in agent.cli("app", "list").is_(2).err
    assert path.read_bytes() == before and not (agent.state / "pgitops.db.corrupt").exists()


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_commands_that_read_need_no_agent(setting, how):
    agent, _, _, _, repository = setting
    if how == "killed":
        agent.start()
        agent.wait_app("team", "Synced")
        agent.kill()
    assert [item["metadata"]["name"] for item in agent.items("app", "list")] == ["postgres-users", "team"]
    assert agent.app("team")["status"]["sync"]["revision"] == repository.head
    assert {item["name"] for item in agent.items("user", "list")} == {"alice", "bob", "carol"}
    assert agent.items("app", "history", "team") and agent.items("user", "history", "bob") and agent.items("drift", "list") == []
    assert "team" in agent.cli("status").out
    assert "agent" in agent.cli("app", "sync", "team").is_(2).err


def test_commands_before_the_first_run_say_that_there_was_none(agent, cli):
    agent.write()
    assert "no agent has run" in agent.cli("app", "list").is_(2).err


# ---- a store of version 0.1.0 -----------------------------------------------------------------------------------------

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture
def upgraded(agent, server, tmp_path):
    """The state folder of an agent of version 0.1.0, its times moved to now: history is kept for a while, not for ever."""
    text = (HERE / "data/store_0.1.0.sql").read_text()
    times = [int(found) for found in re.findall(r"\b\d{16}\b", text)]
    later = time.time_ns() // 1000 - 1_000_000 - max(times)
    text = re.sub(r"\b\d{16}\b", lambda found: str(int(found[0]) + later), text)
    agent.state.mkdir(mode=0o700, exist_ok=True)
    path = agent.state / "pgitops.db"
    path.touch(mode=0o600)
    with sqlite3.connect(path) as db:
        db.executescript(text)
    db.close()
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    repository.commit({"users/users.yaml": users(alice=["readers"])})
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    agent.secret("postgres", "user-alice-secret", "password of alice")
    return agent, repository


def test_a_store_of_the_first_version_keeps_applications_users_and_history(upgraded):
    agent, repository = upgraded
    told = agent.cli("status").is_(2).err
    assert "schema version 1," in told and "restart the agent" in told, told
    agent.start()
    agent.wait_app("postgres-users", "Synced", repository.head)
    agent.wait_user("alice")
    assert agent.stop() == 0
    shown = agent.cli("status").ok().out
    assert "postgres-users" in shown and "main" in shown, shown
    assert [item["metadata"]["name"] for item in agent.items("app", "list")] == ["postgres-users"]
    bob = [item["action"] for item in agent.items("user", "history", "bob")]
    assert {"create", "grant", "lock", "retire", "drop"} <= set(bob), bob
    assert "CREATEDB" in json.dumps(agent.items("user", "history", "alice"))
    assert {"Alice and Bob", "Bob has left"} <= set(re.findall("Alice and Bob|Bob has left", json.dumps(agent.items("app", "history", "postgres-users"))))
    drift = [item for item in agent.items("drift", "list") if item["field"] == "createdb"]
    assert [(item["user"]["name"], item["wanted"], item["found"]) for item in drift] == [("alice", "false", "true")]
    assert not (agent.state / "pgitops.db.corrupt").exists()
