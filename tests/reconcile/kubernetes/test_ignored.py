"""ignoreDifferences on a real API server: what does not count, and what an apply leaves alone."""

import copy

import pytest

from parts.cluster import config_map

DEPLOYMENTS = {"group": "apps", "kind": "Deployment"}


def deployment(ns, name="web", replicas=1, image="example.org/web:1", **spec):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": ns},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}},
                                  "spec": {"containers": [{"name": "web", "image": image}]}}, **spec}}


def rule(**more):
    return [{**DEPLOYMENTS, **more}]


@pytest.fixture
def web(plane, cluster, ns):
    """A Deployment that was applied, and then scaled and given another image by somebody."""
    obj = deployment(ns)
    cluster.track(obj)
    cluster.write_one(obj)
    plane.admin.patch("apps/v1", "Deployment", ns, "web", {"spec": {"replicas": 5}}, manager="autoscaler")
    live = plane.admin.get("apps/v1", "Deployment", ns, "web")
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "example.org/web:hand"
    live["spec"]["template"]["spec"]["containers"].insert(0, {"name": "proxy", "image": "example.org/proxy"})
    plane.admin.patch("apps/v1", "Deployment", ns, "web", {"spec": {"template": live["spec"]["template"]}})
    return obj


def paths(result):
    return [d["path"] for d in result["differences"]]


def compared(cluster, obj, ignore):
    return cluster.write_one(obj, kind="dry-run", ignore=ignore, force=True)


def test_without_a_rule_all_of_it_differs(cluster, web):
    result = compared(cluster, web, [])
    assert "spec.replicas" in paths(result) and result["outcome"] == "configured"


def test_pointers_expressions_and_managers_hide_what_they_name(cluster, web):
    without_replicas = compared(cluster, web, rule(jsonPointers=["/spec/replicas"]))
    assert without_replicas["outcome"] == "configured" and "spec.replicas" not in paths(without_replicas)
    by_manager = compared(cluster, web, rule(managedFieldsManagers=["autoscaler"]))
    assert paths(by_manager) == paths(without_replicas)
    everything = compared(cluster, web, rule(
        jsonPointers=["/spec/replicas"],
        jqPathExpressions=['.spec.template.spec.containers[] | select(.name == "proxy")',
                           '.spec.template.spec.containers[] | select(.name == "web").image']))
    assert everything["outcome"] == "unchanged" and everything["differences"] == []


def test_a_rule_for_another_object_hides_nothing(cluster, web):
    for other in ({"kind": "Deployment"}, {**DEPLOYMENTS, "name": "other"}, {**DEPLOYMENTS, "namespace": "other"},
                  {"group": "apps", "kind": "StatefulSet"}):
        result = compared(cluster, web, [{**other, "jsonPointers": ["/spec"]}])
        assert "spec.replicas" in paths(result), other


def test_globs_reach_all_kinds(cluster, web):
    assert compared(cluster, web, [{"group": "*", "kind": "*", "jsonPointers": ["/spec"]}])["outcome"] == "unchanged"


def test_an_apply_writes_what_is_only_ignored(plane, cluster, ns, web):
    cluster.write_one(web, ignore=rule(jsonPointers=["/spec/replicas"]), force=True)
    assert plane.admin.get("apps/v1", "Deployment", ns, "web")["spec"]["replicas"] == 1


def test_respected_fields_survive_an_apply(plane, cluster, ns, web):
    wanted = deployment(ns, image="example.org/web:2")
    ignore = rule(jsonPointers=["/spec/replicas"])
    result = cluster.write_one(wanted, ignore=ignore, respect=True, force=True)
    assert result["outcome"] == "configured"
    live = plane.admin.get("apps/v1", "Deployment", ns, "web")
    assert live["spec"]["replicas"] == 5
    images = {c["name"]: c["image"] for c in live["spec"]["template"]["spec"]["containers"]}
    assert images["web"] == "example.org/web:2"
    assert compared(cluster, wanted, ignore)["outcome"] == "unchanged"


