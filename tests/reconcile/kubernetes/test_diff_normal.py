"""What the server makes of a manifest is no drift: each manifest, applied once, is found unchanged (argocd.md 2.13)."""

import pytest

from parts.cluster import TRACKING, key_of


def meta(ns, name="a", **more):
    return {"name": name, "namespace": ns, **more}


def config_map(ns, **more):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(ns), "data": {"x": "1"}, **more}


def pod_template(**container):
    return {"metadata": {"creationTimestamp": None, "labels": {"app": "a"}},
            "spec": {"containers": [{"name": "web", "image": "example.org/web:1", **container}]}}


def deployment(ns, template=None, **spec):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta(ns, creationTimestamp=None),
            "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": template or pod_template(), **spec},
            "status": {}}


def stateful_set(ns):
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "creationTimestamp": None},
             "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}, "status": {}}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta(ns),
            "spec": {"serviceName": "a", "selector": {"matchLabels": {"app": "a"}}, "template": pod_template(),
                     "volumeClaimTemplates": [claim]}}


def service(ns, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta(ns),
            "spec": {"selector": {"app": "a"}, "ports": [{"port": 53, "protocol": "UDP", "name": "dns"},
                                                          {"port": 53, "protocol": "TCP", "name": "dns-tcp"}], **spec}}


QUANTITIES = {"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"cpu": 2, "memory": "2048Mi"}}
PORTS = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}]
EMPTY = {"env": [], "resources": {}, "securityContext": {}, "command": None, "volumeMounts": []}

MANIFESTS = {
    "empty annotations": lambda ns: config_map(ns, metadata=meta(ns, annotations={}, labels={})),
    "annotations null": lambda ns: config_map(ns, metadata=meta(ns, annotations=None, labels=None)),
    "annotations of one null": lambda ns: config_map(ns, metadata=meta(ns, annotations={"a": None, "b": "1"})),
    "an export of the server": lambda ns: config_map(ns, metadata=meta(
        ns, creationTimestamp="2020-01-01T00:00:00Z", generation=3, managedFields=[], selfLink="/x",
        resourceVersion="1", uid="0b0b0b0b-0000-0000-0000-000000000000")),
    "data empty": lambda ns: config_map(ns, data={}),
    "data null": lambda ns: config_map(ns, data=None),
    "a value empty": lambda ns: config_map(ns, data={"x": ""}),
    "a value null": lambda ns: config_map(ns, data={"x": None, "y": "1"}),
    "binary data": lambda ns: config_map(ns, binaryData={"b": "AAE="}),
    "a secret's value empty": lambda ns: {"apiVersion": "v1", "kind": "Secret", "metadata": meta(ns), "data": {"x": ""}},
    "a secret's value null": lambda ns: {"apiVersion": "v1", "kind": "Secret", "metadata": meta(ns), "data": {"x": None}},
    "a secret without data": lambda ns: {"apiVersion": "v1", "kind": "Secret", "metadata": meta(ns), "type": "Opaque"},
    "creationTimestamp null and status": deployment,
    "status of somebody": lambda ns: {**deployment(ns), "status": {"replicas": 7, "observedGeneration": 3}},
    "quantities": lambda ns: deployment(ns, pod_template(resources=QUANTITIES)),
    "ports of one number": lambda ns: deployment(ns, pod_template(ports=PORTS)),
    "empty lists and maps": lambda ns: deployment(ns, pod_template(**EMPTY), paused=False, strategy={}),
    "environment": lambda ns: deployment(ns, pod_template(env=[{"name": "A", "value": ""}, {"name": "B"}])),
    "volumeClaimTemplates": stateful_set,
    "service ports of one number": service,
    "a headless service": lambda ns: service(ns, clusterIP="None"),
    "a node port": lambda ns: service(ns, type="NodePort"),
    "a job": lambda ns: {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta(ns),
                         "spec": {"template": {"metadata": {"creationTimestamp": None}, "spec": {
                             "restartPolicy": "Never", "containers": [{"name": "a", "image": "example.org/a"}]}}}},
    "a cron job": lambda ns: {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta(ns),
                              "spec": {"schedule": "0 0 * * *", "jobTemplate": {"metadata": {"creationTimestamp": None},
                                       "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [
                                           {"name": "a", "image": "example.org/a"}]}}}}}, "status": {}},
    "a claim": lambda ns: {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta(ns),
                           "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "0.5Gi"}}}},
    "a role without rules": lambda ns: {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
                                        "metadata": meta(ns), "rules": None},
    "a role with no rules": lambda ns: {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
                                        "metadata": meta(ns), "rules": []},
    "a role binding": lambda ns: {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                                  "metadata": meta(ns), "subjects": [{"kind": "ServiceAccount", "name": "x"}, {
                                      "kind": "User", "name": "u"}],
                                  "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "a"}},
    "an old version of an autoscaler": lambda ns: {
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": meta(ns),
        "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 80,
                 "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}}},
    "a network policy": lambda ns: {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta(ns),
                                    "spec": {"podSelector": {}, "ingress": [{}], "egress": [{"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53}]}]}},
    "a limit range": lambda ns: {"apiVersion": "v1", "kind": "LimitRange", "metadata": meta(ns), "spec": {
        "limits": [{"type": "Container", "max": {"cpu": "1000m"}, "default": {"cpu": 0.5}}]}},
    "a quota": lambda ns: {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta(ns), "spec": {"hard": {
        "pods": 4, "requests.cpu": "1000m"}}},
    "endpoints in any order": lambda ns: {"apiVersion": "v1", "kind": "Endpoints", "metadata": meta(ns), "subsets": [
        {"addresses": [{"ip": "10.0.0.9"}, {"ip": "10.0.0.2"}], "ports": [{"port": 80, "name": "b"}, {"port": 79, "name": "a"}]}]},
    "a service account": lambda ns: {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta(ns), "secrets": [],
                                     "imagePullSecrets": None},
    "a disruption budget": lambda ns: {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta(ns),
                                       "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"app": "a"}}}, "status": {}},
    "an ingress": lambda ns: {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta(ns), "spec": {
        "rules": [{"host": "h", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {
            "service": {"name": "a", "port": {"number": 80}}}}]}}]}, "status": {"loadBalancer": {}}},
}


def settled(cluster, obj):
    """After an apply nothing is to do, and a second one does not change that."""
    first = cluster.write_one(obj)
    assert first["outcome"] in ("created", "configured"), first
    for _ in range(2):
        dry = cluster.write_one(obj, kind="dry-run")
        assert dry["outcome"] == "unchanged", dry
        again = cluster.write_one(obj)
        assert again["outcome"] in ("unchanged", "configured"), again  # controllers move its version meanwhile


@pytest.mark.parametrize("what", MANIFESTS)
def test_what_was_applied_is_found_unchanged(cluster, ns, what):
    obj = MANIFESTS[what](ns)
    cluster.track(key_of(obj))
    settled(cluster, obj)


@pytest.mark.parametrize("what", [w for w in MANIFESTS if w != "an export of the server"])
def test_what_kubectl_made_differs_in_our_mark_only(plane, cluster, ns, what):
    obj = MANIFESTS[what](ns)
    cluster.track(key_of(obj))
    path = plane.admin.path_of(obj).rpartition("/")[0]
    plane.admin.request("POST", f"{path}?fieldManager=kubectl-create", obj)
    dry = cluster.write_one(obj, kind="dry-run")
    paths = [d["path"] for d in dry["differences"]]
    assert paths == [f"metadata.annotations.{TRACKING}"], dry
    settled(cluster, obj)
