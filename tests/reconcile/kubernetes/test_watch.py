"""Watches over a bad network, and a server that restarts: nothing is missed, nothing is lost by half a list."""

import pytest

from parts import kube
from parts.cluster import config_map, key_of
from parts.proxy import FaultProxy, faults


@pytest.fixture
def bad(plane, proxy, make_cluster):
    """A cluster behind the proxy."""
    one = make_cluster(proxy.kubeconfig(plane))
    one.do("ready")
    return one


@pytest.fixture
def obj(ns, bad):
    made = config_map(ns, "a", x="1")
    bad.track(made)
    return made


@pytest.fixture(scope="module")
def own_plane():
    made = kube.ControlPlane().start()
    yield made
    made.stop()


def test_a_namespace_that_ends_is_a_reason_to_try_again(plane, cluster):
    """403 with the cause NamespaceTerminating: seen on the real server, held there by a finalizer."""
    name = plane.namespace("ending")
    held = config_map(name, "held")
    held["metadata"]["finalizers"] = ["tests.example.org/hold"]
    plane.admin.create(held)
    obj = config_map(name, "a", x="1")
    cluster.track(obj)
    plane.admin.delete("v1", "Namespace", None, name)
    result = cluster.write_one(obj)
    assert result["outcome"] == "failed" and result["kind"] == "retry"
    answer = cluster.ask("make_namespace", name=name)
    assert not answer["ok"] and answer["kind"] == "retry" and "being deleted" in answer["error"]
    plane.admin.patch("v1", "ConfigMap", name, "held", {"metadata": {"finalizers": None}})


def test_a_namespace_whose_answer_was_lost_is_made_once(plane, proxy, bad, ns):
    proxy.add(faults.lose_answer(), method="POST")
    assert bad.do("make_namespace", name=f"{ns}-new")["created"]
    assert proxy.count("POST") == 1


def names(ns, count):
    return [config_map(ns, f"c{i:04}", x="1") for i in range(count)]


def test_a_list_of_many_pages_is_whole_or_nothing(plane, proxy, bad, ns, cluster):
    objects = names(ns, 1100)
    cluster.do("ready")
    cluster.write(*objects)
    path = f"/api/v1/namespaces/{ns}/configmaps"
    expected = len(plane.admin.list("v1", "ConfigMap", ns))
    assert bad.do("list", path=path)["count"] == expected
    # The continue token of the second page has ended: from the start.
    proxy.add(faults.status(410, reason="Expired"), path="continue=", times=1)
    assert bad.do("list", path=path)["count"] == expected
    # Cut in the middle of the third page: tried again.
    proxy.add(faults.cut(after=1000), path="continue=", times=1, skip=1)
    assert bad.do("list", path=path)["count"] == expected
    proxy.add(faults.status(403), path="continue=", skip=1)
    answer = bad.ask("list", path=path)
    assert not answer["ok"] and answer["kind"] == "denied"
    proxy.clear()
    # The same for what is watched: objects are known only by a complete list, and none is lost by half of one.
    proxy.add(faults.cut(after=1000), path="continue=", times=1)
    answer = bad.ask("track", keys=[key_of(o) for o in objects])
    assert not answer["ok"] and answer["kind"] == "retry"
    bad.wait("the whole list", lambda: bad.ask("track", keys=[key_of(objects[0])])["ok"])
    assert len(bad.do("owned", application="app", namespace=ns)["items"]) == 1100



def test_a_watch_cut_in_the_middle_of_a_line_goes_on_where_it_was(plane, proxy, bad, obj):
    ns = obj["metadata"]["namespace"]
    bad.write_one(obj)
    lists = proxy.count("GET", f"{ns}/configmaps.limit=")
    rule = proxy.add(faults.cut(after=300), path=f"{ns}/configmaps.watch=true", times=1)
    proxy.cut_all()
    bad.wait("the watch to come back", lambda: rule.hits == 1)
    for value in range(5):
        plane.admin.patch("v1", "ConfigMap", ns, "a", {"data": {"x": f"hand {value}"}})
    version = plane.admin.get("v1", "ConfigMap", ns, "a")["metadata"]["resourceVersion"]
    bad.wait("the last edit", lambda: bad.live(obj)["resourceVersion"] == version)
    assert proxy.count("GET", f"{ns}/configmaps.limit=") == lists


@pytest.mark.parametrize("fault", [faults.status(410, reason="Expired"), faults.status(429, {"Retry-After": "1"}),
                                   faults.status(500), faults.status(503), faults.drop(), faults.garble()])
