"""Three agents, each with its share of the Applications by label, and its own database."""

import pytest

from parts import postgres, users
from parts.manifests import config_map
from parts.world import World

SHARDS = {"a": 15, "b": 16, "c": 17}  # the agent and the major of its server


@pytest.fixture
def shards(make_agent, crds, tmp_path):
    """Three agents of one namespace, and an Application for each, which has the label of its agent."""
    agents, servers = {}, {}
    world = None
    for shard, major in SHARDS.items():
        servers[shard] = postgres.shared(major)
        servers[shard].clean()
        agent = make_agent(shard, applicationSelector=f"shard={shard}", lease={"name": f"pgitops-{shard}", "duration": "30s"})
        if world is None:
            world = World(agent, crds, tmp_path)
        agent.config["poll"] = "1s"
        agent.kubernetes(crds, namespace=world.home, objects=True)
        agent.database(servers[shard], application=f"app-{shard}", config_map=f"users-{shard}")
        agents[shard] = agent
    for shard in SHARDS:
        app = world.application(f"app-{shard}", create=False)
        app.document["metadata"]["labels"] = {"shard": shard}
        app.create()
    for agent in agents.values():
        agent.begin()
    return agents, servers, world


def users_yaml(shard, names):
    """The users of a share: its own, and one whose name all of them have."""
    text = users.version_2(*(f"{{username: {name}}}" for name in ("app", *names)), more="defaults: {database: postgres}")
    return text.replace("postgres-users-config, namespace: postgres", f"users-{shard}")


def roles(server):
    return [name for (name,) in server.query("SELECT rolname::text FROM pg_roles WHERE oid >= 16384 ORDER BY 1")]


def names(agent):
    return [item["metadata"]["name"] for item in agent.items("app", "list")]


def test_each_agent_has_its_share_and_an_application_moves_with_its_label(shards):
    agents, _, world = shards
    world.push({f"app-{shard}/users.yaml": users_yaml(shard, []) for shard in SHARDS})
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


def test_each_user_is_written_by_the_agent_of_its_share_alone(shards):
    agents, servers, world = shards
    people = {"a": ["anna"], "b": ["bert"], "c": ["carl"]}
    for shard, agent in agents.items():
        for name in ("app", "dora", *people[shard]):
            agent.secret(world.namespace, f"user-{name}-secret", f"{name} of {shard}")
    world.push({f"app-{shard}/users.yaml": users_yaml(shard, names) for shard, names in people.items()})

    def written():
        return {shard: roles(server) for shard, server in servers.items()}

    def wanted():
        return {shard: sorted(["app", *names]) for shard, names in people.items()}

    world.wait("each has its own", lambda: written() == wanted())
    people["b"].append("dora")
    world.push({"app-b/users.yaml": users_yaml("b", people["b"])})
    world.wait("dora is there", lambda: written()["b"] == wanted()["b"])
    for shard, agent in agents.items():
        world.wait(f"the users of {shard} are right", lambda: {user["name"]: user["status"] for user in agent.items("user", "list")} ==
                   dict.fromkeys(wanted()[shard], "Synced"))
        assert all(servers[shard].can_login(name, f"{name} of {shard}") for name in wanted()[shard])
    # A label that changes takes no user away: the agent of the database has the list no more, and that of the list not the database.
    world.kube.patch("argoproj.io/v1alpha1", "Application", world.home, "app-a", {"metadata": {"labels": {"shard": "b"}}})
    world.wait("b has both", lambda: names(agents["b"]) == ["app-a", "app-b"])
    world.push({"app-a/users.yaml": users_yaml("a", ["eve"])})
    world.apps["app-a"].synced()
    world.wait("a says that it has no list", lambda: agents["a"].lines(
        msg="users wait", reason="no users are in force: there is no application app-a, which the agent file names as that of its users"))
    assert written() == wanted()
    for agent in agents.values():
        assert agent.stop() == 0
