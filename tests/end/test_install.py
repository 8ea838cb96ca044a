"""manifests/install.yaml on a real API server: it applies, and its ServiceAccount may do what the agent does and no more."""

import pathlib
import time

import pytest
import yaml

from parts import kube
from parts.process import wait_for

TOP = pathlib.Path(__file__).resolve().parents[2]
MANIFESTS = TOP / "manifests"


def documents(path):
    return [document for document in yaml.safe_load_all((MANIFESTS / path).read_text()) if document]


def apply_file(plane, path):
    """As `kubectl apply --server-side -f`, in the file's order; strict, so that a misspelt field is an error."""
    for document in documents(path):
        if document["kind"] == "CustomResourceDefinition":
            plane.admin.create_crd(document)
            continue
        query = "?fieldManager=kubectl&force=true&fieldValidation=Strict"
        plane.admin.request("PATCH", plane.admin.path_of(document) + query, document, "application/apply-patch+yaml")


@pytest.fixture(scope="module")
def installed(crds):
    """The installation, with a token of its ServiceAccount as the kubelet would give it to the pod."""
    plane = crds
    apply_file(plane, "prepare.yaml")
    apply_file(plane, "install.yaml")
    path = plane.admin.path("v1", "ServiceAccount", "argocd", "pgitops") + "/token"
    answer = plane.admin.request("POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                                                "spec": {"expirationSeconds": 600}})
    plane.account_token = answer["status"]["token"]
    plane.account = plane.client(plane.account_token, agent="install-test")
    wait_for("the server has read the Roles", lambda: all(
        may(plane, verbs.split()[0], resource, group, namespace, name) for resource, group, namespace, name, verbs in NEEDED))
    yield plane
    plane.admin.delete("apps/v1", "Deployment", "argocd", "pgitops")


def may(installed, verb, resource, group="", namespace="", name="", subresource=""):
    """Asks as the ServiceAccount itself: SelfSubjectAccessReview."""
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": {
        "verb": verb, "resource": resource, "group": group, "namespace": namespace, "name": name,
        "subresource": subresource}}}
    answer = installed.account.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return answer["status"]["allowed"]


NEEDED = [
    ("applications", "argoproj.io", "argocd", "", "get list watch patch"),
    ("appprojects", "argoproj.io", "argocd", "", "get list watch"),
    ("secrets", "", "argocd", "", "get list watch"),
    ("leases", "coordination.k8s.io", "argocd", "", "create"),
    ("leases", "coordination.k8s.io", "argocd", "pgitops", "get update"),
    ("postgresqls", "acid.zalan.do", "default", "", "get list watch create patch delete"),
    ("events", "", "default", "", "list"),
    ("events", "", "postgres", "", "list create patch"),
    ("secrets", "", "default", "postgres.acid-minimal-cluster.credentials.postgresql.acid.zalan.do", "get"),
    ("configmaps", "", "postgres", "", "get list watch create patch delete"),
    ("sealedsecrets", "bitnami.com", "postgres", "", "get list watch create patch delete"),
    ("secrets", "", "postgres", "", "get list watch"),
    ("namespaces", "", "", "", "get create"),
]


@pytest.mark.parametrize("resource, group, namespace, name, verbs", NEEDED)
def test_the_agent_may_do_what_it_does(installed, resource, group, namespace, name, verbs):
    for verb in verbs.split():
        assert may(installed, verb, resource, group, namespace, name), f"{verb} {resource} in {namespace or 'the cluster'}"


