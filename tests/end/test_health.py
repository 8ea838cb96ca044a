"""Health as it is told of an Application, by what controllers say of its objects. Where none runs, the test says it."""

import json
import time

import pytest

from parts import kube
from parts.manifests import config_map, postgresql
from parts.proxy import FaultProxy, faults
from parts.world import deployment, job, manifest, marked, pod

POD = {"restartPolicy": "Always", "automountServiceAccountToken": False,
       "containers": [{"name": "main", "image": "example.org/pause:1"}]}


class Health:
    """The Application "team" of one namespace, and what is said of its objects."""

    def __init__(self, world):
        self.world = world
        self.team = world.application("team", heal=False)
        world.begin()

    def push(self, *manifests):
        head = self.world.push({f"team/{number}.yaml": text for number, text in enumerate(manifests)})
        self.team.wait("the commit", lambda: self.team.status.get("sync", {}).get("revision") == head)
        self.team.synced(head)

    def report(self, api_version, kind, name, status, namespace=True, manager="controller"):
        """What a controller writes."""
        self.world.kube.patch(api_version, kind, self.world.namespace if namespace else None, name, {"status": status},
                              manager, "status")

    def generation(self, api_version, kind, name):
        return self.world.kube.get(api_version, kind, self.world.namespace, name)["metadata"]["generation"]

    def of(self, name):
        return (self.team.resource(name) or {}).get("health", {})

    def is_(self, name, status, *texts):
        """The row of the object says so, and with one object alone the Application, too."""
        self.team.wait(f"{name} is {status} {texts}", lambda: self.of(name).get("status") == status and all(
            text in self.of(name).get("message", "") for text in texts))
        if len(self.team.status["resources"]) == 1:
            self.team.healthy(status)


def later(world):
    """Times in objects are whole seconds: what is of the same second is neither before nor after the other for sure."""
    start = time.time()
    world.wait("a later second", lambda: time.time() > start + 1)


@pytest.fixture
def health(world):
    return Health(world)


def test_what_is_being_deleted_is_progressing(world, health):
    health.push(config_map("a"))
    world.kube.patch("v1", "ConfigMap", world.namespace, "a", {"metadata": {"finalizers": ["example.org/hold"]}})
    world.kube.delete("v1", "ConfigMap", world.namespace, "a")
    health.is_("a", "Progressing", "pending deletion")
    assert health.team.status["health"]["message"] == "ConfigMap a: pending deletion"
    world.kube.patch("v1", "ConfigMap", world.namespace, "a", {"metadata": {"finalizers": None}})
    health.is_("a", "Missing")


def test_a_stateful_set_is_as_far_as_its_pods(world, health):
    spec = {"replicas": 1, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": POD}}
    health.push(manifest("apps/v1", "StatefulSet", "db", spec=spec))
    health.is_("db", "Progressing", "0 of 1 pods are ready")
    world.appears("Pod", "db-0")

    def ready():
        health.report("v1", "Pod", "db-0", {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})

    ready()
    health.is_("db", "Healthy")
    spec["template"]["metadata"]["annotations"] = {"rolled": "once"}
    before = world.uid("Pod", "db-0")
    health.push(manifest("apps/v1", "StatefulSet", "db", spec=spec))
    health.is_("db", "Progressing")
    world.wait("the new Pod", lambda: world.uid("Pod", "db-0") not in (None, before))
    ready()
    health.is_("db", "Healthy")


def test_a_daemon_set_is_as_far_as_its_controller_says_of_this_spec(health):
    address = ("apps/v1", "DaemonSet", "d")
    spec = {"selector": {"matchLabels": {"app": "d"}}, "template": {"metadata": {"labels": {"app": "d"}}, "spec": POD}}
    health.push(manifest(*address, spec=spec))
    health.is_("d", "Progressing", "observed")

    def counts(updated, available):
        health.report(*address, {
            "observedGeneration": health.generation(*address), "desiredNumberScheduled": 2, "currentNumberScheduled": 2,
            "numberMisscheduled": 0, "numberReady": available, "updatedNumberScheduled": updated, "numberAvailable": available})

    counts(1, 1)
    health.is_("d", "Progressing", "1 of 2 pods are updated")
    counts(2, 1)
    health.is_("d", "Progressing", "1 of 2 pods are available")
    counts(2, 2)
    health.is_("d", "Healthy")
    health.push(manifest(*address, spec=spec | {"minReadySeconds": 5}))
    health.is_("d", "Progressing", "observed")


def test_what_is_paused_or_suspended_is_suspended(world, health):
    health.push(deployment("web"), job("j"))
    health.is_("web", "Progressing")
    for api_version, kind, name, field in (("apps/v1", "Deployment", "web", "paused"), ("batch/v1", "Job", "j", "suspend")):
        world.kube.patch(api_version, kind, world.namespace, name, {"spec": {field: True}})
        health.is_(name, "Suspended")
    health.team.healthy("Suspended")


def test_a_replica_set_is_as_far_as_its_pods(world, health):
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "r"}},
            "template": {"metadata": {"labels": {"app": "r"}}, "spec": POD}}
    health.push(manifest("apps/v1", "ReplicaSet", "r", spec=spec))
    health.is_("r", "Progressing", "0 of 1 replicas are available")
    (made,) = world.wait("its Pod", lambda: world.pods("r-"))
    health.report("v1", "Pod", made["metadata"]["name"], {
        "phase": "Running", "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]})
    health.is_("r", "Healthy")
    # No more Pods than the quota has: the controller says why there are too few.
    world.kube.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q", "namespace": world.namespace},
                       "spec": {"hard": {"pods": "1"}}})
    world.kube.patch("v1", "ResourceQuota", world.namespace, "q", {"status": {"hard": {"pods": "1"}, "used": {"pods": "1"}}},
                     "controller", "status")
    health.push(manifest("apps/v1", "ReplicaSet", "r", spec=spec | {"replicas": 2}))
    health.is_("r", "Degraded", "exceeded quota")


