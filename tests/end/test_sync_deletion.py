"""An Application is deleted: what goes with it, in which order, what stays, and that the deletion always ends."""

import json

import pytest

from parts.kube import simple_crd
from parts.manifests import config_map
from parts.proxy import FaultProxy, faults
from parts.world import ANY_WRITE, FINALIZER, PREFIX, deployment, manifest, marked, pod


def finalizers(app):
    return (app.get() or {}).get("metadata", {}).get("finalizers") or []


@pytest.fixture
def team(world):
    """With the finalizer, synced: a in wave -1, b in wave 0, c in wave 1."""
    return made(world)


def made(world, finalizer=FINALIZER, files=None, **more):
    world.push({"team/a.yaml": marked(config_map("a"), sync_wave=-1), "team/b.yaml": config_map("b"),
                "team/c.yaml": marked(config_map("c"), sync_wave=1)} | (files or {}))
    team = world.application("team", finalizers=[finalizer] if finalizer else [], **more)
    world.begin()
    team.synced()
    return team


# ---- what goes ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", "/foreground", "/background"])
def test_the_objects_go_with_it_the_highest_wave_first(world, suffix):
    team = made(world, FINALIZER + suffix)
    mark = world.plane.mark()
    team.delete()
    team.gone()
    assert [world.get("ConfigMap", name) for name in "abc"] == [None] * 3
    assert world.deleted(mark) == ["c", "b", "a"]
    world.wait("it is forgotten", lambda: world.agent.app("team") is None)
    assert [item["metadata"]["name"] for item in world.agent.items("app", "list")] == []


def test_without_the_finalizer_everything_stays(world):
    team = made(world, None)
    mark = world.plane.mark()
    team.delete()
    team.gone()
    world.wait("it is forgotten", lambda: world.agent.app("team") is None)
    assert [world.value(name) for name in "abc"] == ["one"] * 3 and world.writes(mark) == []


def test_the_next_wave_waits_until_the_last_is_gone(world):
    team = made(world, files={"team/held.yaml": marked(config_map("held"), sync_wave=2, finalizers=["example.org/hold"])})
    team.delete()
    world.wait("it is asked to go", lambda: world.get("ConfigMap", "held")["metadata"].get("deletionTimestamp"))
    other = world.application("other", path="team2", create=False)
    world.push({"team2/x.yaml": config_map("x")})
    other.create().synced()
    world.passes()
    assert [world.value(name) for name in "abc"] == ["one"] * 3 and team.get(), "and others go on"
    assert any("held" in text for text in (team.told(), world.agent.cli("app", "get", "team").out)), "who waits says for what"
    world.kube.patch("v1", "ConfigMap", world.namespace, "held", {"metadata": {"finalizers": None}})
    team.gone()
    assert [world.get("ConfigMap", name) for name in "abc"] == [None] * 3


def test_what_its_objects_own_goes_as_the_finalizer_says(world):
    world.push({"team/d.yaml": deployment("d")})
    team = world.application("team", finalizers=[FINALIZER + "/background"])
    world.begin()
    team.synced()
    world.wait("its ReplicaSet", lambda: world.kube.list("apps/v1", "ReplicaSet", world.namespace))
    team.delete()
    team.gone()
    world.wait("the ReplicaSet is gone", lambda: not world.kube.list("apps/v1", "ReplicaSet", world.namespace))


# ---- what stays ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("marks", [{"sync_options": "Delete=false"}, {"helm.sh/resource-policy": "keep"}], ids=["Delete=false", "keep"])
def test_what_may_not_be_deleted_stays(world, marks):
    team = made(world, files={"team/data.yaml": marked(config_map("data"), **marks)})
    uid = world.uid("ConfigMap", "data")
    team.delete()
    team.gone()
    assert world.uid("ConfigMap", "data") == uid and world.value("a") is None


def test_the_application_may_say_so_for_all(world):
    team = made(world, options=["Delete=false"], files={"team/x.yaml": marked(config_map("x"), sync_options="Delete=true")})
    team.delete()
    team.gone()
    assert [world.value(name) for name in "abc"] == ["one"] * 3


