"""Smaller rules of Argo CD that no other file shows: fields of the spec, what asks for another look, what the automation leaves alone."""

import json
import shutil

import pytest

from parts.git import GitHttpServer, Repository
from parts.manifests import config_map
from parts.proxy import FaultProxy, faults
from parts.world import PREFIX, marked, pod


# ---- the spec -------------------------------------------------------------------------------------------------------------


def test_with_allow_empty_an_emptied_path_is_obeyed(world):
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": config_map("b")})
    team = world.application("team", policy={"automated": {"prune": True, "allowEmpty": True}})
    world.begin()
    team.synced()
    head = world.push({"team/a.yaml": None, "team/b.yaml": None, "team/README.md": "nothing\n"})
    team.synced(head)
    assert (world.value("a"), world.value("b")) == (None, None) and not team.conditions("SyncError")


def test_an_automation_that_is_not_enabled_does_nothing(world):
    head = world.push({"team/a.yaml": config_map("a")})
    team = world.application("team", policy={"automated": {"prune": True, "selfHeal": True, "enabled": False}})
    world.begin()
    team.sync_status("OutOfSync", head)
    world.passes()
    assert world.value("a") is None and not team.state
    team.patch({"spec": {"syncPolicy": {"automated": {"enabled": None}}}})
    team.synced(head)
    assert world.value("a") == "one"


def test_the_destination_may_be_named(world):
    head = world.push({"team/a.yaml": config_map("a"), "far/x.yaml": config_map("x")})
    team = world.application("team", destination={"name": "in-cluster", "namespace": world.namespace})
    far = world.application("far", destination={"server": "https://far.example.org", "namespace": world.namespace})
    world.begin()
    team.synced(head)
    assert world.value("a") == "one"
    far.condition("InvalidSpecError", "spec.destination.server")
    assert far.status["sync"]["status"] == "Unknown" and world.value("x") is None


def test_one_source_of_a_list_is_that_source(world):
    source = {"repoURL": world.repository.url, "path": "team", "targetRevision": "main"}
    head = world.push({"team/a.yaml": config_map("a")})
    team = world.application("team", sources=[source], source={"path": "nowhere"})
    world.begin()
    team.synced([head])
    assert world.value("a") == "one"
    assert "revision" not in team.status["sync"] and team.status["sync"]["comparedTo"]["sources"] == [source]


