"""What is watched and kept of a real API server."""

import pytest

from parts.cluster import TRACKING, config_map, key, key_of, tracking
from parts.kube import simple_crd


def deployment(ns, name, replicas=1):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": ns},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}},
                                  "spec": {"containers": [{"name": "web", "image": "example.org/web:1"}]}}}}


def test_what_was_written_is_known_before_the_watch_says_so(cluster, ns):
    obj = config_map(ns, "a", x="1")
    cluster.track(obj)
    result = cluster.write_one(obj)
    live = cluster.live(obj)
    assert live["uid"] == result["uid"] and live["resourceVersion"] == result["resourceVersion"]
    assert live["trackingId"] == tracking(obj)


def test_a_hand_edit_is_seen_by_the_watch_and_healed_with_one_apply(plane, cluster, ns):
    obj = config_map(ns, "a", x="1")
    cluster.track(obj)
    cluster.write_one(obj)
    cluster.wait("own write told", lambda: cluster.live(obj))
    cluster.forget()
    before = cluster.live(obj)
    plane.admin.patch("v1", "ConfigMap", ns, "a", {"data": {"x": "2"}})
    cluster.wait("the edit", lambda: cluster.saw("changed", name="a", application="app") and
                 cluster.live(obj)["resourceVersion"] != before["resourceVersion"])
    healed = cluster.write_one(obj)
    assert healed["outcome"] == "configured"
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["data"] == {"x": "1"}


def test_a_deletion_is_seen(plane, cluster, ns):
    obj = config_map(ns, "a", x="1")
    cluster.track(obj)
    cluster.write_one(obj)
    plane.admin.delete("v1", "ConfigMap", ns, "a")
    cluster.wait("the deletion", lambda: not cluster.live(obj))
    cluster.wait("the news of it", lambda: cluster.saw("changed", name="a", application="app"))


def test_objects_that_nobody_asked_for_are_not_kept(plane, cluster, ns):
    wanted = config_map(ns, "wanted", x="1")
    cluster.track(wanted)
    plane.admin.create(config_map(ns, "foreign", x="1"))
    plane.admin.create(wanted)
    cluster.wait("the wanted one", lambda: cluster.live(wanted))
    assert not cluster.saw("changed", name="foreign")
    assert cluster.live(config_map(ns, "foreign")) is None


@pytest.mark.parametrize("count", [2, 9])
def test_an_object_that_was_there_before_it_was_wanted_is_found(plane, cluster, ns, count):
    first = config_map(ns, "first")
    cluster.track(first)
    others = [config_map(ns, f"other{i}") for i in range(count)]
    for other in others:
        plane.admin.create(other)
    mark = plane.mark()
    cluster.track(first, *others)
    assert all(cluster.live(o) for o in others)
    asked = [e["verb"] for e in plane.requests(mark, namespace=ns) if e["verb"] != "watch"]  # that of the first one may begin late
    assert asked == (["get"] * 2 if count == 2 else ["list"])


def test_a_collection_too_many_takes_no_other_ones_watch(plane, cluster, ns):
    obj = config_map(ns, "a", x="1")
    cluster.track(obj)
    cluster.write_one(obj)
    many = [key("ConfigMap", f"{ns}-{i}", "a") for i in range(500)]
    for _ in range(2):
        answer = cluster.ask("track", keys=many)
        assert not answer["ok"] and "more than 500 collections" in answer["error"]
    plane.admin.patch("v1", "ConfigMap", ns, "a", {"data": {"x": "2"}})
    version = plane.admin.get("v1", "ConfigMap", ns, "a")["metadata"]["resourceVersion"]
    cluster.wait("the edit", lambda: cluster.live(obj)["resourceVersion"] == version)


def test_what_a_tracker_names_no_more_is_let_go(plane, cluster, ns):
    """A hundred commits and as many previews, each with names and a namespace of its own: nothing of them stays."""
    stays = config_map(ns, "stays")
    cluster.write_one(stays)

    def track(tracker, *keys):
        cluster.ask("track", tracker=tracker, keys=list(keys))  # lists of namespaces that are not there take a moment

    for i in range(100):
        track("app", key_of(stays), key("ConfigMap", ns, f"of-commit-{i}"), key("ConfigMap", f"{ns}-{i}", "other"))
        track("preview", key_of(stays), key("Secret", f"{ns}-{i}", f"of-preview-{i}"))
        cluster.do("untrack", tracker="preview")
    cluster.do("track", tracker="app", keys=[key_of(stays)])

    def kept():
        cluster.do("untrack", tracker="preview")
        stats = cluster.do("stats")
        return stats["tracked"], stats["collections"], stats["objects"]

    cluster.wait("only what is wanted is kept", lambda: kept() == (1, 1, 1))
    assert cluster.do("stats")["watches"] < 50, "numbers of watches are given again"
    cluster.wait("the object", lambda: cluster.live(stays))
    assert not [e for e in cluster.saw("trouble") if e["text"]]


