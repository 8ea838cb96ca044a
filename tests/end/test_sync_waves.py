"""Waves: what comes after what, what is waited for, what goes away in which order. Events are counted, never seconds.

A Pod is Progressing until the test says how it ended; a ConfigMap has no health and holds nothing up.
"""

import json

import pytest

from parts.kube import simple_crd
from parts.manifests import config_map, postgresql
from parts.world import deployment, manifest, marked, pod


def wave(number, document):
    return marked(document, sync_wave=number)


@pytest.fixture
def team(world):
    team = world.application("team")
    world.begin()
    return team


# ---- forwards ---------------------------------------------------------------------------------------------------------------


def test_waves_go_from_the_lowest_to_the_highest(world, team):
    mark = world.plane.mark()
    head = world.push({"team/a.yaml": wave(10, config_map("a")), "team/b.yaml": config_map("b"), "team/c.yaml": wave(-5, config_map("c")),
                       "team/d.yaml": wave(-10, config_map("d")), "team/e.yaml": wave(2, config_map("e"))})
    team.ended("Succeeded", head)
    team.synced(head)
    assert world.written(mark) == ["d", "c", "b", "e", "a"]
    assert [row["name"] for row in team.rows()] == ["d", "c", "b", "e", "a"]
    assert {row["name"]: row.get("syncWave", 0) for row in team.status["resources"]} == {"a": 10, "b": 0, "c": -5, "d": -10, "e": 2}


def test_within_a_wave_the_kind_decides(world, team):
    mark = world.plane.mark()
    world.push({"team/1.yaml": postgresql("z-pg"), "team/2.yaml": config_map("m"),
                "team/3.yaml": manifest("v1", "Service", "svc", spec={"ports": [{"port": 80}], "selector": {"app": "x"}}),
                "team/4.yaml": manifest("v1", "Secret", "s", stringData={"a": "b"}),
                "team/5.yaml": manifest("v1", "ServiceAccount", "sa"),
                "team/6.yaml": deployment("deploy")})
    team.ended("Succeeded", world.head)
    assert [name for name in world.written(mark) if name in ("z-pg", "m", "svc", "s", "sa", "deploy")] == \
        ["sa", "s", "m", "svc", "deploy", "z-pg"]


def test_the_next_wave_waits_for_the_health_of_the_last(world, team):
    head = world.push({"team/p.yaml": wave(-1, pod("p")), "team/a.yaml": config_map("a"), "team/q.yaml": wave(1, pod("q")),
                       "team/z.yaml": wave(2, config_map("z"))})
    world.appears("Pod", "p")
    state = team.running("/p")
    assert "healthy state" in state["message"]
    world.passes()
    assert world.value("a") is None and world.get("Pod", "q") is None
    assert team.row("p")["hookPhase"] == "Running" and team.row("a") is None
    world.end_pod("p")
    world.appears("ConfigMap", "a")
    world.appears("Pod", "q")
    team.running("/q")
    assert world.value("z") is None
    world.end_pod("q")
    team.ended("Succeeded", head)
    team.synced(head)
    assert world.value("z") == "one" and len(team.history) == 1


def test_all_of_a_wave_are_waited_for(world, team):
    world.push({f"team/{name}.yaml": pod(name) for name in ("p", "q", "r")} | {"team/z.yaml": wave(1, config_map("z"))})
    for name in ("q", "p", "r"):
        world.appears("Pod", name)
    state = team.running("waiting for healthy state")
    assert "more" in state["message"] or all(f"/{name}" in state["message"] for name in "pqr")
    world.end_pod("q")
    world.end_pod("p")
    state = team.running("/r")
    assert world.value("z") is None
    world.end_pod("r")
    team.ended("Succeeded", world.head)


