"""Kubernetes Events on the ConfigMap that lists the users."""

import pytest

from parts.agent import wait_for
from parts.git import Repository


class Setting:
    def __init__(self, agent, crds, server, folder):
        self.agent, self.kube, self.server = agent, crds.admin, server
        self.namespace = crds.namespace()
        self.repository = Repository(folder / "db.git")
        server.run("CREATE DATABASE app")
        agent.kubernetes(crds).database(server)
        agent.application("postgres-users", self.repository.url, "users", self.namespace)

    def push(self, *users):
        lines = "".join(f"    - {user}\n" for user in users)
        self.repository.commit({"users/users.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: postgres-users-config, "
                                                    f"namespace: {self.namespace}}}\ndata:\n  users.yaml: |\n    version: 2\n    users:\n{lines}"})

    def secret(self, name):
        self.agent.secret(self.namespace, f"user-{name}-secret", f"geheim-{name}")

    def events(self, reason=None):
        found = [event for event in self.kube.list("v1", "Event", self.namespace) if event["involvedObject"]["kind"] == "ConfigMap"]
        return [event for event in found if reason in (None, event["reason"])]

    def told(self, reason, *words):
        found = wait_for(f"{reason} {words}", lambda: [event for event in self.events(reason) if all(word in event["message"] for word in words)])
        return found[0]


@pytest.fixture
def setting(agent, crds, server, tmp_path):
    made = Setting(agent, crds, server, tmp_path)
    for name in ("alice", "bob"):
        made.secret(name)
    made.push("{username: alice, database: app, roles: [readers]}", "{username: bob, database: app}")
    agent.start()
    agent.wait_user("alice")
    return made


def test_who_was_made_healed_and_removed_stands_at_the_config_map(setting):
    agent, server = setting.agent, setting.server
    event = setting.told("UserCreated", "alice", "bob", "readers")
    uid = setting.kube.get("v1", "ConfigMap", setting.namespace, "postgres-users-config")["metadata"]["uid"]
    assert event["involvedObject"] == {"apiVersion": "v1", "kind": "ConfigMap", "name": "postgres-users-config",
                                       "namespace": setting.namespace, "uid": uid}
    assert event["type"] == "Normal" and event["count"] == 1 and event["source"] == {"component": "pgitops"}
    assert event["message"] == "database main: created readers, alice, bob" and "annotations" not in event["metadata"]
    for _ in range(2):
        server.run("ALTER ROLE alice CREATEDB PASSWORD 'another'")
        agent.cli("user", "sync").ok()
    healed = wait_for("it is counted", lambda: [one for one in setting.events("DriftHealed") if one["count"] == 2])[0]
    assert healed["message"] == "database main: changed by hand and healed: alice (createdb, password)" and len(setting.events("DriftHealed")) == 1
    setting.push("{username: alice, database: app, roles: [readers]}", "{username: bob, ensure: absent}")
    setting.told("UserRetired", "removed bob")
    setting.told("UserLocked", "bob")
    assert "geheim" not in str(setting.events()) and "SCRAM" not in str(setting.events())


def test_what_was_refused_or_failed_is_a_warning_and_told_once(setting):
    agent, server = setting.agent, setting.server
    setting.told("UserCreated", "alice")
    server.run("CREATE ROLE taken LOGIN")
    setting.push("{username: alice, database: app, roles: [readers]}", "{username: bob, database: nowhere}", "{username: taken}", "{username: carol}")
    assert setting.told("UserRefused", "taken")["type"] == "Warning"
    assert setting.told("UserFailed", "carol", "no Secret user-carol-secret")["type"] == "Warning"
    setting.told("UserFailed", "bob", "nowhere")
    for _ in range(3):
        agent.cli("user", "sync").is_(1)
    assert [event["count"] for event in setting.events("UserRefused")] == [1], "nothing about it is new"
    assert not [event for event in setting.events() if event["message"].startswith("database main: created taken")]


def test_a_thousand_new_users_are_one_event(setting):
    names = [f"user{number:03}" for number in range(40)]
    for name in names:
        setting.secret(name)
    setting.push(*(f"{{username: {name}, database: app}}" for name in ["alice", "bob", *names]))
    event = setting.told("UserCreated", "user000", "and 20 more (`pgitops user list`)")
    assert len(event["message"]) < 1024 and len(setting.events("UserCreated")) == 2


def test_a_server_that_is_not_there_is_told_and_counted(setting):
    setting.told("UserCreated", "alice")
    setting.server.stop()
    try:
        setting.told("UserFailed", "cannot connect")
        assert setting.told("UserFailed", "cannot connect")["type"] == "Warning"
    finally:
        setting.server.start()
