"""Discovery on a real API server."""

from parts.proxy import faults


def test_discovery_knows_kinds_scopes_and_the_servers_version(cluster):
    assert cluster.do("ready")["version"].startswith("v1.")
    assert not cluster.do("ready")["partial"]
    assert cluster.do("kind", group="", kind="ConfigMap") == {"ok": True, "scope": 1, "has": True}
    assert cluster.do("kind", group="", kind="Namespace")["scope"] == 0
    assert cluster.do("kind", group="apps", kind="Deployment", version="v1")["has"]
    assert not cluster.do("kind", group="apps", kind="Deployment", version="v1beta1")["has"]
    assert cluster.do("kind", group="example.org", kind="Nothing")["scope"] == -1


def test_discovery_without_aggregation_finds_the_same(plane, proxy, make_cluster, cluster):
    """An older server answers the plain lists: seen here as a 406 on nothing, but through a proxy that drops the Accept header."""
    kinds = [("", "ConfigMap"), ("", "Namespace"), ("apps", "StatefulSet"), ("rbac.authorization.k8s.io", "ClusterRole"),
             ("apiextensions.k8s.io", "CustomResourceDefinition"), ("batch", "CronJob")]
    proxy.plain_accept = True
    old = make_cluster(proxy.kubeconfig(plane))
    old.do("ready")
    assert proxy.count(path="/apis/apps/v1$") == 1
    cluster.do("ready")
    for group, kind in kinds:
        assert old.do("kind", group=group, kind=kind) == cluster.do("kind", group=group, kind=kind)
    assert not old.do("ready")["partial"]


def test_a_group_that_does_not_answer_leaves_the_discovery_partial(plane, proxy, make_cluster):
    proxy.plain_accept = True
    proxy.add(faults.status(503), path="^/apis/batch/v1$")
    old = make_cluster(proxy.kubeconfig(plane))
    assert old.do("ready")["partial"]
    assert old.do("kind", group="apps", kind="Deployment")["has"]
    proxy.clear()
    old.do("refresh")
    assert not old.do("ready")["partial"]
