"""`pgitops cluster failover-drill` on a real Patroni: every acknowledged write is looked for, and nothing is left behind."""

import contextlib
import json
import re
import signal
import subprocess
import time

import psycopg
import pytest

from parts import agent as agents
from parts.patroni import LOOP
from parts.process import private, wait_for
from parts.proxy import FaultProxy, faults


def settle(patroni):
    """What a drill that was cut off has ordered may begin a loop of Patroni's later, in a cluster that looks well until then."""
    patroni.wait_healthy()
    time.sleep(4 * LOOP["loop_wait"])
    patroni.wait_healthy()


@pytest.fixture
def drill(calm, tmp_path):
    """drill(...) -> what the command says; drill.begin(...) -> it runs, with its words in a file."""
    agent = agents.Agent(tmp_path)
    private(tmp_path / "password", calm.password)
    agent.config["databases"] = [{
        "name": "main", "connection": "dbname=postgres user=postgres", "passwordFrom": {"file": "./password"},
        "users": {"application": "postgres-users"}, "patroni": [f"http://127.0.0.1:{m.rest_port}" for m in calm.members.values()]}]
    agent.write()

    class Drill:
        log, name = tmp_path / "said", calm.name

        def __call__(self, *words):
            return agent.cli("cluster", "failover-drill", self.name, *words, timeout=150)

        @contextlib.contextmanager
        def begin(self, *words):
            """Its writers have written when the block begins."""
            with open(self.log, "wb") as file, subprocess.Popen(
                    [str(agents.PROGRAM), "--config", str(agent.file), "cluster", "failover-drill", self.name, "--yes", *words],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=file, text=True, env=agents.environment()) as process:
                try:
                    wait_for("it hands over", lambda: "writes are acknowledged" in self.log.read_text())
                    yield process
                finally:
                    process.kill()

    made = Drill()
    made.agent = agent
    return made


def databases(patroni):
    return patroni.leader().value("SELECT count(*) FROM pg_database WHERE datname = 'pgitops_drill'")


def test_what_a_killed_drill_left_the_next_one_drops_and_with_synchronous_mode_nothing_is_lost(calm, drill):
    with drill.begin() as process:
        process.send_signal(signal.SIGKILL)
    settle(calm)
    assert databases(calm) == 1
    calm.configure(synchronous_mode=True)
    try:
        standby = wait_for("one is synchronous", lambda: calm.annotation(f"{calm.name}-sync", "sync_standby"))
        wait_for("it is known", lambda: calm.members[standby].word().get("sync_standby") is True)
        leader = calm.leader()
        found = drill("--yes", "-o", "json").ok().json
        assert (found["outcome"], found["from"], found["leader"]) == ("done", leader.name, standby)
        assert found["writes"]["lost"] == 0 and found["lost"] == [] and found["writes"]["acknowledged"] >= 80
        assert found["settings"] == {"ttl": LOOP["ttl"], "loopWait": LOOP["loop_wait"], "retryTimeout": LOOP["retry_timeout"], "synchronousMode": True}
        assert found["seconds"]["withoutWrites"] > 0 and found["seconds"]["twoPrimaries"] == 0
        # All on one machine: its clock is theirs, and nothing that was acknowledged is lost.
        assert abs(found["seconds"]["withoutWritesByServers"] - found["seconds"]["withoutWrites"]) < found["seconds"]["withoutWrites"]
        assert databases(calm) == 0
    finally:
        calm.configure(synchronous_mode=None)


def test_writes_that_are_gone_are_named(calm, drill):
    """Somebody takes three of them away: to the drill that is what a loss looks like."""
    gone = []

    def take_away():
        try:
            with calm.leader().connect("pgitops_drill") as session:
                gone.extend(row[0] for row in session.execute(
                    "DELETE FROM written WHERE writer = 1 AND number IN (SELECT number FROM written WHERE writer = 1 ORDER BY number LIMIT 3) "
                    "RETURNING number").fetchall())
        except (psycopg.Error, AttributeError):
            return False
        return gone

    with drill.begin("-o", "markdown") as process:
        wait_for("they are gone", take_away)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 1, (out, drill.log.read_text())
    assert "| acknowledged and lost | 3 |" in out and "3 acknowledged writes are lost" in drill.log.read_text()
    named = re.findall(r"lost: writer (\d+), number (\d+), acknowledged by (acid-demo-\d) at \d{4}-", out)
    assert sorted((int(writer), int(number)) for writer, number, _ in named) == [(1, number) for number in sorted(gone)]
    assert databases(calm) == 0


def test_ctrl_c_leaves_nothing_behind(calm, drill):
    with drill.begin() as process:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 1 and "it was stopped" in drill.log.read_text(), drill.log.read_text()
    settle(calm)
    assert databases(calm) == 0