def test_what_client_side_apply_wrote_may_be_left_alone(world):
    """Fields that Git drops stay with the manager that has them."""
    before = json.loads(config_map("a", namespace=world.namespace, value="one", dropped="x"))
    before["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(before) + "\n"}
    path = world.kube.path("v1", "ConfigMap", world.namespace)
    world.kube.request("POST", f"{path}?fieldManager=kubectl-client-side-apply", before)
    world.push({"team/a.yaml": config_map("a", value="one", dropped="x")})
    team = world.application("team", options=["ClientSideApplyMigration=false"])
    world.begin()
    team.synced()
    team.synced(world.push({"team/a.yaml": config_map("a", value="one")}))
    assert world.get("ConfigMap", "a")["data"] == {"value": "one", "dropped": "x"}


def test_an_object_without_any_namespace_is_told_with_its_place(world):
    good = world.push({"team/a.yaml": config_map("a", namespace=world.namespace)})
    team = world.application("team", destination={"server": "https://kubernetes.default.svc"})
    world.begin()
    team.synced(good)
    world.push({"team/b.yaml": config_map("b")})
    team.condition("ComparisonError", "team/b.yaml:1", "namespace")
    assert world.value("a") == "one"


# ---- another look ---------------------------------------------------------------------------------------------------------


def test_a_refresh_that_comes_during_another_is_not_lost(world):
    world.agent.config["poll"] = "0s"
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team")
    world.begin()
    team.synced()
    for number in range(5):
        head = world.push({"team/a.yaml": config_map("a", value=str(number))})
        team.annotate(refresh="normal")
    team.synced(head)
    team.wait("it is gone", lambda: PREFIX + "refresh" not in team.get()["metadata"].get("annotations", {}))


def test_other_ignored_differences_count_at_once(world):
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team", heal=False)
    world.begin()
    team.synced()
    world.kube.patch("v1", "ConfigMap", world.namespace, "a", {"data": {"value": "mine"}})
    team.sync_status("OutOfSync")
    team.patch({"spec": {"ignoreDifferences": [{"kind": "ConfigMap", "jsonPointers": ["/data/value"]}]}})
    team.sync_status("Synced")
    team.patch({"spec": {"ignoreDifferences": None}})
    team.sync_status("OutOfSync")
    assert world.value("a") == "mine"


@pytest.mark.parametrize("value", ["normal", "hard", "whatever"])
def test_a_refresh_goes_with_its_time(world, value):
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team")
    world.begin()
    team.synced()
    team.annotate(refresh=value, refresh_timestamp="2026-01-01T00:00:00Z")
    team.wait("both are gone", lambda: not {PREFIX + "refresh", PREFIX + "refresh-timestamp"} & set(
        team.get()["metadata"].get("annotations", {})))


def refreshed(app, value):
    """The refresh was answered: the annotation is gone."""
    app.annotate(refresh=value)
    app.wait(f"the {value} refresh is answered", lambda: PREFIX + "refresh" not in app.get()["metadata"].get("annotations", {}))


def test_a_hard_refresh_sees_what_a_silent_watch_did_not_tell(world, tmp_path):
    """A connection that died without a word: what is known of the cluster is old, and nothing says so for two minutes."""
    proxy = FaultProxy(world.plane.port, tmp_path)
    world.through(proxy)
    watch = proxy.add(faults.hang(), method="GET", path=rf"/{world.namespace}/configmaps\?.*watch=(true|1)")
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": config_map("b")})
    team = world.application("team", heal=False)
    world.begin()
    team.synced()
    world.wait("the watch hangs", lambda: watch.hits)
    world.kube.delete("v1", "ConfigMap", world.namespace, "a")
    world.kube.patch("v1", "ConfigMap", world.namespace, "b", {"data": {"value": "mine"}})
    refreshed(team, "normal")
    assert team.status["sync"]["status"] == "Synced"
    refreshed(team, "hard")
    assert team.status["sync"]["status"] == "OutOfSync"
    assert {name: team.resource(name)["status"] for name in "ab"} == {"a": "OutOfSync", "b": "OutOfSync"}
    assert team.resource("a")["health"]["status"] == "Missing"
    proxy.close()


def test_a_hard_refresh_asks_about_every_object_again_and_a_normal_one_about_none(world):
    names = [f"c{number}" for number in range(5)]
    world.push({f"team/{name}.yaml": config_map(name) for name in names})
    team, other = world.application("team"), world.application("other")
    world.push({"other/x.yaml": config_map("x")})
    world.begin()
    team.synced()
    other.synced()
    world.passes()

    def asked(value):
        mark = world.plane.mark()
        refreshed(team, value)
        world.passes()
        found = world.plane.requests(mark, namespace=world.namespace, resource="configmaps")
        dry = {e["objectRef"]["name"] for e in found if e["verb"] == "patch" and "dryRun" in e["requestURI"]}
        return dry, [e["verb"] for e in found if e["verb"] in ("list", "update", "create") or (
            e["verb"] == "patch" and "dryRun" not in e["requestURI"])]

    assert asked("normal") == (set(), [])
    assert asked("hard") == (set(names), ["list"])
    assert asked("normal") == (set(), [])
    assert team.status["sync"]["status"] == "Synced"


def test_a_hard_refresh_reads_the_commit_anew_and_a_normal_one_does_not(agent, tmp_path):
    repository = Repository(tmp_path / "git" / "db.git")
    repository.commit({"app/a.yaml": config_map("a")})
    with GitHttpServer(tmp_path / "git") as server:
        agent.config |= {"poll": "0"}
        agent.application("team", server.url("db.git"), "app", "default")
        agent.start()
        agent.wait_app("team", "Synced", repository.head)
        shutil.rmtree(agent.state / "repositories")
        server.commands()
        agent.cli("app", "refresh", "team").ok()
        assert "fetch" not in server.commands()
        agent.cli("app", "refresh", "team", "--hard").ok()
        assert "fetch" in server.commands()
        agent.wait_app("team", "Synced", repository.head)
        assert agent.stop() == 0


def test_a_hard_refresh_waits_for_a_server_that_does_not_tell_its_kinds(world, tmp_path):
    """Nothing is forgotten before there is something better, and the refresh is made up for when the server answers."""
    proxy = FaultProxy(world.plane.port, tmp_path)
    world.through(proxy)
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team")
    world.begin()
    team.synced()
    rule = proxy.add(faults.status(500), method="GET", path=r"^/apis?(\?|$)")
    team.annotate(refresh="hard")
    world.wait("discovery was asked", lambda: rule.hits)
    team.condition("ComparisonError")
    assert world.value("a") == "one"
    proxy.clear()
    team.synced()
    assert team.conditions() == []
    proxy.close()


# ---- what the automation leaves alone ---------------------------------------------------------------------------------------


def test_where_only_a_prune_is_left_and_prune_is_off_nothing_is_begun(world):
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": config_map("b")})
    team = world.application("team", prune=False)
    world.begin()
    team.synced()
    finished = team.state["finishedAt"]
    head = world.push({"team/b.yaml": None})
    team.sync_status("OutOfSync", head)
    world.passes()
    assert team.state["finishedAt"] == finished and len(team.history) == 1
    assert world.value("b") == "one" and team.resource("b")["requiresPruning"] is True


def test_what_failed_for_good_is_tried_again_with_self_heal(world):
    world.push({"team/a.yaml": marked(config_map("a"), finalizers=["no domain"])})
    team = world.application("team", policy={"retry": {"limit": 0, "backoff": {"maxDuration": "2s"}}})
    world.begin()
    first = team.ended("Failed")
    team.condition("SyncError", "Failed last sync attempt")
    team.wait("it is tried again", lambda: team.state["startedAt"] > first["startedAt"] and team.state["phase"] == "Failed")
    assert world.value("a") is None


def test_self_healing_waits_longer_each_time(world):
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team")
    world.begin()
    team.synced()
    mark = world.plane.mark()
    for _ in range(4):
        world.kube.patch("v1", "ConfigMap", world.namespace, "a", {"data": {"value": "mine"}})
        team.wait("healed", lambda: world.value("a") == "one")
    world.kube.patch("v1", "ConfigMap", world.namespace, "a", {"data": {"value": "mine"}})
    team.sync_status("OutOfSync")  # for four seconds from the last heal on
    assert len(team.history) == 1
    team.wait("healed again", lambda: world.value("a") == "one")
    assert [name for _, _, name in world.writes(mark)] == ["a"] * 5, "one write each, the last after the wait"


# ---- steps ------------------------------------------------------------------------------------------------------------------


def test_prunes_follow_the_applies_of_their_step(world):
    world.push({"team/a.yaml": config_map("a"), "team/z.yaml": config_map("z")})
    team = world.application("team")
    world.begin()
    team.synced()
    mark = world.plane.mark()
    head = world.push({"team/a.yaml": None, "team/m.yaml": config_map("m"), "team/z.yaml": config_map("z", value="two")})
    team.synced(head)
    verbs = [verb for verb, resource, name in world.writes(mark, resource="configmaps")]
    assert verbs.count("delete") == 1 and verbs[-1] == "delete" and len(verbs) == 3


# ---- what counts ------------------------------------------------------------------------------------------------------------


def test_an_object_with_an_owner_is_never_pruned(world):
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": config_map("b")})
    team = world.application("team")
    world.begin()
    team.synced()
    owner = world.get("ConfigMap", "a")
    world.kube.patch("v1", "ConfigMap", world.namespace, "b", {"metadata": {"ownerReferences": [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": owner["metadata"]["uid"]}]}})
    head = world.push({"team/b.yaml": None})
    team.wait("it is compared", lambda: team.status["sync"].get("revision") == head)
    world.passes()
    assert world.value("b") == "one"


def test_missing_is_said_only_where_nothing_is_live(world):
    head = world.push({"team/p.yaml": pod("p"), "team/q.yaml": pod("q")})
    team = world.application("team", automated=False)
    world.begin()
    team.sync_status("OutOfSync", head)
    team.healthy("Missing")
    team.operate(sync={"resources": [{"kind": "Pod", "name": "p"}]})
    team.ended("Succeeded")
    world.end_pod("p")
    team.healthy("Healthy")
    assert team.resource("q")["health"]["status"] == "Missing"


def test_sources_are_those_of_the_project(world):
    head = world.push({"team/a.yaml": config_map("a")})
    everywhere = [{"server": "*", "namespace": "*"}]
    for name, repositories in (("ours", [world.repository.url]), ("theirs", ["https://git.example.org/*", "!" + world.repository.url])):
        world.kube.create({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": name, "namespace": world.home},
                           "spec": {"sourceRepos": repositories, "destinations": everywhere}})
    team, other = world.application("team", project="ours"), world.application("other", path="team", project="theirs")
    world.begin()
    team.synced(head)
    other.condition("InvalidSpecError", "theirs", world.repository.url)
    assert other.status["sync"]["status"] == "Unknown" and world.tracking("ConfigMap", "a").startswith("team:")
