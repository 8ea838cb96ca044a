"""The installation at work: the agent with install.yaml's agent file and the token of its ServiceAccount, nothing more."""

import base64
import contextlib
import json
import re
import sqlite3

import pytest
import yaml

from parts import kube, postgres
from parts.agent import wait_for
from parts.installed import (
    APPLICATION, EXAMPLES, MANIFESTS, at_work, documents, may, me, missed, overlay, refusals, rounds_of, rules_of, secret, status, synced)
from parts.manifests import users_map
from parts.patroni import pretend
from parts.process import free_port, own_address


@pytest.fixture(scope="module")
def plane():
    """A control plane of its own: the installation has names of its own (argocd, postgres, default)."""
    own = kube.ControlPlane().start()
    for document in documents(MANIFESTS / "prepare.yaml") + documents(MANIFESTS / "install.yaml") + documents(MANIFESTS.parent / "tests/end/data/postgresql-crd.yaml"):
        if document["kind"] == "CustomResourceDefinition":
            own.admin.create_crd(document)
        else:
            own.admin.apply(document)
    own.admin.create_crd(kube.simple_crd("bitnami.com", "SealedSecret", "sealedsecrets", version="v1alpha1"))
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
    """As install.yaml says."""
    return at_work(plane, agent, server, tmp_path)


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


# ---- an upgrade of the installation -----------------------------------------------------------------------------------------

RECORDED = MANIFESTS.parent / "tests/end/data/store_0.1.0_cluster.sql"
MORE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n"
TRACKING = "argocd.argoproj.io/tracking-id"
OWNED = [("postgres-cluster", ("acid.zalan.do/v1", "postgresql", "default", "acid-minimal-cluster"), "acid.zalan.do/postgresql:default/"),
         ("postgres-users", ("v1", "ConfigMap", "postgres", "postgres-users-config"), "/ConfigMap:postgres/"),
         ("postgres-users", ("v1", "ConfigMap", "postgres", "more"), "/ConfigMap:postgres/")]


@pytest.fixture
def upgraded(installed, plane, agent):
    """What version 0.1.0 left: its objects, the status of its Applications, its store. The two commits that it has seen."""
    seen = [installed.head, installed.commit({"postgres-users/more.yaml": MORE})]
    manifests = [(EXAMPLES / "postgres-cluster/minimal-cluster.yaml").read_text(), (EXAMPLES / "postgres-users/users.yaml").read_text(), MORE]
    text = RECORDED.read_text().replace("file:///srv/team/database", installed.url.removesuffix(".git"))
    for recorded, commit in zip(re.findall(r"'([0-9a-f]{40})','Ada", text)[1:], seen, strict=True):
        text = text.replace(recorded, commit)
    versions = {}
    for (application, address, key), manifest in zip(OWNED, manifests, strict=True):
        plane.admin.delete(*address)
        wanted = yaml.safe_load(manifest)
        wanted["metadata"] |= {"namespace": address[2], "annotations": {TRACKING: f"{application}:{key}{address[3]}"}}
        made = plane.admin.apply(wanted, manager="pgitops", force=True)["metadata"]
        versions[address[3]] = (made["uid"], made["resourceVersion"])
    agent.state.mkdir(mode=0o700)
    path = agent.state / "pgitops.db"
    path.touch(mode=0o600)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript((MANIFESTS.parent / "store/schema_1.sql").read_text() + text)
        db.execute("PRAGMA user_version = 1")
        for name, (uid, version) in versions.items():
            db.execute("UPDATE inventory SET uid = ?, live_version = ? WHERE name = ?", (uid, version, name))
        for name, recorded in db.execute("SELECT name, document FROM application").fetchall():
            found = plane.admin.patch(APPLICATION, "Application", "argocd", name, {"status": json.loads(recorded)["status"]}, manager="pgitops")
            document = recorded.replace(json.loads(recorded)["metadata"]["uid"], found["metadata"]["uid"])
            db.execute("UPDATE application SET document = ? WHERE name = ?", (document, name))
        db.commit()
    return seen


