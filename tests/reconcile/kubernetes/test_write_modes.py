"""Replace=true, Force=true, Validate=false, generated names and hook finalizers, on a real API server."""

import pytest

from parts import proxy as proxies
from parts.cluster import TRACKING, config_map, tracking
from parts.kube import simple_crd, wait_for

HOOK_FINALIZER = "argocd.argoproj.io/hook-finalizer"


def job(ns, name, image="example.org/task:1"):
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": ns},
            "spec": {"template": {"spec": {"restartPolicy": "Never",
                                           "containers": [{"name": "task", "image": image}]}}}}


# Replace=true


def test_replace_makes_what_is_absent_and_puts_what_is_there(plane, cluster, ns):
    obj = config_map(ns, "a", x="1")
    cluster.track(obj)
    assert cluster.write_one(obj, replace=True, kind="dry-run")["outcome"] == "created"
    assert plane.admin.get("v1", "ConfigMap", ns, "a") is None
    made = cluster.write_one(obj, replace=True)
    assert made["outcome"] == "created"
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["metadata"]["annotations"] == {TRACKING: tracking(obj)}
    # What somebody added goes: that is what Replace is for. What holds the object stays.
    plane.admin.patch("v1", "ConfigMap", ns, "a", {"data": {"added": "1"}, "metadata": {
        "labels": {"added": "1"}, "finalizers": ["tests.example.org/hold"]}}, manager="k9s")
    seen = cluster.write_one(obj, replace=True, kind="dry-run")
    assert {d["path"] for d in seen["differences"]} == {"data.added", "metadata.labels.added"}
    mark = plane.mark()
    assert cluster.write_one(obj, replace=True)["outcome"] == "configured"
    assert [e["verb"] for e in plane.requests(mark, namespace=ns, resource="configmaps")] == ["get", "update"]
    live = plane.admin.get("v1", "ConfigMap", ns, "a")
    assert live["data"] == {"x": "1"} and "labels" not in live["metadata"]
    assert live["metadata"]["finalizers"] == ["tests.example.org/hold"] and live["metadata"]["uid"] == made["uid"]
    assert cluster.write_one(obj, replace=True, kind="dry-run")["outcome"] == "unchanged"
    assert cluster.write_one(obj, replace=True)["outcome"] == "unchanged"
    assert cluster.live(obj)["uid"] == made["uid"]
    plane.admin.patch("v1", "ConfigMap", ns, "a", {"metadata": {"finalizers": None}})


