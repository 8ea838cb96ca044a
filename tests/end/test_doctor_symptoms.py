"""pgitops doctor SYMPTOM: what is wrong is made on a real API server, and found with its cause and remedy. Of controllers that do not run
here the test says what they would."""

import time

import pytest

from parts.manifests import config_map
from parts.world import pod

SECRET = "credentials.postgresql.acid.zalan.do"


class Symptoms:
    """One namespace with the cluster "db", and the doctor."""

    def __init__(self, world):
        self.world, self.kube, self.namespace = world, world.kube, world.namespace
        world.application("team")
        world.agent.write()

    def make(self, api_version, kind, name, status=None, **fields):
        document = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": self.namespace}} | fields
        document["metadata"] = {"name": name, "namespace": self.namespace} | fields.get("metadata", {})
        self.kube.create(document)
        if status:
            self.status(api_version, kind, name, status)

    def status(self, api_version, kind, name, status):
        self.kube.patch(api_version, kind, self.namespace, name, {"status": status}, "controller", "status")

    def pod(self, name, labels=None, annotations=None, **status):
        self.make("v1", "Pod", name, status, metadata={"labels": labels or {}, "annotations": annotations or {}},
                  spec={"automountServiceAccountToken": False, "containers": [{"name": "postgres", "image": "example.org/spilo:1"}]})

    def cluster(self, name="db", status=None, annotations=None, **spec):
        self.make("acid.zalan.do/v1", "postgresql", name, metadata={"annotations": annotations or {}}, spec={
            "teamId": "acid", "numberOfInstances": 1, "volume": {"size": "1Gi"}, "postgresql": {"version": "17"}} | spec)
        if status:
            self.world.cluster_status(name, status)

    def event(self, kind, name, reason, message):
        about = {"kind": kind, "name": name, "namespace": self.namespace}
        self.make("v1", "Event", f"{name}.{reason.lower()}", involvedObject=about, reason=reason, message=message, type="Warning",
                  lastTimestamp=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))

    def ask(self, symptom):
        return self.world.agent.cli("doctor", symptom, "-o", "json")

    def none(self, symptom):
        result = self.ask(symptom).is_(0)
        assert [item["status"] for item in result.items] == ["ok"], result
        assert "no cause was found" in result.items[0]["detail"] and self.namespace in result.items[0]["detail"]

    def found(self, symptom, *words, remedy):
        """One line has all these words, and what to do."""
        result = self.ask(symptom).is_(1)
        lines = [item for item in result.items if item["status"] == "failed" and all(word in item["detail"] for word in words)]
        assert len(lines) == 1 and remedy in lines[0]["remedy"], f"{symptom} {words}: {result}"


@pytest.fixture
def symptoms(world):
    return Symptoms(world)


def waits(reason, message=""):
    return {"phase": "Pending", "containerStatuses": [{
        "name": "postgres", "image": "x", "imageID": "", "ready": False, "restartCount": 1,
        "state": {"waiting": {"reason": reason, "message": message}}}]}


def test_why_pods_do_not_start(symptoms):
    symptoms.none("pod-does-not-start")
    for name, message in (("cpu", "0/3 nodes are available: 3 Insufficient cpu."),
                          ("claim", "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.")):
        symptoms.pod(name, phase="Pending", conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                                                         "message": message}])
    symptoms.pod("image", **waits("ImagePullBackOff", "Back-off pulling image"))
    symptoms.pod("loop", **waits("CrashLoopBackOff", "back-off 5m0s restarting failed container"))
    symptoms.pod("config", **waits("CreateContainerConfigError", 'secret "tls" not found'))
    symptoms.pod("gone", phase="Failed", reason="Evicted", message="The node was low on resource: memory.")
    symptoms.pod("well", phase="Running", conditions=[{"type": "Ready", "status": "True"}])
    at = f"Pod {symptoms.namespace}/"
    for symptom in ("pod-does-not-start", "pod-pending"):
        symptoms.found(symptom, at + "cpu", "Insufficient cpu", remedy="spec.resources.requests")
        symptoms.found(symptom, at + "claim", remedy="pgitops doctor volume-pending")
    symptoms.found("pod-does-not-start", at + "config", 'secret "tls" not found', remedy="secret-missing")
    symptoms.found("pod-does-not-start", at + "gone", "Evicted", remedy="node-not-ready")
    symptoms.found("image-pull", at + "image", remedy="spec.dockerImage")
    symptoms.found("pod-crashes", at + "loop", remedy=f"kubectl logs -n {symptoms.namespace} loop --previous")
    assert len(symptoms.ask("image-pull").items) == len(symptoms.ask("pod-crashes").items) == 1
    symptoms.none("out-of-memory")
    assert len(symptoms.ask("pod-does-not-start").items) == 6


