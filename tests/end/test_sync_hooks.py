"""Hooks: when they run, what their end means, when they are deleted, and that each runs once.

A Pod is a hook that lasts until the test says how it ended; a ConfigMap is one that is done at once.
"""

import json
import re

import pytest

from parts.manifests import config_map
from parts.proxy import FaultProxy, faults
from parts.world import FINALIZER, PREFIX, job, manifest, marked, pod

HOOK_FINALIZER = "argocd.argoproj.io/hook-finalizer"
WAITING = "waiting for completion of hook"


def hook(name, phase, document=None, **marks):
    return marked(document or pod(name), hook=phase, **marks)


def names(rows):
    return [row["name"] for row in rows]


def finalizers(found):
    return found["metadata"].get("finalizers") or []


@pytest.fixture
def team(world):
    """An automated Application of the folder team/."""
    team = world.application("team")
    world.begin()
    return team


# ---- order --------------------------------------------------------------------------------------------------------------


def test_the_phases_come_one_after_the_other(world, team):
    mark = world.plane.mark()
    head = world.push({"team/a.yaml": config_map("a"), "team/pre.yaml": hook("pre", "PreSync"),
                       "team/during.yaml": hook("during", "Sync"), "team/post.yaml": hook("post", "PostSync"),
                       "team/fail.yaml": hook("fail", "SyncFail")})
    world.appears("Pod", "pre")
    state = team.running(WAITING)
    assert "/pre" in state["message"] and state["syncResult"]["revision"] == head
    assert world.get("ConfigMap", "a") is None and world.get("Pod", "during") is None
    assert HOOK_FINALIZER in finalizers(world.get("Pod", "pre"))
    row = team.row("pre")
    assert (row["hookType"], row["hookPhase"], row["syncPhase"]) == ("PreSync", "Running", "PreSync")

    world.end_pod("pre")
    world.appears("ConfigMap", "a")
    world.appears("Pod", "during")
    team.running("/during")
    assert world.get("Pod", "post") is None
    world.end_pod("during")
    world.appears("Pod", "post")
    team.running("/post")
    assert team.history == [], "not yet"
    world.end_pod("post")

    state = team.ended("Succeeded", head)
    assert names(team.rows()) == ["pre", "a", "during", "post"]
    assert [row.get("hookType", "") for row in team.rows()] == ["PreSync", "", "Sync", "PostSync"]
    assert {row["hookPhase"] for row in team.rows() if row.get("hookType")} == {"Succeeded"}
    team.synced(head)
    assert [entry["revision"] for entry in team.history] == [head]
    assert world.written(mark) == ["pre", "a", "during", "post"]
    assert world.get("Pod", "fail") is None
    for name in ("pre", "during", "post"):
        assert HOOK_FINALIZER not in finalizers(world.get("Pod", name))


def test_hooks_of_one_phase_go_by_their_waves(world, team):
    world.push({"team/a.yaml": config_map("a"), "team/first.yaml": hook("zz-first", "PreSync", sync_wave=-5),
                "team/second.yaml": hook("second", "PreSync"), "team/third.yaml": hook("aa-third", "PreSync", sync_wave=5)})
    for name, later in (("zz-first", ("second", "aa-third")), ("second", ("aa-third",)), ("aa-third", ())):
        world.appears("Pod", name)
        team.running(f"/{name}")
        assert not [other for other in later if world.get("Pod", other)] and world.value("a") is None
        world.end_pod(name)
    team.ended("Succeeded", world.head)


def test_hooks_of_one_wave_run_together(world, team):
    world.push({"team/a.yaml": config_map("a"), "team/x.yaml": hook("x", "PreSync"), "team/y.yaml": hook("y", "PreSync")})
    world.appears("Pod", "x")
    world.appears("Pod", "y")
    world.end_pod("y")
    team.running("/x")
    assert world.value("a") is None
    world.end_pod("x")
    team.ended("Succeeded", world.head)


def test_an_object_without_a_health_is_a_hook_that_is_done_at_once(world, team):
    head = world.push({"team/a.yaml": config_map("a"), "team/h.yaml": hook("h", "PreSync", config_map("h")),
                       "team/p.yaml": hook("p", "PostSync", config_map("p"))})
    mark_order = team.ended("Succeeded", head)["syncResult"]["resources"]
    assert names(mark_order) == ["h", "a", "p"]
    assert world.value("h") == world.value("p") == "one"


