"""Server-side apply, dry runs and deletion on a real API server."""

import base64
import json

import pytest

from parts.cluster import TRACKING, config_map


def deployment(ns, name, replicas=1):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": ns},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}},
                                  "spec": {"containers": [{"name": "web", "image": "example.org/web:1"}]}}}}


def secret(ns, name, **data):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": ns},
            "data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}}


def test_a_first_apply_of_n_objects_is_n_requests(plane, cluster, ns):
    objects = [config_map(ns, f"c{i}", a=str(i)) for i in range(50)]
    cluster.track(*objects)
    mark = plane.mark()
    results = cluster.write(*objects)
    assert [r["outcome"] for r in results] == ["created"] * 50
    found = [e for e in plane.requests(mark, namespace=ns, resource="configmaps") if e["verb"] != "watch"]  # it may begin late
    assert len(found) == 50 and {e["verb"] for e in found} == {"patch"}
    live = plane.admin.get("v1", "ConfigMap", ns, "c7")
    assert live["data"] == {"a": "7"}
    assert live["metadata"]["annotations"][TRACKING] == f"app:/ConfigMap:{ns}/c7"
    assert live["metadata"]["managedFields"][0]["manager"] == "pgitops"
    assert live["metadata"]["uid"] == results[7]["uid"]


def test_an_apply_of_what_is_there_says_unchanged(cluster, ns):
    obj = config_map(ns, "a", x="1")
    cluster.track(obj)
    first = cluster.write_one(obj)
    again = cluster.write_one(obj)
    assert again["outcome"] == "unchanged" and again["resourceVersion"] == first["resourceVersion"]
    obj["data"]["x"] = "2"
    assert cluster.write_one(obj)["outcome"] == "configured"


def test_a_dry_run_writes_nothing_and_tells_the_fields_and_their_authors(plane, cluster, ns):
    obj = config_map(ns, "a", x="1", y="1")
    cluster.track(obj)
    assert cluster.write_one(obj, kind="dry-run")["outcome"] == "created"
    assert plane.admin.get("v1", "ConfigMap", ns, "a") is None
    cluster.write_one(obj)
    assert cluster.write_one(obj, kind="dry-run")["outcome"] == "unchanged"
    plane.admin.patch("v1", "ConfigMap", ns, "a", {"data": {"x": "by hand"}})
    changed = cluster.write_one(obj, kind="dry-run")
    assert changed["outcome"] == "configured"
    (difference,) = changed["differences"]
    assert difference["path"] == "data.x" and difference["wanted"] == '"1"' and difference["found"] == '"by hand"'
    assert difference["by"] == "kubectl-edit" and difference["when"] > 0
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["data"]["x"] == "by hand"


def test_fields_of_kubectl_are_taken_over(plane, cluster, ns):
    obj = config_map(ns, "a", x="kubectl")
    plane.admin.apply(obj, manager="kubectl")
    cluster.track(obj)
    wanted = config_map(ns, "a", x="git")
    assert cluster.write_one(wanted, kind="dry-run")["outcome"] == "configured"
    assert cluster.write_one(wanted)["outcome"] == "configured"
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["data"] == {"x": "git"}


@pytest.mark.parametrize("manager", ["kubectl-client-side-apply", "argocd-controller", "before-first-apply"])
def test_what_another_tool_applied_is_adopted_so_that_git_can_remove_it(plane, cluster, ns, manager):
    obj = config_map(ns, "a", keep="1", later_removed="1")
    plane.admin.request("POST", plane.admin.path("v1", "ConfigMap", ns) + f"?fieldManager={manager}", obj)
    cluster.track(obj)
    assert cluster.write_one(obj)["outcome"] == "configured"
    managers = [m["manager"] for m in plane.admin.get("v1", "ConfigMap", ns, "a")["metadata"]["managedFields"]]
    assert managers == ["pgitops"]
    assert cluster.write_one(config_map(ns, "a", keep="1"))["outcome"] == "configured"
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["data"] == {"keep": "1"}


def test_what_people_add_beside_git_is_left(plane, cluster, ns):
    obj = config_map(ns, "a", x="1")
    cluster.track(obj)
    cluster.write_one(obj)
    plane.admin.patch("v1", "ConfigMap", ns, "a", {"data": {"note": "mine"}})
    assert cluster.write_one(obj, kind="dry-run")["outcome"] == "unchanged"


