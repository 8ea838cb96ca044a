"""Three agents, each with its share of the Applications by label, and its own database."""

import pytest

from parts.manifests import config_map
from parts.world import World

SHARDS = ("a", "b", "c")


@pytest.fixture
def shards(make_agent, crds, tmp_path):
    """Three agents of one namespace, and an Application for each, which has the label of its agent."""
    agents = {}
    world = None
    for shard in SHARDS:
        agent = make_agent(shard, applicationSelector=f"shard={shard}", lease={"name": f"pgitops-{shard}", "duration": "30s"})
        if world is None:
            world = World(agent, crds, tmp_path)
        agent.config["poll"] = "1s"
        agent.kubernetes(crds, namespace=world.home, objects=True)
        agents[shard] = agent
    for shard in SHARDS:
        app = world.application(f"app-{shard}", create=False)
        app.document["metadata"]["labels"] = {"shard": shard}
        app.create()
    for agent in agents.values():
        agent.begin()
    return agents, world


def names(agent):
    return [item["metadata"]["name"] for item in agent.items("app", "list")]


def test_each_agent_has_its_share_and_an_application_moves_with_its_label(shards):
    agents, world = shards
    head = world.push({f"app-{shard}/{shard}.yaml": config_map(shard, value="1") for shard in SHARDS})
    for shard in SHARDS:
        world.apps[f"app-{shard}"].synced(head)
        world.wait(f"the share of {shard}", lambda: names(agents[shard]) == [f"app-{shard}"])
    uid = world.uid("ConfigMap", "a")
    # Another one takes over: nothing is deleted or made anew, and only that one writes from now on.
    world.kube.patch("argoproj.io/v1alpha1", "Application", world.home, "app-a", {"metadata": {"labels": {"shard": "b"}}})
    world.wait("a has none", lambda: names(agents["a"]) == [])
    world.wait("b has both", lambda: names(agents["b"]) == ["app-a", "app-b"])
    head = world.push({"app-a/a.yaml": config_map("a", value="2")})
    world.wait("the commit is applied", lambda: world.value("a") == "2")
    assert world.uid("ConfigMap", "a") == uid and not agents["a"].lines(msg="synced", revision=head)
    # What carries the mark of an Application of somebody else's share is not taken.
    world.push({"app-c/a.yaml": config_map("a", value="3"), "app-c/c.yaml": config_map("c", value="2")})
    world.wait("it is refused", lambda: "it belongs to Application app-a, which this agent does not have" in
               agents["c"].cli("app", "get", "app-c").out)
    assert world.value("a") == "2"
    for agent in agents.values():
        assert agent.stop() == 0
