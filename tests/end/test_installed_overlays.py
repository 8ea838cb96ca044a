"""Overlays of manifests/ that give more than install.yaml, at work with their own rights: what they are for goes, and nothing is refused."""

import subprocess

import pytest
import yaml

from parts import agent as agents
from parts import postgres
from parts.agent import wait_for
from parts.installed import (
    APPLICATION, EXAMPLES, MANIFESTS, SUPERUSER, at_work, documents, may, me, missed, overlay, own, refusals, rounds_of, rules_of, synced)
from parts.pair import LEASES
from parts.patroni import pretend
from parts.process import own_address

CLUSTER = ("acid.zalan.do/v1", "postgresql", "default", "acid-minimal-cluster")


@pytest.fixture(scope="module")
def place(crds):
    """Namespaces, kinds and the account; each test brings its own Roles."""
    for document in documents(MANIFESTS / "prepare.yaml") + documents(MANIFESTS / "install.yaml"):
        if document["kind"] in ("Namespace", "ServiceAccount", "ConfigMap", "RoleBinding", "ClusterRoleBinding"):
            crds.admin.apply(document, force=True)
    yield crds
    for document in documents(MANIFESTS / "install.yaml"):
        if document["kind"] != "Namespace":
            crds.admin.delete(document["apiVersion"], document["kind"], document["metadata"].get("namespace"), document["metadata"]["name"])


@pytest.fixture
def rights(place):
    """rights(name): those of this overlay and no others; its documents."""
    def give(name):
        made = overlay(name)
        place.admin.delete("rbac.authorization.k8s.io/v1", "ClusterRole", None, "pgitops")  # which not each of them has
        for role in rules_of(made):
            place.admin.apply(role, force=True)
        return made

    yield give
    for name in ("postgres-cluster", "postgres-users"):
        place.admin.delete(APPLICATION, "Application", "argocd", name)
    place.admin.delete(*CLUSTER)
    place.admin.delete("v1", "Secret", "default", SUPERUSER)
    for api_version, kind in (("bitnami.com/v1alpha1", "SealedSecret"), ("v1", "Secret"), ("v1", "ConfigMap")):
        for one in place.admin.list(api_version, kind, "postgres"):
            if one["metadata"]["name"] != "kube-root-ca.crt":
                place.admin.delete(api_version, kind, "postgres", one["metadata"]["name"])


@pytest.fixture
def database(server):
    server.run("CREATE DATABASE app")
    return server


def ready(place, agent, *right):
    client = me(place, agent)
    wait_for("the rights of the overlay", lambda: may(client, *right))
    return place.mark()


def test_two_replicas_share_the_work_with_the_rights_of_their_overlay(place, rights, database, make_agent, tmp_path):
    made = rights("two-replicas")
    first, second = make_agent("first"), make_agent("second")
    repository = at_work(place, first, database, first.folder, made)
    own(place, second, second.folder, made)
    second.config["databases"][0]["connection"] = database.conninfo()
    assert first.config["lease"] == second.config["lease"] == {}
    mark = ready(place, first, "update", "leases", "coordination.k8s.io", "argocd", "pgitops")
    first.start()
    synced(place, "postgres-users", repository.head)
    second.begin()
    held = place.admin.get(*LEASES, "argocd", "pgitops")["spec"]["holderIdentity"]
    wait_for("the second one stands by", second.answers)
    assert first.stop() == 0
    head = repository.commit({"postgres-users/more.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n"})
    synced(place, "postgres-users", head)
    wait_for("alice logs in", lambda: database.can_login("alice", "first-alice", "app"))
    assert place.admin.get(*LEASES, "argocd", "pgitops")["spec"]["holderIdentity"] not in ("", held)
    assert refusals(place, mark) == []
    assert second.stop() == 0
    place.admin.delete(*LEASES, "argocd", "pgitops")


