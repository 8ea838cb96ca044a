"""Users on a cluster that fails over: written to the one true primary, never twice, and to none while there are two."""

import contextlib
import json
import os
import signal
import threading

import psycopg
import pytest

from parts import agent as agents
from parts.failover import Setting, created, users_yaml
from parts.patroni import LOOP
from parts.process import wait_for


@pytest.fixture
def listed(patroni, plane, tmp_path):
    """What `cluster list` says by Kubernetes: its code, its problems and its members."""
    config = plane.kubeconfig("admin", folder=tmp_path)

    def run():
        found = agents.run("cluster", "list", "-n", patroni.namespace, "--kubeconfig", config, "-o", "json")
        (cluster,) = found.items
        return found.code, [p["text"] for p in cluster["problems"]], {m["name"]: m for m in cluster["members"]}

    return run


@pytest.fixture
def setting(patroni, agent, tmp_path):
    patroni.wait_healthy()
    made = Setting(patroni, agent, tmp_path)
    yield made
    patroni.wait_healthy()
    if agent.process:
        assert agent.stop() == 0, agent.log()[-3000:]
    made.clean()


@pytest.fixture
def patient(patroni):
    """What stands of a leader that is silent stands until it is seen, however slow that is."""
    with patroni.patient():
        yield


def test_users_follow_a_switchover_and_nothing_is_written_twice(setting):
    """Also where no replica has them yet: one receives nothing, the other one replays nothing."""
    cluster = setting.patroni
    first, replicas = cluster.leader(), cluster.replicas()
    still = [member.postgres_child(title) for member, title in zip(replicas, ("walreceiver", "startup"), strict=True)]
    try:
        for pid in still:
            os.kill(pid, signal.SIGSTOP)
        setting.agent.begin()
        setting.agent.wait_user("alice")
        assert setting.has(first, "alice") and not any(setting.has(member, "alice") for member in replicas)
    finally:
        for pid in still:
            os.kill(pid, signal.SIGCONT)
    wait_for("alice everywhere", lambda: all(setting.has(member, "alice") for member in replicas))
    assert created(setting) == ["alice"]
    before = first.value("SELECT oid FROM pg_roles WHERE rolname = 'alice'")
    second = cluster.switchover()
    setting.repository.commit(users_yaml("alice", "bob"))
    setting.agent.wait_user("bob")
    assert setting.has(second, "bob") and second.value("SELECT oid FROM pg_roles WHERE rolname = 'alice'") == before
    assert setting.agent.user("alice")["status"] == "Synced" and cluster.password not in setting.agent.log()
    wait_for("each once", lambda: created(setting) == ["alice", "bob"])


def test_a_drill_beside_the_agent_says_when_its_users_are_as_git_says(setting):
    setting.agent.begin()
    setting.agent.wait_user("alice")
    first = setting.patroni.leader()
    drill = setting.agent.cli("cluster", "failover-drill", setting.patroni.name, "--yes", "--again", "-o", "json", timeout=150).ok().json
    assert drill["seconds"].get("users", 0) > 0 and drill["users"].endswith("s"), drill["users"]
    second = setting.patroni.leader()
    assert second.name != first.name and setting.has(second, "alice")
    assert created(setting) == ["alice"]


@pytest.fixture
def by_operator(setting, crds, tmp_path):
    """What doctor says of the same cluster where the agent file names it as the operator's: its records have addresses of Pods that nobody reaches."""
    patroni, file = setting.patroni, tmp_path / "by-operator.yaml"
    crds.admin.create({"apiVersion": "acid.zalan.do/v1", "kind": "postgresql", "metadata": {"name": patroni.name, "namespace": patroni.namespace}, "spec": {
        "teamId": "acid", "numberOfInstances": 3, "volume": {"size": "1Gi"}, "postgresql": {"version": "17"}}})
    file.write_text(json.dumps({
        "version": 1, "state": str(tmp_path / "state-by-operator"), "namespace": "argocd",
        "kubernetes": {"kubeconfig": str(crds.kubeconfig("admin", folder=tmp_path))},
        "databases": [{"name": "operated", "postgresql": f"{patroni.namespace}/{patroni.name}", "users": {"application": "postgres-users"}}]}))

    def run():
        found = agents.run("doctor", "--config", file)
        return found.out + found.err

    yield run
    crds.admin.delete("acid.zalan.do/v1", "postgresql", patroni.namespace, patroni.name)


