"""Kinds and namespaces that come and go, and what a quiet cluster costs."""

from parts.cluster import TRACKING, config_map, key_of
from parts.kube import simple_crd, wait_for


def test_a_quiet_cluster_asks_nothing(plane, cluster, ns):
    objects = [config_map(ns, f"c{i}", a=str(i)) for i in range(20)]
    cluster.track(*objects)
    cluster.write(*objects)
    mark = plane.mark()
    for _ in range(3):
        cluster.track(*objects)
        assert all(cluster.live(o) for o in objects)
        assert len(cluster.do("owned", application="app", namespace=ns)["items"]) == 20
    assert plane.requests(mark, namespace=ns) == []


def test_a_custom_resource_can_follow_its_definition(plane, cluster, ns):
    group = f"{ns}.example.org"
    crd = simple_crd(group, "Widget", "widgets")
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": ns},
              "spec": {"size": 1}}
    cluster.do("ready")
    cluster.track(crd, widget)
    made = cluster.do("write", writes=[{"kind": "apply", "object": crd}])["results"][0]
    assert made["outcome"] == "created"
    cluster.wait_kind(group, "Widget")
    cluster.track(crd, widget)
    assert cluster.write_one(widget)["outcome"] == "created"
    assert cluster.live(crd)["health"] in ("Progressing", "Healthy")
    cluster.wait("the CRD's health", lambda: cluster.live(crd)["health"] == "Healthy")
    assert TRACKING not in plane.admin.get(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", None, f"widgets.{group}")["metadata"].get("annotations", {})
    # The definition goes, and all with it; then it comes back.
    plane.admin.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, f"widgets.{group}")
    wait_for("the kind to go", lambda: plane.admin.get(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", None, f"widgets.{group}") is None)
    cluster.wait("the widget's end", lambda: cluster.live(widget) is None, 30)
    cluster.do("write", writes=[{"kind": "apply", "object": crd}])
    cluster.wait_kind(group, "Widget")
    assert cluster.write_one(widget)["outcome"] == "created"

    def tracked_again():
        cluster.ask("track", keys=[key_of(widget)])
        return cluster.live(widget)

    cluster.wait("the widget", tracked_again, 40)


def test_a_namespace_is_made_once(plane, cluster, ns):
    cluster.do("ready")
    assert cluster.do("make_namespace", name=f"{ns}-new")["created"]
    assert not cluster.do("make_namespace", name=f"{ns}-new")["created"]
    assert TRACKING not in plane.admin.get("v1", "Namespace", None, f"{ns}-new")["metadata"].get("annotations", {})
    assert not cluster.ask("make_namespace", name="Not A Name")["ok"]
