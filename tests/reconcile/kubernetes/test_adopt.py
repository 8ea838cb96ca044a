"""Whose fields they are, on a real API server: drift of what is ours, conflicts of what is not, other tools' manifests."""

import base64
import itertools
import json
import time

import pytest

from parts.cluster import TRACKING, config_map, tracking
from parts.proxy import faults

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def deployment(ns, name, **more):
    container = {"name": "web", "image": "example.org/web:1", **more}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": ns},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}}}


def secret(ns, name, **texts):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": ns}, "stringData": texts}


def encoded(**texts):
    return {k: base64.b64encode(v.encode()).decode() for k, v in texts.items()}


def put(plane, obj, manager):
    """As `kubectl apply` without --server-side and Argo CD write: the whole object, and its text beside it."""
    obj = json.loads(json.dumps(obj))
    text = json.dumps(obj)
    obj["metadata"].setdefault("annotations", {})[LAST_APPLIED] = text
    meta = obj["metadata"]
    path = plane.admin.path(obj["apiVersion"], obj["kind"], meta["namespace"])
    plane.admin.request("POST", f"{path}?fieldManager={manager}", obj)


def edit(plane, ns, name, data, manager):
    plane.admin.patch("v1", "ConfigMap", ns, name, {"data": data}, manager=manager)


@pytest.mark.parametrize("manager", ["k9s", "some-script", "Mozilla", "postgres-operator"])
def test_an_edit_of_what_is_ours_is_drift_whoever_made_it(plane, cluster, ns, manager):
    obj = config_map(ns, "a", x="1", y="1")
    cluster.track(obj)
    cluster.write_one(obj)
    edit(plane, ns, "a", {"x": "theirs"}, manager)
    seen = cluster.write_one(obj, kind="dry-run")
    assert seen["outcome"] == "configured", seen
    (difference,) = seen["differences"]
    assert difference["path"] == "data.x" and difference["by"] == manager and difference["when"] > 0
    assert cluster.write_one(obj)["outcome"] == "configured"
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["data"] == {"x": "1", "y": "1"}


def test_what_is_ours_is_known_from_the_object_where_no_watch_told(plane, cluster, ns):
    """No track(): the first the cluster hears of it is the conflict."""
    obj = config_map(ns, "a", x="1", y="1")
    cluster.do("ready")
    plane.admin.apply(obj, manager="pgitops")
    edit(plane, ns, "a", {"x": "theirs"}, "k9s")
    assert cluster.write_one(obj, kind="dry-run")["outcome"] == "configured"
    assert cluster.write_one(obj)["outcome"] == "configured"
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["data"] == {"x": "1", "y": "1"}


def test_what_the_inventory_says_is_ours_is_healed_even_when_all_marks_are_gone(plane, cluster, ns):
    plane.admin.apply(config_map(ns, "a", x="theirs"), manager="other-controller")
    obj = config_map(ns, "a", x="1")
    cluster.track(obj)
    assert cluster.write_one(obj, ours=True, kind="dry-run")["outcome"] == "configured"
    assert cluster.write_one(obj, ours=True)["outcome"] == "configured"
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["data"] == {"x": "1"}


def test_a_first_adoption_from_an_unknown_manager_is_refused_for_that_object_alone(plane, cluster, ns):
    plane.admin.apply(config_map(ns, "theirs", x="theirs"), manager="other-controller")
    plane.admin.apply(config_map(ns, "kubectls", x="theirs"), manager="kubectl")
    objects = [config_map(ns, name, x="git") for name in ("theirs", "kubectls", "new")]
    cluster.track(*objects)
    for kind in ("dry-run", "apply"):
        refused, taken, made = cluster.write(*objects, kind=kind)
        assert refused["outcome"] == "failed" and refused["kind"] == "conflict"
        assert "other-controller owns .data.x" in refused["error"] and "test.yaml:1" in refused["error"]
        assert "ForceConflicts=true" in refused["error"] and "syncOptions" in refused["error"]
        assert taken["outcome"] == "configured" and made["outcome"] == "created"
    assert plane.admin.get("v1", "ConfigMap", ns, "theirs")["data"] == {"x": "theirs"}
    assert cluster.write_one(objects[0], force=True)["outcome"] == "configured"
    assert plane.admin.get("v1", "ConfigMap", ns, "theirs")["data"] == {"x": "git"}