def test_no_user_is_written_while_two_primaries_take_writes(setting, by_operator):
    cluster = setting.patroni
    there = f"postgresql {cluster.namespace}/{cluster.name}"
    missing = f"Secret {cluster.namespace}/postgres.{cluster.name}.credentials.postgresql.acid.zalan.do"
    wait_for("the Secret alone is missing", lambda: missing in (said := by_operator()) and "no user is changed while that is so" not in said)
    cluster.pause()
    leader, other = cluster.leader(), cluster.replicas()[0]
    assert other.value("SELECT pg_promote()")
    wait_for("there are two", lambda: other.word().get("role") == "primary")
    try:
        setting.agent.begin()
        setting.waits("two primaries take writes")
        told = f"{there}: {other.name} takes writes, and the leader's record names {leader.name}: no user is changed while that is so"
        wait_for(told, lambda: told in by_operator())
        assert not setting.has(leader, "alice") and not setting.has(other, "alice") and created(setting) == []
    finally:
        cluster.pause(False)
        cluster.wait("it follows", lambda: other.word().get("role") == "replica", 60)
        cluster.reinit(other.name)
    setting.agent.wait_user("alice")
    wait_for("alice everywhere", lambda: all(setting.has(member, "alice") for member in cluster.members.values()))
    assert created(setting) == ["alice"]


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
        cluster.wait("it follows", lambda: other.word().get("role") == "replica", 60)
        cluster.reinit(other.name)
    wait_for("alice everywhere", lambda: all(setting.has(member, "alice") for member in cluster.members.values()))
    assert created(setting) == ["alice"]


def test_a_leader_that_is_dead_or_frozen_is_waited_for(setting, patient, by_operator):
    cluster = setting.patroni
    leader = cluster.leader()
    cluster.freeze(leader.name)
    try:
        setting.agent.begin()
        setting.waits(f"the leader {leader.name} does not answer")
        said = by_operator()
        assert f"the leader {leader.name} does not answer (" in said and " does: no user is changed while that is so" in said, said
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
    wait_for("each once", lambda: created(setting) == ["alice", "bob"])


def test_users_of_an_outage_are_made_once_on_the_leader_that_follows_a_dead_one(setting, listed):
    """Nobody hurries it: the record stands until its time has run out. Whom the dead one alone had is made anew, and a password that it
    alone had is written again."""
    cluster, everybody = setting.patroni, ["alice", "bob", "carol", "carol"]
    cluster.set_ttl(30)  # of which a slow machine needs more than LOOP has until the list is read
    setting.agent.begin()
    setting.agent.wait_user("alice")
    old = cluster.leader()
    oid = old.value("SELECT oid FROM pg_roles WHERE rolname = 'alice'")
    wait_for("alice everywhere", lambda: all(setting.has(member, "alice") for member in cluster.members.values()))
    try:
        try:
            for pid in old.postgres_children("walsender"):
                os.kill(pid, signal.SIGSTOP)
            setting.agent.secret("postgres", "user-alice-secret", "changed")
            setting.repository.commit(users_yaml("alice", "carol"))
            setting.agent.wait_user("carol")
            wait_for("the password is changed", lambda: setting.logs_in(old, "alice", "changed"))
            assert not any(setting.logs_in(member, "alice", "changed") for member in cluster.replicas())
            assert setting.has(old, "carol") and not any(setting.has(member, "carol") for member in cluster.replicas())
        finally:
            cluster.kill(old.name)
        setting.repository.commit(users_yaml("alice", "bob", "carol"))
        setting.waits(f"the leader {old.name} does not answer")
        code, told, members = listed()
        assert code == 1 and told[0].startswith(f"the leader {old.name} does not answer"), told
        assert members[old.name]["role"] == "leader" and members[old.name]["contact"] == "silent"
        setting.agent.wait_user("bob", seconds=100)
        new = cluster.leader()
        wait_for("all are made", lambda: created(setting) == everybody)
        assert new is not old and setting.has(new, "bob")
        assert new.value("SELECT oid FROM pg_roles WHERE rolname = 'alice'") == oid and setting.logs_in(new, "carol")
        wait_for("the password is changed again", lambda: setting.logs_in(new, "alice", "changed"))
        # Nobody takes the label from a Pod whose Patroni is dead: a Service by label would send every second client there.
        names = ", ".join(sorted([new.name, old.name]))
        said = f"two pods are labelled as primary: {names}; the leader's record names {new.name}"
        code, told, members = wait_for("the new one has its label", lambda: next((one for one in [listed()] if said in one[1]), None))
        assert code == 1 and told[0] == said and any(text.startswith(f"{old.name} does not answer") for text in told), told
        assert members[new.name]["role"] == "leader" and members[old.name]["role"] == "replica", members
    finally:
        old.start()
    cluster.wait_healthy()
    wait_for("the list has nothing to tell", lambda: listed()[:2] == (0, []))
    wait_for("the old one has bob", lambda: setting.has(old, "bob"))
    assert created(setting) == everybody
    cluster.set_ttl(LOOP["ttl"])


