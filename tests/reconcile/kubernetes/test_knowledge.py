"""What is known of the cluster stays true: answers that come late, etcd restored, a server that is away, slow lists."""

import json
import time

import pytest

from parts import kube
from parts.cluster import config_map, key_of
from parts.proxy import FaultProxy, faults


@pytest.fixture(scope="module")
def own_plane():
    made = kube.ControlPlane(controllers=False).start()
    yield made
    made.stop()


@pytest.fixture
def bad(plane, proxy, make_cluster):
    """A cluster behind the proxy."""
    one = make_cluster(proxy.kubeconfig(plane))
    one.do("ready")
    return one


def names(ns, count):
    return [config_map(ns, f"c{i:03}", x="1") for i in range(count)]


def test_what_is_deleted_while_a_long_write_runs_stays_gone(plane, proxy, bad, ns, make_cluster):
    """All answers of a run are looked at together at its end: one slow request keeps them waiting while objects go."""
    objects = names(ns, 40)
    bad.track(*objects)
    hand = make_cluster(plane.kubeconfig())
    hand.track(*objects)
    proxy.add(faults.delay(3), method="PATCH", path="/c039[?]")
    bad.process.stdin.write(json.dumps({"do": "write", "writes": [
        {"kind": "apply", "object": o, "tracking": f"app:/ConfigMap:{ns}/{o['metadata']['name']}"} for o in objects]}) + "\n")
    bad.process.stdin.flush()
    hand.wait("the first ones", lambda: hand.live(objects[0]) and hand.live(objects[1]))
    for gone in objects[:2]:
        plane.admin.delete("v1", "ConfigMap", ns, gone["metadata"]["name"])
    results = json.loads(bad.process.stdout.readline())["results"]
    assert {r["outcome"] for r in results} == {"created"}
    bad.wait("the last one", lambda: bad.live(objects[39]))
    bad.wait("the first ones are gone", lambda: bad.live(objects[0]) is None and bad.live(objects[1]) is None)
    assert len(bad.do("owned", application="app", namespace=ns)["items"]) == 38


def forward(plane, ns, count):
    for i in range(count):
        plane.admin.patch("v1", "ConfigMap", ns, "churn", {"data": {"n": str(i)}})


@pytest.mark.parametrize("through_proxy", [False, True])
def test_an_etcd_restored_from_a_backup_is_believed(own_plane, make_cluster, tmp_path, through_proxy):
    """The versions run backwards, and a watch from a version that is still to come would be silent for ever."""
    plane = own_plane
    ns = f"restored-{through_proxy}".lower()
    plane.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}})
    proxy = FaultProxy(plane.port, tmp_path)
    one = make_cluster(proxy.kubeconfig(plane) if through_proxy else plane.kubeconfig())
    kept, gone, later = (config_map(ns, name, x="1") for name in ("kept", "gone", "later"))
    one.track(kept, gone, later)
    one.write(kept, gone)
    plane.admin.create(config_map(ns, "churn"))
    copy = plane.backup()
    # What the backup does not know: one object more, one less, one changed, and many versions.
    one.write_one(later)
    plane.admin.delete("v1", "ConfigMap", ns, "gone")
    plane.admin.patch("v1", "ConfigMap", ns, "kept", {"data": {"x": "2"}})
    forward(plane, ns, 200)
    one.wait("all of it", lambda: one.live(later) and not one.live(gone))
    plane.restore(copy)

    def as_restored():
        version = plane.admin.get("v1", "ConfigMap", ns, "kept")["metadata"]["resourceVersion"]
        return one.live(gone) and not one.live(later) and one.live(kept)["resourceVersion"] == version

    one.wait("the old state", as_restored, 60)
    # And it goes on from there.
    plane.admin.patch("v1", "ConfigMap", ns, "kept", {"data": {"x": "3"}})
    one.wait("a new edit", as_restored)
    assert one.write_one(later)["outcome"] == "created"
    assert one.live(later)
    proxy.close()


def test_a_restored_etcd_whose_versions_have_passed_ours_is_listed_anew(own_plane, make_cluster, tmp_path):
    """Nothing runs backwards any more when the watch is back: it would go on from a version of another history."""
    plane, ns = own_plane, "passed"
    plane.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}})
    proxy = FaultProxy(plane.port, tmp_path)
    one = make_cluster(proxy.kubeconfig(plane))
    gone, later = config_map(ns, "gone", x="1"), config_map(ns, "later", x="1")
    one.track(gone, later)
    one.write_one(gone)
    plane.admin.create(config_map(ns, "churn"))
    copy = plane.backup()
    one.write_one(later)
    plane.admin.delete("v1", "ConfigMap", ns, "gone")
    one.wait("both", lambda: one.live(later) and not one.live(gone))
    away = proxy.add(faults.drop(), path=f"{ns}/configmaps")
    proxy.cut_all()
    plane.restore(copy)
    forward(plane, ns, 100)
    one.wait("some tries", lambda: away.hits >= 4)
    proxy.clear()
    one.wait("the old state", lambda: one.live(gone) and not one.live(later), 60)
    proxy.close()