@pytest.mark.parametrize("succeeded", [True, False])
def test_a_job_is_a_hook(world, team, succeeded):
    head = world.push({"team/a.yaml": config_map("a"), "team/j.yaml": hook("j", "PreSync", job("j"))})
    world.appears("Job", "j")
    team.running("/j")
    world.end_job("j", succeeded)
    team.ended("Succeeded" if succeeded else "Failed", head)
    assert (world.value("a") == "one") is succeeded


# ---- failures -----------------------------------------------------------------------------------------------------------


def test_a_failing_pre_sync_hook_leaves_the_rest_alone(world, team):
    head = world.push({"team/a.yaml": config_map("a"), "team/pre.yaml": hook("pre", "PreSync"),
                       "team/post.yaml": hook("post", "PostSync")})
    world.end_pod("pre", False, "exit code 42")
    state = team.ended("Failed", head)
    assert names(team.rows()) == ["pre"]
    row = team.row("pre")
    assert row["hookPhase"] == "Failed" and "42" in row["message"]
    assert "pre" in state["message"]
    assert world.get("ConfigMap", "a") is None and world.get("Pod", "post") is None
    assert HOOK_FINALIZER not in finalizers(world.get("Pod", "pre"))
    team.sync_status("OutOfSync", head)
    team.condition("SyncError")
    assert team.history == []
    mark = world.plane.mark()
    world.passes()
    assert world.writes(mark) == [], "a commit that failed is not tried for ever"


def test_a_failing_sync_hook_ends_it_before_post_sync(world, team):
    head = world.push({"team/a.yaml": config_map("a"), "team/h.yaml": hook("h", "Sync"), "team/post.yaml": hook("post", "PostSync")})
    world.end_pod("h", False)
    team.ended("Failed", head)
    assert team.row("h")["hookPhase"] == "Failed" and world.get("Pod", "post") is None


def test_a_failing_post_sync_hook_fails_the_operation_and_not_the_application(world, team):
    head = world.push({"team/a.yaml": config_map("a"), "team/post.yaml": hook("post", "PostSync")})
    world.end_pod("post", False)
    team.ended("Failed", head)
    assert names(team.rows()) == ["a", "post"]
    team.sync_status("Synced", head)
    assert team.row("post")["hookPhase"] == "Failed"
    assert HOOK_FINALIZER not in finalizers(world.get("Pod", "post"))


@pytest.mark.parametrize("phase", ["PreSync", "Sync", "PostSync"])
@pytest.mark.parametrize("cleaned", [True, False])
def test_sync_fail_hooks_run_after_a_failure_in_any_phase(world, team, phase, cleaned):
    head = world.push({"team/a.yaml": config_map("a"), "team/h.yaml": hook("h", phase), "team/fail.yaml": hook("fail", "SyncFail")})
    world.appears("Pod", "h")
    team.running("/h")
    assert world.get("Pod", "fail") is None
    world.end_pod("h", False)
    world.appears("Pod", "fail")
    assert team.state["phase"] == "Running"
    world.end_pod("fail", cleaned)
    team.ended("Failed", head)
    assert team.row("h")["hookPhase"] == "Failed"
    assert team.row("fail")["hookType"] == "SyncFail"
    assert team.row("fail")["hookPhase"] == ("Succeeded" if cleaned else "Failed")


def test_the_next_commit_after_a_failing_hook_is_tried(world, team):
    head = world.push({"team/a.yaml": config_map("a"), "team/pre.yaml": hook("pre", "PreSync")})
    world.end_pod("pre", False)
    team.ended("Failed", head)
    uid = world.uid("Pod", "pre")
    head = world.push({"team/a.yaml": config_map("a", value="two")})
    world.wait("the hook runs again", lambda: world.uid("Pod", "pre") not in (None, uid))
    world.end_pod("pre")
    team.ended("Succeeded", head)
    team.synced(head)
    assert world.value("a") == "two" and not team.conditions("SyncError")


def test_a_hook_that_the_server_refuses_stops_everything_before_it_begins(world, team):
    world.push({"team/a.yaml": config_map("a")})
    team.synced()
    bad = json.loads(pod("post"))
    bad["spec"]["containers"][0]["ports"] = [{"containerPort": 70000}]
    mark = world.plane.mark()
    world.push({"team/a.yaml": config_map("a", value="two"), "team/pre.yaml": hook("pre", "PreSync"),
                "team/post.yaml": hook("post", "PostSync", json.dumps(bad))})
    team.condition("SyncError", "team/post.yaml:1", "containerPort")
    assert world.writes(mark) == []