@contextlib.contextmanager
def held(leader):
    """A transaction that lets nobody write a role there, until it ends; whether somebody waits for it."""
    waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'pg_authid'::regclass AND NOT granted"
    with leader.connect() as session:
        session.execute("BEGIN; LOCK TABLE pg_authid IN SHARE MODE")
        yield lambda: session.execute(waiting).fetchone()[0]


def seen_on(session, name):
    """How often the role was there, asked by an open session until the server ends that."""
    found = []
    with contextlib.suppress(psycopg.Error):
        while True:
            found += session.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    return sum(found)


def test_a_leader_that_is_thawed_behind_the_next_one_gets_no_write(setting, patient, listed, server):
    """It stood still in the middle of a pass, and takes writes for a moment, in the sessions that it had. Another database has its
    users while this one has no leader."""
    cluster = setting.patroni
    setting.agent.database(server, name="reports")
    setting.agent.begin()
    setting.agent.wait_user("alice")
    wait_for("alice in both", lambda: created(setting) == created(setting, "reports") == ["alice"])
    old = cluster.leader()
    watching = old.connect()
    with contextlib.suppress(psycopg.Error), held(old) as somebody_waits:
        setting.repository.commit(users_yaml("alice", "bob"))
        wait_for("a pass is in the middle", somebody_waits)
        cluster.freeze(old.name)
        try:
            wait_for("bob in the other database", lambda: created(setting, "reports") == ["alice", "bob"])
            assert created(setting) == ["alice"]
            setting.waits(f"the leader {old.name} does not answer")
            code, told, members = listed()
            assert code == 1 and told[0].startswith(f"the leader {old.name} does not answer"), told
            cluster.forget_leader()
            wait_for("another one has the record", lambda: (cluster.leader() or old) is not old, 90)
            new = cluster.leader()
            wait_for("it takes writes", lambda: new.word().get("role") == "primary")
            code, told, members = listed()
            assert members[new.name]["role"] == "leader" and members[old.name]["contact"] == "silent", (told, members)
        finally:
            cluster.thaw(old.name)
    assert seen_on(watching, "bob") == 0
    wait_for("bob", lambda: created(setting) == ["alice", "bob"], 60)
    cluster.wait_healthy()
    wait_for("the list has nothing to tell", lambda: listed()[:2] == (0, []))
    assert cluster.leader() is new
    wait_for("bob everywhere", lambda: all(setting.has(member, "bob") for member in cluster.members.values()))
    assert created(setting) == ["alice", "bob"]