def test_a_watch_recovers(plane, proxy, bad, obj, fault):
    ns = obj["metadata"]["namespace"]
    bad.write_one(obj)
    proxy.add(fault, path=f"{ns}/configmaps.watch=true", times=4)
    proxy.cut_all()
    plane.admin.patch("v1", "ConfigMap", ns, "a", {"data": {"x": "by hand"}})
    version = plane.admin.get("v1", "ConfigMap", ns, "a")["metadata"]["resourceVersion"]
    bad.wait("the edit", lambda: bad.live(obj)["resourceVersion"] == version, 30)
    if bad.saw("trouble", collection=f"ConfigMap in {ns}"):
        bad.wait("its end", lambda: bad.saw("trouble", collection=f"ConfigMap in {ns}")[-1]["kind"] == "")


def test_a_list_that_fails_removes_nothing(plane, proxy, bad, obj):
    ns = obj["metadata"]["namespace"]
    bad.write_one(obj)
    proxy.add(faults.status(410, reason="Expired"), path=f"{ns}/configmaps.watch=true", times=1)
    refused = proxy.add(faults.status(403, reason="Forbidden"), path=f"{ns}/configmaps.limit=")
    proxy.cut_all()
    bad.wait("refused lists", lambda: refused.hits >= 2)
    assert bad.live(obj)
    bad.wait("the trouble", lambda: bad.saw("trouble", kind="denied"))
    # Gone meanwhile: known once a list is complete.
    plane.admin.delete("v1", "ConfigMap", ns, "a")
    bad.forget()
    proxy.clear()
    bad.wait("its end", lambda: bad.live(obj) is None, 30)
    bad.wait("the news of it", lambda: bad.saw("changed", name="a", application="app"))


def test_a_404_of_something_else_than_the_api_server_is_not_the_end_of_a_kind(plane, proxy, bad, obj):
    ns = obj["metadata"]["namespace"]
    bad.write_one(obj)
    rule = proxy.add(faults.status(404, reason="NotFound"), path=f"{ns}/configmaps.(watch=true|limit=)")
    proxy.cut_all()
    bad.wait("the 404", lambda: rule.hits >= 1)
    bad.ask("track", keys=[key_of(obj)])
    assert bad.live(obj)


def test_a_restarted_server_is_listed_anew_and_nothing_is_missed(own_plane, make_cluster, tmp_path):
    plane = own_plane
    proxy = FaultProxy(plane.port, tmp_path)
    ns = plane.namespace()
    one = make_cluster(proxy.kubeconfig(plane))
    kept, gone = config_map(ns, "kept", x="1"), config_map(ns, "gone", x="1")
    one.track(kept, gone)
    one.write(kept, gone)
    lists = proxy.count("GET", f"{ns}/configmaps.limit=")
    proxy.add(faults.drop(), path="watch=true")
    plane.restart_apiserver()
    proxy.cut_all()
    # While nobody watches, one object goes and the other changes; what we knew is older than the server's memory.
    plane.admin.delete("v1", "ConfigMap", ns, "gone")
    plane.admin.patch("v1", "ConfigMap", ns, "kept", {"data": {"x": "2"}})
    plane.restart_apiserver()
    version = plane.admin.get("v1", "ConfigMap", ns, "kept")["metadata"]["resourceVersion"]
    proxy.clear()
    one.wait("the change", lambda: one.live(kept)["resourceVersion"] == version, 40)
    one.wait("the deletion", lambda: one.live(gone) is None, 40)
    one.wait("the news of it", lambda: one.saw("changed", name="gone", application="app"))
    assert proxy.count("GET", f"{ns}/configmaps.limit=") > lists
    proxy.close()


def test_a_nul_in_somebodys_object_does_not_make_the_others_unreadable(plane, cluster, ns):
    odd = config_map(ns, "odd", x="a\0b")
    odd["metadata"]["annotations"] = {"note": "a\0b"}
    plane.admin.create(odd)
    obj = config_map(ns, "a", x="1")
    cluster.track(obj, odd)
    assert cluster.live(odd)
    assert cluster.write_one(obj)["outcome"] == "created"
    plane.admin.patch("v1", "ConfigMap", ns, "odd", {"metadata": {"annotations": {"note": "c\0d"}}})
    version = plane.admin.get("v1", "ConfigMap", ns, "odd")["metadata"]["resourceVersion"]
    cluster.wait("the odd one's change", lambda: cluster.live(odd)["resourceVersion"] == version)
    assert cluster.write_one(config_map(ns, "odd", x="1"), kind="dry-run")["outcome"] in ("configured", "failed")
