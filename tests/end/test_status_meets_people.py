"""A status that the agent writes at the moment when a person writes into the same Application: neither loses what the other said."""

import threading

import pytest

from parts.manifests import config_map
from parts.proxy import FaultProxy, faults
from parts.world import FINALIZER, PREFIX, marked, pod

STATUS = {"method": "PATCH", "path": r"/applications/team\?"}


@pytest.fixture
def proxy(world, tmp_path):
    proxy = FaultProxy(world.plane.port, tmp_path)
    world.through(proxy)
    yield proxy
    proxy.close()


def finalizers(team):
    return team.get()["metadata"].get("finalizers") or []


def refused(world):
    """The Events that say so."""
    return [event for event in world.kube.list("v1", "Event", world.home) if event["reason"] == "TerminationRefused"]


def test_a_termination_that_was_not_seen_yet_is_not_written_over(world, proxy):
    world.push({"team/a.yaml": config_map("a"), "team/h.yaml": marked(pod("h"), hook="PostSync")})
    team = world.application("team", heal=False)
    silent = proxy.add(faults.hang(), method="GET", path=r"/applications\?.*watch=(true|1)")
    world.begin()
    world.appears("Pod", "h")
    team.running("/h")
    world.wait("the agent hears of no change of the Application", lambda: silent.hits)
    team.terminate()
    before = proxy.count(**STATUS)
    world.kube.patch("v1", "ConfigMap", world.namespace, "a", {"data": {"value": "mine"}})
    world.wait("a status is on its way", lambda: proxy.count(**STATUS) > before)
    world.passes()
    assert team.state["phase"] == "Terminating"
    proxy.clear()
    proxy.cut_all()
    assert "terminated" in team.ended("Failed")["message"].lower()
    world.vanishes("Pod", "h")
    team.sync_status("OutOfSync")  # what was refused meanwhile is written after it
    assert not refused(world)


def test_a_termination_of_what_has_ended_is_refused_by_name(world):
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team")
    world.begin()
    team.synced()
    begun = team.state["startedAt"]
    team.terminate()
    message = world.wait("it is told", lambda: refused(world))[0]["message"]
    assert "nothing was terminated" in message and begun in message
    team.ended("Succeeded")
    world.restart()
    world.passes()
    assert [event.get("count", 1) for event in refused(world)] == [1], "once"


def test_a_refresh_that_was_not_seen_yet_is_answered_too(world, proxy):
    """A normal one is answered; a hard one, which takes nothing as known, has come meanwhile."""
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team", heal=False)
    silent = proxy.add(faults.hang(), method="GET", path=rf"/{world.namespace}/configmaps\?.*watch=(true|1)")
    world.begin()
    team.synced()
    world.wait("the agent hears of no change of its objects", lambda: silent.hits)
    world.kube.patch("v1", "ConfigMap", world.namespace, "a", {"data": {"value": "mine"}})
    moment = threading.Event()
    rule = proxy.add(faults.wait(moment), times=1, **STATUS)
    team.annotate(refresh="normal")
    world.wait("the answer is on its way", lambda: rule.hits)
    team.annotate(refresh="hard")
    moment.set()
    team.sync_status("OutOfSync")
    team.wait("it is gone", lambda: PREFIX + "refresh" not in team.get()["metadata"].get("annotations", {}))


def test_a_finalizer_that_was_not_seen_yet_stays(world, proxy):
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team")
    world.begin()
    team.synced()
    moment = threading.Event()
    rule = proxy.add(faults.wait(moment), times=1, **STATUS)
    world.push({"team/h.yaml": marked(pod("h"), hook="PreDelete")})
    world.wait("a status is on its way", lambda: rule.hits)
    team.patch({"metadata": {"finalizers": [FINALIZER]}})
    moment.set()
    team.wait("the agent's own is there", lambda: any(name.startswith("pre-delete") for name in finalizers(team)))
    assert FINALIZER in finalizers(team)