# ---- delete policies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy, succeeded, stays", [
    ("HookSucceeded", True, False), ("HookSucceeded", False, True),
    ("HookFailed", True, True), ("HookFailed", False, False),
    ("HookSucceeded,HookFailed", True, False), ("HookSucceeded, HookFailed", False, False),
    ("BeforeHookCreation", True, True), ("BeforeHookCreation", False, True),
])
def test_a_hook_is_deleted_by_its_policy(world, team, policy, succeeded, stays):
    head = world.push({"team/a.yaml": config_map("a"), "team/h.yaml": hook("h", "PreSync", hook_delete_policy=policy)})
    world.end_pod("h", succeeded)
    team.ended("Succeeded" if succeeded else "Failed", head)
    assert team.row("h")["hookPhase"] == ("Succeeded" if succeeded else "Failed"), "the row outlives the object"
    if stays:
        world.passes()
        assert world.get("Pod", "h") and not world.get("Pod", "h")["metadata"].get("deletionTimestamp")
    else:
        world.vanishes("Pod", "h")


@pytest.mark.parametrize("marks", [{}, {"hook_delete_policy": "BeforeHookCreation"}])
def test_a_hook_is_made_anew_at_the_next_sync(world, team, marks):
    head = world.push({"team/a.yaml": config_map("a"), "team/h.yaml": hook("h", "PreSync", **marks)})
    world.end_pod("h")
    team.ended("Succeeded", head)
    first = world.uid("Pod", "h")
    # A hook whose manifest changed between the runs, where the server would refuse the change of the object.
    head = world.push({"team/h.yaml": hook("h", "PreSync", pod("h", terminationGracePeriodSeconds=7), **marks),
                       "team/a.yaml": config_map("a", value="two")})
    world.wait("a new one", lambda: world.uid("Pod", "h") not in (None, first))
    assert world.get("Pod", "h")["spec"]["terminationGracePeriodSeconds"] == 7
    world.end_pod("h")
    team.ended("Succeeded", head)
    assert world.value("a") == "two"


def test_a_running_hook_of_a_terminated_operation_is_replaced(world, team):
    world.push({"team/a.yaml": config_map("a"), "team/h.yaml": hook("h", "PreSync")})
    world.appears("Pod", "h")
    team.running("/h")
    team.terminate()
    team.ended("Failed")
    world.vanishes("Pod", "h")
    head = world.push({"team/a.yaml": config_map("a", value="two")})
    world.end_pod("h")
    team.ended("Succeeded", head)


# ---- names and words ------------------------------------------------------------------------------------------------------


def test_a_hook_without_a_name_gets_one_for_each_run(world, team):
    unnamed = json.loads(hook("", "PreSync,PostSync", config_map("x")))
    unnamed["metadata"]["generateName"] = "migrate-"
    del unnamed["metadata"]["name"]
    head = world.push({"team/a.yaml": config_map("a"), "team/h.yaml": json.dumps(unnamed)})
    team.ended("Succeeded", head)
    made = [row["name"] for row in team.rows() if row.get("hookType")]
    assert [re.fullmatch(rf"migrate-{head[:7]}-(presync|postsync)-\d{{10}}", name)[1] for name in made] == ["presync", "postsync"]
    assert all(world.value(name) == "one" for name in made)
    head = world.push({"team/a.yaml": config_map("a", value="two")})
    team.ended("Succeeded", head)
    assert len({row["name"] for row in team.rows() if row.get("hookType")} | set(made)) == 4


def test_a_hook_of_two_phases_runs_in_both(world, team):
    head = world.push({"team/a.yaml": config_map("a"), "team/h.yaml": hook("h", "PreSync,PostSync")})
    first = world.appears("Pod", "h")["metadata"]["uid"]
    world.end_pod("h")
    world.appears("ConfigMap", "a")
    world.wait("the second run", lambda: world.uid("Pod", "h") not in (None, first))
    world.end_pod("h")
    team.ended("Succeeded", head)
    assert [(row["name"], row["hookType"]) for row in team.rows() if row.get("hookType")] == [("h", "PreSync"), ("h", "PostSync")]