def test_the_cache_is_compared_with_the_server_at_intervals(plane, proxy, bad, ns):
    bad.do("relist_every", milliseconds=1000)
    obj = config_map(ns, "a", x="1")
    bad.track(obj)
    bad.write_one(obj)
    lists = proxy.count("GET", f"{ns}/configmaps[?]limit=")
    bad.wait("two lists more", lambda: proxy.count("GET", f"{ns}/configmaps[?]limit=") >= lists + 2)
    assert bad.live(obj)
    plane.admin.patch("v1", "ConfigMap", ns, "a", {"data": {"x": "2"}})
    version = plane.admin.get("v1", "ConfigMap", ns, "a")["metadata"]["resourceVersion"]
    bad.wait("the edit", lambda: bad.live(obj)["resourceVersion"] == version)


def test_a_list_that_takes_long_holds_up_nobody(plane, proxy, bad, ns):
    proxy.add(faults.delay(4), path=f"{ns}/configmaps[?]limit=")
    obj = config_map(ns, "a", x="1")
    plane.admin.create(obj)
    answer = bad.ask("track", keys=[key_of(obj)])
    assert not answer["ok"] and answer["kind"] == "retry" and "still being listed" in answer["error"]
    assert f"ConfigMap in {ns}" in answer["error"]
    bad.wait("the news", lambda: bad.saw("listed", collection=f"ConfigMap in {ns}"))
    bad.track(obj)
    assert bad.live(obj)


@pytest.mark.parametrize("count", [2, 9])
def test_an_object_that_could_not_be_asked_for_is_asked_for_again(plane, proxy, bad, ns, count):
    bad.track(config_map(ns, "first"))
    others = names(ns, count)
    for other in others:
        plane.admin.create(other)
    proxy.add(faults.status(500), method="GET", path=f"{ns}/configmaps(/c0|[?]limit=)")
    assert not bad.ask("track", keys=[key_of(o) for o in others])["ok"]
    proxy.clear()
    bad.track(*others)
    assert all(bad.live(o) for o in others)


def test_a_kind_is_asked_for_with_one_look(plane, cluster, ns):
    group = f"{ns}.example.org"
    answer = cluster.ask("kind_ready", group=group, kind="Widget")
    assert not answer["ok"] and answer["kind"] == "missing"
    plane.admin.create_crd(kube.simple_crd(group, "Widget", "widgets"))
    cluster.wait("the kind", lambda: cluster.ask("kind_ready", group=group, kind="Widget")["ok"])
    assert cluster.do("kind", group=group, kind="Widget")["has"]
    assert cluster.do("kind_ready", group="", kind="ConfigMap")


def test_a_server_that_answers_is_well_without_being_asked_for_objects(plane, cluster, ns):
    cluster.do("ready")
    cluster.wait("the first word", lambda: cluster.do("health")["well"])
    mark = plane.mark()
    first = cluster.do("health")["since"]
    cluster.wait("another word", lambda: cluster.do("health")["since"] > first)
    health = cluster.do("health")
    assert health["well"] and health["why"] == "" and first < health["since"] <= time.time() * 1e6
    assert plane.requests(mark, namespace=ns) == []


def test_a_server_that_is_down_or_silent_is_noticed_and_so_is_its_return(own_plane, make_cluster):
    plane = own_plane
    one = make_cluster(plane.kubeconfig())
    obj = config_map("default", "health", x="1")
    one.track(obj)
    one.wait("the first word", lambda: one.do("health")["well"])
    plane.stop_apiserver(kill=True)
    one.wait("a refusal", lambda: not one.do("health")["well"])
    assert plane.url in one.do("health")["why"]
    one.wait("the news of it", lambda: one.saw("trouble", collection="the API server", kind="retry"))
    # Whoever asks now is told so at once.
    answer = one.ask("track", keys=[key_of(obj)])
    assert not answer["ok"] and answer["kind"] == "retry" and plane.url in answer["error"]
    plane.start_apiserver()
    one.wait("its return", lambda: one.do("health")["well"])
    one.wait("the news of it", lambda: one.saw("trouble", collection="the API server", kind=""))
    plane.pause()
    try:
        one.wait("the silence", lambda: not one.do("health")["well"])
    finally:
        plane.resume()
    one.wait("its return", lambda: one.do("health")["well"])
    one.track(obj)