def test_the_sealing_overlay_makes_secrets_as_the_controller_does(place, rights, database, agent, tmp_path):
    made = rights("sealing-controller")
    repository = at_work(place, agent, database, tmp_path, made)
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=sealing",
                    "-keyout", keys / "sealing.key", "-out", tmp_path / "pub-cert.pem"], check=True, capture_output=True)
    (keys / "sealing.key").chmod(0o600)
    assert agent.config["sealing"]["controller"] is True
    agent.config["sealing"]["keys"] = [str(keys)]
    place.admin.delete("v1", "Secret", "postgres", "user-alice-secret")

    def sealed(password):
        text = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: user-alice-secret, namespace: postgres}}\nstringData: {{password: {password}}}\n"
        return {"postgres-users/alice.yaml": agents.run("seal", "--cert", tmp_path / "pub-cert.pem", "-o", "yaml", stdin=text).ok().out}

    repository.commit(sealed("wonderland"))
    mark = ready(place, agent, "update", "sealedsecrets/status", "bitnami.com", "postgres")
    agent.start()
    wait_for("alice logs in", lambda: database.can_login("alice", "wonderland", "app"))
    head = repository.commit(sealed("looking-glass"))
    wait_for("the new password", lambda: database.can_login("alice", "looking-glass", "app"))
    synced(place, "postgres-users", head)
    condition = place.admin.get("bitnami.com/v1alpha1", "SealedSecret", "postgres", "user-alice-secret")["status"]["conditions"][0]
    assert (condition["type"], condition["status"]) == ("Synced", "True")
    assert refusals(place, mark) == []
    rights_missing = [item for item in agent.cli("doctor", "-o", "json").items if item["check"] == "rights" and item["status"] == "failed"]
    assert rights_missing == []


def conditions(place, name):
    found = (place.admin.get(APPLICATION, "Application", "argocd", name) or {}).get("status", {}).get("conditions", [])
    return " ".join(condition["message"] for condition in found)


def test_the_operator_overlay_finds_its_database_and_shows_it(place, rights, agent, tmp_path):
    server = postgres.spilo(17, tmp_path)
    server.run("CREATE DATABASE app")
    repository = at_work(place, agent, server, tmp_path, rights("operator"))
    assert agent.config["databases"][0]["postgresql"] == "default/acid-minimal-cluster"
    pretend(place, "default", "acid-minimal-cluster", members=1)
    place.admin.patch("v1", "Endpoints", "default", "acid-minimal-cluster", {"subsets": [
        {"addresses": [{"ip": own_address()}], "ports": [{"name": "postgresql", "port": server.port}]}]})
    try:
        mark = ready(place, agent, "list", "persistentvolumeclaims", "", "default")
        agent.start()
        synced(place, "postgres-cluster", repository.head)
        synced(place, "postgres-users", repository.head)
        wait_for("alice logs in", lambda: server.can_login("alice", "first-alice", "app"))
        mine = ("-n", "default", "--kubeconfig", agent.config["kubernetes"]["kubeconfig"])
        assert "acid-minimal-cluster-0" in agents.run("cluster", "list", *mine).out
        assert refusals(place, mark) == []

        # What it is not allowed to know of the operator it says, and goes on.
        text = (EXAMPLES / "postgres-cluster/minimal-cluster.yaml").read_text()
        version = yaml.safe_load(text)["spec"]["postgresql"]["version"]
        repository.commit({"postgres-cluster/minimal-cluster.yaml": text.replace(f'version: "{version}"', f'version: "{int(version) + 1}"')})
        wait_for("the refusal", lambda: "which it is, is not known: the agent may not list configmaps with the name postgres-operator, and the "
                                        "agent may not list operatorconfigurations" in conditions(place, "postgres-cluster"))
        assert place.admin.get(*CLUSTER)["spec"]["postgresql"]["version"] == version
    finally:
        agent.stop()
        server.close()
        for kind, name in (("Pod", "acid-minimal-cluster-0"), ("Endpoints", "acid-minimal-cluster"), ("Endpoints", "acid-minimal-cluster-config")):
            place.admin.delete("v1", kind, "default", name)


@pytest.mark.parametrize("name", ["two-replicas", "sealing-controller", "operator", "namespaced", "read-only"])
def test_each_right_of_an_overlay_that_is_taken_away_is_named_by_doctor(place, rights, database, agent, tmp_path, name):
    made = rights(name)
    repository = at_work(place, agent, database, tmp_path, made)
    repository.commit({"postgres-users/sealed.yaml": yaml.safe_dump({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": "user-bob-secret"},
        "spec": {"encryptedData": {"password": "AgA="}}})})
    agent.config["lease"] = {}
    agent.write()
    not_named, others = missed(place, agent, rules_of(made), rounds_of(rules_of(made)))
    if name == "namespaced":  # what its Applications ask for is not given
        others = [line for line in others if not line.startswith("namespaces: may not create (CreateNamespace=true")]
    assert (not_named, others) == ([], [])
