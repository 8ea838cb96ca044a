"""`pgitops cluster restart` and `cluster reinit` on a real Patroni."""

import signal

import pytest

from parts import agent as agents
from parts.process import wait_for
from parts.proxy import FaultProxy, faults


@pytest.fixture
def cluster(calm, plane, tmp_path):
    """cluster("restart", ...) -> what the command says of the cluster."""
    config = plane.kubeconfig("admin", folder=tmp_path)

    def run(verb, *words, **more):
        return agents.run("cluster", verb, calm.name, "-n", calm.namespace, "--kubeconfig", config, *words, timeout=120, **more)

    return run


def started(patroni):
    return {m.name: m.word().get("postmaster_start_time") for m in patroni.members.values()}


def pending(patroni):
    return {m.name for m in patroni.members.values() if m.word().get("pending_restart")}


def set_connections(patroni, number):
    patroni.configure(postgresql={"parameters": {"max_connections": number}})
    wait_for("it is pending everywhere", lambda: pending(patroni) == set(patroni.members))


def test_what_is_pending_is_restarted_replicas_first_and_the_leader_by_switchover(calm, cluster):
    assert "nobody waits for a restart" in cluster("restart", "--pending", "--yes").ok().out
    leader, replicas = calm.leader(), sorted(m.name for m in calm.replicas())
    set_connections(calm, 40)
    asked = cluster("restart", "--pending").is_(1)
    assert "(max_connections: 30->40)" in asked.err and f"{leader.name} (max_connections: 30->40), the leader: another member" in asked.err
    found = cluster("restart", "--pending", "--yes", "-o", "json").ok().json
    assert [(m["name"], m["how"]) for m in found["members"]] == [(name, "restart") for name in replicas] + [(leader.name, "switchover")]
    assert found["outcome"] == "done" and all(m["outcome"] == "done" and m["reason"] == "max_connections: 30->40" for m in found["members"])
    assert calm.leader().name in replicas and not pending(calm)
    assert {m.value("SHOW max_connections") for m in calm.members.values()} == {"40"}
    # A lower one a standby takes only after its primary: in the other order all would wait on.
    leader = calm.leader()
    set_connections(calm, 30)
    found = cluster("restart", "--pending", "--yes", "-o", "json").ok().json
    assert (found["members"][0]["name"], found["members"][0]["how"]) == (leader.name, "restart") and len(found["members"]) == 3
    assert calm.leader() is leader and {m.value("SHOW max_connections") for m in calm.members.values()} == {"30"}


def test_one_that_is_named_is_restarted_alone(calm, cluster):
    leader, replica = calm.leader(), calm.replicas()[0]
    before = started(calm)
    assert "the leader, in place" in cluster("restart", leader.name, "--in-place").is_(1).err
    assert "has no member acid-none: there are" in cluster("restart", "acid-none", "--yes").is_(1).err
    assert started(calm) == before
    assert f"{replica.name} is restarted" in cluster("restart", replica.name, "--yes").ok().err
    after = started(calm)
    assert {name for name in before if before[name] != after[name]} == {replica.name} and calm.leader() is leader


def test_one_that_does_not_answer_stops_it_before_anything_is_restarted(calm, cluster):
    replica = calm.replicas()[1]
    before = started(calm)
    calm.freeze(replica.name)
    try:
        result = cluster("restart", "--yes").is_(1)
        assert f"nothing is restarted: {replica.name} is silent" in result.err and "name the members" in result.err
        assert f"{replica.name} is silent" in cluster("reinit", replica.name, "--yes").is_(1).err
    finally:
        calm.thaw(replica.name)
    wait_for("nobody was started anew", lambda: started(calm) == before)  # once the one that stood still answers again


def test_a_member_that_follows_nobody_is_made_anew(calm, cluster):
    with calm.without_rewind():
        leader, other = calm.leader(), calm.replicas()[0]
        calm.pause()
        try:
            assert other.value("SELECT pg_promote()")
        finally:
            calm.pause(False)
        wait_for("it runs on a timeline of its own", lambda: other.word().get("state") == "running" and other.word().get("role") == "replica"
                 and not other.word().get("replication_state"))
        wait_for("it is seen", lambda: f"{other.name} cannot take over: it does not stream" in cluster("switchover", "--to", other.name, "--yes").is_(1).err)
        # Its Patroni goes on saying the timeline that it had before, for as long as it runs: by another one its own is told.
        other.process.kill()
        other.process.wait()
        other.start()
        its, theirs = wait_for("both say where they are", lambda: (other.word().get("timeline"), leader.word().get("timeline"))
                               if other.word().get("state") == "running" and other.word().get("timeline") else None)
        assert its > theirs
        refused = cluster("switchover", "--to", other.name, "--yes").is_(1).err
        assert f"{other.name} cannot take over: it is on timeline {its}, the leader on {theirs}" in refused, refused
        assert f"{leader.name} is the leader: `pgitops cluster switchover`" in cluster("reinit", leader.name, "--yes").is_(1).err
        asked = cluster("reinit", other.name).is_(1)
        assert f"All data of {other.name}" in asked.err and "--yes" in asked.err
        other.configure(postgresql={"basebackup": [{"checkpoint": "fast"}, {"max-rate": "8M"}]})  # slow enough to be seen
        result = cluster("reinit", other.name, "--yes", "-o", "json").ok()
        assert result.json["outcome"] == "done" and f"{other.name} is creating replica" in result.err
        # At once, without a wait of the test's own.
        assert leader.value(f"SELECT count(*) FROM pg_stat_replication WHERE application_name = '{other.name}' AND state = 'streaming'") == 1


def test_one_that_is_silent_for_one_look_is_not_taken_for_restarted(calm, plane, tmp_path):
    """When its server was started has to be known before: else the first answer of the same server would be one of a new one."""
    replica, before, proxy = calm.replicas()[0], started(calm), FaultProxy(plane.port, tmp_path)

    class Looks:
        """The plan, who leads before its turn, and when it was started: this one it does not answer."""
        count = 0

        def wait(self, _):
            self.count += 1
            if self.count in (3, 4):
                replica.process.send_signal(signal.SIGSTOP if self.count == 3 else signal.SIGCONT)

    proxy.add(faults.wait(Looks()), method="GET", path=r"/pods\?.*cluster-name")
    try:
        told = agents.run("cluster", "restart", calm.name, replica.name, "-n", calm.namespace, "--kubeconfig", proxy.kubeconfig(plane), "--yes", timeout=120)
    finally:
        replica.process.send_signal(signal.SIGCONT)
        proxy.close()
    assert f"{replica.name} is not: {replica.name} is silent" in told.is_(1).err, told.err
    assert started(calm) == before