@pytest.fixture
def synchronous(patroni):
    """The standby that COMMIT waits for."""
    def configure(mode, timeout):
        """With the time after which the leader gives up one that stands still: then another one is the standby."""
        patroni.configure(synchronous_mode=mode, postgresql={"parameters": {"wal_sender_timeout": timeout}})
        wait_for("its server has it", lambda: patroni.leader().value("SHOW wal_sender_timeout") == (timeout or "1min"))

    def standby():
        """Once the server waits for it, too."""
        name = patroni.annotation(f"{patroni.name}-sync", "sync_standby")
        return patroni.members[name] if name and name in patroni.leader().value("SHOW synchronous_standby_names") else None

    configure(True, "5min")
    yield wait_for("one is synchronous", standby)
    configure(None, None)
    wait_for("nobody is waited for", lambda: patroni.leader().value("SHOW synchronous_standby_names") == "")


def test_a_synchronous_standby_that_stands_still_holds_up_no_pass_and_is_told(setting, synchronous):
    """No COMMIT of a client returns meanwhile."""
    cluster, agent = setting.patroni, setting.agent
    leader, still = cluster.leader(), synchronous
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

    def told():
        return " ".join(text for text in setting.database().get("warnings", []) if "synchronous standby" in text)

    agent.begin()
    agent.wait_user("alice")
    wait_for("it has confirmed alice", lambda: not told())
    cluster.freeze(still.name)
    try:
        with leader.connect(options="-c synchronous_commit=on") as client:
            waits = threading.Thread(target=client.execute, args=("CREATE TABLE of_a_client ()",), daemon=True)
            waits.start()
            wait_for("no COMMIT returns", lambda: leader.value(waiting) == 1)
            setting.repository.commit(users_yaml("alice", "bob"))
            agent.wait_user("bob")
            assert f"= {still.name}) has not confirmed it; see to {still.name}" in told().replace('"', ""), told()
            # A pass that writes nothing tells it, too.
            passed = agent.metrics()["pgitops_user_passes_total"]
            wait_for("another pass", lambda: agent.metrics()["pgitops_user_passes_total"] > passed + 1)
            assert "synchronous standby" in agent.cli("status").out and told() and setting.has(leader, "bob")
            said = agent.cli("cluster", "get", cluster.name).out
            assert "; 1 waits in COMMIT for a synchronous standby" in said and leader.value(waiting) == 1, said
            assert f"{still.name} does not answer" in said and "it is the synchronous standby" in said, said
            cluster.thaw(still.name)
            waits.join(60)
            assert not waits.is_alive()
            client.execute("DROP TABLE of_a_client")
    finally:
        cluster.thaw(still.name)
    wait_for("nothing is to be told", lambda: not told())
    wait_for("bob everywhere", lambda: all(setting.has(member, "bob") for member in cluster.members.values()))
    assert created(setting) == ["alice", "bob"]


def test_in_synchronous_mode_its_standby_takes_over_with_the_users_that_were_told(setting, synchronous, patient):
    """Nobody waits for the record's time. A user that only the dead leader had is in the test of an outage."""
    cluster, agent = setting.patroni, setting.agent
    old, everybody = cluster.leader(), ["alice", "bob", "carol"]
    agent.begin()
    agent.wait_user("alice")
    setting.repository.commit(users_yaml("alice", "bob"))
    agent.wait_user("bob")
    wait_for("the standby has bob", lambda: setting.has(synchronous, "bob"))
    oid = old.value("SELECT oid FROM pg_roles WHERE rolname = 'bob'")
    cluster.kill(old.name)
    try:
        setting.repository.commit(users_yaml(*everybody))
        setting.waits(f"the leader {old.name} does not answer")
        cluster.forget_leader()
        agent.wait_user("carol", seconds=60)
        assert cluster.leader() is synchronous and setting.has(synchronous, "carol")
        assert synchronous.value("SELECT oid FROM pg_roles WHERE rolname = 'bob'") == oid
        assert agent.user("bob")["status"] == "Synced" and created(setting) == everybody
    finally:
        old.start()
    cluster.wait_healthy()
    assert cluster.leader() is synchronous and setting.logs_in(synchronous, "bob")
    wait_for("carol everywhere", lambda: all(setting.has(member, "carol") for member in cluster.members.values()))
    assert created(setting) == everybody