def test_what_speaks_against_a_drill_is_said_and_nothing_is_done(calm, drill, crds, tmp_path):
    plane, leader = crds, calm.leader()
    with leader.connect() as session:
        start = "pg_backup_start('nightly', true)" if session.info.server_version >= 150000 else "pg_start_backup('nightly', true, false)"
        session.execute(f"SELECT {start}")  # as WAL-G does, which copies the files then
        assert "a base backup is being taken" in drill("--yes").is_(1).err
    with leader.connect() as session:
        session.execute("CREATE DATABASE pgitops_drill")
        try:
            # As soon as a replica has replayed that.
            wait_for("it is refused", lambda: "a database pgitops_drill that no drill has made" in drill("--yes").is_(1).err)
            assert databases(calm) == 1
        finally:
            session.execute("DROP DATABASE pgitops_drill")
    assert f"{leader.name} is the leader already" in drill("--to", leader.name, "--yes").is_(1).err
    asked = drill().is_(1)
    assert "pgitops_drill, which is made for it and dropped" in asked.err and "--yes" in asked.err
    config = plane.kubeconfig("admin", folder=tmp_path)
    words = ("cluster", "failover-drill", calm.name, "-n", calm.namespace, "--kubeconfig", config, "--yes")
    admin, pod = plane.admin, ("v1", "Pod", calm.namespace, leader.name)
    mark = "zalando-postgres-operator-rolling-update-required"
    admin.patch(*pod, {"metadata": {"annotations": {mark: "true"}}})
    assert f"a rolling update is running: pod {leader.name} waits to be made anew" in agents.run(*words).is_(1).err
    admin.patch(*pod, {"metadata": {"annotations": {mark: None}}})
    postgresql = ("acid.zalan.do/v1", "postgresql", calm.namespace, calm.name)
    admin.create({"apiVersion": postgresql[0], "kind": "postgresql", "metadata": {"name": calm.name, "namespace": calm.namespace}, "spec": {
        "teamId": "acid", "numberOfInstances": 3, "volume": {"size": "1Gi"}, "postgresql": {"version": "17"}}})
    admin.patch(*postgresql, {"status": {"PostgresClusterStatus": "Updating"}}, subresource="status")
    assert "the operator is at work (Updating)" in agents.run(*words).is_(1).err
    admin.delete(*postgresql)
    calm.switchover()
    wait_for("history has it", lambda: "within an hour one is enough" in agents.run(*words).is_(1).err)
    assert "no `databases` entry of an agent file is this cluster's" in agents.run(*words, "--again").is_(1).err
    assert databases(calm) == 0


@pytest.fixture
def deadly(calm, drill, plane, tmp_path):
    """A drill of the cluster as Kubernetes has it, whose agent file names the members, too."""
    drill.agent.config |= {"kubernetes": {"kubeconfig": str(plane.kubeconfig("admin", folder=tmp_path))}}
    drill.agent.write()
    drill.name = f"{calm.namespace}/{calm.name}"
    return drill


def deleted(cluster, name, another_leads):
    """What is there in a cluster when a Pod is deleted: its processes die, and it is made anew. Its time runs out at once where another one is to lead."""
    member = cluster.members[name]
    wait_for("its Pod is gone", lambda: member.pod() is None)
    cluster.kill(name)
    if another_leads:
        cluster.forget_leader()
        wait_for("another one leads", lambda: cluster.leader() not in (None, member))
    cluster.make_pod(member)
    member.start()


def test_a_leader_that_is_killed_is_replaced_and_nothing_is_lost(calm, deadly):
    leader = calm.leader()
    with deadly.begin("--kill", "--again", "-o", "json") as process:
        deleted(calm, leader.name, another_leads=True)
        out, _ = process.communicate(timeout=90)
    assert process.returncode == 0, (out, deadly.log.read_text())
    found = json.loads(out)
    assert (found["outcome"], found["from"], found["killed"]) == ("done", leader.name, True) and found["leader"] != leader.name
    assert found["writes"]["lost"] == 0 and found["reads"] > 0 and found["clientsLeft"] == 0
    assert found["seconds"]["withoutWrites"] > 0 and found["seconds"]["withoutReads"] > 0 and found["seconds"]["streaming"] > 0
    assert databases(calm) == 0 and found["users"].startswith("not known: ")


def test_ctrl_c_after_the_kill_leaves_nothing_behind(calm, deadly):
    """And a leader that is back before its time has run out leads as before."""
    leader = calm.leader()
    with deadly.begin("--kill", "--again") as process:
        wait_for("the Pod is gone", lambda: leader.pod() is None)
        process.send_signal(signal.SIGINT)
        deleted(calm, leader.name, another_leads=False)
        process.communicate(timeout=90)
    assert process.returncode == 1 and "it was stopped" in deadly.log.read_text(), deadly.log.read_text()
    calm.wait_healthy()
    assert databases(calm) == 0 and calm.leader() is leader


def test_an_api_server_that_is_gone_meanwhile_is_named_and_nothing_stays(calm, deadly, plane, tmp_path):
    proxy = FaultProxy(plane.port, tmp_path)
    try:
        deadly.agent.config |= {"kubernetes": {"kubeconfig": str(proxy.kubeconfig(plane))}}
        deadly.agent.write()
        with deadly.begin("--again", "-o", "json") as process:
            proxy.add(faults.hang())
            out, _ = process.communicate(timeout=120)
        assert process.returncode == 1 and proxy.url in json.loads(out)["message"] and "still there" not in out, out
    finally:
        proxy.close()
    calm.wait_healthy()
    assert databases(calm) == 0


def test_a_kill_needs_a_pod_and_no_name_of_who_takes_over(calm, drill):
    leader = calm.leader()
    told = drill("--kill", "--again", "--yes").is_(1).err
    assert f"end Patroni and the server of {leader.name} by hand" in told
    assert "after a death Patroni alone chooses" in drill("--kill", "--to", leader.name).is_(2).err
    assert calm.leader() is leader and databases(calm) == 0