@pytest.mark.parametrize("level", ["application", "object"])
def test_a_deletion_waits_for_its_confirmation(world, level):
    if level == "object":
        team = made(world, files={"team/data.yaml": marked(config_map("data"), sync_options="Delete=confirm")})
    else:
        team = made(world, options=["Delete=confirm"], files={"team/data.yaml": config_map("data")})
    world.push({"other/x.yaml": config_map("x")})
    world.application("other").synced()  # whose passes can be counted
    team.delete()
    team.wait("it says what it waits for", lambda: "confirm" in json.dumps(team.status))
    world.passes()
    assert world.value("data") == "one" and team.get()
    world.restart()
    world.passes()
    assert world.value("data") == "one" and team.get()
    team.annotate(deletion_approved="2126-01-01T00:00:00Z")
    team.gone()
    assert world.get("ConfigMap", "data") is None


def test_kinds_and_the_made_namespace_stay(world):
    group = f"{world.namespace}.example.org"
    fresh = f"{world.namespace}-new"
    # Background: the collector of the control plane learns a new kind after half a minute only.
    team = made(world, FINALIZER + "/background", namespace=fresh, options=["CreateNamespace=true"], files={
        "team/crd.yaml": json.dumps(simple_crd(group, "Toy", "toys")), "team/toy.yaml": manifest(f"{group}/v1", "Toy", "bear")})
    assert world.get("Toy", "bear", namespace=fresh, api_version=f"{group}/v1")
    team.delete()
    team.gone()
    assert world.get("Toy", "bear", namespace=fresh, api_version=f"{group}/v1") is None
    assert world.kube.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, f"toys.{group}")
    assert world.get("Namespace", fresh) and world.get("ConfigMap", "a", namespace=fresh) is None


def test_what_is_another_applications_stays(world, team):
    world.push({"other/s.yaml": config_map("s", value="of other")})
    other = world.application("other")
    other.synced()
    world.push({"team/s.yaml": config_map("s", value="of team")})
    team.condition("SharedResourceWarning", "other")
    theirs = json.loads(config_map("stranger", namespace=world.namespace))
    world.kube.create(theirs)
    uid = world.uid("ConfigMap", "s")
    team.delete()
    team.gone()
    assert world.uid("ConfigMap", "s") == uid and world.value("s") == "of other" and world.value("stranger") == "one"


def test_an_object_that_was_made_anew_by_somebody_else_stays(world, team):
    """Its uid and its mark are not ours any more."""
    team.patch({"metadata": {"annotations": {PREFIX + "refresh": "normal"}}, "spec": {"syncPolicy": {"automated": None}}})
    team.wait("the agent has read it", lambda: PREFIX + "refresh" not in team.get()["metadata"].get("annotations", {}))  # else it heals
    world.kube.delete("v1", "ConfigMap", world.namespace, "b")
    world.vanishes("ConfigMap", "b")
    world.kube.create(json.loads(config_map("b", namespace=world.namespace, value="theirs")))
    team.delete()
    team.gone()
    assert world.value("b") == "theirs" and world.value("a") is None


# ---- hooks -----------------------------------------------------------------------------------------------------------------------------


def test_a_pre_delete_hook_runs_before_anything_goes(world):
    team = made(world, files={"team/h.yaml": marked(pod("h"), hook="PreDelete", hook_delete_policy="HookSucceeded")})
    assert any(name.startswith("pre-delete-finalizer.argocd.argoproj.io") for name in finalizers(team))
    assert world.get("Pod", "h") is None
    team.delete()
    world.appears("Pod", "h")
    assert [world.value(name) for name in "abc"] == ["one"] * 3
    world.end_pod("h")
    team.gone()
    assert world.value("a") is None
    world.vanishes("Pod", "h")