def test_a_database_comes_before_what_needs_it(world, team):
    head = world.push({"team/pg.yaml": postgresql("db"), "team/a.yaml": wave(1, config_map("a"))})
    world.appears("postgresql", "db")
    team.running("/db")
    world.cluster_status("db", "Creating")
    world.passes()
    assert world.value("a") is None
    world.cluster_status("db", "Running")
    team.ended("Succeeded", head)
    assert world.value("a") == "one"
    # The next change is waited for anew: the operator's old word is no answer to it.
    head = world.push({"team/pg.yaml": postgresql("db", instances=3), "team/a.yaml": wave(1, config_map("a", value="two"))})
    world.wait("the change", lambda: world.get("postgresql", "db")["spec"]["numberOfInstances"] == 3)
    team.running("/db")
    world.passes()
    assert world.value("a") == "one"
    world.cluster_status("db", "Updating")
    world.passes()
    assert world.value("a") == "one"
    world.cluster_status("db", "Running")
    team.ended("Succeeded", head)
    assert world.value("a") == "two"


def test_a_degraded_object_of_an_early_wave_fails_the_operation(world, team):
    head = world.push({"team/p.yaml": wave(0, pod("p")), "team/a.yaml": wave(1, config_map("a"))})
    world.end_pod("p", False, "exit code 7")
    state = team.ended("Failed", head)
    assert [row["name"] for row in team.rows()] == ["p"] and "p" in state["message"]
    assert world.value("a") is None
    team.sync_status("OutOfSync", head)
    team.healthy("Degraded")
    moved = team.status["health"]["lastTransitionTime"]
    # After the fix both are there. A Pod cannot be changed: it is made anew.
    world.kube.delete("v1", "Pod", world.namespace, "p")
    world.vanishes("Pod", "p")
    head = world.push({"team/a.yaml": wave(1, config_map("a", value="two"))})
    world.end_pod("p")
    team.ended("Succeeded", head)
    assert [row["name"] for row in team.rows()] == ["p", "a"]
    team.healthy()
    assert team.status["health"]["lastTransitionTime"] >= moved


def test_a_degraded_object_of_the_last_wave_fails_it_too(world, team):
    head = world.push({"team/a.yaml": config_map("a"), "team/p.yaml": wave(1, pod("p"))})
    world.end_pod("p", False)
    team.ended("Failed", head)
    assert [row["name"] for row in team.rows()] == ["a", "p"]
    team.sync_status("Synced", head)


# ---- a single step waits for nothing ---------------------------------------------------------------------------------------------


def test_a_single_step_does_not_wait_for_health(world, team):
    head = world.push({"team/d.yaml": deployment("d"), "team/a.yaml": config_map("a")})
    team.ended("Succeeded", head)
    team.synced(head)
    team.healthy("Progressing")


def test_a_single_step_that_is_degraded_is_synced(world, team):
    head = world.push({"team/d.yaml": deployment("d", deadline=1)})
    team.ended("Succeeded", head)
    team.healthy("Degraded")
    team.synced(head)
    assert team.state["phase"] == "Succeeded"


def test_a_single_step_of_another_wave_is_single_too(world, team):
    head = world.push({"team/p.yaml": wave(7, pod("p")), "team/q.yaml": wave(7, pod("q"))})
    team.ended("Succeeded", head)
    team.healthy("Progressing")


# ---- backwards ------------------------------------------------------------------------------------------------------------------


def test_what_was_made_last_goes_first(world, team):
    names = [("a", -1), ("b", 0), ("c", 1), ("d", 2)]
    world.push({f"team/{name}.yaml": wave(number, config_map(name)) for name, number in names} | {"team/keep.yaml": config_map("keep")})
    team.synced()
    mark = world.plane.mark()
    head = world.push({f"team/{name}.yaml": None for name, _ in names})
    team.ended("Succeeded", head)
    team.synced(head)
    assert world.deleted(mark) == ["d", "c", "b", "a"]
    assert {row["name"]: row["status"] for row in team.rows() if row["name"] != "keep"} == {name: "Pruned" for name in "abcd"}


