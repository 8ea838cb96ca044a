"""Users of Git in a Patroni cluster, and what a test of a failover asks of them."""

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