def test_replace_updates_namespaces_and_definitions_and_never_deletes_them(plane, cluster, ns):
    group = f"{ns}.example.org"
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{ns}-replaced"}}
    crd = simple_crd(group, "Widget", "widgets")
    cluster.track(space, crd)
    first = cluster.write(space, crd, replace=True)
    assert [r["outcome"] for r in first] == ["created", "created"]
    wait_for("established", lambda: plane.admin.get(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", None, f"widgets.{group}").get("status", {}).get("conditions"))
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": ns}, "spec": {}}
    cluster.wait_kind(group, "Widget")
    plane.admin.create(widget)
    space["metadata"]["labels"] = crd["metadata"]["labels"] = {"a": "b"}
    again = cluster.write(space, crd, replace=True)
    assert [r["outcome"] for r in again] == ["configured", "configured"], again
    assert [r["uid"] for r in again] == [r["uid"] for r in first]
    assert plane.admin.get(f"{group}/v1", "Widget", ns, "w")


def test_a_replace_that_was_overtaken_looks_again(plane, proxy, make_cluster, ns):
    one = make_cluster(proxy.kubeconfig(plane))
    obj = config_map(ns, "a", x="1")
    one.track(obj)
    one.write_one(obj, replace=True)
    obj["data"]["x"] = "2"
    proxy.add(proxies.faults.status(409, reason="Conflict"), method="PUT", times=1)
    assert one.write_one(obj, replace=True)["outcome"] == "configured"
    proxy.add(proxies.faults.lose_answer(), method="POST", times=1)
    new = config_map(ns, "new", x="1")
    assert one.write_one(new, replace=True)["outcome"] in ("created", "configured", "unchanged")
    assert proxy.count("POST", "configmaps") == 2
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["data"] == {"x": "2"}


def test_what_was_replaced_can_be_applied_afterwards(plane, cluster, ns):
    obj = config_map(ns, "a", x="1", gone="1")
    cluster.track(obj)
    cluster.write_one(obj, replace=True)
    wanted = config_map(ns, "a", x="2")
    assert cluster.write_one(wanted)["outcome"] == "configured"
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["data"] == {"x": "2"}


# Force=true


def test_an_immutable_field_is_said_with_its_place_and_its_remedy(cluster, ns):
    cluster.track(job(ns, "task"))
    assert cluster.write_one(job(ns, "task"))["outcome"] == "created"
    for kind in ("dry-run", "apply"):
        result = cluster.write_one(job(ns, "task", "example.org/task:2"), kind=kind)
        assert result["outcome"] == "failed" and result["kind"] == "invalid"
        assert "spec.template: field is immutable" in result["error"] and "test.yaml:1" in result["error"]
        assert "sync-options: Force=true" in result["error"] and "Containers" not in result["error"]


def test_force_makes_anew_what_cannot_be_changed_and_does_not_wait(plane, cluster, ns):
    old = cluster.do("ready") and cluster.track(job(ns, "task")) and cluster.write_one(job(ns, "task"))
    wanted = job(ns, "task", "example.org/task:2")
    seen = cluster.write_one(wanted, kind="dry-run", recreate=True)
    assert seen["outcome"] == "configured" and any(
        d["path"].startswith("spec.template.spec.containers") for d in seen["differences"])
    assert plane.admin.get("batch/v1", "Job", ns, "task")["metadata"]["uid"] == old["uid"]

    def made():
        result = cluster.write_one(wanted, recreate=True)
        if result["outcome"] == "pending":
            assert result["kind"] == "retry" and "waiting until the old object is gone" in result["error"]
            return None
        return result

    result = wait_for("the new job", made)
    assert result["outcome"] == "created" and result["uid"] != old["uid"]
    live = plane.admin.get("batch/v1", "Job", ns, "task")
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "example.org/task:2"


def test_what_is_held_by_a_finalizer_is_waited_for_without_a_second_delete(plane, cluster, ns):
    held = config_map(ns, "a", x="1")
    held["immutable"] = True
    held["metadata"]["finalizers"] = ["tests.example.org/hold"]
    cluster.track(held)
    cluster.write_one(held)
    wanted = config_map(ns, "a", x="2")
    mark = plane.mark()
    for _ in range(3):
        assert cluster.write_one(wanted, recreate=True)["outcome"] == "pending"
    assert [e["verb"] for e in plane.requests(mark, namespace=ns, resource="configmaps")].count("delete") == 1
    plane.admin.patch("v1", "ConfigMap", ns, "a", {"metadata": {"finalizers": None}})
    assert wait_for("the new one", lambda: cluster.write_one(wanted, recreate=True)["outcome"] == "created" or None)
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["data"] == {"x": "2"}


def test_force_changes_in_place_what_can_be_changed(plane, cluster, ns):
    obj = config_map(ns, "a", x="1")
    cluster.track(obj)
    uid = cluster.write_one(obj, recreate=True)["uid"]
    obj["data"]["x"] = "2"
    assert cluster.write_one(obj, recreate=True)["uid"] == uid


def test_a_stateful_set_is_never_made_anew(plane, cluster, ns):
    obj = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": ns},
           "spec": {"serviceName": "db", "replicas": 0, "selector": {"matchLabels": {"app": "db"}},
                    "template": {"metadata": {"labels": {"app": "db"}},
                                 "spec": {"containers": [{"name": "db", "image": "example.org/db:1"}]}}}}
    cluster.track(obj)
    uid = cluster.write_one(obj)["uid"]
    obj["spec"]["serviceName"] = "other"
    result = cluster.write_one(obj, recreate=True)
    assert result["outcome"] == "failed" and "never deleted" in result["error"]
    assert "updates to statefulset spec" in result["error"]
    assert plane.admin.get("apps/v1", "StatefulSet", ns, "db")["metadata"]["uid"] == uid


# Validate=false


def test_unknown_fields_are_dropped_where_validation_is_off(plane, cluster, ns):
    obj = job(ns, "task")
    obj["spec"]["paralelism"] = 3
    obj["spec"]["template"]["spec"]["containers"][0]["imge"] = "x"
    cluster.track(obj)
    assert "paralelism" in cluster.write_one(obj)["error"] or "imge" in cluster.write_one(obj)["error"]
    assert cluster.write_one(obj, lenient=True, kind="dry-run")["outcome"] == "created"
    assert cluster.write_one(obj, lenient=True)["outcome"] == "created"
    assert cluster.write_one(obj, lenient=True, kind="dry-run")["outcome"] == "unchanged"
    obj["metadata"]["name"] = "another"
    assert cluster.write_one(obj, lenient=True, replace=True)["outcome"] == "created"


def test_unknown_fields_of_elements_with_several_keys_are_dropped_too(plane, cluster, ns):
    obj = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "dns", "namespace": ns},
           "spec": {"selector": {"app": "dns"},
                    "ports": [{"name": "tcp", "port": 53, "targetPrt": 5353},
                              {"name": "udp", "port": 53, "protocol": "UDP", "targetPrt": 5353}]}}
    cluster.track(obj)
    assert "targetPrt" in cluster.write_one(obj)["error"]
    assert cluster.write_one(obj, lenient=True)["outcome"] == "created"
    assert cluster.write_one(obj, lenient=True, kind="dry-run")["outcome"] == "unchanged"


