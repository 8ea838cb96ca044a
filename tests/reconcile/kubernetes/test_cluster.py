"""Discovery, watches, server-side apply and deletion on a real API server."""

import base64
import json

import pytest

from parts.cluster import TRACKING, config_map, key, key_of, tracking
from parts.kube import simple_crd, wait_for


def deployment(ns, name, replicas=1):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": ns},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}},
                                  "spec": {"containers": [{"name": "web", "image": "example.org/web:1"}]}}}}


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
    from parts.proxy import faults
    proxy.add(faults.status(503), path="^/apis/batch/v1$")
    old = make_cluster(proxy.kubeconfig(plane))
    assert old.do("ready")["partial"]
    assert old.do("kind", group="apps", kind="Deployment")["has"]
    proxy.clear()
    old.do("refresh")
    assert not old.do("ready")["partial"]


def test_a_first_apply_of_n_objects_is_n_requests(plane, cluster, ns):
    objects = [config_map(ns, f"c{i}", a=str(i)) for i in range(50)]
    cluster.track(*objects)
    mark = plane.mark()
    results = cluster.write(*objects)
    assert [r["outcome"] for r in results] == ["created"] * 50
    found = plane.requests(mark, namespace=ns, resource="configmaps")
    assert len(found) == 50 and {e["verb"] for e in found} == {"patch"}
    live = plane.admin.get("v1", "ConfigMap", ns, "c7")
    assert live["data"] == {"a": "7"}
    assert live["metadata"]["annotations"][TRACKING] == f"app:/ConfigMap:{ns}/c7"
    assert live["metadata"]["managedFields"][0]["manager"] == "pgitops"
    assert live["metadata"]["uid"] == results[7]["uid"]


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


def test_what_was_written_is_known_before_the_watch_says_so(cluster, ns):
    obj = config_map(ns, "a", x="1")
    cluster.track(obj)
    result = cluster.write_one(obj)
    live = cluster.live(obj)
    assert live["uid"] == result["uid"] and live["resourceVersion"] == result["resourceVersion"]
    assert live["trackingId"] == tracking(obj)


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


def test_a_hand_edit_is_seen_by_the_watch_and_healed_with_one_apply(plane, cluster, ns):
    obj = config_map(ns, "a", x="1")
    cluster.track(obj)
    cluster.write_one(obj)
    cluster.wait("own write told", lambda: cluster.live(obj))
    cluster.forget()
    before = cluster.live(obj)
    plane.admin.patch("v1", "ConfigMap", ns, "a", {"data": {"x": "2"}})
    cluster.wait("the edit", lambda: cluster.saw("changed", name="a", application="app"))
    assert cluster.live(obj)["resourceVersion"] != before["resourceVersion"]
    healed = cluster.write_one(obj)
    assert healed["outcome"] == "configured"
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["data"] == {"x": "1"}


def test_a_deletion_is_seen(plane, cluster, ns):
    obj = config_map(ns, "a", x="1")
    cluster.track(obj)
    cluster.write_one(obj)
    plane.admin.delete("v1", "ConfigMap", ns, "a")
    cluster.wait("the deletion", lambda: not cluster.live(obj))
    assert cluster.saw("changed", name="a", application="app")


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
    asked = [e["verb"] for e in plane.requests(mark, namespace=ns)]
    assert asked == (["get"] * 2 if count == 2 else ["list"])


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


# Conflicts


def test_fields_of_kubectl_are_taken_over(plane, cluster, ns):
    obj = config_map(ns, "a", x="kubectl")
    plane.admin.apply(obj, manager="kubectl")
    cluster.track(obj)
    wanted = config_map(ns, "a", x="git")
    assert cluster.write_one(wanted, kind="dry-run")["outcome"] == "configured"
    assert cluster.write_one(wanted)["outcome"] == "configured"
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["data"] == {"x": "git"}


def test_fields_of_another_manager_are_named_and_left(plane, cluster, ns):
    plane.admin.apply(config_map(ns, "a", x="theirs"), manager="other-controller")
    wanted = config_map(ns, "a", x="git")
    cluster.track(wanted)
    for kind in ("dry-run", "apply"):
        result = cluster.write_one(wanted, kind=kind)
        assert result["outcome"] == "failed" and result["kind"] == "conflict"
        assert "other-controller owns .data.x" in result["error"] and "test.yaml:1" in result["error"]
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["data"] == {"x": "theirs"}
    assert cluster.write_one(wanted, force=True)["outcome"] == "configured"
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


# Deletion


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


# Refusals of the server


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


# Secrets


def secret(ns, name, **data):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": ns},
            "data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}}


