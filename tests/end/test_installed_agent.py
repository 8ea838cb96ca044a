"""The installation at work: the agent with install.yaml's agent file and the token of its ServiceAccount, nothing more."""

import base64
import pathlib

import pytest
import yaml

from parts import kube, postgres
from parts.agent import wait_for
from parts.git import Repository

MANIFESTS = pathlib.Path(__file__).resolve().parents[2] / "manifests"
EXAMPLES = MANIFESTS / "examples"
SUPERUSER = "postgres.acid-minimal-cluster.credentials.postgresql.acid.zalan.do"
APPLICATION = "argoproj.io/v1alpha1"


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def secret(namespace, name, **data):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": namespace, "name": name},
            "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}}


@pytest.fixture(scope="module")
def plane():
    """A control plane of its own: the installation has names of its own (argocd, postgres, default)."""
    own = kube.ControlPlane().start()
    for document in documents(MANIFESTS / "prepare.yaml") + documents(MANIFESTS / "install.yaml") + documents(MANIFESTS.parent / "tests/end/data/postgresql-crd.yaml"):
        if document["kind"] == "CustomResourceDefinition":
            own.admin.create_crd(document)
        else:
            own.admin.apply(document)
    yield own
    own.stop()


@pytest.fixture
def server():
    found = postgres.shared(17)
    found.clean()
    found.run("CREATE DATABASE app")
    return found


@pytest.fixture
def installed(plane, agent, server, tmp_path):
    """What install.yaml says, but for what a pod would give: paths, the listen address, the database's address."""
    path = plane.admin.path("v1", "ServiceAccount", "argocd", "pgitops") + "/token"
    token = plane.admin.request("POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                                               "spec": {"expirationSeconds": 3600}})["status"]["token"]
    config = yaml.safe_load(plane.admin.get("v1", "ConfigMap", "argocd", "pgitops")["data"]["agent.yaml"])
    own = agent.config
    config |= {"state": own["state"], "listen": own["listen"], "poll": "1s", "log": own["log"],
               "kubernetes": {"kubeconfig": str(plane.kubeconfig("pgitops", folder=tmp_path, token=token))}}
    config["api"] = {"tokenFile": str(tmp_path / "token")}
    config["databases"][0]["connection"] = server.conninfo()
    agent.config = config

    for document in [secret("default", SUPERUSER, username="postgres", password=server.password),
                     *(secret("postgres", f"user-{name}-secret", password=f"first-{name}")
                       for name in ("alice", "bob", "report-service"))]:
        plane.admin.apply(document)
    repository = Repository(tmp_path / "database.git")
    repository.commit({str(file.relative_to(EXAMPLES)): file.read_text()
                       for folder in ("postgres-cluster", "postgres-users") for file in (EXAMPLES / folder).iterdir()})
    for file in sorted((EXAMPLES / "applications").iterdir()):
        for application in documents(file):
            application["spec"]["source"]["repoURL"] = repository.url
            plane.admin.apply(application)
    return repository


def status(plane, name):
    return (plane.admin.get(APPLICATION, "Application", "argocd", name) or {}).get("status", {})


def synced(plane, name, revision):
    def there():
        sync = status(plane, name).get("sync", {})
        return sync.get("status") == "Synced" and sync.get("revision") == revision

    try:
        wait_for(f"{name} synced", there)
    except TimeoutError as error:
        raise AssertionError(f"{error}: {status(plane, name)}") from None


def test_a_push_reaches_the_cluster_and_the_database_with_the_rights_of_the_installation(installed, plane, agent, server):
    mark = plane.mark()
    agent.start()
    head = installed.head
    synced(plane, "postgres-cluster", head)
    synced(plane, "postgres-users", head)
    cluster = plane.admin.get("acid.zalan.do/v1", "postgresql", "default", "acid-minimal-cluster")
    assert cluster["spec"]["numberOfInstances"] == 2
    assert plane.admin.get("v1", "ConfigMap", "postgres", "postgres-users-config")
    wait_for("alice may log in with the password of her Secret", lambda: server.can_login("alice", "first-alice", "app"))

    # A changed Secret counts at once: it is watched.
    plane.admin.apply(secret("postgres", "user-alice-secret", password="second"))
    wait_for("the new password", lambda: server.can_login("alice", "second", "app"))
    assert not server.can_login("alice", "first-alice", "app")

    # Damage by hand is seen and undone.
    plane.admin.patch("acid.zalan.do/v1", "postgresql", "default", "acid-minimal-cluster", {"spec": {"numberOfInstances": 5}})
    wait_for("the cluster is as Git says", lambda: plane.admin.get(
        "acid.zalan.do/v1", "postgresql", "default", "acid-minimal-cluster")["spec"]["numberOfInstances"] == 2)

    head = installed.commit({"postgres-users/users.yaml": (EXAMPLES / "postgres-users/users.yaml").read_text().replace(
        "      - username: bob\n        database: app\n        roles: [readonly]\n", "")}, "Bob has left")
    synced(plane, "postgres-users", head)
    wait_for("bob is gone", lambda: not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'bob'"))

    # None of it needed a right that the installation does not give.
    refused = [(event["verb"], event["requestURI"], event["responseStatus"].get("message"))
               for event in plane.requests(mark) if event.get("responseStatus", {}).get("code") in (401, 403)]
    assert refused == []


def test_a_kind_without_a_rule_is_a_condition_that_names_it(installed, plane, agent):
    agent.start()
    head = installed.commit({"postgres-users/more.yaml":
                             "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: extra\nspec: {}\n"})

    def condition():
        conditions = status(plane, "postgres-users").get("conditions", [])
        return next((c["message"] for c in conditions if "deployments" in c["message"].lower()), None)

    message = wait_for("a condition that names the kind", condition)
    assert "403" in message or "forbidden" in message.lower() or "may not" in message, message
    head = installed.commit({"postgres-users/more.yaml": None})
    synced(plane, "postgres-users", head)


def test_the_api_asks_for_the_token_and_the_probes_do_not(installed, agent, tmp_path):
    agent.start()
    assert agent.get("/healthz").status == 200
    assert agent.get("/readyz").status == 200
    assert agent.get("/api/v1/applications").status in (401, 503)
    (tmp_path / "token").write_text("open-sesame-0123456789\n")
    (tmp_path / "token").chmod(0o600)
    assert agent.get("/api/v1/applications", headers={"Authorization": "Bearer wrong"}).status == 401
    answer = agent.get("/api/v1/applications", headers={"Authorization": "Bearer open-sesame-0123456789"})
    assert answer.status == 200 and len(answer.json["items"]) == 2