def test_a_route_from_outside_needs_an_address(health):
    address = ("networking.k8s.io/v1", "Ingress", "web")
    health.push(manifest(*address, spec={"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}))
    health.is_("web", "Progressing", "address")
    health.report(*address, {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}})
    health.is_("web", "Healthy")


def test_an_autoscaler_can_scale_or_says_why_not(health):
    address = ("autoscaling/v2", "HorizontalPodAutoscaler", "web")
    health.push(manifest(*address, spec={"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}))
    health.is_("web", "Progressing")

    def says(kind, status, reason, message=""):
        health.report(*address, {"currentMetrics": None, "desiredReplicas": 1, "conditions": [
            {"type": kind, "status": status, "reason": reason, "message": message}]})

    says("AbleToScale", "False", "FailedGetScale", "there is no such Deployment")
    health.is_("web", "Degraded", "there is no such Deployment")
    says("AbleToScale", "True", "ReadyForNewScale")
    health.is_("web", "Healthy")


@pytest.mark.parametrize("group, kind, plural", [
    ("cert-manager.io", "Certificate", "certificates"), ("external-secrets.io", "ExternalSecret", "externalsecrets")])
def test_kinds_with_a_condition_ready_are_what_that_says_of_this_spec(world, group, kind, plural):
    world.kube.create_crd(kube.simple_crd(group, kind, plural))
    health = Health(world)
    address = (f"{group}/v1", kind, "x")
    health.push(manifest(*address, spec={"size": 1}))
    health.is_("x", "Progressing")
    for ready, status in (("False", "Degraded"), ("True", "Healthy")):
        health.report(*address, {"observedGeneration": 1, "conditions": [
            {"type": "Ready", "status": ready, "message": f"it is {ready}"}]})
        health.is_("x", status, "" if status == "Healthy" else "it is False")
    health.push(manifest(*address, spec={"size": 2}))
    health.is_("x", "Progressing", "observed")


def test_a_claim_is_bound_pending_or_lost(health):
    address = ("v1", "PersistentVolumeClaim", "data")
    health.push(manifest(*address, spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}))
    health.is_("data", "Progressing")
    health.report(*address, {"phase": "Bound"})
    health.is_("data", "Healthy")
    health.report(*address, {"phase": "Lost"})
    health.is_("data", "Degraded", "the volume is lost")


def test_a_load_balancer_needs_an_address_and_other_services_nothing(health):
    health.push(manifest("v1", "Service", "web", spec={"type": "LoadBalancer", "ports": [{"port": 80}]}),
                manifest("v1", "Service", "inside", spec={"ports": [{"port": 80}]}))
    health.is_("web", "Progressing", "address")
    health.is_("inside", "Healthy")
    health.report("v1", "Service", "web", {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}})
    health.is_("web", "Healthy")
    health.team.healthy()


def test_a_kind_is_well_when_it_is_served_under_its_names(world, health):
    group = f"{world.namespace}.example.org"
    first = manifest(**definition(kube.simple_crd(group, "Widget", "widgets")))
    health.push(first)
    try:
        health.is_(f"widgets.{group}", "Healthy")
        # The same kind under another plural: its names are taken.
        health.push(first, manifest(**definition(kube.simple_crd(group, "Widget", "gadgets"))))
        health.is_(f"gadgets.{group}", "Degraded", "Widget")
    finally:
        for plural in ("widgets", "gadgets"):
            world.kube.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, f"{plural}.{group}")


def definition(document):
    return {"api_version": document["apiVersion"], "kind": document["kind"], "name": document["metadata"]["name"],
            "spec": document["spec"]}


def test_a_cron_job_is_as_well_as_its_last_run(health):
    address = ("batch/v1", "CronJob", "nightly")
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {"spec": POD | {"restartPolicy": "Never"}}}}}
    health.push(manifest(*address, spec=spec))
    health.is_("nightly", "Healthy")
    health.report(*address, {"lastScheduleTime": "2026-01-01T00:00:00Z"})
    health.is_("nightly", "Degraded", "its run of 2026-01-01T00:00:00Z did not succeed")
    health.report(*address, {"lastSuccessfulTime": "2026-01-01T00:01:00Z"})
    health.is_("nightly", "Healthy")
    health.push(manifest(*address, spec=spec | {"suspend": True}))
    health.is_("nightly", "Suspended")