def test_a_delete_names_the_uid(plane, cluster, ns):
    obj = config_map(ns, "a")
    cluster.track(obj)
    uid = cluster.write_one(obj)["uid"]
    plane.admin.delete("v1", "ConfigMap", ns, "a")
    plane.admin.create(obj)
    refused = cluster.delete(obj, uid)
    assert refused["outcome"] == "failed" and refused["kind"] == "conflict"
    assert plane.admin.get("v1", "ConfigMap", ns, "a")
    now = plane.admin.get("v1", "ConfigMap", ns, "a")["metadata"]["uid"]
    assert cluster.delete(obj, now)["outcome"] == "deleted"
    assert cluster.delete(obj, now)["outcome"] == "deleted"  # already gone is gone


def test_the_delete_of_a_kind_that_is_gone_is_done(cluster, ns):
    obj = {"apiVersion": "gone.example.org/v1", "kind": "Gone", "metadata": {"name": "a", "namespace": ns}}
    cluster.do("ready")
    assert cluster.delete(obj, "uid")["outcome"] == "deleted"


def test_an_unknown_field_is_refused_by_name(cluster, ns):
    obj = deployment(ns, "web")
    obj["spec"]["replcas"] = 3
    cluster.track(obj)
    result = cluster.write_one(obj)
    assert result["outcome"] == "failed" and result["kind"] == "invalid" and "replcas" in result["error"]


def test_an_unknown_kind_is_missing_with_the_next_step(cluster, ns):
    obj = {"apiVersion": "none.example.org/v1", "kind": "None", "metadata": {"name": "a", "namespace": ns}}
    cluster.track(obj)
    result = cluster.write_one(obj)
    assert result["kind"] == "missing" and "CustomResourceDefinition" in result["error"]


def test_what_a_manifest_copied_from_the_cluster_carries_is_left_out(plane, cluster, ns):
    obj = config_map(ns, "a", x="1")
    plane.admin.apply(obj, manager="kubectl")
    copied = plane.admin.get("v1", "ConfigMap", ns, "a")
    cluster.track(copied)
    copied["data"]["x"] = "2"
    copied["metadata"]["resourceVersion"] = "1"
    copied["status"] = {"phase": "old"}
    assert cluster.write_one(copied)["outcome"] == "configured"


def test_values_of_secrets_are_hidden_in_differences(plane, cluster, ns):
    obj = secret(ns, "s", password="hunter2-one")
    cluster.track(obj)
    cluster.write_one(obj)
    plane.admin.patch("v1", "Secret", ns, "s", {"data": {"password": base64.b64encode(b"hunter2-two").decode()}})
    result = cluster.write_one(obj, kind="dry-run")
    (difference,) = result["differences"]
    assert difference["path"] == "data.password"
    assert difference["wanted"] == difference["found"] == "<hidden>" and difference["by"] == "kubectl-edit"


def test_kubectls_copy_of_a_secret_is_hidden(plane, cluster, ns):
    obj = secret(ns, "s", password="hunter2-one")
    note = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(obj), "note": "the word is hunter2-one"}
    plane.admin.create({**obj, "metadata": {**obj["metadata"], "annotations": note}})
    cluster.track(obj)
    wanted = secret(ns, "s", password="hunter2-two")
    wanted["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(wanted),
                                         "note": "now hunter2-two"}
    result = cluster.write_one(wanted, kind="dry-run", force=True)
    assert result["outcome"] == "configured" and "data.password" in [d["path"] for d in result["differences"]]
    told = json.dumps(result)
    for value in ("hunter2-one", "hunter2-two"):
        assert value not in told and base64.b64encode(value.encode()).decode() not in told, told


def test_values_of_secrets_are_not_in_errors(cluster, ns):
    obj = secret(ns, "s")
    obj["data"] = {"password": "not-base64-hunter2"}
    cluster.track(obj)
    text = json.dumps(cluster.write_one(obj))
    assert '"failed"' in text and "hunter2" not in text
    obj = secret(ns, "s", password="x")
    obj["metadata"]["labels"] = {"a": "hunter2 hunter2"}
    text = json.dumps(cluster.write_one(obj))
    assert '"failed"' in text and "hunter2" not in text and "metadata.labels" in text