def test_the_next_is_pruned_when_the_last_is_really_gone(world, team):
    """A Pod that its finalizer holds keeps what it needs."""
    world.push({"team/base.yaml": config_map("base"), "team/keep.yaml": config_map("keep"),
                "team/user.yaml": wave(1, marked(config_map("user"), finalizers=["example.org/hold"]))})
    team.synced()
    head = world.push({"team/base.yaml": None, "team/user.yaml": None})
    world.wait("it is asked to go", lambda: world.get("ConfigMap", "user")["metadata"].get("deletionTimestamp"))
    state = team.running("/user")
    assert "deletion" in state["message"] or "pruning" in state["message"]
    world.passes()
    assert world.value("base") == "one", "not before what stands on it"
    world.kube.patch("v1", "ConfigMap", world.namespace, "user", {"metadata": {"finalizers": None}})
    world.vanishes("ConfigMap", "base")
    team.synced(head)


@pytest.mark.parametrize("level", ["application", "object"])
def test_prune_last_prunes_after_everything_else_is_well(world, level):
    marks = {"sync_options": "PruneLast=true"} if level == "object" else {}
    world.push({"team/old.yaml": marked(config_map("old"), **marks), "team/keep.yaml": config_map("keep")})
    team = world.application("team", options=["PruneLast=true"] if level == "application" else [])
    world.begin()
    team.synced()
    head = world.push({"team/old.yaml": None, "team/p.yaml": wave(3, pod("p"))})
    world.appears("Pod", "p")
    team.running("/p")
    world.passes()
    assert world.value("old") == "one"
    world.end_pod("p")
    team.ended("Succeeded", head)
    assert world.value("old") is None
    assert [row["name"] for row in team.rows()][-1] == "old"


def test_without_prune_last_an_object_goes_with_its_wave(world, team):
    world.push({"team/old.yaml": config_map("old"), "team/keep.yaml": config_map("keep")})
    team.synced()
    world.push({"team/old.yaml": None, "team/p.yaml": wave(3, pod("p")), "team/q.yaml": wave(4, config_map("q"))})
    world.appears("Pod", "p")
    world.vanishes("ConfigMap", "old")
    team.running("/p")
    world.end_pod("p")
    team.ended("Succeeded", world.head)


# ---- kinds and namespaces -------------------------------------------------------------------------------------------------------------


def toys(world):
    group = f"{world.namespace}.example.org"
    return group, json.dumps(simple_crd(group, "Toy", "toys"))


@pytest.mark.parametrize("crd_wave, toy_wave", [(0, 0), (5, 0), (-1, -3)])
def test_a_kind_comes_with_its_objects_in_one_commit(world, team, crd_wave, toy_wave):
    group, crd = toys(world)
    head = world.push({"team/crd.yaml": wave(crd_wave, crd), "team/a.yaml": config_map("a"),
                       "team/bear.yaml": wave(toy_wave, manifest(f"{group}/v1", "Toy", "bear", spec={"size": 3}))})
    team.ended("Succeeded", head)
    team.synced(head)
    assert world.get("Toy", "bear", api_version=f"{group}/v1")["spec"] == {"size": 3}
    # The objects of that kind are watched from then on.
    world.kube.patch(f"{group}/v1", "Toy", world.namespace, "bear", {"spec": {"size": 9}})
    world.wait("healed", lambda: world.get("Toy", "bear", api_version=f"{group}/v1")["spec"] == {"size": 3})


def test_a_namespace_comes_with_its_members_in_one_commit(world, team):
    fresh = f"{world.namespace}-x"
    head = world.push({"team/member.yaml": wave(-2, config_map("member", namespace=fresh)),
                       "team/ns.yaml": manifest("v1", "Namespace", fresh), "team/a.yaml": config_map("a")})
    team.ended("Succeeded", head)
    assert world.get("ConfigMap", "member", namespace=fresh)


