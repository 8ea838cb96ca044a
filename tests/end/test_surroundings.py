"""What others do to the agent's surroundings: namespaces, kinds, Secrets and databases that go and come back, ports and folders that
are taken. The agent waits, says for what, and goes on by itself; what still works goes on meanwhile."""

import json
import socket

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.kube import ControlPlane, simple_crd
from parts.manifests import config_map, secret, users
from parts.postgres import Postgres


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "db.git")


def give_secret(kube, namespace, name, password):
    kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"user-{name}-secret", "namespace": namespace},
                 "stringData": {"password": password}})


# ---- in the cluster ---------------------------------------------------------------------------------------------------


def test_a_namespace_that_somebody_deletes_is_made_again_with_all_in_it(agent, crds, repository):
    kube, namespace = crds.admin, crds.namespace()
    repository.commit({f"app/m{number}.yaml": config_map(f"m{number}") for number in range(5)})
    agent.kubernetes(crds)
    agent.application("team", repository.url, "app", namespace)
    agent.start()
    agent.wait_app("team", "Synced", repository.head)
    uid = kube.get("v1", "Namespace", None, namespace)["metadata"]["uid"]
    kube.delete("v1", "Namespace", None, namespace)

    def again():
        found = kube.get("v1", "Namespace", None, namespace)
        return agent.alive() and found and found["metadata"]["uid"] != uid and all(
            kube.get("v1", "ConfigMap", namespace, f"m{number}") for number in range(5))
    try:
        wait_for("everything is back", again, 60, 0.2)
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{agent.log()[-4000:]}") from None
    agent.wait_app("team", "Synced", repository.head)


def test_a_kind_that_goes_and_comes_back_is_waited_for(agent, crds, repository):
    kube, namespace = crds.admin, crds.namespace()
    group = f"{namespace}.example.org"
    crd = simple_crd(group, "Toy", "toys")
    kube.create_crd(crd)
    repository.commit({"app/a.yaml": config_map("a"),
                       "app/toy.yaml": f"apiVersion: {group}/v1\nkind: Toy\nmetadata: {{name: bear}}\nspec: {{size: 3}}\n"})
    agent.kubernetes(crds)
    agent.application("team", repository.url, "app", namespace)
    agent.start()
    agent.wait_app("team", "Synced", repository.head)
    kube.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, f"toys.{group}")
    assert "app/toy.yaml:1" in agent.wait_condition("team", "SyncError", "CustomResourceDefinition")["message"]
    assert kube.get("v1", "ConfigMap", namespace, "a")
    kube.create_crd(crd)
    agent.wait_app("team", "Synced", repository.head)
    assert kube.get(f"{group}/v1", "Toy", namespace, "bear")["spec"] == {"size": 3}
    kube.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, f"toys.{group}")


def test_an_object_of_somebody_else_is_not_taken_over_silently(agent, crds, repository):
    kube, namespace = crds.admin, crds.namespace()
    kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": namespace},
                "data": {"value": "theirs"}}, manager="another-controller")
    repository.commit({"app/a.yaml": config_map("a")})
    agent.kubernetes(crds)
    agent.application("team", repository.url, "app", namespace)
    agent.start()
    message = agent.wait_condition("team", "SyncError", "another-controller")["message"]
    assert "app/a.yaml:1" in message and "data.value" in message
    assert kube.get("v1", "ConfigMap", namespace, "a")["data"]["value"] == "theirs"
    kube.delete("v1", "ConfigMap", namespace, "a")
    agent.wait_app("team", "Synced", repository.head)


# ---- users ------------------------------------------------------------------------------------------------------------


def test_a_secret_of_the_same_push_is_the_new_users_password(agent, crds, server, repository):
    namespace = crds.namespace()
    server.run("CREATE DATABASE app")
    repository.commit({"users/users.yaml": users(alice=["readers"]),
                       "users/alice.yaml": secret("user-alice-secret", password="wonderland")})
    agent.config["poll"] = "1h"
    agent.kubernetes(crds)
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", namespace)
    agent.begin()
    agent.wait_user("alice", "Synced")
    assert server.can_login("alice", "wonderland", "app")
    head = repository.commit({"users/alice.yaml": secret("user-alice-secret", password="looking-glass")})
    agent.cli("app", "refresh", "postgres-users").ok()
    agent.wait_app("postgres-users", "Synced", head)
    wait_for("rotated", lambda: server.can_login("alice", "looking-glass", "app"))


def test_a_user_whose_secret_is_deleted_keeps_working(agent, crds, server, repository):
    kube, namespace = crds.admin, crds.namespace()
    server.run("CREATE DATABASE app")
    give_secret(kube, namespace, "alice", "wonderland")
    repository.commit({"users/users.yaml": users(alice=["readers"])})
    agent.kubernetes(crds)
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", namespace)
    agent.start()
    agent.wait_user("alice", "Synced")
    kube.delete("v1", "Secret", namespace, "user-alice-secret")
    wait_for("it is told", lambda: "user-alice-secret" in agent.user("alice").get("reason", ""))
    assert server.can_login("alice", "wonderland", "app")
    server.run("REVOKE readers FROM alice")
    wait_for("the rest of it is still kept as it should be", lambda: server.query(
        "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE r.rolname = 'readers'"))
    give_secret(kube, namespace, "alice", "again")
    agent.wait_user("alice", "Synced")
    assert server.can_login("alice", "again", "app")


