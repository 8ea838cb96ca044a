"""`pgitops cluster failover-drill` on a real Patroni: every acknowledged write is looked for, and nothing is left behind."""

import contextlib
import json
import os
import pathlib
import pty
import re
import signal
import subprocess
import threading

import psycopg
import pytest

from parts import agent as agents
from parts.patroni import LOOP
from parts.process import private, wait_for
from parts.proxy import FaultProxy, faults


def settle(patroni):
    """What a drill that was cut off has ordered may begin a loop of Patroni's later, in a cluster that looks well until then."""
    def loops():
        return [member.log().count("INFO: no action.") for member in patroni.members.values()]

    patroni.wait_healthy()
    before = loops()
    patroni.wait("four loops of each", lambda: all(now >= then + 4 for now, then in zip(loops(), before)), 120)
    patroni.wait_healthy()


@pytest.fixture
def drill(calm, tmp_path):
    """drill(...) -> what the command says; drill.begin(...) -> it runs, with its words in a file; both within an hour after the last failover."""
    agent = agents.Agent(tmp_path)
    private(tmp_path / "password", calm.password)
    agent.config["databases"] = [{
        "name": "main", "connection": "dbname=postgres user=postgres", "passwordFrom": {"file": "./password"},
        "users": {"application": "postgres-users"}, "patroni": [f"http://127.0.0.1:{m.rest_port}" for m in calm.members.values()]}]
    agent.write()

    class Drill:
        log, name = tmp_path / "said", calm.name

        def __call__(self, *words):
            return self.early("--again", *words)

        def early(self, *words):
            return agent.cli("cluster", "failover-drill", self.name, *words, timeout=150)

        def start(self, *words, stdin=subprocess.DEVNULL, ignored=()):
            def ignore():
                for number in ignored:
                    signal.signal(number, signal.SIG_IGN)

            with open(self.log, "wb") as file:
                return subprocess.Popen(
                    [str(agents.PROGRAM), "--config", str(agent.file), "cluster", "failover-drill", self.name, "--again", *words],
                    stdin=stdin, stdout=subprocess.PIPE, stderr=file, text=True, env=agents.environment(), preexec_fn=ignore)

        @contextlib.contextmanager
        def begin(self, *words, **options):
            """Its writers have written when the block begins."""
            with self.start("--yes", *words, **options) as process:
                try:
                    wait_for("it hands over", lambda: "writes are acknowledged" in self.log.read_text())
                    yield process
                finally:
                    process.kill()

        @contextlib.contextmanager
        def asked(self, answer, *words, **options):
            """Its question is answered at a terminal."""
            controller, terminal = pty.openpty()
            with self.start(*words, stdin=terminal, **options) as process:
                try:
                    wait_for("it asks", lambda: "Go on? [y/N]" in self.log.read_text())
                    os.write(controller, answer)
                    yield process
                finally:
                    process.kill()
                    os.close(controller)
                    os.close(terminal)

    made = Drill()
    made.agent = agent
    yield made
    agent.close()


def kill_with_guard(process):
    """As whoever kills all that is called so: nobody is left who would clean up."""
    for pid in [*map(int, pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()), process.pid]:
        os.kill(pid, signal.SIGKILL)


def databases(patroni):
    return patroni.leader().value("SELECT count(*) FROM pg_database WHERE datname = 'pgitops_drill'")