def test_a_collection_that_was_let_go_is_watched_again(plane, cluster, ns):
    obj = config_map(ns, "a", x="1")
    plane.admin.create(obj)
    for value in "2", "3":
        cluster.do("track", tracker="app", keys=[key_of(obj)])
        assert cluster.live(obj)
        cluster.do("untrack", tracker="app")
        assert not cluster.live(obj)
        plane.admin.patch("v1", "ConfigMap", ns, "a", {"data": {"x": value}})
    cluster.do("track", tracker="app", keys=[key_of(obj)])
    cluster.forget()
    plane.admin.patch("v1", "ConfigMap", ns, "a", {"data": {"x": "4"}})
    cluster.wait("the edit", lambda: cluster.saw("changed", name="a"))


def test_large_objects_are_listed_in_short_pages(plane, proxy, make_cluster, ns):
    """A custom kind is seen whole, for the sake of its status; as many at a time as memory is meant for, first list or later one."""
    group = f"{ns}.example.org"
    plane.admin.create_crd(simple_crd(group, "Widget", "widgets"))

    def widget(name, bytes):
        return {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": name, "namespace": ns},
                "spec": {"text": "x" * bytes}}

    def pages():
        asked = [path for method, path in proxy.seen if "/widgets?limit=" in path]
        return [int(path.split("limit=")[1].split("&")[0]) for path in asked]

    large = [widget(f"large{i:03}", 100 * 1024) for i in range(70)]
    for one in large:
        plane.admin.create(one)
    one = make_cluster(proxy.kubeconfig(plane))
    one.do("track", keys=[key_of(obj) for obj in large[:1]])
    assert pages() == [20, 20, 20, 20], "2 MiB each"
    proxy.seen.clear()
    one.do("track", keys=[key_of(obj) for obj in large])
    assert pages() == [20, 20, 20, 20]
    assert all(one.live(obj) for obj in large)
    # Small ones come in long pages.
    small = [widget(f"small{i:03}", 10) for i in range(200)]
    one.close()  # its own watch, broken off by a busy server, may list again at any time
    for obj in large:
        plane.admin.delete(obj["apiVersion"], "Widget", ns, obj["metadata"]["name"])
    for obj in small:
        plane.admin.create(obj)
    proxy.seen.clear()
    two = make_cluster(proxy.kubeconfig(plane))
    two.do("track", keys=[key_of(obj) for obj in small])
    assert pages() == [20, 80, 320]
    assert all(two.live(obj) for obj in small)


def test_a_new_kind_is_listed_once_however_long_its_names_take(plane, proxy, make_cluster, ns):
    """The first page comes while names are still being told: none of its objects is taken for somebody else's for that."""
    maps = [config_map(ns, f"m{i:03}") for i in range(30)]
    for obj in maps:
        plane.admin.create(obj)
    one = make_cluster(proxy.kubeconfig(plane))
    absent = [key("ConfigMap", ns, f"absent{i:05}") for i in range(40000)]
    one.do("track", keys=[key_of(maps[0]), *absent, *(key_of(obj) for obj in maps[1:])])
    assert len([path for _, path in proxy.seen if "/configmaps?limit=" in path]) == 1
    assert not [path for _, path in proxy.seen if "/configmaps/" in path]
    assert all(one.live(obj) for obj in maps) and not one.live(absent[0])