# ---- meanwhile ------------------------------------------------------------------------------------------------------------------------


def test_nothing_is_asked_while_a_wave_waits(world, team):
    """A wait is a watch: no object is asked for, however long it lasts."""
    world.push({"team/p.yaml": pod("p"), "team/z.yaml": wave(1, config_map("z"))})
    world.appears("Pod", "p")
    team.running("/p")
    world.passes()
    mark = world.plane.mark()
    world.passes(4)
    asked = [event for event in world.plane.requests(mark, namespace=world.namespace) if event["verb"] not in ("list", "watch")]
    assert asked == []
    world.end_pod("p")
    team.ended("Succeeded", world.head)


def test_waves_without_a_health_need_no_pause(world, team):
    """Twenty waves of what has no health are twenty writes and no question in between."""
    mark = world.plane.mark()
    head = world.push({f"team/{number}.yaml": wave(number, config_map(f"m{number:02}")) for number in range(20)})
    team.ended("Succeeded", head)
    assert world.written(mark) == [f"m{number:02}" for number in range(20)]
    assert len([write for write in world.writes(mark) if write[2].startswith("m")]) == 20


def test_a_newer_commit_takes_the_place_of_one_that_waits_for_health(world, team):
    """It may be the one that mends what is waited for: in Argo CD the wait would have to end first."""
    first = world.push({"team/p.yaml": pod("p"), "team/z.yaml": wave(1, config_map("z"))})
    world.appears("Pod", "p")
    team.running("/p")
    second = world.push({"team/z.yaml": wave(1, config_map("z", value="two"))})
    team.wait("the newer commit", lambda: team.state["syncResult"]["revision"] == second)
    assert world.value("z") is None and first not in [entry["revision"] for entry in team.history]
    world.end_pod("p")
    team.ended("Succeeded", second)
    team.synced(second)
    assert world.value("z") == "two" and [entry["revision"] for entry in team.history] == [second]


def test_a_broken_commit_that_comes_while_a_wave_waits_ends_nothing(world, team):
    first = world.push({"team/p.yaml": pod("p"), "team/z.yaml": wave(1, config_map("z"))})
    world.appears("Pod", "p")
    team.running("/p")
    world.push({"team/bad.yaml": "a: [1\n"})
    team.condition("ComparisonError", "team/bad.yaml")
    world.end_pod("p")
    world.appears("ConfigMap", "z")
    team.ended(revision=first)
    head = world.push({"team/bad.yaml": None})
    team.synced(head)


def test_an_operation_that_can_never_end_can_be_terminated(world, team):
    world.push({"team/p.yaml": pod("p"), "team/z.yaml": wave(1, config_map("z"))})
    world.appears("Pod", "p")
    team.running("/p")
    team.terminate()
    state = team.ended("Failed")
    assert "terminated" in state["message"].lower()
    assert world.get("Pod", "p") and world.value("z") is None, "what was applied stays"
    head = world.push({"team/z.yaml": wave(1, config_map("z", value="two"))})
    world.end_pod("p")
    team.ended("Succeeded", head)


def test_an_object_that_is_deleted_while_it_is_waited_for_holds_nothing_up(world, team):
    world.push({"team/p.yaml": pod("p"), "team/z.yaml": wave(1, config_map("z"))})
    world.appears("Pod", "p")
    team.running("/p")
    uid = world.uid("Pod", "p")
    world.kube.delete("v1", "Pod", world.namespace, "p", propagation="Background")
    world.wait("it comes back, or the operation ends", lambda: world.uid("Pod", "p") not in (None, uid)
               or team.state["phase"] == "Failed")
    if team.state["phase"] == "Failed":
        world.wait("healed", lambda: world.uid("Pod", "p") not in (None, uid))
        team.operate(sync={})
    world.end_pod("p")
    world.appears("ConfigMap", "z")
    team.synced()