def test_volumes_and_quotas(symptoms):
    for symptom in ("volume-pending", "volume-does-not-grow", "quota"):
        symptoms.none(symptom)
    claim = {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "2Gi"}}}
    symptoms.make("v1", "PersistentVolumeClaim", "pgdata-db-0", spec=claim)
    symptoms.event("PersistentVolumeClaim", "pgdata-db-0", "ProvisioningFailed", 'storageclass "fast" not found')
    symptoms.event("StatefulSet", "db", "FailedCreate", "pods db-0 is forbidden: exceeded quota: small")
    symptoms.found("volume-pending", "pgdata-db-0 is Pending", 'storageclass "fast" not found', remedy="kubectl get storageclass")
    symptoms.found("quota", "exceeded quota: small", remedy="ResourceQuota")
    symptoms.status("v1", "PersistentVolumeClaim", "pgdata-db-0", {"phase": "Bound", "capacity": {"storage": "1Gi"}})
    symptoms.found("volume-does-not-grow", "asks for 2Gi and has 1Gi", remedy="allowVolumeExpansion")


def test_a_cluster_whose_operator_is_silent_or_failed(symptoms):
    for symptom in ("operator-silent", "cluster-failed", "upgrade-failed", "no-primary"):
        symptoms.none(symptom)
    symptoms.cluster(users={"app": []}, databases={"shop": "nobody"}, annotations={"last-major-upgrade-failure": "2026-01-02T03:04:05Z"})
    begun = time.time()
    symptoms.world.wait("an operator would have answered", lambda: time.time() > begun + 4)
    symptoms.found("operator-silent", "postgresql", "no report of the operator", remedy="WATCHED_NAMESPACE")
    symptoms.found("operator-silent", "no Deployment postgres-operator", remedy="manifests/operator.md")
    symptoms.found("database-missing", "spec.databases.shop", remedy="Git")
    symptoms.found("upgrade-failed", "2026-01-02T03:04:05Z", remedy="back to the one the data have")
    symptoms.found("no-primary", "has no Pod", remedy="operator-silent")
    symptoms.event("postgresql", "db", "Create", "could not create roles: no rights")
    symptoms.world.cluster_status("db", "CreateFailed")
    symptoms.found("cluster-failed", "is CreateFailed", "could not create roles", remedy="pod-does-not-start")
    symptoms.none("operator-silent")
    labels = {"application": "spilo", "cluster-name": "db", "spilo-role": "replica"}
    symptoms.pod("db-0", labels, {"zalando-postgres-operator-rolling-update-required": "true"}, phase="Running")
    symptoms.found("no-primary", "0 of 1 Pods", remedy="pgitops cluster get db")
    symptoms.pod("db-1", labels | {"spilo-role": "primary"}, phase="Running")  # as Patroni 4 has it by itself
    symptoms.none("no-primary")
    symptoms.pod("db-2", labels | {"spilo-role": "master"}, phase="Running")
    symptoms.found("no-primary", "2 of 3 Pods are labelled as primary", remedy="pgitops cluster get db")
    symptoms.found("rolling-update", "Pod", "db-0", remedy="replicas anew first")


def test_secrets_and_services_of_a_cluster(symptoms):
    other = f"{symptoms.namespace}-other"
    symptoms.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    symptoms.cluster(users={"app_user": [], f"{other}.team": [], "group": ["nologin"]}, status="Running")
    symptoms.found("secret-missing", "user app_user", f"app-user.db.{SECRET}", remedy="operator-silent")
    symptoms.found("secret-missing", f"user {other}.team", remedy="operator-silent")
    symptoms.kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"{other}.team.db.{SECRET}", "namespace": other}})
    symptoms.found("service-without-address", "Service db leads to nobody", remedy="no-primary")
    symptoms.make("v1", "PersistentVolumeClaim", "pgdata-db-0", spec={
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}})
    begun = time.time()
    symptoms.world.wait("a later second", lambda: time.time() > begun + 1.1)
    for user in ("postgres", "app-user"):
        symptoms.make("v1", "Secret", f"{user}.db.{SECRET}", stringData={"password": "geheim"})
    symptoms.none("secret-missing")
    symptoms.found("password-refused", "the Secret of postgres is of", remedy="old password")
    symptoms.make("v1", "Service", "db", spec={"type": "LoadBalancer", "ports": [{"port": 5432}]})
    symptoms.found("load-balancer-pending", "Service", remedy="enableMasterLoadBalancer")
    assert "geheim" not in symptoms.ask("secret-missing").out


