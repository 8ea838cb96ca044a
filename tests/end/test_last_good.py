"""The last good commit stays in force while the newest one cannot be used, whatever happens to the agent meanwhile."""

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.manifests import config_map, users


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restart_on_a_broken_commit_keeps_what_was_in_force(agent, crds, server, tmp_path, how):
    server.run("CREATE DATABASE app")
    kube, namespace = crds.admin, crds.namespace()
    repository = Repository(tmp_path / "db.git")
    good = repository.commit({"users/users.yaml": users(alice=["readers"]), "users/a.yaml": config_map("a")})
    agent.kubernetes(crds).database(server)
    agent.application("team", repository.url, "users", namespace)
    agent.config["databases"][0]["users"]["application"] = "team"
    agent.secret(namespace, "user-alice-secret", "wonderland")
    agent.start()
    agent.wait_app("team", revision=good)
    wait_for("alice", lambda: server.can_login("alice", "wonderland", "app"))

    bad = repository.commit({"users/users.yaml": users("{usernam: bob}", alice=["readers"])})
    agent.wait_condition("team", "ComparisonError", bad[:12])
    getattr(agent, how)()
    agent.start()
    agent.wait_condition("team", "ComparisonError", bad[:12])

    # It is shown, compared and healed, and the users too; the mistake stays said.
    app = wait_for("the commit in force", lambda: (found := agent.app("team"))["status"]["sync"].get("revision") == good and found)
    assert [resource["name"] for resource in app["status"]["resources"]] == ["a", "postgres-users-config"]
    kube.patch("v1", "ConfigMap", namespace, "a", {"data": {"value": "by hand"}})
    wait_for("healed", lambda: kube.get("v1", "ConfigMap", namespace, "a")["data"]["value"] == "one")
    server.run("ALTER ROLE alice CREATEDB")
    agent.cli("user", "sync").ok()
    assert server.value("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'alice'") is False
    agent.wait_condition("team", "ComparisonError", bad[:12])

    fixed = repository.commit({"users/users.yaml": users(alice=["readers"]), "users/a.yaml": config_map("a", value="two")})
    app = agent.wait_app("team", revision=fixed)
    assert not [c for c in app["status"].get("conditions", []) if c["type"] == "ComparisonError"]
    wait_for("applied", lambda: kube.get("v1", "ConfigMap", namespace, "a")["data"]["value"] == "two")
