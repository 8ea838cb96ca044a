"""`pgitops cluster failover-drill` on a real Patroni: every acknowledged write is looked for, and nothing is left behind."""

import contextlib
import re
import signal
import subprocess
import time

import psycopg
import pytest

from parts import agent as agents
from parts.patroni import LOOP
from parts.process import private, wait_for


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
        log = tmp_path / "said"

        def __call__(self, *words):
            return agent.cli("cluster", "failover-drill", calm.name, *words, timeout=150)

        @contextlib.contextmanager
        def begin(self, *words):
            """Its writers have written when the block begins."""
            with open(self.log, "wb") as file, subprocess.Popen(
                    [str(agents.PROGRAM), "--config", str(agent.file), "cluster", "failover-drill", calm.name, "--yes", *words],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=file, text=True, env=agents.environment()) as process:
                try:
                    wait_for("it hands over", lambda: "writes are acknowledged" in self.log.read_text())
                    yield process
                finally:
                    process.kill()

    return Drill()


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


def test_what_speaks_against_a_drill_is_said_and_nothing_is_done(calm, drill, plane, tmp_path):
    leader = calm.leader()
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
    calm.switchover()
    wait_for("history has it", lambda: "within an hour one is enough" in agents.run(*words).is_(1).err)
    assert "no `databases` entry of an agent file is this cluster's" in agents.run(*words, "--again").is_(1).err
    assert databases(calm) == 0
