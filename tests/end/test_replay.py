"""A history as a small team writes it, commit by commit: after each one the cluster and the database are exactly as that commit
says, or a clear condition says why not and the last good state is kept."""

import dataclasses

import pytest

from parts.agent import wait_for
from parts.git import GitHttpServer, Repository


def cluster(instances=1, size="1Gi", extra=""):
    return (f"apiVersion: acid.zalan.do/v1\nkind: postgresql\nmetadata:\n  name: acid-minimal-cluster\nspec:\n  teamId: acid\n"
            f"  numberOfInstances: {instances}\n  volume:\n    size: {size}\n  postgresql:\n    version: \"16\"\n{extra}")


def users(text):
    indented = "".join(f"    {line}\n" for line in text.splitlines())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: postgres-users-config\ndata:\n  users.yaml: |\n{indented}"


def listing(**members):
    """user=[roles] -> users.yaml in the predecessor's format."""
    if not members:
        return "users: []"
    return "users:\n" + "".join(f"- username: {name}\n  database: app\n  roles: [{', '.join(roles)}]\n"
                                for name, roles in members.items())


@dataclasses.dataclass
class Commit:
    message: str
    files: dict
    instances: int = None   # what the cluster must have then; None = no such object yet
    members: dict = None    # user -> roles, what the database must have then
    cluster_says: tuple = None  # condition type and text of postgres-cluster, when the commit cannot be followed
    users_say: tuple = None     # the same of postgres-users
    held: bool = False          # deletions wait for a confirmation
    confirm: bool = False       # and get it


HISTORY = [
    Commit("start with one instance", {
        "postgres-cluster/cluster.yaml": cluster(1),
        "postgres-cluster/README.md": "our database\n",
        "postgres-users/users.yaml": users(listing(alice=["read_only"])),
        "postgres-users/.gitignore": "edit-users.yaml\n",
        "postgres-users/seal_users.py": "print('not a manifest')\n",
    }, 1, {"alice": {"read_only"}}),
    Commit("two instances", {"postgres-cluster/cluster.yaml": cluster(2)}, 2, {"alice": {"read_only"}}),
    Commit("bob may write", {"postgres-users/users.yaml": users(listing(alice=["read_only"], bob=["read_only", "writers"]))},
           2, {"alice": {"read_only"}, "bob": {"read_only", "writers"}}),
    Commit("a tab in the cluster", {"postgres-cluster/cluster.yaml": cluster(5) + "\tbroken: yes\n"},
           2, {"alice": {"read_only"}, "bob": {"read_only", "writers"}},
           cluster_says=("ComparisonError", "postgres-cluster/cluster.yaml:")),
    Commit("carol, while the cluster is broken",
           {"postgres-users/users.yaml": users(listing(alice=["read_only"], bob=["read_only"], carol=[]))},
           2, {"alice": {"read_only"}, "bob": {"read_only"}, "carol": set()},
           cluster_says=("ComparisonError", "postgres-cluster/cluster.yaml:")),
    Commit("three instances", {"postgres-cluster/cluster.yaml": cluster(3)},
           3, {"alice": {"read_only"}, "bob": {"read_only"}, "carol": set()}),
    Commit("a field that does not exist", {"postgres-cluster/cluster.yaml": cluster(4, extra="  numberOfInstance: 4\n")},
           3, {"alice": {"read_only"}, "bob": {"read_only"}, "carol": set()},
           cluster_says=("ComparisonError", "numberOfInstance")),
    Commit("a smaller volume", {"postgres-cluster/cluster.yaml": cluster(3, size="512Mi")},
           3, {"alice": {"read_only"}, "bob": {"read_only"}, "carol": set()},
           cluster_says=("SyncError", "pgitops.dev/allow")),
    Commit("a larger volume", {"postgres-cluster/cluster.yaml": cluster(3, size="2Gi")},
           3, {"alice": {"read_only"}, "bob": {"read_only"}, "carol": set()}),
    Commit("carol leaves", {"postgres-users/users.yaml": users(listing(alice=["read_only"], bob=["read_only"]))},
           3, {"alice": {"read_only"}, "bob": {"read_only"}}),
    Commit("an empty list", {"postgres-users/users.yaml": users("users: []")},
           3, {"alice": {"read_only"}, "bob": {"read_only"}}, held=True),
    Commit("an empty value", {"postgres-users/users.yaml":
                              "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: postgres-users-config}\ndata: {users.yaml: ''}\n"},
           3, {"alice": {"read_only"}, "bob": {"read_only"}}, users_say=("ComparisonError", "users.yaml")),
    Commit("bob twice", {"postgres-users/users.yaml": users("users:\n- username: bob\n- username: bob\n")},
           3, {"alice": {"read_only"}, "bob": {"read_only"}}, users_say=("ComparisonError", "bob")),
    Commit("back to two people, other roles", {"postgres-users/users.yaml": users(listing(alice=["writers"], bob=[]))},
           3, {"alice": {"writers"}, "bob": set()}),
    Commit("the users' file is deleted", {"postgres-users/users.yaml": None},
           3, {"alice": {"writers"}, "bob": set()}, users_say=("ComparisonError", "postgres-users-config")),
    Commit("and comes back in two files", {
        "postgres-users/edit-users.yaml": users(listing(old=[])),
        "postgres-users/users.yaml": users(listing(alice=["writers"], bob=[], carol=["read_only"])),
    }, 3, {"alice": {"writers"}, "bob": set(), "carol": {"read_only"}}, users_say=("RepeatedResourceWarning", "edit-users.yaml")),
    Commit("everybody leaves, and that is meant",
           {"postgres-users/edit-users.yaml": None, "postgres-users/users.yaml": users("users: []")}, 3, {}, held=True, confirm=True),
]