def test_a_failing_pre_delete_hook_is_said_and_tried_again_after_a_fix(world):
    team = made(world, files={"team/h.yaml": marked(pod("h"), hook="PreDelete")})
    team.delete()
    world.end_pod("h", False)
    team.condition("DeletionError", "h")
    assert [world.value(name) for name in "abc"] == ["one"] * 3
    uid = world.uid("Pod", "h")
    world.push({"team/h.yaml": marked(pod("h", terminationGracePeriodSeconds=5), hook="PreDelete")})
    world.wait("the mended hook runs", lambda: world.uid("Pod", "h") not in (None, uid))
    world.end_pod("h")
    team.gone()
    assert world.value("a") is None


def test_a_pre_delete_hook_that_goes_away_in_git_is_waited_for_no_more(world):
    team = made(world, files={"team/h.yaml": marked(pod("h"), hook="PreDelete")})
    team.delete()
    world.end_pod("h", False)
    team.condition("DeletionError", "h")
    world.push({"team/h.yaml": None})
    team.gone()
    assert world.value("a") is None


def test_a_post_delete_hook_runs_when_all_is_gone(world):
    team = made(world, files={"team/h.yaml": marked(pod("h"), hook="PostDelete", hook_delete_policy="HookSucceeded")})
    assert any(name.startswith("post-delete-finalizer.argocd.argoproj.io") for name in finalizers(team))
    team.delete()
    world.appears("Pod", "h")
    assert [world.get("ConfigMap", name) for name in "abc"] == [None] * 3
    assert team.get(), "it stays until its hook has ended"
    uid = world.uid("Pod", "h")
    world.restart()
    assert world.uid("Pod", "h") == uid
    world.end_pod("h")
    team.gone()
    world.vanishes("Pod", "h")


@pytest.mark.parametrize("phase", ["PreDelete", "PostDelete"])
def test_a_hook_of_the_deletion_runs_once_though_the_agent_is_killed(world, phase):
    team = made(world, files={"team/h.yaml": marked(pod("h"), hook=phase)})
    mark = world.plane.mark()
    team.delete()
    world.appears("Pod", "h")
    uid = world.uid("Pod", "h")
    world.agent.kill()
    world.end_pod("h")
    world.agent.begin()
    team.gone()
    created = [event for event in world.plane.requests(mark, resource="pods", namespace=world.namespace)
               if event["responseStatus"].get("code") == 201 and "dryRun" not in event["requestURI"]]
    assert len(created) == 1 and world.uid("Pod", "h") in (None, uid)


# ---- it always ends ------------------------------------------------------------------------------------------------------------------


