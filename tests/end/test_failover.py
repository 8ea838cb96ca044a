"""Users on a cluster that fails over: written to the one true primary, never twice, and to none while there are two."""

import signal

import pytest

from parts.git import Repository
from parts.process import private, wait_for


def users_yaml(*names):
    users = "".join(f"      - {{username: {name}, database: postgres}}\n" for name in names)
    return {"users/users.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: postgres-users-config, namespace: postgres}\n"
                                f"data:\n  users.yaml: |\n    users:\n{users}"}


class Setting:
    def __init__(self, patroni, agent, folder):
        self.patroni, self.agent = patroni, agent
        self.repository = Repository(folder / "repository")
        self.repository.commit(users_yaml("alice"))
        ports = ",".join(str(m.port) for m in patroni.members.values())
        private(folder / "password", patroni.password)
        for name in ("alice", "bob"):
            agent.secret("postgres", f"user-{name}-secret", f"geheim-{name}")
        agent.config["databases"] = [{
            "name": "main", "connection": f"host=127.0.0.1,127.0.0.1,127.0.0.1 port={ports} dbname=postgres user=postgres",
            "passwordFrom": {"file": "./password"}, "users": {"application": "postgres-users"},
            "patroni": [f"http://127.0.0.1:{m.rest_port}" for m in patroni.members.values()]}]
        agent.application("postgres-users", self.repository.url, "users", "postgres")

    def database(self):
        items = self.agent.get("/api/v1/databases").json["items"]
        return items[0] if items else {}

    def waits(self, text):
        try:
            wait_for(text, lambda: text in self.database().get("reason", ""), 30, 0.05)
        except TimeoutError:
            raise AssertionError((text, self.database(), self.agent.log()[-3000:])) from None

    def has(self, member, name):
        return member.value(f"SELECT count(*) FROM pg_roles WHERE rolname = '{name}'") == 1

    def clean(self):
        leader = self.patroni.leader()
        with leader.connect() as session:
            session.execute("DROP SCHEMA IF EXISTS pgitops CASCADE")
            for name in ("alice", "bob"):
                session.execute(f"DROP OWNED BY {name}; DROP ROLE {name}" if self.has(leader, name) else "SELECT 1")


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
