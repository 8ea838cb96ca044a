"""Users on a Patroni that keeps its leader in etcd: cut off from it, and with a disk that is full."""

import psycopg
import pytest

from parts.failover import Setting, users_yaml
from parts.patroni_etcd import EtcdPatroni
from parts.process import wait_for
from parts.small_disk import fill


SMALL = "demo-0"


@pytest.fixture(scope="module")
def patroni(program):
    made = EtcdPatroni().start()
    yield made
    made.close()


@pytest.fixture
def setting(patroni, agent, tmp_path):
    patroni.wait_healthy()
    made = Setting(patroni, agent, tmp_path)
    made.clean()
    return made


def listed(agent):
    found = agent.cli("cluster", "list", "-o", "json")
    return found.code, {m["name"]: m for m in found.json["items"][0]["members"]}


def created(setting):
    return [c["statement"] for c in setting.agent.items("user", "history") if c["statement"].startswith("CREATE ROLE")]


def test_users_follow_and_cluster_list_tells_the_truth_by_the_rest_api_alone(setting):
    cluster = setting.patroni
    setting.agent.begin()
    setting.agent.wait_user("alice")
    first = cluster.leader()
    before = first.value("SELECT oid FROM pg_roles WHERE rolname = 'alice'")
    second = cluster.switchover(SMALL)
    setting.repository.commit(users_yaml("alice", "bob"))
    setting.agent.wait_user("bob")
    assert second.value("SELECT oid FROM pg_roles WHERE rolname = 'alice'") == before and len(created(setting)) == 2
    code, members = listed(setting.agent)
    assert code == 0 and sorted(members) == sorted(cluster.members)
    for name, member in cluster.members.items():
        word = member.word()
        assert members[name]["role"] == ("leader" if member is second else "replica")
        assert members[name]["timeline"] == word["timeline"] and members[name]["state"] == ("running" if member is second else "streaming")


def test_a_leader_whose_disk_is_full_loses_no_user(setting):
    cluster = setting.patroni
    small = cluster.members[SMALL]
    if cluster.leader() is not small:
        cluster.switchover(SMALL)
    setting.agent.begin()
    setting.agent.wait_user("alice")
    fill(small.disk() / "filler")
    try:
        with pytest.raises(psycopg.Error), small.connect() as session:
            for _ in range(200):
                session.execute("SELECT pg_logical_emit_message(false, 'fill', repeat('x', 1048576))")
        setting.repository.commit(users_yaml("alice", "bob"))
        setting.agent.wait_user("bob", seconds=60)
        new = cluster.leader()
        assert new is not small and setting.has(new, "alice") and setting.has(new, "bob")
        assert len(created(setting)) == 2
    finally:
        (small.disk() / "filler").unlink()
    cluster.reinit(small.name)
    assert setting.has(small, "bob")


def test_a_leader_that_is_cut_off_from_etcd_gets_no_write(setting):
    """It lives, takes writes until Patroni gives up, and the record goes to another one meanwhile: for a moment there are two."""
    cluster = setting.patroni
    setting.agent.begin()
    setting.agent.wait_user("alice")
    old = cluster.leader()
    cluster.wires[old.name].cut()
    try:
        cluster.forget_leader()
        setting.repository.commit(users_yaml("alice", "bob"))
        setting.agent.wait_user("bob", seconds=60)
        new = cluster.leader()
        assert new is not old and setting.has(new, "bob") and not setting.has(old, "bob")
        assert listed(setting.agent)[1][new.name]["role"] == "leader" and len(created(setting)) == 2
    finally:
        cluster.wires[old.name].mend()