def test_one_database_that_is_down_does_not_hold_up_another(agent, server, repository):
    other = Postgres(15)
    for one in (server, other):
        one.run("CREATE DATABASE app")
    repository.commit({"users/users.yaml": users(alice=["readers"])})
    agent.database(server)
    agent.database(other, name="reports")
    agent.application("postgres-users", repository.url, "users", "postgres")
    agent.secret("postgres", "user-alice-secret", "wonderland")
    agent.start()
    for one in (server, other):
        wait_for("alice", lambda: one.can_login("alice", "wonderland", "app"))
    other.pause()
    agent.secret("postgres", "user-bob-secret", "builder")
    repository.commit({"users/users.yaml": users(alice=["readers"], bob=[])})
    wait_for("bob where the server answers", lambda: server.can_login("bob", "builder", "app"))
    other.resume()
    wait_for("bob there, too", lambda: other.can_login("bob", "builder", "app"))
    other.close()


@pytest.fixture(scope="module")
def own_plane():
    made = ControlPlane(controllers=False)
    made.start()
    yield made
    made.stop()


def test_users_are_kept_while_the_cluster_with_their_secrets_is_away(agent, own_plane, server, repository):
    kube, namespace = own_plane.admin, own_plane.namespace()
    server.run("CREATE DATABASE app")
    give_secret(kube, namespace, "alice", "wonderland")
    give_secret(kube, namespace, "bob", "builder")
    repository.commit({"users/users.yaml": users(alice=["readers"], bob=[])})
    agent.kubernetes(own_plane)
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", namespace)
    agent.start()
    agent.wait_user("alice", "Synced")
    agent.wait_user("bob", "Synced")
    assert agent.stop() == 0
    own_plane.stop_apiserver()
    try:
        server.run("REVOKE readers FROM alice")
        agent.begin()
        agent.wait_condition("postgres-users", "ComparisonError", "waiting for the cluster")
        wait_for("what needs no Secret is healed", lambda: server.query(
            "SELECT 1 FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid WHERE r.rolname = 'readers'"))
        assert server.can_login("alice", "wonderland", "app") and server.can_login("bob", "builder", "app")
        assert {item["name"] for item in agent.items("user", "list")} == {"alice", "bob"}
    finally:
        own_plane.start_apiserver()
    agent.wait_app("postgres-users", "Synced", repository.head)
    agent.wait_user("alice", "Synced")


# ---- on the agent's own machine ---------------------------------------------------------------------------------------


def refused(agent, *words):
    agent.write()
    result = agent.cli("agent", "--config", agent.file).is_(2)
    assert [word for word in words if word not in result.err] == [], result
    return result


def test_a_port_that_is_taken_is_named(agent):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        agent.config["listen"] = address
        refused(agent, address)


def test_a_state_folder_that_cannot_be_is_named(agent, tmp_path):
    (tmp_path / "file").write_text("")
    agent.config["state"] = "./file"
    refused(agent, str(tmp_path / "file"))


def test_an_application_file_with_a_mistake_is_named_with_its_line(agent):
    (agent.folder / "applications" / "bad.yaml").write_text("apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {\n")
    refused(agent, "bad.yaml:")


def test_a_missing_folder_of_applications_is_named(agent, tmp_path):
    agent.config["applications"] = "./nowhere"
    refused(agent, str(tmp_path / "nowhere"))


def test_secrets_that_others_may_read_are_not_used(agent, server, repository):
    server.run("CREATE DATABASE app")
    repository.commit({"users/users.yaml": users(alice=["readers"])})
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    agent.secret("postgres", "user-alice-secret", "wonderland")
    file = agent.folder / "secrets" / "postgres-user-alice-secret.yaml"
    file.chmod(0o644)
    agent.begin()
    wait_for("it is told", lambda: "user-alice-secret" in agent.user("alice").get("reason", ""))
    said = agent.user("alice")["reason"] + agent.log()
    assert str(file) in said and ("0600" in said or "600" in said), said[-2000:]
    file.chmod(0o600)
    agent.wait_user("alice", "Synced")
    (agent.folder / "secrets").rename(agent.folder / "away")
    wait_for("the folder is missed", lambda: "cannot be read" in agent.user("alice").get("reason", ""))
    assert server.can_login("alice", "wonderland", "app")


def test_one_pass_ends_with_one_when_something_could_not_be_done(agent, server, repository):
    server.run("CREATE DATABASE app")
    repository.commit({"users/users.yaml": users(alice=["readers"])})
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    assert agent.once().code == 1, "alice has no Secret"
    agent.secret("postgres", "user-alice-secret", "wonderland")
    agent.once().ok()
    agent.application("lost", repository.url + "-nowhere", "x", "default")
    assert agent.once().code == 1
    assert json.loads(agent.cli("app", "list", "-o", "json").out)["items"]