def test_an_object_to_skip_is_neither_applied_nor_counted(world, team):
    head = world.push({"team/a.yaml": config_map("a"), "team/s.yaml": hook("s", "Skip", config_map("s"))})
    team.synced(head)
    assert world.get("ConfigMap", "s") is None
    assert names(team.rows()) == ["a"] and team.resource("s") is None
    # One that was applied before is left as it is.
    team.synced(world.push({"team/a.yaml": config_map("a", value="two"), "team/b.yaml": config_map("b")}))
    head = world.push({"team/b.yaml": hook("b", "Skip", config_map("b", value="two"))})
    team.sync_status("Synced", head)
    world.passes()
    assert world.value("b") == "one"


@pytest.mark.parametrize("words, phase", [
    ("pre-install", "PreSync"), ("pre-upgrade", "PreSync"), ("pre-install,pre-upgrade", "PreSync"),
    ("post-install", "PostSync"), ("post-upgrade", "PostSync"),
])
def test_hooks_in_helms_words(world, team, words, phase):
    head = world.push({
        "team/a.yaml": config_map("a"),
        "team/h.yaml": marked(pod("h"), **{"helm.sh/hook": words, "helm.sh/hook-delete-policy": "hook-succeeded"})})
    world.appears("Pod", "h")
    state = team.running("/h")
    assert [row["hookType"] for row in state["syncResult"]["resources"] if row["name"] == "h"] == [phase]
    assert (world.value("a") is None) is (phase == "PreSync")
    world.end_pod("h")
    team.ended("Succeeded", head)
    world.vanishes("Pod", "h")


def test_helms_weights_are_waves(world, team):
    def weighted(name, weight):
        return marked(pod(name), **{"helm.sh/hook": "pre-install", "helm.sh/hook-weight": str(weight)})

    world.push({"team/a.yaml": config_map("a"), "team/l.yaml": weighted("a-late", 3), "team/e.yaml": weighted("z-early", -3)})
    world.appears("Pod", "z-early")
    team.running("/z-early")
    assert world.get("Pod", "a-late") is None
    world.end_pod("z-early")
    world.end_pod("a-late")
    team.ended("Succeeded", world.head)


def test_argo_cds_word_comes_before_helms(world, team):
    head = world.push({"team/a.yaml": config_map("a"), "team/h.yaml": marked(
        config_map("h"), hook="PostSync", **{"helm.sh/hook": "pre-install"})})
    team.ended("Succeeded", head)
    assert team.row("h")["hookType"] == "PostSync"


# ---- when they do not run -------------------------------------------------------------------------------------------------


@pytest.fixture
def hooked(world, team):
    """Synced once, with hooks that are done at once; returns the names of what was written since `world.plane.mark()`."""
    head = world.push({"team/a.yaml": config_map("a"), "team/b.yaml": config_map("b"),
                       "team/h.yaml": hook("h", "PreSync", config_map("h")), "team/p.yaml": hook("p", "PostSync", config_map("p"))})
    team.ended("Succeeded", head)
    team.synced(head)
    return {name: world.uid("ConfigMap", name) for name in "hp"}


def unchanged(world, hooked):
    return {name: world.uid("ConfigMap", name) for name in "hp"} == hooked


def test_a_partial_sync_runs_no_hooks(world, team, hooked):
    team.operate(sync={"resources": [{"kind": "ConfigMap", "name": "a"}]})
    team.ended("Succeeded")
    assert names(team.rows()) == ["a"] and unchanged(world, hooked)


def test_a_self_heal_runs_no_hooks(world, team, hooked):
    world.kube.patch("v1", "ConfigMap", world.namespace, "a", {"data": {"value": "mine"}})
    world.wait("healed", lambda: world.value("a") == "one")
    world.passes()
    team.synced()
    assert unchanged(world, hooked)


def test_the_apply_strategy_runs_no_hooks(world, team, hooked):
    team.operate(sync={"syncStrategy": {"apply": {}}})
    team.ended("Succeeded")
    assert unchanged(world, hooked)
    team.operate(sync={"syncStrategy": {"hook": {}}})
    team.ended("Succeeded")
    assert not unchanged(world, hooked)


def test_a_dry_run_runs_no_hooks(world, team, hooked):
    team.operate(sync={"dryRun": True})
    team.ended("Succeeded")
    assert unchanged(world, hooked)