def test_what_a_killed_drill_left_the_next_one_drops_and_with_synchronous_mode_nothing_is_lost(calm, drill):
    with drill.begin() as process:
        kill_with_guard(process)
    settle(calm)
    assert databases(calm) == 1 and drill.agent.cli("cluster", "get", calm.name, "-o", "json").json["failoverDrill"] == "left"
    calm.configure(synchronous_mode=True)
    try:
        standby = wait_for("one is synchronous", lambda: calm.annotation(f"{calm.name}-sync", "sync_standby"))
        wait_for("it is known", lambda: calm.members[standby].word().get("sync_standby") is True)
        leader = calm.leader()
        with drill.begin("--wait-for-failover", "-o", "json") as process:
            # What is written now reaches nobody, and is acknowledged to nobody, when the leader dies.
            for pid in leader.postgres_children("walsender"):
                os.kill(pid, signal.SIGSTOP)
            wait_for("a write waits", lambda: leader.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = 'pgitops_drill'"))
            dies(calm, leader)
            out, _ = process.communicate(timeout=120)
        assert process.returncode == 0, (out, drill.log.read_text())
        found = json.loads(out)
        assert (found["outcome"], found["from"], found["leader"]) == ("done", leader.name, standby)
        assert found["writes"]["lost"] == 0 and found["lost"] == [] and found["writes"]["acknowledged"] >= 80
        assert found["writes"]["unknown"] >= 1, found["writes"]
        assert found["settings"] == {"ttl": LOOP["ttl"], "loopWait": LOOP["loop_wait"], "retryTimeout": LOOP["retry_timeout"], "synchronousMode": True}
        assert found["seconds"]["withoutWrites"] > 0 and found["seconds"]["twoPrimaries"] == 0
        # All on one machine: its clock is theirs, and nothing that was acknowledged is lost.
        assert abs(found["seconds"]["withoutWritesByServers"] - found["seconds"]["withoutWrites"]) < found["seconds"]["withoutWrites"]
        assert databases(calm) == 0
    finally:
        calm.configure(synchronous_mode=None)
        wait_for("writes wait for nobody", lambda: calm.leader().value("SHOW synchronous_standby_names") == "")


def written(member):
    """Of the drill that runs."""
    with member.connect("pgitops_drill") as session:
        return set(session.execute("SELECT writer, number FROM written").fetchall())


def follows(cluster, leader):
    """Its time runs out at once."""
    cluster.forget_leader()
    cluster.wait("another one leads", lambda: cluster.leader() not in (None, leader), 60)


def dies(cluster, leader):
    """kill -9 of all of it; then it is there again."""
    try:
        cluster.kill(leader.name)
        follows(cluster, leader)
    finally:
        leader.start()


@contextlib.contextmanager
def all_has_left(leader):
    """Nobody writes, and a replica has what was written, which is who takes over: without synchronous mode the last that was acknowledged may die with
    the leader."""
    with contextlib.closing(leader.connect("pgitops_drill")) as session:
        session.execute("BEGIN")
        session.execute("LOCK written IN EXCLUSIVE MODE")
        leader.cluster.wait("all has left the leader", lambda: leader.value(
            "SELECT bool_or(flush_lsn >= pg_current_wal_lsn()) FROM pg_stat_replication"), 60)
        yield


def test_writes_that_are_gone_are_named(calm, drill):
    """Nothing of what the leader acknowledged last has left it when it dies: without synchronous mode that is how a failover loses writes."""
    leader, gone = calm.leader(), set()
    with drill.begin("--wait-for-failover", "-o", "markdown") as process:
        senders = leader.postgres_children("walsender")
        for pid in senders:
            os.kill(pid, signal.SIGSTOP)
        before = written(leader)
        try:
            wait_for("more is acknowledged", lambda: len(gone.update(written(leader) - before) or gone) >= 50)
        except TimeoutError:
            for pid in senders:
                os.kill(pid, signal.SIGCONT)
            raise
        dies(calm, leader)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 1, (out, drill.log.read_text())
    lost = int(re.search(r"\| acknowledged and lost \| (\d+) \|", out)[1])
    # The last of each writer may be there before it was told.
    assert lost >= len(gone) - 2 and f"{lost} acknowledged writes are lost" in drill.log.read_text()
    named = re.findall(rf"lost: writer (\d+), number (\d+), acknowledged by {leader.name} at \d{{4}}-", out)
    assert len(named) == 20 and f"and {lost - 20} more; -o json has all of them" in out, out
    assert databases(calm) == 0


@contextlib.contextmanager
def stays_with(member):
    """A client of this member, which connects to it anew whenever it can."""
    ends = threading.Event()

    def client():
        while not ends.wait(0.1):
            with contextlib.suppress(psycopg.Error), member.connect(application_name="shop") as session:
                while not ends.wait(0.1):
                    session.execute("SELECT 1")

    thread = threading.Thread(target=client, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()


def test_that_two_took_writes_is_told_to_whoever_stayed_with_the_old_one(calm, drill):
    """The leader's Patroni stands still, its server goes on: whoever has a connection writes there, for nothing, until Patroni is back. And a
    client that has one address alone is left there afterwards."""
    leader = calm.leader()
    drill.agent.begin()
    with stays_with(leader), drill.begin("--wait-for-failover", "-o", "json") as process:
        leader.process.send_signal(signal.SIGSTOP)
        try:
            calm.forget_leader()
            calm.wait("another one leads", lambda: calm.leader() not in (None, leader), 30)
            new = calm.leader()
            calm.wait("both take writes", lambda: written(leader) - written(new) and written(new) - written(leader), 30)
        finally:
            leader.process.send_signal(signal.SIGCONT)
        out, _ = process.communicate(timeout=120)
    found = json.loads(out)
    assert process.returncode == 1 and found["leader"] == new.name, (found, drill.log.read_text(), new.story(), leader.story())
    assert found["seconds"]["twoPrimaries"] > 0 and found["writes"]["lost"] > 0, found
    assert {one["server"] for one in found["lost"]} == {leader.name}
    # What the old one went on acknowledging was no service: by either clock nobody could write until there was a new one.
    assert abs(found["seconds"]["withoutWritesByServers"] - found["seconds"]["withoutWrites"]) < found["seconds"]["withoutWrites"]
    assert found["clientsLeft"] == 1, found
    # An agent runs, and has no list of users.
    assert found["users"].startswith("no: ") and "postgres-users" in found["users"] and "users" not in found["seconds"], found
    assert databases(calm) == 0


def test_a_leader_that_somebody_kills_is_waited_for_also_without_kubernetes(calm, drill):
    """And what ends a terminal's programs is not heeded by one that was told so, as by nohup."""
    leader = calm.leader()
    with drill.asked(b"y\n", "--wait-for-failover", ignored=[signal.SIGHUP]) as process:
        wait_for("it waits", lambda: f"end {leader.name} now" in drill.log.read_text())
        process.send_signal(signal.SIGHUP)
        with all_has_left(leader):
            dies(calm, leader)
        out, _ = process.communicate(timeout=120)
    said = drill.log.read_text()
    assert process.returncode == 0 and f"until somebody ends the leader {leader.name}" in said, (out, said)
    rows = dict(re.split(r" {2,}", line, maxsplit=1) for line in out.splitlines() if "  " in line)
    assert rows["DRILL"] == "MEASURED" and rows["what was done"] == "the leader was ended by somebody else"
    assert rows["acknowledged and lost"] == "0" and rows["two members took writes"] == "never" and rows["synchronous_mode"] == "off"
    assert rows["a leader that dies is replaced after"] == "ttl {ttl}s, and loop_wait {loop_wait}s at most (retry_timeout {retry_timeout}s)".format(**LOOP)
    assert all(re.match(r"\d+\.\d\ds", rows[f"{what} after"]) for what in ("new leader takes writes", "old leader streams")), rows
    assert re.match(r"\d+\.\d\ds; \d+\.\d\ds by the servers' clocks", rows["longest time without a write"]), rows
    assert f"{calm.leader().name} is the leader instead of {leader.name}, and no acknowledged write is lost" in out
    assert databases(calm) == 0


def test_what_is_answered_at_a_terminal_counts_and_its_end_leaves_nothing_behind(calm, drill):
    leader = calm.leader()
    for answer in (b"n\n", b"\x04"):
        with drill.asked(answer) as process:
            process.communicate(timeout=60)
        assert process.returncode == 1 and drill.log.read_text().endswith("Go on? [y/N] nothing was done\n"), drill.log.read_text()
    assert databases(calm) == 0 and "acknowledged" not in drill.log.read_text()
    with drill.asked(b"y\n", "--wait-for-failover") as process:
        wait_for("it waits", lambda: f"end {leader.name} now" in drill.log.read_text())
        refused = drill.early("--clean").is_(1).err
        assert "another drill runs" in refused and "of pgitops from 127.0.0.1" in refused
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=120)
    assert process.returncode == 1 and "it was stopped" in drill.log.read_text(), drill.log.read_text()
    with drill.begin("--wait-for-failover", "--timeout", "5s") as process:
        process.communicate(timeout=120)
    assert process.returncode == 1 and f"the drill is not whole: nobody has ended {leader.name} in time" in drill.log.read_text()
    assert databases(calm) == 0 and calm.leader() is leader


def test_ctrl_c_leaves_nothing_behind(calm, drill):
    with drill.begin() as process:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 1 and "it was stopped" in drill.log.read_text(), drill.log.read_text()
    settle(calm)
    assert databases(calm) == 0


def test_a_drill_that_is_killed_while_nobody_leads_leaves_nothing_behind(calm, drill):
    """A guard of its own drops the database, as soon as one leads, and holds none of the drill's descriptors: who reads its output sees its end at once."""
    leader = calm.leader()
    with drill.begin("--wait-for-failover") as process:
        assert databases(calm) == 1
        calm.kill(leader.name)
        process.kill()
        assert process.communicate(timeout=30) == ("", None) and process.returncode == -signal.SIGKILL
    calm.forget_leader()
    calm.wait("another one leads", lambda: calm.leader() not in (None, leader), 30)
    leader.start()
    wait_for("its database is gone", lambda: databases(calm) == 0)


def test_without_a_replica_that_is_well_there_is_no_drill(calm, drill):
    replicas = calm.replicas()
    for member in replicas:
        calm.freeze(member.name)
    try:
        said = drill("--yes").is_(1).err
    finally:
        for member in replicas:
            calm.thaw(member.name)
    assert "no drill: " in said and all(member.name in said for member in replicas), said
    assert databases(calm) == 0


def test_what_speaks_against_a_drill_is_said_and_nothing_is_done(calm, drill, crds, tmp_path):
    plane, leader = crds, calm.leader()
    with leader.connect() as session:
        start = "pg_backup_start('nightly', true)" if session.info.server_version >= 150000 else "pg_start_backup('nightly', true, false)"
        session.execute(f"SELECT {start}")  # as WAL-G does, which copies the files then
        # It begins with a new segment of WAL, which the replicas have to have first.
        wait_for("it is refused", lambda: "a backup is being taken" in drill("--yes").is_(1).err)
    with leader.connect("template1", application_name="pg_dump"):
        assert "a backup is being taken" in drill("--yes").is_(1).err
    with leader.connect() as session:
        session.execute("CREATE DATABASE pgitops_drill")
        try:
            # As soon as a replica has replayed that.
            wait_for("it is refused", lambda: "a database pgitops_drill that no drill has made" in drill("--yes").is_(1).err)
            assert "nothing was dropped: there is a database pgitops_drill that no drill has made" in drill.early("--clean").is_(1).err
            session.execute("COMMENT ON DATABASE pgitops_drill IS 'made by pgitops cluster failover-drill, and dropped by it'")
            with leader.connect("pgitops_drill", application_name="psql"):
                wait_for("it is refused", lambda: "another drill runs" in drill("--yes").is_(1).err)
                assert "are sessions (1 of psql from 127.0.0.1)" in drill.early("--clean").is_(1).err
                assert "a failover drill runs" in drill.agent.cli("cluster", "get", calm.name).out
            # What a killed one leaves is told with the way to take it away, which is no drill.
            wait_for("nobody is in it", lambda: f"`pgitops cluster failover-drill {calm.name} --clean` drops it" in drill.agent.cli(
                "cluster", "get", calm.name).out)
            told = drill.agent.cli("doctor").out
            assert "a failover drill that was killed left its database pgitops_drill" in told, told
            assert f"pgitops cluster failover-drill {calm.name} --clean" in told, told
            assert "which a drill left, is dropped" in drill.early("--clean").ok().out and databases(calm) == 0
            assert drill.early("--clean", "-o", "json").ok().json["outcome"] == "nothing"
            assert "--clean is no drill" in drill("--clean").is_(2).err
            # Also of one that was killed before its mark stood.
            with session.transaction():
                session.execute("LOCK pg_shdescription IN EXCLUSIVE MODE")
                with drill.start("--yes") as process:
                    stopped = wait_for("it marks its database", lambda: leader.value(
                        "SELECT max(pid) FROM pg_stat_activity WHERE query LIKE 'COMMENT ON DATABASE%' AND wait_event_type = 'Lock'"))
                    kill_with_guard(process)
                session.execute("SELECT pg_terminate_backend(%s)", [stopped])
            assert "which a drill left, is dropped" in drill.early("--clean").ok().out and databases(calm) == 0
            session.execute("CREATE DATABASE pgitops_drill ALLOW_CONNECTIONS false")
            assert "that no drill has made" in drill.early("--clean").is_(1).err and databases(calm) == 1
        finally:
            session.execute("DROP DATABASE IF EXISTS pgitops_drill")
    assert f"{leader.name} is the leader already" in drill("--to", leader.name, "--yes").is_(1).err
    # As soon as a replica has replayed what became of the databases.
    asked = wait_for("it is asked", lambda: next(
        (one.err for one in [drill().is_(1)] if "pgitops_drill, which is made for it and dropped" in one.err), ""))
    assert "--yes" in asked
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
    # One that goes is left in peace, by each of the four.
    admin.patch(*postgresql, {"metadata": {"finalizers": ["example.org/held"]}})
    admin.delete(*postgresql)
    for command, *more in (("failover-drill",), ("switchover",), ("restart",), ("reinit", calm.replicas()[0].name)):
        said = agents.run("cluster", command, *words[2:], *more).is_(1).err
        assert f"postgresql {calm.namespace}/{calm.name} is being deleted" in said, said
    admin.patch(*postgresql, {"metadata": {"finalizers": None}})
    calm.pause(True)
    try:
        assert "maintenance mode is on, so nobody would take over" in agents.run(*words, "--again", "--kill").is_(1).err
    finally:
        calm.pause(False)
    calm.switchover()
    wait_for("each member knows the history", lambda: all(member.rest("/history")[1] for member in calm.members.values()))
    assert "within an hour one is enough" in agents.run(*words).is_(1).err
    assert "within an hour one is enough" in drill.early("--yes").is_(1).err
    assert "no `databases` entry of an agent file is this cluster's" in agents.run(*words, "--again").is_(1).err
    assert databases(calm) == 0


@pytest.fixture
def deadly(calm, drill, plane, tmp_path):
    """A drill of the cluster as Kubernetes has it, whose agent file names the members, too."""
    drill.agent.config |= {"kubernetes": {"kubeconfig": str(plane.kubeconfig("admin", folder=tmp_path))}}
    drill.agent.write()
    drill.name = f"{calm.namespace}/{calm.name}"
    return drill


def deleted(cluster, name, another_leads, meanwhile=lambda: None):
    """What is there in a cluster when a Pod is deleted: its processes die, and it is made anew."""
    member = cluster.members[name]
    wait_for("its Pod is gone", lambda: member.pod() is None)
    try:
        cluster.kill(name)
        meanwhile()
        if another_leads:
            follows(cluster, member)
    finally:
        cluster.make_pod(member)
        if not member.process:
            member.start()


def agrees(process, found):
    """Whether something was lost, by each of the three. Without its Pod replicas know no leader to follow any more: what it acknowledges until it dies may
    die with it."""
    return (process.returncode, found["outcome"], len(found["lost"])) == (
        (1, "lost", found["writes"]["lost"]) if found["writes"]["lost"] else (0, "done", 0))


def test_a_leader_that_is_killed_is_replaced(calm, deadly, plane, tmp_path):
    leader = calm.leader()
    may_not = plane.kubeconfig("bob", folder=tmp_path)
    plane.allow("bob", [{"apiGroups": ["", "acid.zalan.do"], "resources": ["*"], "verbs": ["list", "get"]}], calm.namespace)
    refused = deadly("--kill", "--yes", "--kubeconfig", may_not).is_(1).err
    needed = f"Pod {leader.name} may not be deleted: the verb delete on pods in the namespace {calm.namespace} is needed for --kill"
    assert needed in refused and databases(calm) == 0 and "acknowledged" not in refused, refused
    with deadly.begin("--kill", "-o", "json") as process:
        deleted(calm, leader.name, another_leads=True)
        out, _ = process.communicate(timeout=90)
    found = json.loads(out)
    assert agrees(process, found), (out, deadly.log.read_text())
    assert (found["from"], found["killed"], found["way"]) == (leader.name, True, "kill") and found["leader"] != leader.name
    assert found["reads"] > 0 and found["clientsLeft"] == 0
    assert found["seconds"]["withoutWrites"] > 0 and found["seconds"]["withoutReads"] > 0 and found["seconds"]["streaming"] > 0
    assert databases(calm) == 0 and found["users"].startswith("not known: ")


def test_a_sigterm_after_the_kill_leaves_nothing_behind(calm, deadly):
    """As Ctrl-C does. And a leader that is back before its time has run out leads as before."""
    leader, ttl = calm.leader(), 90
    with calm.patient(ttl), deadly.begin("--kill") as process:
        wait_for("the Pod is gone", lambda: leader.pod() is None)
        process.send_signal(signal.SIGTERM)
        # For as long as it may take until somebody leads again.
        deleted(calm, leader.name, another_leads=False, meanwhile=lambda: wait_for(
            "it waits for one who leads", lambda: f"waiting, up to {60 + ttl}s, to drop the database" in deadly.log.read_text()))
        process.communicate(timeout=90)
    assert process.returncode == 1 and "it was stopped" in deadly.log.read_text(), deadly.log.read_text()
    assert databases(calm) == 0 and calm.leader() is leader


def test_an_api_server_that_is_gone_meanwhile_is_named_and_nothing_stays(calm, deadly, plane, tmp_path):
    proxy = FaultProxy(plane.port, tmp_path)
    try:
        deadly.agent.config |= {"kubernetes": {"kubeconfig": str(proxy.kubeconfig(plane))}}
        deadly.agent.write()
        with deadly.begin("--timeout", "20s", "-o", "json") as process:
            proxy.add(faults.hang())
            # Where it had been asked once more before that, there is a switchover, whose end it cannot see: it waits for the ttl and some more.
            out, _ = process.communicate(timeout=300)
        assert process.returncode == 1 and proxy.url in json.loads(out)["message"] and "still there" not in out, out
    finally:
        proxy.close()
    calm.wait_healthy()
    assert databases(calm) == 0


def test_a_kill_needs_a_pod_and_no_name_of_who_takes_over(calm, drill):
    leader = calm.leader()
    told = drill("--kill", "--yes").is_(1).err
    assert f"with --wait-for-failover the drill waits until you end Patroni and the server of {leader.name}" in told
    for words in (("--kill", "--to", leader.name), ("--wait-for-failover", "--to", leader.name)):
        assert "after a death Patroni alone chooses" in drill(*words).is_(2).err
    assert "either the leader's Pod is deleted, or somebody else ends it" in drill("--kill", "--wait-for-failover").is_(2).err
    assert calm.leader() is leader and databases(calm) == 0


@contextlib.contextmanager
def between(deadly, plane, folder):
    """A proxy between the drill and the API server; `before(1)` is called before the first look after the drill has said whom to end, and so on."""
    class Moment:
        before, looks = None, 0

        def wait(self, _):
            if self.before and deadly.log.exists() and "writes are acknowledged" in deadly.log.read_text():
                self.looks += 1
                self.before(self.looks)

    proxy, moment = FaultProxy(plane.port, folder), Moment()
    try:
        deadly.agent.config |= {"kubernetes": {"kubeconfig": str(proxy.kubeconfig(plane))}}
        deadly.agent.write()
        proxy.add(faults.wait(moment), method="GET", path=r"/pods\?")
        yield proxy, moment
    finally:
        proxy.close()


def test_a_leader_that_is_silent_for_one_look_has_not_come_back(calm, deadly, plane, tmp_path):
    """Its own word of when it was started is from before anybody was told to end it: one that stays as it is was ended by nobody."""
    leader = calm.leader()
    with between(deadly, plane, tmp_path) as (_, moment):
        moment.before = lambda look: leader.process.send_signal(signal.SIGSTOP if look == 1 else signal.SIGCONT)
        try:
            with deadly.begin("--wait-for-failover", "--timeout", "15s") as process:
                out, _ = process.communicate(timeout=120)
        finally:
            leader.process.send_signal(signal.SIGCONT)
    said = deadly.log.read_text()
    assert moment.looks > 2 and process.returncode == 1, (moment.looks, out, said)
    assert f"nobody has ended {leader.name} in time" in said and "there again" not in said, said
    assert databases(calm) == 0 and calm.leader() is leader


def test_who_ends_the_leader_at_once_is_seen(calm, deadly, plane, tmp_path):
    """It is back, and leads again, before the drill looks for the first time after it has said whom to end."""
    leader = calm.leader()
    with between(deadly, plane, tmp_path) as (_, moment):
        moment.before = lambda look: look == 1 and leader.rest("/restart", "POST", {}, timeout=60)
        with deadly.begin("--wait-for-failover", "--timeout", "30s", "-o", "json") as process:
            out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, (out, deadly.log.read_text())
    found = json.loads(out)
    assert (found["from"], found["leader"]) == (leader.name, leader.name) and "leads as before" in found["message"], found
    assert databases(calm) == 0


def test_a_pod_whose_deletion_nobody_answered_counts_as_deleted(calm, deadly, plane, tmp_path):
    leader = calm.leader()
    with between(deadly, plane, tmp_path) as (proxy, _):
        proxy.add(faults.lose_answer(), method="DELETE", times=1)
        with deadly.begin("--kill", "-o", "json") as process:
            deleted(calm, leader.name, another_leads=True)
            out, _ = process.communicate(timeout=120)
    found, said = json.loads(out), deadly.log.read_text()
    assert f"whether Pod {leader.name} was deleted is not known" in said and "cannot be deleted" not in said, said
    assert agrees(process, found), (found, said)
    assert found["leader"] == calm.leader().name != leader.name and found["seconds"]["streaming"] > 0, found
    assert databases(calm) == 0


def lives_on(cluster, name, meanwhile):
    """What a deletion without grace does where the kubelet is cut off: the server goes on, and takes writes beside the one who took over."""
    member = cluster.members[name]
    wait_for("its Pod is gone", lambda: member.pod() is None)
    member.process.send_signal(signal.SIGSTOP)
    try:
        meanwhile()
        follows(cluster, member)
    finally:
        cluster.make_pod(member)


@pytest.mark.parametrize("happens", [lambda *words: deleted(*words[:2], True, words[2]), lives_on], ids=["the leader dies", "it lives on"])
def test_an_api_server_that_is_gone_with_the_pod_is_named_and_nothing_stays(calm, deadly, plane, tmp_path, happens):
    """Nobody says who leads when the drill gives up: it waits for as long as it may take until somebody does, and then asks each member."""
    first = min(calm.members)  # who is asked first
    leader = calm.leader() if calm.leader().name == first else calm.switchover(first)
    try:
        with between(deadly, plane, tmp_path) as (proxy, _):
            lost = proxy.add(faults.lose_answer(), method="DELETE", times=1)
            with deadly.begin("--kill", "--timeout", "2s", "-o", "json") as process:
                wait_for("the Pod was deleted", lambda: lost.hits)
                proxy.clear()
                proxy.add(faults.hang())
                happens(calm, leader.name, lambda: wait_for("it waits for one who leads", lambda: (
                    f"waiting, up to {60 + LOOP['ttl']}s, to drop the database" in deadly.log.read_text())))
                out, _ = process.communicate(timeout=240)
            url = proxy.url
        assert databases(calm) == 0 and calm.leader() is not leader
    finally:
        leader.process.send_signal(signal.SIGCONT)
    found = json.loads(out)
    assert process.returncode == 1 and found["outcome"] == "failed" and "leader" not in found, (found, deadly.log.read_text())
    assert f"whether Pod {leader.name} was deleted is not known" in found["message"] and url in found["message"], found
    assert "still there" not in found["message"] and "cannot be deleted" not in found["message"], found