BROKEN = {
    "a field that is not supported": {"spec": {"source": {"plugin": {"name": "x"}}}},
    "an unknown option": {"spec": {"syncPolicy": {"syncOptions": ["Nonsense=true"]}}},
    "a path that is gone": {"spec": {"source": {"path": "nowhere"}}},
    "a revision that is gone": {"spec": {"source": {"targetRevision": "nowhere"}}},
    "a repository that does not answer": {"spec": {"source": {"repoURL": "http://127.0.0.1:1/db.git"}}},
    "another destination": {"spec": {"destination": {"server": "https://nowhere.example.org"}}},
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("synced_before", [True, False])
def test_a_broken_application_can_be_deleted(world, how, synced_before):
    if synced_before:
        team = made(world)
        team.patch(BROKEN[how])
        team.wait("it is seen to be broken", lambda: [c for c in team.conditions() if c["type"].endswith("Error")])
    else:
        team = world.application("team", finalizers=[FINALIZER], create=False)
        team.document["spec"]["destination"] |= BROKEN[how]["spec"].get("destination", {})
        for name, value in BROKEN[how]["spec"].items():
            field = team.document["spec"].setdefault(name, {})
            if isinstance(field, dict):
                field |= value
            else:
                team.document["spec"][name] = value
        if how == "another destination":
            team.document["spec"]["destination"].pop("name", None)
        team.create()
        world.begin()
        team.wait("it is seen to be broken", lambda: [c for c in team.conditions() if c["type"].endswith("Error")])
    team.delete()
    team.gone()
    if synced_before and how != "another destination":
        assert [world.get("ConfigMap", name) for name in "abc"] == [None] * 3, "what it is known to own goes with it"


def test_a_project_that_is_not_there_holds_a_deletion_and_says_the_way_out(world, team):
    """What a project forbids to delete nobody knows without it."""
    team.patch({"spec": {"project": "nowhere"}})
    team.condition("InvalidSpecError", "nowhere")
    team.delete()
    team.condition("DeletionError", "nowhere", FINALIZER)
    assert world.value("a") == "one"
    team.patch({"metadata": {"finalizers": None}})
    team.gone()
    assert [world.value(name) for name in "abc"] == ["one"] * 3


def test_a_broken_commit_does_not_hold_a_deletion(world, team):
    world.push({"team/bad.yaml": "a: [1\n"})
    team.condition("ComparisonError", "team/bad.yaml")
    team.delete()
    team.gone()
    assert [world.get("ConfigMap", name) for name in "abc"] == [None] * 3


def test_an_application_that_is_not_reconciled_waits_with_its_deletion(world, team):
    """skip-reconcile freezes it, deletion included; taken away, it ends."""
    world.push({"other/x.yaml": config_map("x")})
    world.application("other").synced()
    team.annotate(skip_reconcile="true")
    team.delete()
    world.passes()
    assert team.get() and world.value("a") == "one"
    team.annotate(skip_reconcile=None)
    team.gone()


@pytest.mark.parametrize("freed_by", ["its end", "terminate"])
def test_a_deletion_waits_for_the_operation_at_work(world, team, freed_by):
    world.push({"team/h.yaml": marked(pod("h"), hook="PreSync")})
    team.operate(sync={})
    world.appears("Pod", "h")
    team.running("/h")
    team.delete()
    if freed_by == "terminate":
        team.terminate()
    else:
        world.end_pod("h")
    team.gone()
    assert [world.get("ConfigMap", name) for name in "abc"] == [None] * 3
    world.vanishes("Pod", "h")


def test_a_deletion_while_no_agent_runs_is_done_at_the_next_start(world, team):
    world.agent.kill()
    team.delete()
    world.agent.begin()
    team.gone()
    assert [world.get("ConfigMap", name) for name in "abc"] == [None] * 3


def test_a_deletion_by_an_agent_that_lost_its_store(world, team):
    world.agent.kill()
    team.delete()
    for file in world.agent.state.glob("pgitops.db*"):
        file.unlink()
    world.agent.begin()
    team.gone()
    assert [world.get("ConfigMap", name) for name in "abc"] == [None] * 3


def test_what_was_taken_out_of_git_and_not_pruned_goes_too(world):
    team = made(world, prune=False)
    head = world.push({"team/b.yaml": None})
    team.sync_status("OutOfSync", head)
    team.delete()
    team.gone()
    assert [world.get("ConfigMap", name) for name in "abc"] == [None] * 3


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", ["lose_answer", "hang"])
def test_an_agent_killed_at_any_write_of_a_deletion_ends_it(world, tmp_path, fault):
    proxy = FaultProxy(world.plane.port, tmp_path)
    world.through(proxy)
    team = made(world, files={"team/keep.yaml": marked(config_map("keep"), sync_options="Delete=false"),
                              "team/pre.yaml": marked(config_map("pre"), hook="PreDelete"),
                              "team/post.yaml": marked(config_map("post"), hook="PostDelete")})
    met = 0
    for number in range(10):
        rule = proxy.add(getattr(faults, fault)(), times=1, skip=number, **ANY_WRITE)
        team.delete()
        team.wait("killed, or gone before that", lambda rule=rule, team=team: rule.hits or team.get() is None)
        met += rule.hits > 0
        world.agent.kill()
        proxy.clear()
        world.agent.begin()
        team.gone()
        assert [world.get("ConfigMap", name) for name in "abc"] == [None] * 3 and world.value("keep") == "one"
        team = world.application("team", finalizers=[FINALIZER])
        team.synced()
    assert met >= 4
    proxy.close()


def test_an_application_made_again_at_once_is_another_one(world, team):
    team.delete()
    team.gone()
    again = world.application("team", finalizers=[FINALIZER])
    again.synced().healthy()
    assert [world.value(name) for name in "abc"] == ["one"] * 3 and len(again.history) == 1
