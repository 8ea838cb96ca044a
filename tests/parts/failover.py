"""Users of Git in a Patroni cluster, and what a test of a failover asks of them."""

import contextlib

import psycopg

from parts.git import Repository
from parts.process import private, wait_for

USERS = ("alice", "bob", "carol")


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
        for name in USERS:
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
            wait_for(text, lambda: text in self.database().get("reason", ""), 60, 0.05)
        except TimeoutError:
            raise AssertionError((text, self.database(), self.agent.log()[-3000:])) from None

    def has(self, member, name):
        return member.value(f"SELECT count(*) FROM pg_roles WHERE rolname = '{name}'") == 1

    def logs_in(self, member, name, password=None):
        way = {"host": "127.0.0.1", "port": member.port, "dbname": "postgres", "user": name, "password": password or f"geheim-{name}"}
        try:
            with psycopg.connect(**way) as session:
                return session.execute("SELECT current_user").fetchone() == (name,)
        except psycopg.OperationalError as error:
            assert "password authentication failed" in str(error), error
            return False

    def lacks(self, member, name):
        """Asked once it answers: one that steps down is away for a moment."""
        def asked():
            with contextlib.suppress(psycopg.OperationalError):
                return [self.has(member, name)]
            return None

        return wait_for(f"{member.name} answers", asked) == [False]

    def goes_to_the_next_leader(self, old, name):
        """Whoever comes into Git now is written to the one that follows `old`, which is returned, and not to `old`."""
        self.repository.commit(users_yaml("alice", name))
        self.agent.wait_user(name, seconds=60)
        new = self.patroni.leader()
        assert new is not old and self.has(new, name) and self.lacks(old, name)
        return new

    def clean(self):
        """On every member: who is there still would be taken for whom the next test makes."""
        leader = self.patroni.leader()
        with leader.connect() as session:
            session.execute("DROP SCHEMA IF EXISTS pgitops CASCADE")
            for name in USERS:
                session.execute(f"DROP OWNED BY {name}; DROP ROLE {name}" if self.has(leader, name) else "SELECT 1")
        there = f"SELECT count(*) FROM pg_roles WHERE rolname IN {USERS}"
        wait_for("nobody has them", lambda: not any(member.value(there) for member in self.patroni.members.values()))


def created(setting, database="main"):
    """Who was created there, as the agent's history has it: a name stands as often as it was written. What was only begun
    has no outcome yet, or another one."""
    return sorted(c["statement"].split()[2].strip('"') for c in setting.agent.items("user", "history")
                  if c["statement"].startswith("CREATE ROLE") and (c["database"], c["outcome"]) == (database, "done"))