def test_an_upgrade_from_the_first_version_keeps_what_applications_have_and_writes_nothing_again(upgraded, installed, plane, agent):
    mark = plane.mark()
    agent.start()
    for name in ("postgres-cluster", "postgres-users"):
        agent.cli("app", "refresh", name).ok()
    synced(plane, "postgres-users", upgraded[1])
    again = [(event["verb"], event["requestURI"]) for event in plane.requests(mark) if event["verb"] in ("create", "update", "patch", "delete") and
             event["objectRef"]["resource"] in ("configmaps", "postgresqls") and "dryRun" not in event["requestURI"]]
    assert again == []
    before = status(plane, "postgres-users")
    assert [(entry["id"], entry["revision"]) for entry in before["history"]] == list(enumerate(upgraded))
    assert before["operationState"]["phase"] == "Succeeded" and not before.get("conditions")
    head = installed.commit({"postgres-users/more.yaml": MORE + "data: {a: b}\n"})
    synced(plane, "postgres-users", head)
    assert [(entry["id"], entry["revision"]) for entry in status(plane, "postgres-users")["history"]] == list(enumerate([*upgraded, head]))
    assert [row["commit"] for row in agent.items("app", "history", "postgres-users")] == [head, *reversed(upgraded)]
    assert refusals(plane, mark) == []


# ---- the overlays -----------------------------------------------------------------------------------------------------


@pytest.fixture
def as_before(plane):
    """The rights of install.yaml again after the test."""
    yield
    for document in documents(MANIFESTS / "install.yaml"):
        if "Role" in document["kind"]:
            plane.admin.apply(document, force=True)


def test_nothing_beyond_the_namespaces_is_needed(installed, plane, agent, as_before):
    rbac = "rbac.authorization.k8s.io/v1"
    plane.admin.delete(rbac, "ClusterRoleBinding", None, "pgitops")
    plane.admin.delete(rbac, "ClusterRole", None, "pgitops")
    for role in rules_of(overlay("namespaced")):
        assert role["kind"] == "Role"
        plane.admin.apply(role, force=True)
    client = me(plane, agent)
    wait_for("the rights of the overlay", lambda: may(client, "get", "namespaces", "", "postgres", "postgres") and
             not may(client, "create", "namespaces", "", ""))
    mark = plane.mark()
    agent.start()
    synced(plane, "postgres-cluster", installed.head)
    synced(plane, "postgres-users", installed.head)
    assert refusals(plane, mark) == []
    rights = [item for item in agent.cli("doctor", "-o", "json").items if item["check"] == "rights" and item["status"] != "ok"]
    assert [(item["status"], item["detail"]) for item in rights] == [
        ("warning", "namespaces: may not create (CreateNamespace=true, should one of them go)")]


def test_a_read_only_agent_compares_and_the_server_lets_it_write_nothing(installed, plane, agent, server, as_before):
    made = overlay("read-only")
    policies = [document for document in made if document["kind"].startswith("ValidatingAdmission")]
    for document in rules_of(made) + policies:
        plane.admin.apply(document, force=True)
    agent.config["databases"][0]["policy"] = yaml.safe_load(next(
        one for one in made if one["kind"] == "ConfigMap")["data"]["agent.yaml"])["databases"][0]["policy"]
    plane.admin.delete("acid.zalan.do/v1", "postgresql", "default", "acid-minimal-cluster")
    for name in ("postgres-cluster", "postgres-users"):
        plane.admin.patch(APPLICATION, "Application", "argocd", name, {"spec": {"syncPolicy": {"automated": None}}})
    client = me(plane, agent)
    probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe", "namespace": "postgres"}}

    def holds():
        try:
            client.create(probe)
        except kube.ApiError as error:
            return "read-only" in str(error)
        plane.admin.delete("v1", "ConfigMap", "postgres", "probe")
        return False

    try:
        wait_for("the policy holds", holds)
        agent.start()
        synced(plane, "postgres-cluster", installed.head, "OutOfSync")
        assert "acid-minimal-cluster" in agent.cli("app", "diff", "postgres-cluster").is_(1).out
        assert "read-only" in agent.cli("app", "sync", "postgres-cluster").is_(1).err
        assert not plane.admin.get("acid.zalan.do/v1", "postgresql", "default", "acid-minimal-cluster")
        assert not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'alice'")
    finally:
        for document in policies:
            plane.admin.delete(document["apiVersion"], document["kind"], None, document["metadata"]["name"])
        wait_for("the policy is gone", lambda: not holds())


# ---- install --print --------------------------------------------------------------------------------------------------


def printed(agent, plane, *more):
    """Its documents, asked for as somebody at a workstation does, with the agent file of install.yaml."""
    return agent.cli("install", "--print", "--config", agent.folder / "for-the-pod.yaml", "--kubeconfig", plane.kubeconfig(folder=agent.folder), *more)