def test_nodes_memory_and_what_nobody_opens(symptoms):
    symptoms.none("sealed-secret-closed")
    symptoms.pod("eater", phase="Running", containerStatuses=[{
        "name": "postgres", "image": "x", "imageID": "", "ready": False, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}])
    symptoms.found("out-of-memory", f"Pod {symptoms.namespace}/eater", "more memory than its limit", remedy="shared_buffers")

    node = f"{symptoms.namespace}-node"
    symptoms.kube.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}, "spec": {"unschedulable": True}})
    try:
        symptoms.kube.patch("v1", "Node", None, node, {"status": {"conditions": [
            {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."},
            {"type": "DiskPressure", "status": "True"}]}}, "controller", "status")
        symptoms.found("node-not-ready", f"node {node} is not ready", "stopped posting", remedy="journalctl -u kubelet")
        symptoms.found("node-not-ready", f"node {node} has DiskPressure", remedy="kubectl drain")
        symptoms.found("node-not-ready", f"node {node} is cordoned", remedy=f"kubectl uncordon {node}")
    finally:
        symptoms.kube.delete("v1", "Node", None, node)

    for name in ("closed", "waiting"):
        symptoms.make("bitnami.com/v1alpha1", "SealedSecret", name, spec={"encryptedData": {"password": "AgBy"}})
    symptoms.status("bitnami.com/v1alpha1", "SealedSecret", "closed", {"conditions": [
        {"type": "Synced", "status": "False", "message": "no key could decrypt secret (password)"}]})
    symptoms.found("sealed-secret-closed", f"{symptoms.namespace}/closed is not opened", "no key could decrypt", remedy="pgitops seal cert")
    symptoms.found("sealed-secret-closed", f"{symptoms.namespace}/waiting has no status", remedy="sealing.controller")


def test_the_operators_settings_that_break_a_small_set_up(symptoms):
    symptoms.make("v1", "ConfigMap", "postgres-operator", data={"enable_teams_api": "true", "enable_finalizers": "false"})
    symptoms.found("operator-config", symptoms.namespace, "enable_teams_api", remedy="CreateFailed")


def test_what_may_not_be_read_is_not_nothing(symptoms):
    world = symptoms.world
    symptoms.make("v1", "ServiceAccount", "reader")
    answer = symptoms.kube.request("POST", symptoms.kube.path("v1", "ServiceAccount", symptoms.namespace, "reader") + "/token", {
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}})
    config = world.plane.kubeconfig("reader", token=answer["status"]["token"], folder=world.agent.folder)
    world.agent.config["kubernetes"] = {"kubeconfig": str(config)}
    world.agent.write()
    user = f"system:serviceaccount:{symptoms.namespace}:reader"
    for group, resources in (("argoproj.io", ["applications", "appprojects"]), ("", ["secrets", "configmaps"])):
        world.plane.allow(user, [{"apiGroups": [group], "resources": resources, "verbs": ["get", "list", "watch"]}], world.home)
    symptoms.found("pod-does-not-start", "pods cannot be read", remedy=f"allow the verb list on pods in namespace {symptoms.namespace}")
    symptoms.found("node-not-ready", "nodes cannot be read", remedy="of the whole cluster")


def test_of_what_doctor_asks_in_any_case_only_what_is_wrong_is_said(symptoms):
    symptoms.world.push({"team/a.yaml": config_map("a")})
    symptoms.none("application-does-not-sync")
    symptoms.world.push({"team/a.yaml": "kind: [\n"})
    for symptom in ("application-does-not-sync", "users-do-not-appear"):
        result = symptoms.ask(symptom).is_(1)
        assert "ok" not in {item["status"] for item in result.items}
        assert [item for item in result.items if item["status"] == "failed" and "team/a.yaml" in item["detail"]]


def test_a_symptom_that_is_none_and_one_of_a_clone(symptoms, tmp_path):
    result = symptoms.world.agent.cli("doctor", "pod-pendin").is_(2)
    assert 'did you mean "pod-pending"' in result.err
    assert "in a clone" in symptoms.world.agent.cli("doctor", "hook-does-not-seal", cwd=tmp_path).is_(2).err


def test_the_first_error_of_status_names_the_doctor(world):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small", "namespace": world.namespace},
             "spec": {"hard": {"pods": "0"}}}
    world.kube.create(quota)
    world.kube.patch("v1", "ResourceQuota", world.namespace, "small", {"status": {"hard": {"pods": "0"}, "used": {"pods": "0"}}},
                     "controller", "status")
    world.push({"team/p.yaml": pod("p"), "team/q.yaml": pod("q")})
    team = world.application("team")
    world.begin()
    team.condition("SyncError", "exceeded quota")
    errors = world.agent.cli("status").ok().out.split("Errors")[1]
    first = [line for line in errors.splitlines() if "exceeded quota" in line or "pgitops doctor" in line][:2]
    assert "exceeded quota" in first[0] and "`pgitops doctor quota`" in "".join(first), errors
    assert errors.count("`pgitops doctor quota` looks for the cause") == 1