def test_a_manual_sync_of_what_is_synced_runs_them(world, team, hooked):
    team.operate(sync={})
    team.ended("Succeeded")
    assert not unchanged(world, hooked)


def test_hooks_are_no_drift(world, team, hooked):
    for name in "hp":
        world.kube.delete("v1", "ConfigMap", world.namespace, name)
    world.passes()
    assert not world.get("ConfigMap", "h") and not world.get("ConfigMap", "p")
    assert team.status["sync"]["status"] == "Synced"
    # And one that Git no longer has is not pruned: it was not a wish for something to be there.
    team.operate(sync={}).ended("Succeeded")
    head = world.push({"team/h.yaml": None})
    team.sync_status("Synced", head)
    world.passes()
    assert world.get("ConfigMap", "h")


def test_a_failed_hook_does_not_make_the_application_degraded(world, team):
    head = world.push({"team/a.yaml": config_map("a"), "team/post.yaml": hook("post", "PostSync")})
    world.end_pod("post", False)
    team.ended("Failed", head)
    world.passes()
    assert team.health == "Healthy"


# ---- terminate, restart ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["patch", "cli"])
def test_terminate_ends_the_operation_and_its_running_hooks(world, team, how):
    world.push({"team/a.yaml": config_map("a"), "team/h.yaml": hook("h", "PreSync"), "team/f.yaml": hook("f", "SyncFail")})
    world.appears("Pod", "h")
    team.running("/h")
    if how == "patch":
        team.terminate()
    else:
        world.agent.cli("app", "terminate", "team").ok()
    state = team.ended("Failed")
    assert "terminated" in state["message"].lower()
    row = team.row("h")
    assert row["hookPhase"] == "Failed" and row["message"] == "Terminated"
    world.vanishes("Pod", "h")
    assert world.get("ConfigMap", "a") is None and team.history == []
    mark = world.plane.mark()
    world.passes()
    assert world.writes(mark) == [], "what was terminated does not begin again by itself"


@pytest.mark.parametrize("ended_by", ["terminate", "a deletion"])
def test_a_hook_that_cannot_be_stopped_at_once_is_stopped_later(world, tmp_path, ended_by):
    proxy = FaultProxy(world.plane.port, tmp_path)
    world.through(proxy)
    world.push({"team/a.yaml": config_map("a"), "team/h.yaml": hook("h", "PreSync")})
    team = world.application("team", finalizers=[FINALIZER] if ended_by == "a deletion" else [])
    world.begin()
    world.appears("Pod", "h")
    team.running("/h")
    rule = proxy.add(faults.status(500), method="DELETE", path=r"/pods/h", times=3)
    if ended_by == "terminate":
        team.terminate()
        team.ended("Failed")
    else:
        team.delete()
        team.gone()
    world.vanishes("Pod", "h")
    assert rule.hits == 3
    proxy.close()


@pytest.mark.parametrize("ended_by", ["terminate", "a newer commit"])
def test_an_operation_that_is_stopped_cleans_up_the_hooks_that_were_done(world, team, ended_by):
    world.push({"team/h.yaml": hook("h", "PreSync", config_map("h"), hook_delete_policy="HookSucceeded"), "team/p.yaml": pod("p")})
    world.appears("Pod", "p")
    team.running("/p")
    assert world.get("ConfigMap", "h"), "it is deleted when the operation ends"
    if ended_by == "terminate":
        team.terminate()
        team.ended("Failed")
    else:
        world.push({"team/h.yaml": None, "team/p.yaml": None, "team/a.yaml": config_map("a")})
        world.appears("ConfigMap", "a")
    world.vanishes("ConfigMap", "h")


def test_a_hook_that_somebody_deletes_holds_nothing_up(world, team):
    world.push({"team/a.yaml": config_map("a"), "team/h.yaml": hook("h", "PreSync")})
    world.appears("Pod", "h")
    team.running("/h")
    world.kube.delete("v1", "Pod", world.namespace, "h")
    team.ended("Failed")
    world.vanishes("Pod", "h")
    assert world.get("ConfigMap", "a") is None