REFUSED = [
    # secrets are never written, and of `default` only the named one is read
    *[(verb, "secrets", "", namespace, "any") for verb in ("create", "update", "patch", "delete", "deletecollection")
      for namespace in ("argocd", "default", "postgres")],
    ("get", "secrets", "", "default", "other"), ("list", "secrets", "", "default", ""), ("watch", "secrets", "", "default", ""),
    ("get", "secrets", "", "kube-system", "any"), ("list", "secrets", "", "", ""),
    # no way to more rights
    *[(verb, kind, "rbac.authorization.k8s.io", namespace, "pgitops")
      for verb in ("create", "update", "patch", "escalate", "bind", "delete")
      for kind, namespace in (("roles", "argocd"), ("rolebindings", "argocd"), ("clusterroles", ""), ("clusterrolebindings", ""))],
    ("impersonate", "users", "", "", "admin"), ("impersonate", "groups", "", "", "system:masters"),
    ("impersonate", "serviceaccounts", "", "kube-system", "default"),
    ("create", "serviceaccounts", "", "argocd", ""), ("approve", "signers", "certificates.k8s.io", "", "any"),
    # nothing runs by its will
    *[("create", kind, group, namespace, "") for kind, group in (("pods", ""), ("deployments", "apps"), ("jobs", "batch"))
      for namespace in ("argocd", "default", "postgres")],
    ("get", "pods", "", "default", ""), ("create", "nodes", "", "", ""), ("get", "nodes", "", "", ""),
    # what it makes or reads it does not take away
    ("delete", "namespaces", "", "", "postgres"), ("patch", "namespaces", "", "", "kube-system"),
    ("delete", "applications", "argoproj.io", "argocd", "any"), ("create", "applications", "argoproj.io", "argocd", ""),
    ("patch", "appprojects", "argoproj.io", "argocd", "any"),
    ("delete", "customresourcedefinitions", "apiextensions.k8s.io", "", "applications.argoproj.io"),
    ("patch", "customresourcedefinitions", "apiextensions.k8s.io", "", "postgresqls.acid.zalan.do"),
    ("delete", "persistentvolumeclaims", "", "default", "any"),
    # Events are read where its objects are, and written for Applications and for users only
    ("create", "events", "", "default", ""), ("list", "events", "", "", ""), ("list", "events", "", "kube-system", ""),
    # nobody else's lease
    ("update", "leases", "coordination.k8s.io", "argocd", "other"), ("create", "leases", "coordination.k8s.io", "kube-system", ""),
    ("delete", "leases", "coordination.k8s.io", "argocd", "pgitops"),
    # other namespaces are not its own
    ("patch", "configmaps", "", "default", "any"), ("patch", "configmaps", "", "kube-system", "any"),
    ("patch", "postgresqls", "acid.zalan.do", "postgres", "any"), ("list", "applications", "argoproj.io", "", ""),
]


def test_the_agent_may_do_no_more(installed):
    allowed = [f"{verb} {resource} {name} in {namespace or 'the cluster'}"
               for verb, resource, group, namespace, name in REFUSED
               if may(installed, verb, resource, group, namespace, name)]
    assert not allowed
    for resource in ("serviceaccounts", "pods"):
        for subresource in ("token", "exec"):
            assert not may(installed, "create", resource, "", "argocd", "pgitops", subresource)


def test_no_rule_says_everything(installed):
    for document in documents("install.yaml"):
        for rule in document.get("rules", []):
            for field in ("apiGroups", "resources", "verbs"):
                assert not [value for value in rule[field] if "*" in value], (document["metadata"]["name"], rule)


def test_the_account_reads_and_refuses_for_real(installed):
    account = installed.account
    assert account.list("v1", "Secret", "postgres") is not None
    with pytest.raises(kube.ApiError) as refused:
        account.list("v1", "Secret", "default")
    assert refused.value.status == 403


def test_an_application_shows_the_columns_people_know(installed):
    name = f"columns-{time.time_ns()}"
    application = documents("examples/applications/postgres-users.yaml")[0]
    application["metadata"]["name"] = name
    # A field that is not supported must reach the agent, not be dropped by the server.
    application["spec"]["source"]["helm"] = {"releaseName": "x"}
    application["spec"]["sources"] = [{"repoURL": "https://git.example.org/other.git", "chart": "x"}]
    installed.admin.create(application)
    try:
        stored = installed.admin.get("argoproj.io/v1alpha1", "Application", "argocd", name)
        assert stored["spec"]["source"]["helm"] == {"releaseName": "x"}
        assert stored["spec"]["sources"][0]["chart"] == "x"

        # Status and operation are part of the object itself, and the ServiceAccount may patch them.
        status = {"sync": {"status": "Synced", "revision": "0" * 40}, "health": {"status": "Healthy"},
                  "operationState": {"phase": "Succeeded", "anything": [1, {"kept": True}]}}
        installed.account.patch("argoproj.io/v1alpha1", "Application", "argocd", name,
                                {"status": status, "operation": {"sync": {"revision": "main"}}})
        stored = installed.admin.get("argoproj.io/v1alpha1", "Application", "argocd", name)
        assert stored["status"] == status
        assert stored["operation"] == {"sync": {"revision": "main"}}

        table = installed.admin.request(
            "GET", installed.admin.path("argoproj.io/v1alpha1", "Application", "argocd", name),
            accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        columns = [(column["name"], column["priority"]) for column in table["columnDefinitions"]]
        assert columns == [("Name", 0), ("Sync Status", 0), ("Health Status", 0), ("Revision", 10), ("Project", 10)]
        assert table["rows"][0]["cells"] == [name, "Synced", "Healthy", "0" * 40, "default"]
    finally:
        installed.admin.delete("argoproj.io/v1alpha1", "Application", "argocd", name)


def test_short_names_are_argo_cds(installed):
    crd = installed.admin.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, "applications.argoproj.io")
    assert crd["status"]["acceptedNames"]["shortNames"] == ["app", "apps"]
    assert crd["metadata"]["labels"]["app.kubernetes.io/part-of"] == "pgitops"