@pytest.mark.parametrize("manager", ["kubectl", "argocd-controller", "kustomize-controller", "helm", "flux"])
def test_what_a_tool_applied_on_the_server_side_is_adopted(plane, cluster, ns, manager):
    plane.admin.apply(config_map(ns, "a", keep="theirs", gone="1"), manager=manager)
    wanted = config_map(ns, "a", keep="git")
    cluster.track(wanted)
    seen = cluster.write_one(wanted, kind="dry-run")
    assert {d["path"]: d["by"] for d in seen["differences"] if d["path"].startswith("data")} == {
        "data.keep": manager, "data.gone": manager}
    assert cluster.write_one(wanted)["outcome"] == "configured"
    assert plane.admin.get("v1", "ConfigMap", ns, "a")["data"] == {"keep": "git"}
    assert cluster.write_one(wanted, kind="dry-run")["outcome"] == "unchanged"


@pytest.mark.parametrize("manager", ["kubectl-client-side-apply", "argocd-controller"])
def test_taking_over_from_client_side_apply_changes_nothing_and_lets_removed_fields_go(plane, cluster, ns, manager):
    """A Deployment as kubectl and Argo CD write it: its managedFields name the server's defaults, too."""
    obj = deployment(ns, "web", command=["serve"], env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    obj["metadata"]["annotations"] = {TRACKING: tracking(obj)}
    put(plane, obj, manager)
    before = plane.admin.get("apps/v1", "Deployment", ns, "web")
    cluster.track(obj)
    seen = cluster.write_one(obj, kind="dry-run")
    assert seen["outcome"] == "unchanged", seen["differences"]
    # Git lets go of a command, one variable and the replicas: a default comes in their place, and the rest stays.
    less = deployment(ns, "web", env=[{"name": "A", "value": "1"}])
    del less["spec"]["replicas"]
    seen = cluster.write_one(less, kind="dry-run")
    paths = {d["path"] for d in seen["differences"]}
    assert paths == {"spec.template.spec.containers[web].command", "spec.template.spec.containers[web].env"}, seen
    assert cluster.write_one(less)["outcome"] == "configured"
    after = plane.admin.get("apps/v1", "Deployment", ns, "web")
    container = after["spec"]["template"]["spec"]["containers"][0]
    assert "command" not in container and container["env"] == [{"name": "A", "value": "1"}]
    assert LAST_APPLIED not in after["metadata"]["annotations"]
    expected = json.loads(json.dumps(before["spec"]))
    expected["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "1"}]
    del expected["template"]["spec"]["containers"][0]["command"]
    assert after["spec"] == expected
    assert cluster.write_one(less, kind="dry-run")["outcome"] == "unchanged"


def test_a_renamed_key_of_string_data_goes(plane, cluster, ns):
    obj = secret(ns, "s", a="1", b="2")
    cluster.track(obj)
    assert cluster.write_one(obj)["outcome"] == "created"
    assert plane.admin.get("v1", "Secret", ns, "s")["data"] == encoded(a="1", b="2")
    renamed = secret(ns, "s", c="1", b="2")
    seen = cluster.write_one(renamed, kind="dry-run")
    assert {d["path"] for d in seen["differences"]} == {"data.a", "data.c"}
    assert cluster.write_one(renamed)["outcome"] == "configured"
    assert plane.admin.get("v1", "Secret", ns, "s")["data"] == encoded(c="1", b="2")
    assert cluster.write_one(renamed, kind="dry-run")["outcome"] == "unchanged"
    assert {d["wanted"] for d in seen["differences"]} | {d["found"] for d in seen["differences"]} == {"<hidden>", ""}


def test_string_data_overrules_data(plane, cluster, ns):
    obj = secret(ns, "s", both="text", empty="")
    obj["data"] = encoded(both="data", other="1")
    cluster.track(obj)
    assert cluster.write_one(obj)["outcome"] == "created"
    assert plane.admin.get("v1", "Secret", ns, "s")["data"] == encoded(both="text", empty="", other="1")
    assert cluster.write_one(obj, kind="dry-run")["outcome"] == "unchanged"


def test_string_data_that_is_no_text_is_refused_by_the_server(cluster, ns):
    obj = secret(ns, "s", a=1)
    cluster.track(obj)
    assert cluster.write_one(obj)["kind"] == "invalid"


def test_keys_that_an_earlier_apply_with_string_data_left_behind_go(plane, cluster, ns):
    """As this agent wrote Secrets before: the server keeps f:stringData as ours, and nobody owns the keys of data."""
    plane.admin.apply(secret(ns, "s", first="1", second="2"), manager="pgitops", force=True)
    plane.admin.apply(secret(ns, "s", second="2", third="3"), manager="pgitops", force=True)
    plane.admin.patch("v1", "Secret", ns, "s", {"data": encoded(hand="4")}, manager="k9s")
    assert set(plane.admin.get("v1", "Secret", ns, "s")["data"]) == {"first", "second", "third", "hand"}
    wanted = secret(ns, "s", third="3", fourth="4")
    cluster.track(wanted)
    seen = cluster.write_one(wanted, kind="dry-run")
    assert {d["path"] for d in seen["differences"] if d["path"].startswith("data")} == {
        "data.first", "data.second", "data.fourth"}
    assert cluster.write_one(wanted)["outcome"] == "configured"
    assert plane.admin.get("v1", "Secret", ns, "s")["data"] == encoded(third="3", fourth="4", hand="4")
    managed = json.dumps(plane.admin.get("v1", "Secret", ns, "s")["metadata"]["managedFields"])
    assert "f:stringData" not in managed
    assert cluster.write_one(wanted, kind="dry-run")["outcome"] == "unchanged"


def test_an_earlier_apply_with_string_data_that_is_right_is_no_difference(plane, cluster, ns):
    obj = secret(ns, "s", a="1")
    obj["metadata"]["annotations"] = {TRACKING: tracking(obj)}
    plane.admin.apply(obj, manager="pgitops", force=True)
    cluster.track(obj)
    assert cluster.write_one(obj, kind="dry-run")["outcome"] == "unchanged"


@pytest.mark.parametrize("healed", [False, True])
def test_a_field_that_somebody_owns_by_now_is_left_to_him_when_git_drops_it(plane, cluster, ns, healed):
    """As server-side apply hands a field over (replicas to an autoscaler). What was healed first is ours again, and goes."""
    obj, less = config_map(ns, "a", keep="git", given="git"), config_map(ns, "a", keep="git")
    cluster.track(obj)
    cluster.write_one(obj)
    plane.admin.patch("v1", "ConfigMap", ns, "a", {"data": {"given": "hand"}}, manager="kubectl-edit")
    if healed:
        assert cluster.write_one(obj, ours=True)["outcome"] == "configured"
    seen = cluster.write_one(less, ours=True, kind="dry-run")
    assert [d["path"] for d in seen["differences"]] == (["data.given"] if healed else [])
    cluster.write_one(less, ours=True)
    found = plane.admin.get("v1", "ConfigMap", ns, "a")["data"]
    assert found == {"keep": "git"} | ({} if healed else {"given": "hand"})
    assert cluster.write_one(less, ours=True, kind="dry-run")["outcome"] == "unchanged"


PREVIEW = r"fieldManager=pgitops&dryRun"  # what an adoption would leave


@pytest.mark.parametrize("fault, kind", [
    (faults.status(403, reason="Forbidden"), "denied"), (faults.status(422, reason="Invalid"), "invalid"),
    (faults.status(500), "retry")])
def test_an_adoption_that_could_not_be_tried_is_no_difference_and_no_equality(plane, proxy, make_cluster, ns, fault, kind):
    put(plane, config_map(ns, "a", keep="git", gone="1"), "kubectl-client-side-apply")
    wanted = config_map(ns, "a", keep="git")
    one = make_cluster(proxy.kubeconfig(plane))
    one.track(wanted)
    proxy.add(fault, method="PATCH", path=PREVIEW)
    seen = one.write_one(wanted, kind="dry-run")
    assert (seen["outcome"], seen["kind"]) == ("failed", kind), seen
    proxy.clear()
    seen = one.write_one(wanted, kind="dry-run")
    assert [d["path"] for d in seen["differences"] if d["path"].startswith("data")] == ["data.gone"]


def test_an_object_that_keeps_changing_is_not_compared_with_what_it_was(plane, proxy, make_cluster, ns):
    """What somebody else changes between our two questions is not a difference between Git and the cluster."""
    obj = config_map(ns, "a", x="1")
    plane.admin.create(obj)
    one = make_cluster(proxy.kubeconfig(plane))
    one.track(obj)
    assert one.write_one(obj)["outcome"] == "configured"
    numbers = itertools.count()

    class Hand:
        """Between the two: the PATCH comes late, and never before the change."""

        def wait(self, _):
            time.sleep(0.5)
            plane.admin.patch("v1", "ConfigMap", ns, "a", {"metadata": {"labels": {"n": str(next(numbers))}}}, manager="k9s")

    proxy.add(faults.wait(Hand()), method="PATCH")
    seen = one.write_one(obj, kind="dry-run")
    proxy.clear()
    assert (seen["outcome"], seen["kind"]) == ("failed", "retry") and "keeps changing" in seen["error"], seen
    assert one.write_one(obj, kind="dry-run")["outcome"] == "unchanged"
