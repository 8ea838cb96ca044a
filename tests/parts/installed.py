"""The installation of manifests/ at work: the agent with the agent file and the rights that stand there, and nothing more.

    repository = at_work(plane, agent, server, tmp_path)                     # as install.yaml has it, or an overlay
    agent.start(); synced(plane, "postgres-users", repository.head); assert refusals(plane, mark) == []
"""

import base64
import pathlib
import re

import yaml

from parts import tools
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


def status(plane, name):
    return (plane.admin.get(APPLICATION, "Application", "argocd", name) or {}).get("status", {})


def synced(plane, name, revision, wanted="Synced"):
    def there():
        sync = status(plane, name).get("sync", {})
        return sync.get("status") == wanted and sync.get("revision") == revision

    try:
        wait_for(f"{name} {wanted}", there)
    except TimeoutError as error:
        raise AssertionError(f"{error}: {status(plane, name)}") from None


def overlay(name):
    return tools.kustomized(MANIFESTS / "overlays" / name)


def rules_of(documents):
    return [document for document in documents if document["kind"] in ("Role", "ClusterRole")]


def refusals(plane, mark):
    return [(event["verb"], event["requestURI"], event["responseStatus"].get("message"))
            for event in plane.requests(mark) if event.get("responseStatus", {}).get("code") in (401, 403)]


def me(plane, installed_agent):
    """A client with the agent's own token."""
    config = yaml.safe_load(pathlib.Path(installed_agent.config["kubernetes"]["kubeconfig"]).read_text())
    return plane.client(config["users"][0]["user"]["token"], agent="tests-as-pgitops")


def may(client, verb, resource, group, namespace, name=""):
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": {
        "verb": verb, "resource": resource, "group": group, "namespace": namespace, "name": name}}}
    return client.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)["status"]["allowed"]


def own(plane, agent, folder, made=None):
    """The agent file, of what is installed or of these documents, but for what a Pod would give: paths, the listen address, a token."""
    path = plane.admin.path("v1", "ServiceAccount", "argocd", "pgitops") + "/token"
    token = plane.admin.request("POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                                               "spec": {"expirationSeconds": 3600}})["status"]["token"]
    found = next(one for one in made if one["kind"] == "ConfigMap") if made else plane.admin.get("v1", "ConfigMap", "argocd", "pgitops")
    before = agent.config
    agent.config = yaml.safe_load(found["data"]["agent.yaml"]) | {
        "state": before["state"], "listen": before["listen"], "poll": "1s", "log": before["log"],
        "kubernetes": {"kubeconfig": str(plane.kubeconfig("pgitops", folder=folder, token=token))}, "api": {"tokenFile": str(folder / "token")}}


def at_work(plane, agent, server, folder, made=None):
    """Its Applications, their repository, and the Secrets that they name; the agent is not started yet."""
    own(plane, agent, folder, made)
    if "connection" in agent.config["databases"][0]:
        agent.config["databases"][0]["connection"] = server.conninfo()
    for document in [secret("default", SUPERUSER, username="postgres", password=server.password),
                     *(secret("postgres", f"user-{name}-secret", password=f"first-{name}")
                       for name in ("alice", "bob", "report-service"))]:
        plane.admin.apply(document)
    repository = Repository(folder / "database.git")
    repository.commit({str(file.relative_to(EXAMPLES)): file.read_text()
                       for folder in ("postgres-cluster", "postgres-users") for file in (EXAMPLES / folder).iterdir()})
    for file in sorted((EXAMPLES / "applications").iterdir()):
        for application in documents(file):
            application["spec"]["source"]["repoURL"] = repository.url
            plane.admin.apply(application)
    return repository


# ---- least rights -----------------------------------------------------------------------------------------------------


def each_right(roles):
    """(role, number of its rule, verb) of all Roles."""
    return [(role, at, verb) for role in roles for at, rule in enumerate(role["rules"]) for verb in rule["verbs"]]


def places(role, rule):
    """How doctor calls what the rule is about."""
    namespace = role["metadata"].get("namespace")
    for resource in rule["resources"]:
        for group in rule["apiGroups"]:
            for name in rule.get("resourceNames", [""]):
                yield resource + (f".{group}" if group else "") + (f" {name}" if name else "") + (f" in namespace {namespace}" if namespace else "")


def without(role, taken):
    """The Role without these of its rights."""
    rules = [{**rule, "verbs": [verb for verb in rule["verbs"] if (at, verb) not in taken]} for at, rule in enumerate(role["rules"])]
    return {**role, "rules": [rule for rule in rules if rule["verbs"]]}


def rounds_of(roles):
    """All at once, but for those to Applications, without which nothing further is asked."""
    def of_applications(right):
        return right[0]["rules"][right[1]]["resources"] == ["applications"]

    rights = each_right(roles)
    return [[right for right in rights if of_applications(right)], [right for right in rights if not of_applications(right)]]


def about(line):
    """What a line of doctor's is about; of one object, all of its kind: a right to all of them is one to each."""
    return re.sub(r"^(\S+) \S+ in namespace", r"\1 in namespace", line.partition(": may not ")[0])


def missed(plane, agent, roles, rounds):
    """Takes the rights of each round away; returns those that doctor did not name, and lines about others."""
    client = me(plane, agent)
    not_named, others = [], []
    for batch in rounds:
        for role in roles:
            plane.admin.apply(without(role, [(at, verb) for other, at, verb in batch if other is role]), force=True)
        for role, at, verb in batch:
            rule, namespace = role["rules"][at], role["metadata"].get("namespace", "")
            wait_for(f"{verb} is gone", lambda: not may(  # noqa: B023
                client, verb, rule["resources"][0], rule["apiGroups"][0], namespace, rule.get("resourceNames", [""])[0]))  # noqa: B023
        told = [item["detail"] for item in agent.cli("doctor", "-o", "json").items if item["check"] == "rights" and item["status"] != "ok"]
        wanted = [(place, verb) for role, at, verb in batch for place in places(role, role["rules"][at])]
        not_named += [one for one in wanted if not any(
            line.startswith(one[0]) and one[1] in line.partition(": may not ")[2].partition(" (")[0].split(", ") for line in told)]
        others += [line for line in told if not any(line.startswith(place) or place == about(line) for place, _ in wanted)]
    return not_named, others
