"""Discovery on a real API server."""

import pytest

from parts.cluster import config_map, key, key_of
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


def test_a_group_whose_server_is_away_is_not_a_group_without_objects(plane, aggregated, make_cluster, ns):
    """An error is never an empty set, and holds up nobody who has nothing to do with the group."""
    aggregated.add(faults.drop())
    aggregated.register()
    aggregated.wait("away", "False", "Stale")
    plane.allow("bob", [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}], ns)
    one = make_cluster(plane.kubeconfig("bob"))
    assert one.do("ready")["partial"]
    other, widget = config_map(ns, "a"), aggregated.widget(ns, "w")
    one.wait("the rule", lambda: one.ask("track", keys=[key_of(other)])["ok"])
    says = f"Widget.{aggregated.group} in {ns}: the API group {aggregated.group}/v1 does not answer"
    for keys in ([widget], [other, widget], [widget, key("Secret", ns, "forbidden")], [key("Secret", ns, "forbidden"), widget]):
        answer = one.ask("track", keys=[key_of(o) if "metadata" in o else o for o in keys])
        assert not answer["ok"] and answer["kind"] == "retry" and says in answer["error"], answer
    one.track(other)
    assert one.write_one(other)["outcome"] == "created"
    for result in (one.write_one(widget), one.write(widget, kind="dry-run")[0], one.delete(widget)):
        assert result["outcome"] == "failed" and result["kind"] == "retry", result
        assert f"{aggregated.group}/v1 does not answer" in result["error"]
    # A kind of a group that nobody serves is simply not there.
    one.track(key("Nothing", ns, "n", "nobody.example.org"))

    aggregated.back()
    admin = make_cluster(plane.kubeconfig())
    admin.wait("the kind", lambda: admin.ask("track", keys=[key_of(widget)])["ok"])
    made = admin.write_one(widget)
    assert made["outcome"] == "created" and admin.live(widget), made
    assert aggregated.get(ns, "w")


@pytest.mark.parametrize("count", [1, 9])
def test_new_names_of_a_kind_whose_group_went_away_are_not_absent(plane, proxy, aggregated, make_cluster, ns, count):
    """The kind is watched already; an older server then does not even name it any more."""
    aggregated.register()
    aggregated.wait("there", "True", "Current")
    proxy.plain_accept = True
    one = make_cluster(proxy.kubeconfig(plane))
    known = aggregated.widget(ns, "known")
    one.wait("the kind", lambda: one.ask("track", keys=[key_of(known)])["ok"])
    assert one.write_one(known)["outcome"] == "created"
    fresh = [aggregated.widget(ns, f"fresh{i}") for i in range(count)]
    for widget in fresh:
        plane.admin.create(widget)
    aggregated.away()
    one.do("refresh")
    one.track(known)  # what it knows stays true until it is told better
    assert one.live(known)
    answer = one.ask("track", keys=[key_of(widget) for widget in fresh])
    assert not answer["ok"] and answer["kind"] == "retry" and f"{aggregated.group}/v1 does not answer" in answer["error"]
    aggregated.back()
    one.do("refresh")
    one.track(*fresh)
    assert all(one.live(widget) for widget in fresh)


def test_a_discovery_that_failed_says_nothing_about_kinds(plane, proxy, make_cluster, ns):
    one = make_cluster(proxy.kubeconfig(plane))
    one.do("ready")
    proxy.add(faults.status(500), path="^/apis$")
    answer = one.ask("track", keys=[key("Unknown", ns, "a", "unknown.example.org")])
    assert one.ask("refresh")["ok"] is False
    answer = one.ask("track", keys=[key("Unknown", ns, "a", "unknown.example.org")])
    assert not answer["ok"] and answer["kind"] == "retry" and "discovery" in answer["error"]
    one.track(config_map(ns, "a"))
    proxy.clear()
    one.do("refresh")
    one.track(key("Unknown", ns, "a", "unknown.example.org"))