def test_owned_are_only_objects_whose_tracking_id_names_themselves(plane, cluster, ns):
    def create(name, tracking_id, **more):
        obj = config_map(ns, name)
        obj["metadata"]["annotations"] = {TRACKING: tracking_id}
        obj["metadata"].update(more)
        plane.admin.create(obj)

    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "mine", "uid": "00000000-0000-0000-0000-000000000000"}
    cluster.track(config_map(ns, "mine"))
    create("mine", f"app:/ConfigMap:{ns}/mine")
    create("copied", f"app:/ConfigMap:{ns}/mine")
    create("other", f"other:/ConfigMap:{ns}/other")
    obj = config_map(ns, "child")
    obj["metadata"]["annotations"] = {TRACKING: f"app:/ConfigMap:{ns}/child"}
    mine = plane.admin.get("v1", "ConfigMap", ns, "mine")
    obj["metadata"]["ownerReferences"] = [{**owner, "uid": mine["metadata"]["uid"]}]
    plane.admin.create(obj)
    cluster.wait("all seen", lambda: cluster.live(config_map(ns, "child")))
    assert cluster.live(config_map(ns, "child"))["hasOwner"]
    assert [o["name"] for o in cluster.do("owned", application="app", namespace=ns)["items"]] == ["mine"]


def test_annotations_about_pruning_are_known(plane, cluster, ns):
    obj = config_map(ns, "a")
    obj["metadata"]["annotations"] = {"pgitops.dev/allow-prune": "true",
                                      "argocd.argoproj.io/sync-options": "Prune=false,Other=true"}
    cluster.track(obj)
    plane.admin.create(obj)
    live = cluster.wait("seen", lambda: cluster.live(obj))
    assert live["pruneAllowed"] and live["pruneRefused"]


def test_cluster_scoped_kinds_are_tracked_as_a_whole(plane, cluster, ns):
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": f"role-{ns}"},
            "rules": []}
    cluster.track(role)
    result = cluster.do("write", writes=[{"kind": "apply", "object": role, "tracking": tracking(role, namespace=ns)}])
    assert result["results"][0]["outcome"] == "created"
    owned = cluster.do("owned", application="app", namespace=ns)["items"]
    assert [o["name"] for o in owned] == [f"role-{ns}"]
    assert cluster.delete(role, result["results"][0]["uid"])["outcome"] == "deleted"


def test_one_forbidden_kind_is_named_and_the_others_are_tracked(plane, make_cluster, ns):
    plane.allow("alice", [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}], ns)
    one = make_cluster(plane.kubeconfig("alice"))
    obj = config_map(ns, "a")
    one.wait("the rule", lambda: one.ask("track", keys=[key_of(obj)])["ok"])
    answer = one.ask("track", keys=[key("Secret", ns, "s"), key_of(obj)])
    assert not answer["ok"] and answer["kind"] == "denied" and f"Secret in {ns}" in answer["error"]
    assert one.write_one(obj)["outcome"] == "created"
    assert one.live(obj)
    # Allowed later: the watch recovers by itself.
    plane.allow("alice", [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]}], ns)
    one.wait("the other kind", lambda: one.ask("track", keys=[key("Secret", ns, "s"), key_of(obj)])["ok"], 30)


def test_health_follows_the_status(plane, cluster, ns):
    web = deployment(ns, "web", replicas=0)
    cluster.track(web)
    cluster.write_one(web)
    cluster.wait("healthy", lambda: cluster.live(web)["health"] == "Healthy")
    assert cluster.write_one(deployment(ns, "web", replicas=2))["outcome"] == "configured"
    cluster.wait("progressing", lambda: cluster.live(web)["health"] == "Progressing")


def test_health_of_an_unknown_kind_follows_its_conditions(plane, cluster, ns):
    group = f"{ns}.example.org"
    plane.admin.create_crd(simple_crd(group, "Widget", "widgets"))
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": ns},
              "spec": {"size": 1}}
    cluster.track(widget)
    cluster.write_one(widget)

    def report(ready, seen, message):
        plane.admin.patch(f"{group}/v1", "Widget", ns, "w", {"status": {"observedGeneration": seen, "conditions": [
            {"type": "Ready", "status": ready, "message": message}]}}, subresource="status")

    report("False", 1, "no gears")
    cluster.wait("progressing", lambda: (cluster.live(widget)["health"], cluster.live(widget)["message"]) == (
        "Progressing", "no gears"))
    report("True", 1, "")
    cluster.wait("healthy", lambda: cluster.live(widget)["health"] == "Healthy")
    widget["spec"]["size"] = 2
    cluster.write_one(widget)
    assert cluster.live(widget)["health"] == "Progressing"  # Ready is about the spec before
    report("True", 2, "")
    cluster.wait("healthy again", lambda: cluster.live(widget)["health"] == "Healthy")