@pytest.fixture
def team(agent, crds, server, tmp_path):
    return Team(agent, crds, server, tmp_path)


class Team:
    def __init__(self, agent, plane, server, folder):
        self.agent, self.plane, self.server = agent, plane, server
        self.cluster_namespace, self.users_namespace = plane.namespace(), plane.namespace()
        self.repository = Repository(folder / "db.git")
        server.run("CREATE DATABASE app")
        for name in ("alice", "bob", "carol"):
            plane.admin.create({"apiVersion": "v1", "kind": "Secret", "metadata": {
                "name": f"user-{name}-secret", "namespace": self.users_namespace}, "stringData": {"password": f"pw-{name}"}})
        agent.kubernetes(plane)
        agent.database(server)

    def start(self, url):
        self.agent.application("postgres-cluster", url, "postgres-cluster", self.cluster_namespace)
        self.agent.application("postgres-users", url, "postgres-users", self.users_namespace)
        self.agent.start(ready=False)

    def answers(self):
        self.agent.alive()
        try:
            return self.agent.get("/healthz", over="socket").status == 200
        except OSError:
            return False

    def instances(self):
        found = self.plane.admin.get("acid.zalan.do/v1", "postgresql", self.cluster_namespace, "acid-minimal-cluster")
        return found and found["spec"]["numberOfInstances"]

    def members(self):
        rows = self.server.query(
            "SELECT u.rolname, g.rolname FROM pg_roles u LEFT JOIN pg_auth_members m ON m.member = u.oid"
            " LEFT JOIN pg_roles g ON g.oid = m.roleid"
            " WHERE u.rolcanlogin AND u.rolname <> 'postgres'")
        found = {}
        for user, group in rows:
            found.setdefault(user, set())
            if group:
                found[user].add(group)
        return found

    def database(self):
        return self.agent.get("/api/v1/databases", over="socket").json["items"][0]

    def follow(self, commit):
        head = self.repository.commit(commit.files, commit.message)
        self.agent.post("/api/v1/applications/postgres-cluster/refresh", {}, over="socket")
        for name, says in (("postgres-cluster", commit.cluster_says), ("postgres-users", commit.users_say)):
            if says:
                self.agent.wait_condition(name, *says)
            if not says or says[0].endswith("Warning"):
                self.agent.wait_app(name, "Synced", head)
        if commit.held:
            reason = wait_for("deletions are held back", lambda: self.held(head))
            assert self.members() == commit.members or commit.confirm
            if commit.confirm:
                self.agent.cli("user", "sync", "--confirm", reason.split("--confirm ")[1].split("`")[0]).ok()
        self.check(commit)

    def held(self, head):
        database = self.database()
        return database["reason"] if "--confirm" in database["reason"] and database["commit"] == head else None

    def check(self, commit):
        try:
            wait_for(commit.message, lambda: self.members() == commit.members and self.instances() == commit.instances)
        except TimeoutError as error:
            raise AssertionError(f"{error}: {self.members()} {self.instances()}\n{self.agent.log()[-3000:]}") from None
        for name in commit.members:
            assert self.server.can_login(name, f"pw-{name}", "app"), name
        wait_for(f"user list after: {commit.message}",
                 lambda: {item["name"] for item in self.agent.items("user", "list")} == set(commit.members))


@pytest.mark.timeout(600)
def test_each_commit_ends_in_its_state(team, tmp_path):
    with GitHttpServer(tmp_path) as server:
        first, *rest = HISTORY
        team.repository.commit({"README.md": "a team's database\n"}, "empty")
        team.start(server.url("db.git"))
        team.agent.wait_condition("postgres-cluster", "ComparisonError", "does not exist")
        for commit in [first, *rest]:
            team.follow(commit)
        assert [row for row in team.agent.items("app", "history", "postgres-cluster")]


@pytest.mark.timeout(600)
def test_the_same_history_with_a_kill_after_each_commit(team, tmp_path):
    with GitHttpServer(tmp_path) as server:
        team.repository.commit({"README.md": "a team's database\n"}, "empty")
        team.start(server.url("db.git"))
        for commit in HISTORY:
            if not commit.held:
                team.repository.commit(commit.files, commit.message)
                team.agent.kill()
                team.agent.start(ready=False)
                commit = dataclasses.replace(commit, files={})
                team.repository.commit({"touch": commit.message}, "touch")
            wait_for("the agent answers", team.answers)
            team.follow(commit)
