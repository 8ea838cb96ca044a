"""Collections that are followed: each object of them, to whoever listens, straight from the watch."""

from parts.cluster import config_map
from parts.kube import simple_crd


def test_a_followed_collection_tells_its_first_list_and_each_change(plane, cluster, ns):
    labelled = config_map(ns, "followed", x="1")
    labelled["metadata"]["labels"] = {"follow": "yes"}
    plane.admin.create(labelled)
    plane.admin.create(config_map(ns, "not-followed"))
    cluster.do("follow", collection="mine", path=f"/api/v1/namespaces/{ns}/configmaps", selector="follow=yes")
    cluster.events()
    assert [e["name"] for e in cluster.saw("followed", collection="mine")] == ["followed"]
    plane.admin.patch("v1", "ConfigMap", ns, "followed", {"data": {"x": "2"}})
    cluster.wait("the change", lambda: len(cluster.saw("followed", name="followed", gone=False)) == 2)
    plane.admin.delete("v1", "ConfigMap", ns, "followed")
    cluster.wait("the end", lambda: cluster.saw("followed", name="followed", gone=True))


def test_following_a_kind_that_is_not_there_fails_and_recovers(plane, cluster, ns):
    group = f"late.{ns}.example.org"
    path = f"/apis/{group}/v1/namespaces/{ns}/lates"
    answer = cluster.ask("follow", collection="lates", path=path)
    assert not answer["ok"] and answer["kind"] == "missing"
    plane.admin.create_crd(simple_crd(group, "Late", "lates"))
    plane.admin.create({"apiVersion": f"{group}/v1", "kind": "Late", "metadata": {"name": "a", "namespace": ns}})
    cluster.wait("the kind", lambda: cluster.ask("follow", collection="lates", path=path)["ok"], 60)
    cluster.wait("its object", lambda: cluster.saw("followed", collection="lates", name="a"))