@pytest.fixture
def workstation(agent):
    (agent.folder / "for-the-pod.yaml").write_text((MANIFESTS / "base/agent.yaml").read_text())
    return agent


def keyed(made):
    return {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for one in made}


def granted(made):
    """Each right by itself."""
    return {(role["metadata"].get("namespace", ""), group, resource, name, verb)
            for role in rules_of(made) for rule in role["rules"] for group in rule["apiGroups"] for resource in rule["resources"]
            for name in rule.get("resourceNames", [""]) for verb in rule["verbs"]}


def test_the_printed_rights_are_those_of_install_yaml_that_these_paths_need(installed, plane, workstation, as_before):
    made = list(yaml.safe_load_all(printed(workstation, plane).ok().out))
    ours, theirs = keyed(made), keyed(documents(MANIFESTS / "install.yaml"))
    assert ours.keys() == theirs.keys()
    for kind in ("ConfigMap", "Deployment", "Service", "NetworkPolicy"):
        assert ours[kind, "argocd", "pgitops"] == theirs[kind, "argocd", "pgitops"], kind
    extra = {(place, *rest) for place, *rest in granted(made) - granted(theirs.values())}
    assert {(place, resource, verb) for place, _, resource, _, verb in extra} == {(name, "namespaces", "get") for name in ("default", "postgres")}
    # Neither a lease nor SealedSecrets are in use here, and a namespace that is there needs no Role of the whole cluster to be seen.
    assert {resource for _, _, resource, _, _ in granted(theirs.values()) - granted(made)} <= {"leases", "sealedsecrets", "events", "namespaces"}

    for document in made:
        if "Role" in document["kind"]:
            plane.admin.apply(document, force=True)
    client = me(plane, workstation)
    wait_for("the printed rights", lambda: not may(client, "create", "leases", "coordination.k8s.io", "argocd"))
    mark = plane.mark()
    workstation.start()
    synced(plane, "postgres-cluster", installed.head)
    synced(plane, "postgres-users", installed.head)
    assert refusals(plane, mark) == []


def test_overlays_of_the_command_are_those_of_the_folder(installed, plane, workstation):
    file = workstation.folder / "for-the-pod.yaml"
    two = overlay("two-replicas")
    file.write_text(keyed(two)["ConfigMap", "argocd", "pgitops"]["data"]["agent.yaml"])
    made = keyed(yaml.safe_load_all(printed(workstation, plane, "--overlay", "two-replicas", "--image", "pgitops:0.1.0").ok().out))
    for kind in ("Deployment", "PodDisruptionBudget", "ConfigMap"):
        wanted = keyed(two)[kind, "argocd", "pgitops"]
        if kind == "Deployment":
            for one in (wanted, made[kind, "argocd", "pgitops"]):
                one["spec"]["template"]["spec"]["volumes"].sort(key=lambda volume: volume["name"])
        assert made[kind, "argocd", "pgitops"] == wanted, kind
    assert ("argocd", "coordination.k8s.io", "leases", "pgitops", "update") in granted(made.values())

    file.write_text(keyed(overlay("read-only"))["ConfigMap", "argocd", "pgitops"]["data"]["agent.yaml"])
    made = list(yaml.safe_load_all(printed(workstation, plane, "--overlay", "read-only", "--overlay", "namespaced").ok().out))
    assert not [one for one in made if one["kind"].startswith("ClusterRole")]
    assert not [right for right in granted(made) if right[-1] == "delete"]
    policy = keyed(made)["ValidatingAdmissionPolicy", "", "pgitops-read-only"]
    assert policy == keyed(overlay("read-only"))["ValidatingAdmissionPolicy", "", "pgitops-read-only"]

    file.write_text((MANIFESTS / "base/agent.yaml").read_text())
    assert "lease: {}" in printed(workstation, plane, "--overlay", "two-replicas").is_(2).err
    assert "namespaced" in printed(workstation, plane, "--overlay", "cluster").is_(2).err


def test_a_kind_that_the_cluster_does_not_know_is_told_and_nothing_is_printed(installed, plane, workstation):
    installed.commit({"postgres-cluster/x.yaml": "apiVersion: nowhere.example.org/v1\nkind: Nothing\nmetadata: {name: x}\n"})
    result = printed(workstation, plane).is_(1)
    assert result.out == "" and "Nothing.nowhere.example.org" in result.err