def test_a_disruption_budget_is_well_when_its_controller_has_seen_it(health):
    address = ("policy/v1", "PodDisruptionBudget", "web")
    health.push(manifest(*address, spec={"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}))
    health.is_("web", "Progressing", "observed")

    def seen(reason, status):
        health.report(*address, {
            "observedGeneration": health.generation(*address), "currentHealthy": 1, "desiredHealthy": 1, "disruptionsAllowed": 0,
            "expectedPods": 1, "conditions": [{"type": "DisruptionAllowed", "status": status, "reason": reason,
                                               "message": "two budgets", "lastTransitionTime": "2026-01-01T00:00:00Z"}]})

    seen("SyncFailed", "False")
    health.is_("web", "Degraded", "two budgets")
    seen("InsufficientPods", "False")
    health.is_("web", "Healthy")


def test_a_cnpg_cluster_needs_all_its_instances(world):
    world.kube.create_crd(kube.simple_crd("postgresql.cnpg.io", "Cluster", "clusters"))
    health = Health(world)
    address = ("postgresql.cnpg.io/v1", "Cluster", "main")
    health.push(manifest(*address, spec={"instances": 3}))
    health.is_("main", "Progressing")
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    health.report(*address, ready | {"phase": "Cluster in healthy state", "readyInstances": 2})
    health.is_("main", "Progressing", "2 of 3 instances are ready")
    health.report(*address, {"readyInstances": 3})
    health.is_("main", "Healthy")
    health.report(*address, {"phase": "Not enough disk space"})
    health.is_("main", "Degraded", "Not enough disk space")
    health.report(*address, {"phase": "Waiting for user action"})
    health.is_("main", "Suspended")


def test_a_sealed_secret_is_what_its_controller_says_of_this_version(health):
    address = ("bitnami.com/v1alpha1", "SealedSecret", "s")
    health.push(manifest(*address, spec={"encryptedData": {"password": "AgB="}}))
    health.is_("s", "Progressing", "unsealed")
    health.report(*address, {"observedGeneration": 1, "conditions": [
        {"type": "Synced", "status": "False", "message": "no key could decrypt secret (password)"}]})
    health.is_("s", "Degraded", "no key could decrypt secret (password)")
    health.report(*address, {"conditions": [{"type": "Synced", "status": "True"}]})
    health.is_("s", "Healthy")
    health.push(manifest(*address, spec={"encryptedData": {"password": "AgC="}}))
    health.is_("s", "Progressing", "seen the new version")


def test_a_database_is_what_its_operator_says_of_this_spec(world, health):
    health.push(postgresql("acid-main"))
    health.is_("acid-main", "Progressing", "waiting for the postgres-operator")
    later(world)
    for word, status in (("Creating", "Progressing"), ("Running", "Healthy"), ("SyncFailed", "Degraded")):
        world.cluster_status("acid-main", word)
        health.is_("acid-main", status, word)
    world.cluster_status("acid-main", "Running")
    health.is_("acid-main", "Healthy")
    health.push(postgresql("acid-main", instances=3))
    health.is_("acid-main", "Progressing", "has not reported since the last change", "Running")
    world.cluster_status("acid-main", "Updating")
    health.is_("acid-main", "Progressing", "Updating")
    world.cluster_status("acid-main", "Running")
    health.is_("acid-main", "Healthy")


def test_a_pod_may_ignore_its_restart_policy(world, health):
    health.push(pod("once"), marked(pod("serves"), ignore_restart_policy="true"))
    for name in ("once", "serves"):
        health.report("v1", "Pod", name, {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})
    health.is_("once", "Progressing")
    health.is_("serves", "Healthy")


def test_the_message_names_the_causes(world, health):
    health.push(*(pod(name) for name in "abcde"), deployment("w"), job("j"))
    for name in "abcde":
        world.end_pod(name, succeeded=False, message=f"{name} has no disk")
    health.is_("e", "Degraded")
    health.team.healthy("Degraded")
    assert health.team.status["health"]["message"] == \
        "Pod a: a has no disk; Pod b: b has no disk; Pod c: c has no disk and 2 more"
    world.kube.delete("v1", "Pod", world.namespace, "a")
    health.team.wait("one cause less", lambda: health.team.status["health"]["message"].endswith("d has no disk and 1 more"))


# ---- the reasons that Events tell ------------------------------------------------------------------------------------------


def event(world, about, reason, message, kind="Warning", component="postgres-operator"):
    """As client-go writes it."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    meta = about["metadata"]
    return world.kube.create({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": f"{meta['name']}.{time.time_ns():x}",
                                                          "namespace": world.namespace},
        "involvedObject": {"apiVersion": about["apiVersion"], "kind": about["kind"], "namespace": world.namespace,
                           "name": meta["name"], "uid": meta["uid"]},
        "reason": reason, "message": message, "type": kind, "source": {"component": component}, "count": 1,
        "firstTimestamp": now, "lastTimestamp": now})


def asked_for_events(world, mark):
    return [found for found in world.plane.requests(mark, resource="events") if found["verb"] == "list"]


def test_the_operators_own_words_are_the_reason(world, health):
    health.push(postgresql("acid-main"))
    database = world.get("postgresql", "acid-main")
    event(world, database, "Create", "Started creation of new cluster resources", "Normal")
    event(world, database, "Create", "could not create secrets: ALTER ROLE app PASSWORD 'hunter2': no quota")
    event(world, world.kube.create(json.loads(config_map("x", namespace=world.namespace))), "Other", "about another object")
    later(world)
    world.cluster_status("acid-main", "CreateFailed")
    health.is_("acid-main", "Degraded", "CreateFailed", "Create: could not create secrets:", "no quota")
    message = health.of("acid-main")["message"]
    assert "hunter2" not in message and "Started" not in message and "another" not in message
    assert health.team.status["health"]["message"] == f"postgresql acid-main: {message}"
    assert message in world.agent.cli("app", "get", "team").out
    # What comes later than the status it explains is seen, too.
    event(world, database, "Sync", "could not sync cluster: no roles")
    health.is_("acid-main", "Degraded", "Sync: could not sync cluster: no roles")
    # And the reason goes with what it was about.
    world.cluster_status("acid-main", "Running")
    health.is_("acid-main", "Healthy")
    assert health.of("acid-main")["message"] == "Running"


def test_a_reason_is_about_the_spec_that_is_there(world, health):
    health.push(postgresql("acid-main"))
    event(world, world.get("postgresql", "acid-main"), "Create", "no quota")
    later(world)
    world.cluster_status("acid-main", "CreateFailed")
    health.is_("acid-main", "Degraded", "no quota")
    later(world)
    health.push(postgresql("acid-main", instances=1))
    health.is_("acid-main", "Progressing", "has not reported")
    later(world)
    world.cluster_status("acid-main", "UpdateFailed")
    health.is_("acid-main", "Degraded", "UpdateFailed")
    world.passes(2)
    assert "no quota" not in health.of("acid-main")["message"]


def test_why_a_pod_or_a_claim_is_not_there_yet(world, health):
    health.push(pod("p"), manifest("v1", "PersistentVolumeClaim", "data", spec={
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}), deployment("web"))
    event(world, world.get("Pod", "p"), "FailedScheduling", "0/3 nodes are available: 3 Insufficient memory", component="default-scheduler")
    event(world, world.kube.get("v1", "PersistentVolumeClaim", world.namespace, "data"), "ProvisioningFailed",
          'storageclass "fast" not found', component="persistentvolume-controller")
    made = world.wait("a Pod of the Deployment", lambda: world.pods("web-"))[0]
    event(world, made | {"apiVersion": "v1", "kind": "Pod"}, "Failed", 'Failed to pull image "example.org/pause:1"', component="kubelet")
    health.is_("p", "Progressing", "FailedScheduling: 0/3 nodes are available")
    health.is_("data", "Progressing", 'ProvisioningFailed: storageclass "fast" not found')
    health.is_("web", "Progressing", f"Pod {made['metadata']['name']}: Failed: Failed to pull image")


def test_why_a_hook_does_not_end(world, health):
    world.push({"team/h.yaml": marked(job("h"), hook="PreSync"), "team/a.yaml": config_map("a")})
    made = world.wait("the Pod of the Job", lambda: world.pods("h-"))[0]
    health.team.running("waiting for completion of hook batch/Job/h")
    event(world, made | {"apiVersion": "v1", "kind": "Pod"}, "FailedScheduling", "0/3 nodes are available", component="default-scheduler")
    health.team.running(f"completion of hook batch/Job/h: Pod {made['metadata']['name']}: FailedScheduling: 0/3 nodes are available")
    world.end_job("h", succeeded=False)
    assert "FailedScheduling" in health.team.ended("Failed")["message"] and world.value("a") is None


def test_why_a_wave_waits(world, health):
    world.push({"team/p.yaml": pod("p"), "team/z.yaml": marked(config_map("z"), sync_wave=1)})
    world.appears("Pod", "p")
    event(world, world.get("Pod", "p"), "FailedMount", 'secret "keys" not found', component="kubelet")
    health.team.running('waiting for healthy state of Pod/p: FailedMount: secret "keys" not found')
    world.end_pod("p")
    health.team.ended("Succeeded")


def test_nobody_is_asked_for_events_where_all_is_well(world, health):
    mark, begun = world.plane.mark(), time.monotonic()

    def at_most(count):
        """So many, or once in two seconds where the machine is slow."""
        return max(count, (time.monotonic() - begun) / 2)

    health.push(postgresql("acid-main"), config_map("a"))
    later(world)
    world.cluster_status("acid-main", "Running")
    health.is_("acid-main", "Healthy")
    asked = len(asked_for_events(world, mark))
    assert asked <= at_most(1)
    world.passes(4)
    assert len(asked_for_events(world, mark)) == asked
    # Where one is not, the namespace is asked: once for all of its objects, and less often while nothing moves.
    mark, begun = world.plane.mark(), time.monotonic()
    health.push(postgresql("acid-main"), config_map("a"), *(pod(name) for name in "bcd"))
    for name in "bcd":
        world.end_pod(name, succeeded=False)
        health.is_(name, "Degraded")
    health.team.wait("a question", lambda: asked_for_events(world, mark))
    world.passes(6)
    assert len(asked_for_events(world, mark)) <= at_most(8)
    assert all("type%3DWarning" in found["requestURI"] for found in asked_for_events(world, mark))


def test_a_server_that_does_not_tell_is_left_alone(world, tmp_path):
    proxy = FaultProxy(world.plane.port, tmp_path)
    world.through(proxy)
    proxy.add(faults.hang(), method="GET", path="/events[?]")
    health = Health(world)
    head = world.push({"team/p.yaml": pod("p")})
    health.team.synced(head)
    world.end_pod("p", succeeded=False, message="no disk")
    health.is_("p", "Degraded", "no disk")
    world.wait("it is said", lambda: "reasons of health are not known" in world.agent.log())
    for number in range(3):
        health.team.synced(world.push({"team/a.yaml": config_map("a", value=str(number))}))
        world.kube.patch("v1", "Pod", world.namespace, "p", {"metadata": {"labels": {"moved": str(number)}}})
        world.passes(2)
    assert proxy.count("GET", "/events[?]") == 1 and health.of("p")["message"] == "no disk"
    proxy.close()


def test_an_agent_that_may_not_read_events_says_so_once_and_goes_on(world):
    everything = ["get", "list", "watch", "create", "patch", "delete", "update"]
    world.plane.allow("bob", [{"apiGroups": ["argoproj.io"], "resources": ["*"], "verbs": everything},
                              {"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["get", "list", "watch"]}], world.home)
    world.plane.allow("bob", [{"apiGroups": [""], "resources": ["pods"], "verbs": everything}], world.namespace)
    world.agent.config["kubernetes"]["kubeconfig"] = str(world.plane.kubeconfig("bob"))
    health = Health(world)
    health.push(pod("p"))
    event(world, world.get("Pod", "p"), "FailedScheduling", "no node")
    world.end_pod("p", succeeded=False, message="no disk")
    health.is_("p", "Degraded", "no disk")
    world.wait("it is said", lambda: "reasons of health are not known" in world.agent.log())
    world.passes(4)
    assert health.of("p")["message"] == "no disk"
    assert world.agent.log().count("reasons of health are not known") == 1
