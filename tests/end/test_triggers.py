"""What moves the agent beside its poll, which is an hour here: each of these is followed at once."""

import base64
import json
import signal

import pytest

from parts.agent import wait_for
from parts.git import GitHttpServer, Repository, SilentServer
from parts.manifests import config_map, users
from parts.process import private

APPLICATION = ("argoproj.io/v1alpha1", "Application")


@pytest.fixture
def setting(agent, crds, server, tmp_path):
    """An Application of objects and one of users, in the cluster; the repository behind http."""
    server.run("CREATE DATABASE app")
    home, people = crds.namespace(), crds.namespace()
    repository = Repository(tmp_path / "git" / "db.git")
    repository.commit({"app/a.yaml": config_map("a"), "users/users.yaml": users(alice=["readers"])})
    crds.admin.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "user-alice-secret", "namespace": people},
                       "stringData": {"password": "wonderland"}})
    agent.config["poll"] = "1h"
    agent.kubernetes(crds, namespace=home)
    agent.database(server)
    with GitHttpServer(tmp_path / "git") as git:
        agent.application("team", git.url("db.git"), "app", home)
        agent.application("postgres-users", git.url("db.git"), "users", people)
        yield agent, crds.admin, server, repository, git, home, people
        if agent.process is not None:
            assert agent.stop() == 0


def value(kube, namespace, name="a"):
    found = kube.get("v1", "ConfigMap", namespace, name)
    return found and found["data"]["value"]


def test_changes_in_the_cluster_are_seen_by_the_watch(setting):
    agent, kube, server, repository, git, home, people = setting
    agent.start()
    wait_for("alice", lambda: server.can_login("alice", "wonderland", "app"))
    agent.wait_app("team", "Synced", repository.head)
    git.commands()

    kube.patch("v1", "ConfigMap", home, "a", {"data": {"value": "mine"}})
    wait_for("healed", lambda: value(kube, home) == "one")
    kube.delete("v1", "ConfigMap", home, "a")
    wait_for("made anew", lambda: value(kube, home) == "one")
    kube.patch("v1", "Secret", people, "user-alice-secret", {"data": {"password": base64.b64encode(b"looking-glass").decode()}})
    wait_for("the rotated password", lambda: server.can_login("alice", "looking-glass", "app"))
    kube.patch("v1", "ConfigMap", people, "postgres-users-config", {"data": {"users.yaml": "users: []\n"}})
    wait_for("healed", lambda: "alice" in kube.get("v1", "ConfigMap", people, "postgres-users-config")["data"]["users.yaml"])
    assert server.can_login("alice", "looking-glass", "app"), "a hand edit of the ConfigMap is no wish"
    assert git.commands() == [], "and nobody asked the Git server"


def test_a_missing_password_is_used_when_it_comes(setting):
    agent, kube, server, repository, _, _, people = setting
    repository.commit({"users/users.yaml": users(alice=["readers"], bob=[])})
    agent.start()
    wait_for("bob is waited for", lambda: [item for item in agent.items("user", "list")
                                           if item["name"] == "bob" and "user-bob-secret" in item["reason"]])
    kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "user-bob-secret", "namespace": people},
                 "stringData": {"password": "builder"}})
    wait_for("bob", lambda: server.can_login("bob", "builder", "app"))


@pytest.mark.parametrize("how", ["app refresh", "user sync after refresh", "SIGHUP"])
def test_people_can_ask_for_a_look_at_git(setting, how):
    agent, kube, server, repository, git, home, _ = setting
    agent.start()
    agent.wait_app("team", "Synced", repository.head)
    wait_for("alice", lambda: server.can_login("alice", "wonderland", "app"))
    head = repository.commit({"app/b.yaml": config_map("b"), "users/users.yaml": users(alice=["readers", "writers"])})
    if how == "SIGHUP":
        agent.signal(signal.SIGHUP)
    else:
        agent.cli("app", "refresh", "team").ok()
    agent.wait_app("team", "Synced", head)
    agent.wait_app("postgres-users", "Synced", head)
    if how.startswith("user sync"):
        agent.cli("user", "sync").ok()
    assert value(kube, home, "b") == "one"
    wait_for("alice may write", lambda: server.query(
        "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE r.rolname = 'writers'"))


def test_an_application_in_the_cluster_is_followed_as_it_changes(setting, crds):
    agent, kube, _, repository, git, home, _ = setting
    agent.kubernetes(crds, namespace=home, objects=True)
    agent.config.pop("databases")
    document = agent.application("one", git.url("db.git"), "app", home)
    agent.begin()
    kube.create(document)
    agent.wait_app("one", "Synced", repository.head)
    repository.commit({"app/a.yaml": config_map("a", value="two")}, branch="next")
    kube.patch(*APPLICATION, home, "one", {"spec": {"source": {"targetRevision": "next"}}})
    agent.wait_app("one", "Synced", repository.tip("next"))
    assert value(kube, home) == "two"
    kube.delete(*APPLICATION, home, "one")
    wait_for("forgotten", lambda: agent.app("one") is None)
    assert value(kube, home) == "two"


def test_an_application_that_is_held_says_so_to_who_asks(setting):
    agent, kube, _, repository, git, home, _ = setting
    agent.start()
    agent.wait_app("team", "Synced", repository.head)
    held = {"annotations": {"argocd.argoproj.io/skip-reconcile": "true"}, "name": "team", "namespace": home}
    agent.application("team", git.url("db.git"), "app", home)
    path = agent.folder / "applications" / "team.yaml"
    document = json.loads(path.read_text())
    document["metadata"] |= held
    private(path, json.dumps(document))
    agent.signal(signal.SIGHUP)
    agent.wait_log("reloading")
    kube.patch("v1", "ConfigMap", home, "a", {"data": {"value": "mine"}})
    for command in ("sync", "refresh"):
        assert "skip-reconcile" in agent.cli("app", command, "team", timeout=20).is_(1).err
    assert value(kube, home) == "mine"
    document["metadata"].pop("annotations")
    private(path, json.dumps(document))
    agent.signal(signal.SIGHUP)
    wait_for("healed", lambda: value(kube, home) == "one")


def test_a_corrected_url_leaves_nothing_behind(setting):
    agent, _, _, repository, git, home, _ = setting
    with SilentServer() as silent:
        agent.application("team", f"http://127.0.0.1:{silent.port}/db.git", "app", home)
        agent.begin()
        wait_for("the wrong server is asked", lambda: silent.accepted)
        agent.application("team", git.url("db.git"), "app", home)
        agent.signal(signal.SIGHUP)
        agent.wait_app("team", "Synced", repository.head)
    wait_for("ready: the wrong URL is nobody's any more", agent.ready)