def test_what_the_pod_will_not_have_is_told(installed, plane, workstation):
    """Each file by the line that names it; what is on the Deployment's volumes, or in the image, is there."""
    file = workstation.folder / "for-the-pod.yaml"
    assert "the Pod" not in printed(workstation, plane).ok().err
    given = file.read_text()
    lines = [("state: /var/lib/pgitops", "state: ./state", "state"), ("tokenFile: /run/secrets/pgitops/token", "tokenFile: token", "tokenFile"),
             ("sslrootcert=/run/postgres-ca/ca.crt", "sslrootcert=/home/me/ca.crt", "connection: sslrootcert")]
    for old, new, _ in lines:
        assert old in given
        given = given.replace(old, new)
    more = "repositories:\n  - {url: https://git.example.org, passwordFile: /tmp/password, caFile: /etc/ssl/certs/ca-certificates.crt}\n"
    file.write_text(given.replace("0.0.0.0:8080", "127.0.0.1:8080") + more)
    result = printed(workstation, plane).ok()
    told = [line for line in result.err.splitlines() if line.startswith("pgitops: warning: the Pod:")]
    text = file.read_text().splitlines()
    for name in ("state", "tokenFile", "connection: sslrootcert", "passwordFile"):
        (line,) = (found for found in told if f": {name} is /" in found)
        assert name.split(": ")[-1] in text[int(line.split(f"{file}:")[1].split(":")[0]) - 1], line
    assert len(told) == 5 and "listen is 127.0.0.1:8080" in told[-1], told
    assert keyed(yaml.safe_load_all(result.out))["ConfigMap", "argocd", "pgitops"]["data"]["agent.yaml"] == file.read_text()


def test_before_anything_is_in_the_cluster_the_applications_come_from_a_folder(installed, plane, workstation, tmp_path):
    folder = tmp_path / "not-in-the-cluster-yet"
    folder.mkdir()
    for file in (EXAMPLES / "applications").iterdir():
        (folder / file.name).write_text(file.read_text().replace("https://git.example.org/team/database.git", installed.url))
    for name in ("postgres-cluster", "postgres-users"):
        plane.admin.delete(APPLICATION, "Application", "argocd", name)
    made = list(yaml.safe_load_all(printed(workstation, plane, "--applications", folder).ok().out))
    assert ("default", "acid.zalan.do", "postgresqls", "", "delete") in granted(made)
    assert ("argocd", "argoproj.io", "applications", "", "patch") in granted(made)
    result = workstation.cli("install", "--print", "--config", workstation.folder / "for-the-pod.yaml", "--kubeconfig", tmp_path / "none").is_(2)
    assert result.out == "" and "none" in result.err


# ---- least rights -----------------------------------------------------------------------------------------------------


def test_each_right_that_is_taken_away_is_named_by_doctor(installed, plane, agent, as_before):
    """And so none of them is there for nothing: what is missing would be missed."""
    installed.commit({"postgres-users/sealed.yaml": yaml.safe_dump({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": "user-bob-secret"},
        "spec": {"encryptedData": {"password": "AgA="}}})})
    agent.config["lease"] = {}
    agent.write()
    roles = rules_of(documents(MANIFESTS / "install.yaml"))
    assert missed(plane, agent, roles, rounds_of(roles)) == ([], [])


EXTRA = {"extra/definition.yaml": yaml.safe_dump(kube.simple_crd("example.org", "Widget", "widgets")),
         "extra/widget.yaml": "apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: one}\n",
         "extra/nobody.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nobody}\ndata: {users.yaml: 'users: []'}\n"}


def optioned(kind, name, option, value):
    """An object whose annotation has the sync option, and whose immutable data change with `value`."""
    return yaml.safe_dump({"apiVersion": "v1", "kind": kind, "immutable": option == "Force=true",
                           "data" if kind == "ConfigMap" else "stringData": {"key": value},
                           "metadata": {"name": name, "annotations": {"argocd.argoproj.io/sync-options": option}}})