def test_a_respected_field_that_leaves_git_stays_in_the_cluster(plane, cluster, ns):
    obj = deployment(ns, replicas=3)
    cluster.track(obj)
    cluster.write_one(obj)
    wanted = copy.deepcopy(obj)
    del wanted["spec"]["replicas"]
    cluster.write_one(wanted, ignore=rule(jsonPointers=["/spec/replicas"]), respect=True)
    assert plane.admin.get("apps/v1", "Deployment", ns, "web")["spec"]["replicas"] == 3


def test_a_respected_field_that_kubectl_applied_stays_when_git_lacks_it(plane, cluster, ns):
    plane.admin.create({**deployment(ns, replicas=3), "metadata": {"name": "web", "namespace": ns}})
    plane.admin.request("PATCH", plane.admin.path("apps/v1", "Deployment", ns, "web")
                        + "?fieldManager=kubectl-client-side-apply", {"spec": {"replicas": 4}},
                        content_type="application/merge-patch+json")
    wanted = deployment(ns)
    del wanted["spec"]["replicas"]
    cluster.track(wanted)
    result = cluster.write_one(wanted, ignore=rule(jsonPointers=["/spec/replicas"]), respect=True, force=True)
    assert result["outcome"] == "configured"
    assert plane.admin.get("apps/v1", "Deployment", ns, "web")["spec"]["replicas"] == 4


def test_replaced_objects_keep_what_is_respected(plane, cluster, ns, web):
    wanted = deployment(ns, image="example.org/web:2")
    del wanted["spec"]["replicas"]
    ignore = rule(jsonPointers=["/spec/replicas"])
    assert cluster.write_one(wanted, ignore=ignore, respect=True, replace=True)["outcome"] == "configured"
    assert plane.admin.get("apps/v1", "Deployment", ns, "web")["spec"]["replicas"] == 5


def test_a_new_object_has_what_git_says(plane, cluster, ns):
    obj = deployment(ns, replicas=2)
    cluster.track(obj)
    result = cluster.write_one(obj, ignore=rule(jsonPointers=["/spec/replicas"]), respect=True)
    assert result["outcome"] == "created"
    assert plane.admin.get("apps/v1", "Deployment", ns, "web")["spec"]["replicas"] == 2


def test_an_expression_that_fails_is_neither_equal_nor_different(cluster, web):
    for expression, words in ((".spec.replicas.x", "Cannot index number"), ("def f: f; f", "more than 1000 ms")):
        result = compared(cluster, web, rule(jqPathExpressions=[expression]))
        assert result["outcome"] == "failed" and result["kind"] == "retry", result
        assert words in result["error"] and expression in result["error"]
        assert "Deployment.apps" in result["error"] and "/web" in result["error"]


def test_one_endless_expression_is_tried_once_for_many_objects(cluster, ns):
    objects = [config_map(ns, f"c{i}", a="1") for i in range(30)]
    cluster.track(*objects)
    cluster.write(*objects)
    changed = [config_map(ns, f"c{i}", a="2") for i in range(30)]
    ignore = [{"kind": "ConfigMap", "jqPathExpressions": ["def f: f; f"]}]
    answer = cluster.do("write", writes=[{"kind": "dry-run", "object": o, "ignore": ignore} for o in changed])
    assert [r["outcome"] for r in answer["results"]] == ["failed"] * 30
    assert "more than 1000 ms" in answer["results"][29]["error"]


def test_values_of_a_secret_are_not_in_what_jq_says(cluster, ns):
    obj = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": ns}, "data": {"k": "aHVudGVyMg=="}}
    cluster.track(obj)
    cluster.write_one(obj)
    changed = {**obj, "data": {"k": "b3RoZXI="}}
    result = compared(cluster, changed, [{"kind": "Secret", "jqPathExpressions": [".data.k | tonumber"]}])
    assert result["outcome"] == "failed" and "aHVudGVyMg" not in result["error"] and "b3RoZXI" not in result["error"]
    assert compared(cluster, changed, [{"kind": "Secret", "jqPathExpressions": [".data.k"]}])["outcome"] == "unchanged"
