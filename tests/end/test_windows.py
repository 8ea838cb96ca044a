"""Sync windows as they are open at this minute: what outranks what, whom they are for, and what they let through."""

import datetime
import time

import pytest

from parts.manifests import config_map
from parts.world import marked, pod

OPEN = {"schedule": "* * * * *", "duration": "1h", "applications": ["*"]}
CLOSED = {"schedule": time.strftime("0 0 %d %m *", time.gmtime(time.time() + 100 * 86400)), "duration": "1h", "applications": ["*"]}


def windows(world, *items):
    """The project of the team with these windows."""
    world.kube.apply({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "team", "namespace": world.home},
        "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}], "syncWindows": list(items)}})


def deny(**more):
    return {"kind": "deny"} | OPEN | more


def allow(**more):
    return {"kind": "allow"} | OPEN | more


@pytest.fixture
def team(world):
    """One Application with a policy, under a project that is to be made."""
    world.push({"team/a.yaml": config_map("a")})
    return world.application("team", project="team")


def blocked(team, *texts):
    """The policy has begun nothing, and says which window holds it."""
    team.condition("SyncWindowWarning", "blocked by a sync window of project \"team\"", *texts)
    assert team.status["sync"]["status"] == "OutOfSync" and not team.state


def test_deny_outranks_allow(world, team):
    windows(world, allow(), deny())
    world.begin()
    blocked(team, "deny window '* * * * *'")
    windows(world, allow())
    team.synced()


def test_one_of_two_allow_windows_is_enough(world, team):
    windows(world, {"kind": "allow"} | CLOSED)
    world.begin()
    blocked(team, "no allow window is open")
    windows(world, {"kind": "allow"} | CLOSED, allow())
    team.synced()


@pytest.mark.parametrize("lists, matches", [
    ({"applications": ["other"]}, False),
    ({"applications": ["other"], "namespaces": ["ns-*", "*"]}, True),
    ({"applications": ["other"], "namespaces": ["*"], "andOperator": True}, False),
    ({"applications": ["te?m"], "namespaces": ["*"], "clusters": ["in-cluster"], "andOperator": True}, True),
    ({"applications": [], "clusters": ["https://kubernetes.default.svc"]}, True),
])
def test_one_list_that_matches_is_enough_unless_all_are_asked_for(world, team, lists, matches):
    windows(world, deny(**lists))
    world.begin()
    if matches:
        blocked(team, "deny window")
    else:
        team.synced()


@pytest.mark.parametrize("zone, matches", [("Asia/Tokyo", True), ("", False)])
def test_a_window_is_open_in_its_own_zone(world, team, zone, matches):
    """From this hour in Tokyo on, for two hours; in UTC this hour is nine hours away."""
    tokyo = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=9)))
    windows(world, deny(schedule=f"0 {tokyo.hour} * * *", duration="2h", timeZone=zone))
    world.begin()
    if matches:
        blocked(team, "(Asia/Tokyo) is open until")
    else:
        team.synced()


def test_manual_sync_is_for_who_asks_and_not_for_the_policy(world, team):
    windows(world, deny(manualSync=True), deny(namespaces=["*"]))
    world.begin()
    blocked(team)
    # All windows that are closed to the policy must let it through.
    team.operate(sync={})
    team.running("blocked by a sync window")
    assert world.value("a") is None
    windows(world, deny(manualSync=True))
    team.ended("Succeeded")
    assert world.value("a") == "one"
    head = world.push({"team/a.yaml": config_map("a", value="two")})
    team.condition("SyncWindowWarning", "a sync by hand is let through (manualSync)")
    team.sync_status("OutOfSync", head)
    assert world.value("a") == "one"


@pytest.mark.parametrize("overrun", [True, False])
def test_a_sync_that_began_in_time_goes_on_where_overrun_says_so(world, overrun):
    """A hook waits until the window, which was open when the operation began, has closed."""
    world.push({"team/h.yaml": marked(pod("h"), hook="PreSync"), "team/a.yaml": config_map("a")})
    windows(world)
    team = world.application("team", project="team")
    world.begin()
    world.appears("Pod", "h")
    began = datetime.datetime.fromisoformat(team.running("/h")["startedAt"].replace("Z", "+00:00"))
    ends = time.time() + 4
    windows(world, allow(schedule=f"{began.minute} {began.hour} * * *", syncOverrun=overrun,
                         duration=f"{int(ends - began.replace(second=0).timestamp())}s"))
    world.wait("the end of the window", lambda: time.time() > ends + 1)
    if not overrun:
        team.running("blocked by a sync window")
    world.end_pod("h")
    if overrun:
        team.ended("Succeeded")
        assert world.value("a") == "one"
        return
    world.passes()
    assert world.value("a") is None and team.state["phase"] == "Running"
    windows(world)
    team.ended("Succeeded")
    assert world.value("a") == "one"