@pytest.fixture
def demanding(installed, plane, workstation, tmp_path):
    """What needs a right of its own each: a password to make, elsewhere; a cluster to show; labels of a namespace; PUT and DELETE; a new kind."""
    for application in documents(EXAMPLES / "applications/postgres-users.yaml"):
        application["metadata"]["name"] = "extra"
        application["spec"] |= {"destination": application["spec"]["destination"] | {"namespace": "extra"}, "syncPolicy": {
            "automated": {}, "syncOptions": ["CreateNamespace=true"], "managedNamespaceMetadata": {"labels": {"team": "extra"}}}}
        application["spec"]["source"] |= {"repoURL": installed.url, "path": "extra"}
        plane.admin.apply(application)
    installed.commit(EXTRA | {
        "extra/replaced.yaml": optioned("ConfigMap", "replaced", "Replace=true", "first"),
        "extra/forced.yaml": optioned("Secret", "forced", "Force=true", "first"),
        "postgres-users/users.yaml": users_map("version: 2\nusers:\n- {username: carol, database: app, password: {generate: true}}\n")})
    for name in ("extra", "vault"):
        plane.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    pretend(plane, "default", "acid-minimal-cluster", members=1)
    plane.admin.patch("v1", "Endpoints", "default", "acid-minimal-cluster", {"subsets": [
        {"addresses": [{"ip": own_address()}], "ports": [{"name": "postgresql", "port": free_port()}]}]})

    file = workstation.folder / "for-the-pod.yaml"
    in_pod = yaml.safe_load(file.read_text())
    for config in (in_pod, workstation.config):
        config["databases"][0]["users"]["namespace"] = "vault"
        config["databases"].append({"name": "operator", "postgresql": "default/acid-minimal-cluster",
                                    "users": {"application": "extra", "configMap": "nobody"}})
    file.write_text(yaml.safe_dump(in_pod))
    (tmp_path / "token").write_text("open-sesame-0123456789\n")
    (tmp_path / "token").chmod(0o600)
    yield installed
    plane.admin.delete(APPLICATION, "Application", "argocd", "extra")
    plane.admin.delete("v1", "Pod", "default", "acid-minimal-cluster-0")
    for name in ("acid-minimal-cluster", "acid-minimal-cluster-config"):
        plane.admin.delete("v1", "Endpoints", "default", name)


def test_with_the_printed_rights_nothing_is_refused_and_each_of_them_is_missed(demanding, plane, workstation, server, as_before):
    roles = rules_of(made := list(yaml.safe_load_all(printed(workstation, plane).ok().out)))
    assert {("vault", "", "secrets", "", "create"), ("default", "", "pods", "", "list"), ("default", "apps", "statefulsets", "", "list"),
            ("extra", "", "namespaces", "extra", "patch"), ("extra", "", "configmaps", "", "update"), ("extra", "", "secrets", "", "delete"),
            ("extra", "example.org", "widgets", "", "create"), ("postgres", "", "events", "", "create")} <= granted(made)
    assert {(place, verb) for place, _, resource, _, verb in granted(made) if resource == "secrets" and verb not in ("get", "list", "watch")} == {
        ("vault", "create"), ("extra", "create"), ("extra", "patch"), ("extra", "delete")}
    for document in made:
        if "Role" in document["kind"]:
            plane.admin.apply(document, force=True)
    client = me(plane, workstation)
    wait_for("the printed rights", lambda: may(client, "create", "secrets", "", "vault") and not may(client, "create", "leases", "coordination.k8s.io", "argocd"))
    mark = plane.mark()
    workstation.start()
    synced(plane, "extra", demanding.head)
    head = demanding.commit({"extra/replaced.yaml": optioned("ConfigMap", "replaced", "Replace=true", "second"),
                             "extra/forced.yaml": optioned("Secret", "forced", "Force=true", "second")})
    synced(plane, "extra", head)
    made_secret = wait_for("carol's Secret", lambda: plane.admin.get("v1", "Secret", "vault", "user-carol-secret"))
    password = base64.b64decode(made_secret["data"]["password"]).decode()
    wait_for("carol logs in", lambda: server.can_login("carol", password, "app"))
    wait_for("the page has the cluster", lambda: [
        item for item in workstation.get("/api/v1/clusters", headers={"Authorization": "Bearer open-sesame-0123456789"}).json["items"]
        if item["database"] == "operator" and item.get("name") == "acid-minimal-cluster" and "is needed" not in item.get("note", "")])
    wait_for("an Event on the list", lambda: [
        event for event in plane.admin.list("v1", "Event", "postgres") if event["involvedObject"]["kind"] == "ConfigMap"])
    assert plane.admin.get("v1", "Namespace", None, "extra")["metadata"]["labels"]["team"] == "extra"
    workstation.stop()
    # Whether a new kind is served yet is asked of the whole cluster, and that it may not be listed there is answer enough.
    assert [one for one in refusals(plane, mark) if not one[1].endswith("/widgets?limit=1")] == []

    assert missed(plane, workstation, roles, rounds_of(roles)[1:]) == ([], [])
