"""Users on a cluster that fails over: written to the one true primary, never twice, and to none while there are two."""

import signal

import pytest

from parts.failover import Setting, users_yaml
from parts.process import wait_for


@pytest.fixture
def setting(patroni, agent, tmp_path):
    patroni.wait_healthy()
    made = Setting(patroni, agent, tmp_path)
    yield made
    patroni.wait_healthy()
    if agent.process:
        assert agent.stop() == 0, agent.log()[-3000:]
    made.clean()


def test_users_follow_a_switchover_and_nothing_is_written_twice(setting):
    setting.agent.begin()
    setting.agent.wait_user("alice")
    first = setting.patroni.leader()
    before = first.value("SELECT oid FROM pg_roles WHERE rolname = 'alice'")
    second = setting.patroni.switchover()
    setting.repository.commit(users_yaml("alice", "bob"))
    setting.agent.wait_user("bob")
    assert setting.has(second, "bob") and second.value("SELECT oid FROM pg_roles WHERE rolname = 'alice'") == before
    assert setting.agent.user("alice")["status"] == "Synced" and setting.patroni.password not in setting.agent.log()
    made = [c["statement"] for c in setting.agent.items("user", "history") if c["statement"].startswith("CREATE ROLE")]
    assert sorted("alice" in statement for statement in made) == [False, True], made


def test_a_drill_beside_the_agent_says_when_its_users_are_as_git_says(setting):
    setting.agent.begin()
    setting.agent.wait_user("alice")
    first = setting.patroni.leader()
    drill = setting.agent.cli("cluster", "failover-drill", setting.patroni.name, "--yes", "--again", "-o", "json", timeout=150).ok().json
    assert drill["seconds"].get("users", 0) > 0 and drill["users"].endswith("s"), drill["users"]
    second = setting.patroni.leader()
    assert second.name != first.name and setting.has(second, "alice")
    made = [c["statement"] for c in setting.agent.items("user", "history") if c["statement"].startswith("CREATE ROLE")]
    assert len(made) == 1, made


def test_no_user_is_written_while_two_primaries_take_writes(setting):
    cluster = setting.patroni
    cluster.pause()
    leader, other = cluster.leader(), cluster.replicas()[0]
    assert other.value("SELECT pg_promote()")
    wait_for("there are two", lambda: other.word().get("role") == "primary")
    try:
        setting.agent.begin()
        setting.waits("two primaries take writes")
        assert not setting.has(leader, "alice") and not setting.has(other, "alice")
    finally:
        cluster.pause(False)
        wait_for("it follows", lambda: other.word().get("role") == "replica")
        cluster.reinit(other.name)
    setting.agent.wait_user("alice")
    assert setting.has(cluster.leader(), "alice")


def test_a_primary_whose_patroni_is_dead_is_not_taken_for_the_leader(setting):
    """It takes writes for as long as its Patroni is away, and a list of hosts would have it first."""
    cluster = setting.patroni
    cluster.pause()
    leader, other = cluster.leader(), cluster.replicas()[0]
    assert other.value("SELECT pg_promote()")
    wait_for("there are two", lambda: other.word().get("role") == "primary")
    other.process.send_signal(signal.SIGKILL)
    other.process.wait()
    hosts = [other, *(m for m in cluster.members.values() if m is not other)]
    setting.agent.config["databases"][0]["connection"] = (
        f"host=127.0.0.1,127.0.0.1,127.0.0.1 port={','.join(str(m.port) for m in hosts)} dbname=postgres user=postgres")
    try:
        setting.agent.begin()
        setting.agent.wait_user("alice")
        assert setting.has(leader, "alice") and not setting.has(other, "alice")
    finally:
        other.start()
        cluster.pause(False)
        wait_for("it follows", lambda: other.word().get("role") == "replica")
        cluster.reinit(other.name)


def test_a_leader_that_is_dead_or_frozen_is_waited_for(setting):
    cluster = setting.patroni
    leader = cluster.leader()
    cluster.freeze(leader.name)
    try:
        setting.agent.begin()
        setting.waits(f"the leader {leader.name} does not answer")
    finally:
        cluster.thaw(leader.name)
    setting.agent.wait_user("alice")
    cluster.wait_healthy()
    cluster.pause()
    leader = cluster.leader()
    cluster.kill(leader.name)
    try:
        setting.repository.commit(users_yaml("alice", "bob"))
        setting.waits(f"the leader {leader.name} does not answer")
    finally:
        leader.start()
        cluster.pause(False)
    setting.agent.wait_user("bob", seconds=60)
    assert setting.has(cluster.leader(), "bob")
