"""A real Patroni with ConfigMaps behind `databases[].postgresql`: the leader's record is read, and a leader that does not reach the API server gets no user."""

import json

import pytest

from parts import agent as agents
from parts.failover import Setting, created, users_yaml
from parts.patroni_operated import OperatedPatroni
from parts.patronictl import agrees
from parts.process import wait_for


@pytest.fixture(scope="module")
def patroni(program, crds):
    made = OperatedPatroni(crds, crds.namespace("operated")).start()
    yield made
    made.close()


@pytest.fixture
def listed(patroni, crds, tmp_path):
    """What `cluster list` says: its code and the cluster."""
    config = crds.kubeconfig("admin", folder=tmp_path)

    def run():
        found = agents.run("cluster", "list", "-n", patroni.namespace, "--kubeconfig", config, "-o", "json")
        return found.code, found.items[0]

    return run


@pytest.fixture
def setting(patroni, agent, crds, tmp_path):
    patroni.wait_healthy()
    made = Setting(patroni, agent, tmp_path)
    agent.kubernetes(crds)
    agent.config["databases"] = [{"name": "main", "postgresql": f"{patroni.namespace}/{patroni.name}", "users": {"application": "postgres-users"}}]
    yield made
    patroni.wait_healthy()
    assert agent.stop() == 0, agent.log()[-3000:]
    made.clean()


def test_users_go_to_whom_the_leaders_config_map_names_and_the_list_is_patronictls(setting, listed):
    cluster, agent = setting.patroni, setting.agent
    agent.begin()
    agent.wait_user("alice")
    first = cluster.leader()
    assert setting.has(first, "alice") and cluster.plane.admin.get("v1", "ConfigMap", cluster.namespace, f"{cluster.name}-leader")
    second = cluster.switchover()
    assert second is not first
    setting.repository.commit(users_yaml("alice", "bob"))
    agent.wait_user("bob")
    assert setting.has(second, "bob") and created(setting) == ["alice", "bob"]
    rows = agrees(lambda: listed()[1], cluster)
    assert [row["Member"] for row in rows if row["Role"] == "Leader"] == [second.name] and len(rows) == 3
    wait_for("the leader has written its history", lambda: listed()[1].get("lastFailoverTo") == second.name)
    assert listed()[1]["leader"] == second.name


@pytest.fixture
def patient(patroni):
    """A leader that is silent goes on telling that it leads until it is seen, however slow that is."""
    with patroni.patient():
        yield


@pytest.fixture
def by_rest(patroni, tmp_path):
    """Who leads, by the REST APIs alone: this member is asked first."""
    def run(first):
        urls = [f"http://127.0.0.1:{m.rest_port}" for m in sorted(patroni.members.values(), key=lambda m: m is not first)]
        file = tmp_path / "by-rest.yaml"
        file.write_text(json.dumps({"version": 1, "state": str(tmp_path / "state-by-rest"), "kubernetes": {"none": True}, "databases": [{
            "name": "main", "connection": "host=127.0.0.1 dbname=postgres", "patroni": urls, "users": {"application": "postgres-users"}}]}))
        return agents.run("cluster", "list", "--config", file, "-o", "json").items[0].get("leader")

    return run


def test_a_leader_that_is_cut_off_from_the_api_server_gets_no_user(setting, patient, listed, by_rest):
    """The agent reaches it: it is labelled as master, has its address in the Endpoints, and takes writes until Patroni gives up. Where the API
    server is silent, it tells what it knew last for news: itself as the leader, heard just now."""
    cluster, agent = setting.patroni, setting.agent
    old = cluster.first
    if cluster.leader() is not old:
        cluster.switchover(old.name)
    agent.begin()
    agent.wait_user("alice")
    cluster.wire.hush()
    try:
        cluster.forget_leader()
        new = setting.goes_to_the_next_leader(old, "bob")
        assert {m["name"]: m["role"] for m in old.rest("/cluster")[1]["members"]}[old.name] == "leader"
        assert by_rest(old) == new.name

        def told(text):
            """The list, once a sentence in it begins so."""
            code, found = listed()
            return (code, found) if any(problem["text"].startswith(text) for problem in found["problems"]) else None

        names = ", ".join(sorted([old.name, new.name]))
        two = f"two pods are labelled as primary: {names}; the leader's record names {new.name}"
        code, found = wait_for("two are labelled", lambda: told(two))
        members = {m["name"]: m for m in found["members"]}
        assert code == 1 and members[new.name]["role"] == "leader" and members[old.name]["role"] == "replica"
        cluster.wire.cut()
        wait_for("the list tells it", lambda: told(f"{old.name} has heard nothing from its store"))
    finally:
        cluster.wire.mend()
    cluster.wait_healthy()
    wait_for("the list has nothing to tell", lambda: listed()[0] == 0 and not listed()[1]["problems"])
    wait_for("bob everywhere", lambda: all(setting.has(member, "bob") for member in cluster.members.values()))
    assert created(setting) == ["alice", "bob"]


def test_no_user_is_written_while_another_member_takes_writes(setting):
    """Whom the leader's record names is not enough: the members are asked, too."""
    cluster, agent = setting.patroni, setting.agent
    agent.begin()
    agent.wait_user("alice")
    cluster.pause()
    leader, other = cluster.leader(), cluster.replicas()[0]
    assert other.value("SELECT pg_promote()")
    wait_for("there are two", lambda: other.word().get("role") == "primary")
    try:
        setting.repository.commit(users_yaml("alice", "bob"))
        setting.waits(f"postgresql {cluster.namespace}/{cluster.name}: {other.name} takes writes, and the leader's record names {leader.name}: "
                      "no user is changed while that is so")
        assert setting.database()["status"] == "Waiting", setting.database()
        passed = agent.metrics()["pgitops_user_passes_total"]
        wait_for("further passes", lambda: agent.metrics()["pgitops_user_passes_total"] > passed + 1)
        assert created(setting) == ["alice"] and not setting.has(leader, "bob") and not setting.has(other, "bob")
    finally:
        cluster.pause(False)
        cluster.wait("it follows", lambda: other.word().get("role") == "replica", 60)
        cluster.reinit(other.name)
    agent.wait_user("bob")
    wait_for("bob everywhere", lambda: all(setting.has(member, "bob") for member in cluster.members.values()))
    assert created(setting) == ["alice", "bob"]