# Hooks


def test_a_generated_hook_gets_the_name_of_the_write(plane, cluster, ns):
    obj = job(ns, "migrate-")
    obj["metadata"]["generateName"] = obj["metadata"].pop("name")
    named = job(ns, "migrate-1234567-presync-1")
    cluster.track(named)
    write = {"kind": "apply", "object": obj, "tracking": tracking(named), "name": "migrate-1234567-presync-1"}
    for kind in ("dry-run", "apply"):
        result = cluster.do("write", writes=[{**write, "kind": kind}])["results"][0]
        assert result["outcome"] == "created", result
    live = plane.admin.get("batch/v1", "Job", ns, "migrate-1234567-presync-1")
    assert "generateName" not in live["metadata"]
    assert cluster.live(named)["uid"] == live["metadata"]["uid"]


@pytest.mark.parametrize("written", [[], [HOOK_FINALIZER]])
def test_a_hook_is_held_once_whatever_its_manifest_says(plane, cluster, ns, written):
    obj = config_map(ns, "a", x="1")
    obj["metadata"]["finalizers"] = written
    cluster.track(obj)
    assert cluster.write_one(obj, hold=True)["outcome"] == "created"
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["metadata"]["finalizers"] == [HOOK_FINALIZER]
    assert cluster.release(obj)["outcome"] == "configured"
    assert not plane.admin.get("v1", "ConfigMap", ns, "a")["metadata"].get("finalizers")


@pytest.mark.parametrize("place", [0, 1])
def test_a_release_takes_only_the_hook_finalizer(plane, cluster, ns, place):
    other = "tests.example.org/hold"
    obj = config_map(ns, "a", x="1")
    obj["metadata"]["finalizers"] = [HOOK_FINALIZER, other] if place == 0 else [other, HOOK_FINALIZER]
    cluster.track(obj)
    plane.admin.create(obj)
    assert cluster.release(obj)["outcome"] == "configured"
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["metadata"]["finalizers"] == [other]
    assert cluster.release(obj)["outcome"] == "unchanged"
    plane.admin.patch("v1", "ConfigMap", ns, "a", {"metadata": {"finalizers": None}})
    plane.admin.delete("v1", "ConfigMap", ns, "a")
    assert cluster.release(obj)["outcome"] == "deleted"