def test_values_of_secrets_are_hidden_in_differences(plane, cluster, ns):
    obj = secret(ns, "s", password="hunter2-one")
    cluster.track(obj)
    cluster.write_one(obj)
    plane.admin.patch("v1", "Secret", ns, "s", {"data": {"password": base64.b64encode(b"hunter2-two").decode()}})
    result = cluster.write_one(obj, kind="dry-run")
    (difference,) = result["differences"]
    assert difference["path"] == "data.password"
    assert difference["wanted"] == difference["found"] == "<hidden>" and difference["by"] == "kubectl-edit"


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


# Kinds that come and go


def test_a_custom_resource_can_follow_its_definition(plane, cluster, ns):
    group = f"{ns}.example.org"
    crd = simple_crd(group, "Widget", "widgets")
    widget = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": ns},
              "spec": {"size": 1}}
    cluster.do("ready")
    cluster.track(crd, widget)
    made = cluster.do("write", writes=[{"kind": "apply", "object": crd}])["results"][0]
    assert made["outcome"] == "created"
    cluster.do("wait_kind", group=group, kind="Widget", milliseconds=20000)
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
    cluster.do("wait_kind", group=group, kind="Widget", milliseconds=20000)
    assert cluster.write_one(widget)["outcome"] == "created"

    def tracked_again():
        cluster.ask("track", keys=[key_of(widget)])
        return cluster.live(widget)

    cluster.wait("the widget", tracked_again, 40)


def test_waiting_for_a_kind_that_never_comes_ends(cluster):
    answer = cluster.ask("wait_kind", group="never.example.org", kind="Never", milliseconds=300)
    assert not answer["ok"] and "not established" in answer["error"]


# Namespaces and followed collections


def test_a_namespace_is_made_once(plane, cluster, ns):
    cluster.do("ready")
    assert cluster.do("make_namespace", name=f"{ns}-new")["created"]
    assert not cluster.do("make_namespace", name=f"{ns}-new")["created"]
    assert TRACKING not in plane.admin.get("v1", "Namespace", None, f"{ns}-new")["metadata"].get("annotations", {})
    assert not cluster.ask("make_namespace", name="Not A Name")["ok"]


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


# Who we are


def test_every_way_to_say_who_we_are_works(plane, make_cluster, tmp_path):
    certificate = plane.client_certificate("robot", "system:masters")
    token_file = tmp_path / "token"
    token_file.write_text(plane.token() + "\n")
    plugin = tmp_path / "plugin.sh"
    plugin.write_text('#!/bin/sh\necho \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
                      f'"status":{{"token":"{plane.token()}"}}}}\'\n')
    plugin.chmod(0o700)
    for more in ({"client_certificate": certificate}, {"token_file": token_file}, {"token": plane.token()},
                 {"tls_server_name": "kubernetes.default.svc"}, {"insecure": True}):
        one = make_cluster(plane.kubeconfig("admin", **more))
        assert one.do("ready")["version"], more
        assert one.opened["insecure"] == bool(more.get("insecure"))
    config = plane.kubeconfig("admin", exec=[str(plugin)])
    assert make_cluster(config, exec=True).do("ready")
    refused = make_cluster(config).opened
    assert not refused["ok"] and "exec plugin" in refused["error"] and "token file" in refused["error"]


def test_a_pod_finds_its_server_and_files(plane, make_cluster, tmp_path):
    (tmp_path / "token").write_text(plane.token())
    (tmp_path / "ca.crt").write_bytes(plane.ca_file.read_bytes())
    (tmp_path / "namespace").write_text("team")
    env = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(plane.port)}
    one = make_cluster(None, folder=str(tmp_path), env=env)
    assert one.opened["namespace"] == "team" and one.do("ready")


def test_a_wrong_ca_is_refused_with_the_next_step(plane, make_cluster, proxy):
    path = plane.kubeconfig("admin", server=proxy.url)
    answer = make_cluster(path).ask("ready")
    assert not answer["ok"] and answer["kind"] == "denied" and "certificate-authority" in answer["error"]


def test_a_wrong_token_is_denied(plane, make_cluster):
    answer = make_cluster(plane.kubeconfig("admin", token="wrong")).ask("ready")
    assert not answer["ok"] and answer["kind"] == "denied"


def test_a_token_that_was_replaced_on_disk_is_taken_up(plane, make_cluster, tmp_path, ns):
    token_file = tmp_path / "token"
    token_file.write_text(plane.token())
    one = make_cluster(plane.kubeconfig("admin", token_file=token_file))
    one.track(config_map(ns, "a"))
    token_file.write_text("wrong")
    # The server ends the old one: seen as a 401 that sends us to the file, which is replaced by then.
    token_file.write_text(plane.token("alice"))
    assert one.ask("ready")["ok"]


def test_one_forbidden_kind_is_named_and_the_others_are_tracked(plane, make_cluster, ns):
    plane.allow("alice", [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}], ns)
    one = make_cluster(plane.kubeconfig("alice"))
    obj = config_map(ns, "a")
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