@pytest.mark.parametrize("phase", ["PreSync", "Sync", "PostSync", "SyncFail"])
@pytest.mark.parametrize("ends_meanwhile", [True, False])
def test_a_killed_agent_goes_on_with_the_hook_that_runs(world, team, phase, ends_meanwhile):
    files = {"team/a.yaml": config_map("a"), "team/h.yaml": hook("h", phase)}
    if phase == "SyncFail":
        files["team/pre.yaml"] = hook("pre", "PreSync")
    mark = world.plane.mark()
    head = world.push(files)
    if phase == "SyncFail":
        world.end_pod("pre", False)
    world.appears("Pod", "h")
    team.running("/h")
    uid = world.uid("Pod", "h")
    world.agent.kill()
    if ends_meanwhile:
        world.end_pod("h")
    world.agent.begin()
    if not ends_meanwhile:
        team.running("/h")
        world.end_pod("h")
    team.ended("Failed" if phase == "SyncFail" else "Succeeded", head)
    assert world.uid("Pod", "h") == uid and "h" not in world.deleted(mark), "it ran once"
    assert len(team.history) == (0 if phase == "SyncFail" else 1)
    assert team.row("h")["hookPhase"] == "Succeeded"


@pytest.mark.parametrize("fault", ["lose_answer", "hang"])
def test_a_hook_whose_creation_was_not_heard_runs_once(world, tmp_path, fault):
    proxy = FaultProxy(world.plane.port, tmp_path)
    world.through(proxy)
    rule = proxy.add(getattr(faults, fault)(), method=("POST", "PATCH"), path=r"/pods(?!.*dryRun)", times=1)
    mark = world.plane.mark()
    head = world.push({"team/a.yaml": config_map("a"), "team/h.yaml": hook("h", "PreSync")})
    team = world.application("team")
    world.begin()
    world.wait("the write", lambda: rule.hits)
    world.restart()
    world.appears("Pod", "h")
    team.running("/h")
    uid = world.uid("Pod", "h")
    world.end_pod("h")
    team.ended("Succeeded", head)
    assert world.uid("Pod", "h") == uid and "h" not in world.deleted(mark)
    proxy.close()


def test_an_agent_that_is_stopped_in_peace_goes_on_too(world, team):
    head = world.push({"team/a.yaml": config_map("a"), "team/h.yaml": hook("h", "PreSync")})
    world.appears("Pod", "h")
    team.running("/h")
    uid = world.uid("Pod", "h")
    assert world.agent.stop() == 0
    world.agent.begin()
    team.running("/h")
    world.end_pod("h")
    team.ended("Succeeded", head)
    assert world.uid("Pod", "h") == uid


def test_a_commit_that_comes_while_a_hook_runs_waits_for_its_turn(world, team):
    first = world.push({"team/a.yaml": config_map("a"), "team/h.yaml": hook("h", "PreSync")})
    world.appears("Pod", "h")
    team.running("/h")
    uid = world.uid("Pod", "h")
    second = world.push({"team/a.yaml": config_map("a", value="two")})
    world.passes()
    assert world.uid("Pod", "h") == uid and team.state["syncResult"]["revision"] == first
    world.end_pod("h")
    world.wait("the hook of the second", lambda: world.uid("Pod", "h") not in (None, uid))
    world.end_pod("h")
    team.ended("Succeeded", second)
    assert world.value("a") == "two"
    assert [entry["revision"] for entry in team.history] == [first, second]


def test_a_hook_is_tracked_and_is_not_taken_for_an_object_of_the_wish(world, team):
    head = world.push({"team/a.yaml": config_map("a"), "team/h.yaml": hook("h", "PreSync", config_map("h"))})
    team.ended("Succeeded", head)
    found = world.get("ConfigMap", "h")["metadata"]["annotations"]
    assert found[PREFIX + "hook"] == "PreSync"
    assert team.resource("h") is None or team.resource("h")["hook"] is True
    world.kube.patch("v1", "ConfigMap", world.namespace, "h", {"data": {"value": "mine"}})
    world.passes()
    assert world.value("h") == "mine", "a hook is not healed"


def test_a_namespace_and_a_kind_come_before_their_hooks(world, team):
    group = f"{world.namespace}.example.org"
    crd = json.dumps({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"toys.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": {"kind": "Toy", "listKind": "ToyList", "plural": "toys", "singular": "toy"},
                 "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                     "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}})
    toy = hook("bear", "PreSync", manifest(f"{group}/v1", "Toy", "bear"))
    head = world.push({"team/a.yaml": config_map("a"), "team/crd.yaml": crd, "team/toy.yaml": toy})
    team.ended("Succeeded", head)
    assert world.get("Toy", "bear", api_version=f"{group}/v1")