def test_the_deployment_is_restricted(installed):
    """Pod Security "restricted" of the real server takes the pod."""
    namespace = installed.namespace("restricted")
    installed.admin.patch("v1", "Namespace", None, namespace,
                          {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    deployment = next(d for d in documents("install.yaml") if d["kind"] == "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    spec["serviceAccountName"] = "default"
    installed.admin.create({"apiVersion": "v1", "kind": "Pod", "spec": spec,
                            "metadata": {"name": "pgitops", "namespace": namespace}})
    assert deployment["spec"]["strategy"]["type"] == "Recreate" and deployment["spec"]["replicas"] == 1
    installed.admin.delete("v1", "Pod", namespace, "pgitops")


def test_the_port_is_open_to_its_own_namespace_alone(installed):
    """The policy as the server took it: it is about the agent's Pods, and beyond the namespace nobody comes in."""
    policy = installed.admin.get("networking.k8s.io/v1", "NetworkPolicy", "argocd", "pgitops")["spec"]
    deployment = next(d for d in documents("install.yaml") if d["kind"] == "Deployment")
    wanted = policy["podSelector"]["matchLabels"].items()
    assert wanted and wanted <= deployment["spec"]["template"]["metadata"]["labels"].items()
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    config = yaml.safe_load((MANIFESTS / "base/agent.yaml").read_text())
    port = int(config["listen"].rpartition(":")[2])
    assert policy["ingress"] == [{"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": port}]}]
    assert {53, 443, 6443, 22, 5432, 8008} == {one["port"] for rule in policy["egress"] for one in rule["ports"]}


def test_the_definitions_and_the_agent_file_are_written_once():
    text = (MANIFESTS / "prepare.yaml").read_text()
    for crd in sorted((MANIFESTS / "crds").glob("*.yaml")):
        assert crd.read_text() in text, crd
    config = next(d for d in documents("install.yaml") if d["kind"] == "ConfigMap")
    assert config["data"]["agent.yaml"] == (MANIFESTS / "base/agent.yaml").read_text()


def test_the_examples_are_what_a_server_takes(crds):
    """The two Applications and what they point at, by a strict dry run."""
    for file in sorted((MANIFESTS / "examples").glob("*/*.yaml")):
        for document in documents(file.relative_to(MANIFESTS)):
            document["metadata"]["namespace"] = "default"
            query = "?fieldManager=kubectl&dryRun=All&fieldValidation=Strict"
            crds.admin.request("PATCH", crds.admin.path_of(document) + query, document, "application/apply-patch+yaml")


def test_taking_it_away_takes_nothing_of_the_users(installed):
    """`kubectl delete -f install.yaml`: the last test of the file, as it ends the installation."""
    kube = installed.admin
    application = documents("examples/applications/postgres-users.yaml")[0]
    application["metadata"] |= {"name": "kept", "finalizers": ["resources-finalizer.argocd.argoproj.io"]}
    kube.create(application)
    secrets = [("argocd", "kept-repository"), ("postgres", "user-kept-secret")]
    for namespace, name in secrets:
        kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace}, "stringData": {"password": "geheim"}})
    for document in documents("install.yaml"):
        metadata = document["metadata"]
        kube.delete(document["apiVersion"], document["kind"], metadata.get("namespace"), metadata["name"])
    kept = [("argoproj.io/v1alpha1", "Application", "argocd", "kept"), ("v1", "PersistentVolumeClaim", "argocd", "pgitops"),
            *(("v1", "Secret", *secret) for secret in secrets), *(("v1", "Namespace", None, name) for name in ("argocd", "default", "postgres")),
            *(("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, f"{kind}.argoproj.io") for kind in ("applications", "appprojects"))]
    for one in kept:
        assert "deletionTimestamp" not in kube.get(*one)["metadata"], one
    for kind, group in (("ServiceAccount", "v1"), ("Role", "rbac.authorization.k8s.io/v1"), ("ConfigMap", "v1"), ("Deployment", "apps/v1")):
        assert not [one for one in kube.list(group, kind, "argocd") if one["metadata"]["name"] == "pgitops"], kind
    kube.patch("argoproj.io/v1alpha1", "Application", "argocd", "kept", [{"op": "remove", "path": "/metadata/finalizers"}])
    for one in (kept[0], kept[1], kept[2], kept[3]):
        kube.delete(*one)
