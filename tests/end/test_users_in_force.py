"""Which users.yaml is in force: the last one that was taken over, from the first second of a process on and whatever its Application
does meanwhile; and where none is, that is said."""

import shutil
import signal

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.manifests import config_map, users
from parts.small_disk import SmallDisk, fill
from parts.world import marked

ALL = pytest.mark.parametrize("server", [13, 14, 15, 16, 17, 18], indirect=True)


class Team:
    """The Application `team` with the users alice and bob in force."""

    def __init__(self, agent, plane, server, folder, **application):
        self.agent, self.server, self.kube = agent, server, plane.admin
        self.namespace = plane.namespace()
        server.run("CREATE DATABASE app")
        self.repository = Repository(folder / "db.git")
        self.first = self.push(alice=["readers"], bob=[])
        agent.kubernetes(plane).database(server, application="team")
        self.apply(**application)
        for name in ("alice", "bob", "carol"):
            agent.secret(self.namespace, f"user-{name}-secret", f"pw-{name}")
        agent.start(ready=False)
        agent.wait_app("team", "Synced" if application.get("automated", True) else "OutOfSync")

    def apply(self, **application):
        self.agent.application("team", self.repository.url, "users", self.namespace, **application)

    def push(self, *texts, files=None, **members):
        return self.repository.commit({"users/users.yaml": users(*texts, **members), "users/a.yaml": config_map("a")} | (files or {}))

    def in_force(self):
        wait_for("alice may log in", lambda: self.agent.alive() and self.server.can_login("alice", "pw-alice", "app"))
        wait_for("nothing is to be done", lambda: self.database()["status"] == "Connected")
        return self

    def database(self):
        found = self.agent.get("/api/v1/databases", over="socket").json["items"]
        return found[0] if found else {"status": "", "reason": ""}

    def by_hand(self):
        self.apply(automated=False)
        self.agent.signal(signal.SIGHUP)
        self.agent.cli("app", "refresh", "team").ok()

    def heals(self):
        self.server.run("ALTER ROLE alice CREATEDB")
        wait_for("what was done by hand is set back",
                 lambda: self.agent.alive() and not self.server.value("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'alice'"))

    def exists(self, name):
        return self.server.value("SELECT count(*) FROM pg_roles WHERE rolname = %s", [name]) == 1


def manual(team):
    team.apply(automated=False)
    team.push(alice=[], bob=[], carol=[])
    return "is synced by hand"


def failing_sync(team):
    team.push(alice=[], bob=[], carol=[], files={"users/b.yaml": config_map("b", namespace="is-not-there")})
    return "is-not-there"


def unconfirmed_prune(team):
    """Most objects of the Application go. The rest of the commit is synced, so its users are in force, also in the next process."""
    team.push(alice=[], bob=[], carol=[], files={f"users/more{i}.yaml": None for i in range(8)})
    team.agent.start()
    wait_for("the newest are in force", lambda: team.exists("carol"))
    team.agent.wait_condition("team", "SyncError", "8 of 10")
    team.agent.kill()
    return ""


def kept_object(team):
    team.push(alice=["readers"], bob=[], files={"users/kept.yaml": None})
    return ""


def broken(team):
    team.push("{usernam: eve}", alice=[], carol=[])
    return "cannot be used"


def repository_away(team):
    shutil.move(team.repository.path, f"{team.repository.path}.away")
    return "cannot be read"


def held(team):
    team.agent.application("team", team.repository.url, "users", team.namespace)
    file = team.agent.folder / "applications" / "team.yaml"
    file.write_text(file.read_text().replace(
        '"name": "team"', '"name": "team", "annotations": {"argocd.argoproj.io/skip-reconcile": "true"}', 1))
    team.push(alice=[], bob=[], carol=[])
    return "skip-reconcile"


BEFORE = {
    unconfirmed_prune: {f"users/more{i}.yaml": config_map(f"more{i}") for i in range(8)},
    kept_object: {"users/kept.yaml": marked(config_map("kept"), sync_options="Prune=false")},
}


@pytest.mark.parametrize("how", [manual, failing_sync, unconfirmed_prune, kept_object, broken, repository_away, held])
def test_after_a_restart_the_users_in_force_are_reconciled_at_once(agent, crds, server, tmp_path, how):
    team = Team(agent, crds, server, tmp_path).in_force()
    if how in BEFORE:
        head = team.push(alice=["readers"], bob=[], files=BEFORE[how])
        agent.wait_app("team", "Synced", head)
        wait_for("these users are in force", lambda: team.database().get("commit") == head)
    else:
        head = team.first
    agent.stop()
    said = how(team)
    agent.start()
    team.heals()
    assert team.exists("carol") == (how is unconfirmed_prune), agent.app("team")["status"]
    assert team.server.can_login("alice", "pw-alice", "app")
    if not said:
        return
    try:
        wait_for("it is said why the newest is not in force", lambda: said in team.database()["reason"])
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{team.database()}\n{agent.app('team')['status']}\n{agent.log()[-3000:]}") from None
    assert team.database()["status"] == "Connected" and team.database()["commit"] == head
    assert said in agent.cli("status").out and head[:7] in team.database()["reason"]
    assert agent.get("/readyz").status == 200


@ALL
def test_on_each_server_a_restart_goes_on_with_the_users_in_force(agent, crds, server, tmp_path):
    team = Team(agent, crds, server, tmp_path).in_force()
    agent.kill()
    broken(team)
    agent.start()
    team.heals()
    team.push(alice=[], carol=["readers"])
    wait_for("the newest are in force", lambda: team.exists("carol"))
    wait_for("that is all that is said", lambda: not team.database()["reason"])


def test_after_a_restart_without_an_api_server_the_users_are_reconciled(agent, crds, server, tmp_path):
    team = Team(agent, crds, server, tmp_path).in_force()
    agent.stop()
    kubeconfig = agent.config["kubernetes"]["kubeconfig"]
    with open(kubeconfig, encoding="utf-8") as file:
        text = file.read()
    with open(kubeconfig, "w", encoding="utf-8") as file:
        file.write(text.replace("https://127.0.0.1:", "https://127.0.0.9:"))
    team.push(alice=[], bob=[], carol=[])
    agent.begin()
    team.heals()
    assert not team.exists("carol")
    assert team.server.can_login("alice", "pw-alice", "app")


def test_users_with_the_applications_in_the_cluster_do_not_wait_for_it(world, server):
    """Which Applications there are, only the API server knows: that it is away is not that they are gone."""
    agent = world.agent
    server.run("CREATE DATABASE app")
    agent.database(server, application="team")
    team = world.application("team", path="users")
    agent.secret(world.namespace, "user-alice-secret", "pw-alice")
    world.push({"users/users.yaml": users(alice=["readers"])})
    world.begin()
    team.synced()
    wait_for("alice", lambda: server.can_login("alice", "pw-alice", "app"))
    agent.stop()
    kubeconfig = agent.config["kubernetes"]["kubeconfig"]
    with open(kubeconfig, encoding="utf-8") as file:
        text = file.read()
    with open(kubeconfig, "w", encoding="utf-8") as file:
        file.write(text.replace("https://127.0.0.1:", "https://127.0.0.9:"))
    agent.begin()
    server.run("ALTER ROLE alice CREATEDB")
    wait_for("healed", lambda: agent.alive() and not server.value("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'alice'"))


def test_a_state_folder_of_yesterday_removes_nobody(agent, crds, server, tmp_path):
    """What its list does not name may have come since: it is said, and stays until the Application has been read."""
    team = Team(agent, crds, server, tmp_path).in_force()
    agent.stop()
    shutil.copytree(agent.state, tmp_path / "backup")
    agent.start()
    head = team.push(alice=["readers"], bob=[], carol=[])
    agent.wait_app("team", "Synced", head)
    wait_for("carol", lambda: server.can_login("carol", "pw-carol", "app"))
    agent.stop()
    shutil.rmtree(agent.state)
    shutil.move(tmp_path / "backup", agent.state)
    repository_away(team)
    agent.start()
    team.heals()
    assert server.can_login("carol", "pw-carol", "app")
    found = {item["name"]: item for item in agent.items("user", "list")}
    assert found["carol"]["status"] == "Retiring" and "removes nobody" in found["carol"]["reason"]
    shutil.move(f"{team.repository.path}.away", team.repository.path)
    wait_for("the newest are in force", lambda: team.database().get("commit") == head)
    assert server.can_login("carol", "pw-carol", "app")


def test_a_removed_application_takes_its_users_out_of_force(agent, crds, server, tmp_path):
    """Nobody wants them any more: they stay as they are, and made anew it begins anew."""
    team = Team(agent, crds, server, tmp_path).in_force()
    (agent.folder / "applications" / "team.yaml").unlink()
    wait_for("it is told", lambda: team.database()["status"] == "Waiting")
    assert "there is no application team" in team.database()["reason"]
    agent.stop()
    team.apply(automated=False)
    team.push(alice=[], carol=[])
    agent.start()
    agent.wait_app("team", "OutOfSync")
    wait_for("it is told", lambda: "by hand" in team.database()["reason"])
    assert team.database()["status"] == "Waiting" and not team.exists("carol")
    agent.cli("app", "sync", "team").ok()
    wait_for("the newest are in force", lambda: team.exists("carol"))


# ---- the text, not the commit -------------------------------------------------------------------------------------------


def test_another_path_at_the_same_commit_is_another_list(agent, crds, server, tmp_path):
    team = Team(agent, crds, server, tmp_path).in_force()
    head = team.push(alice=["readers"], bob=[], files={"other/users.yaml": users(alice=["writers"], bob=[], carol=[])})
    agent.wait_app("team", "Synced", head)
    agent.application("team", team.repository.url, "other", team.namespace)
    wait_for("carol", lambda: team.exists("carol"))
    agent.cli("user", "sync").ok()
    assert team.server.value("SELECT pg_has_role('alice', 'writers', 'member')") is True


@pytest.mark.parametrize("restart", [False, True])
def test_a_sync_of_users_is_about_the_newest_list(agent, crds, server, tmp_path, restart):
    """Else it says whose list it was about, and why not the newest's; and that is no success."""
    team = Team(agent, crds, server, tmp_path).in_force()
    team.by_hand()
    head = team.push(alice=["readers"], bob=[], carol=[])
    if restart:
        agent.stop()
        agent.start()
    answer = agent.cli("user", "sync").is_(1)
    assert team.first[:7] in str(answer) and head[:7] in str(answer) and "is synced by hand" in str(answer), str(answer)
    assert not team.exists("carol")
    agent.cli("app", "sync", "team").ok()
    agent.cli("user", "sync").ok()
    assert team.exists("carol")


def test_a_sync_of_users_asks_for_the_newest_commit(agent, crds, server, tmp_path):
    agent.config["poll"] = "1h"
    team = Team(agent, crds, server, tmp_path).in_force()
    team.push(alice=["readers"], bob=[], carol=[])
    agent.cli("user", "sync").ok()
    assert team.exists("carol")


def test_a_rollback_takes_the_users_along(agent, crds, server, tmp_path):
    team = Team(agent, crds, server, tmp_path, automated=False)
    agent.cli("app", "sync", "team").ok()
    team.in_force()
    team.push(alice=["readers"], carol=[], bob=[])
    agent.cli("app", "sync", "team").ok()
    wait_for("carol", lambda: team.exists("carol"))
    agent.cli("app", "rollback", "team", "0").ok()
    wait_for("carol is gone", lambda: not team.exists("carol"))
    agent.stop()
    agent.start()
    team.heals()
    assert not team.exists("carol")


def test_a_newer_commit_with_the_same_list_is_no_news(agent, crds, server, tmp_path):
    """What is done by hand after it is drift, as before."""
    team = Team(agent, crds, server, tmp_path).in_force()
    head = team.push(alice=["readers"], bob=[], files={"users/other.yaml": config_map("other")})
    agent.wait_app("team", "Synced", head)
    wait_for("its commit is told", lambda: team.database()["commit"] == head)
    team.heals()
    assert [item["field"] for item in agent.items("drift", "list", "--user", "alice")]


# ---- intent before effect ------------------------------------------------------------------------------------------------


MANY = [f"u{i:03}" for i in range(400)]


def test_on_a_full_disk_no_user_is_changed(program, server, tmp_path_factory):
    """Nothing happens in a database that nobody could read of afterwards; and it goes on by itself when there is room."""
    agent = SmallDisk(tmp_path_factory.mktemp("small"))
    server.run("CREATE DATABASE app")
    repository = Repository(agent.folder / "db.git")
    repository.commit({"users/users.yaml": users(**{name: [] for name in MANY})})
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    secrets = agent.folder / "secrets" / "all.yaml"
    secrets.touch(mode=0o600)
    secrets.write_text("".join(f"---\napiVersion: v1\nkind: Secret\nmetadata: {{name: user-{name}-secret, namespace: postgres}}\n"
                               f"stringData: {{password: {name}}}\n" for name in MANY))
    agent.start()
    try:
        by_hand = "SELECT count(*) FROM pg_roles WHERE rolcreatedb AND rolname LIKE 'u%'"
        wait_for("the users", lambda: server.can_login("u000", "u000", "app"))
        fill(agent.disk / "filler")
        server.run("; ".join(f"ALTER ROLE {name} CREATEDB" for name in MANY))
        wait_for("it is told", lambda: agent.alive() and "nothing is changed, for it could not be written down before" in agent.log())
        passes = agent.metrics()["pgitops_user_passes_total"]
        wait_for("two more passes", lambda: agent.metrics()["pgitops_user_passes_total"] >= passes + 2)
        assert server.value(by_hand) == len(MANY), "nothing is done that could not be recorded"
        assert len([line for line in agent.lines(msg="users pass failed") if "written down" in line["error"]]) == 1

        repository.commit({"users/users.yaml": users(**{name: ["readers"] for name in MANY})})
        passes = agent.metrics()["pgitops_user_passes_total"]
        wait_for("two more passes", lambda: agent.metrics()["pgitops_user_passes_total"] >= passes + 2)
        assert server.value("SELECT count(*) FROM pg_roles WHERE rolname = 'readers'") == 0
        (agent.disk / "filler").unlink()
        wait_for("it goes on", lambda: agent.alive() and server.value(by_hand) == 0)
        wait_for("the newest, too", lambda: server.value("SELECT count(*) FROM pg_roles WHERE rolname = 'readers'"))
        assert agent.stop() == 0
    finally:
        agent.close()


# ---- without users ------------------------------------------------------------------------------------------------------


def no_application(agent, repository):
    return "there is no application postgres-users"


def renamed(agent, repository):
    agent.application("postgres-user", repository.url, "users", "postgres")
    return "there is no application postgres-users"


def by_hand(agent, repository):
    agent.application("postgres-users", repository.url, "users", "postgres", automated=False)
    return "is synced by hand"


def unreadable(agent, repository):
    agent.application("postgres-users", f"{repository.url}-is-not-there", "users", "postgres")
    return "cannot be read"


def no_path(agent, repository):
    agent.application("postgres-users", repository.url, "nowhere", "postgres")
    return "does not exist"


def no_config_map(agent, repository):
    agent.application("postgres-users", repository.url, "other", "postgres")
    return "no ConfigMap postgres-users-config"


def wrong_spec(agent, repository):
    agent.application("postgres-users", "", "users", "postgres")
    return "repoURL"


def no_namespace(agent, repository):
    agent.application("postgres-users", repository.url, "users", "", automated=False)
    return "postgres-users"


@pytest.mark.parametrize("cluster", [False, True], ids=["standalone", "cluster"])
@pytest.mark.parametrize("how", [no_application, renamed, by_hand, unreadable, no_path, no_config_map, wrong_spec, no_namespace])
def test_a_database_without_users_waits_and_says_for_what(agent, request, server, tmp_path, how, cluster):
    repository = Repository(tmp_path / "db.git")
    repository.commit({"users/users.yaml": users(alice=[]), "other/a.yaml": config_map("a")})
    agent.database(server)
    if cluster:
        crds = request.getfixturevalue("crds")
        for namespace, name in (("postgres", "postgres-users-config"), ("default", "a"), ("postgres", "a")):
            crds.admin.delete("v1", "ConfigMap", namespace, name)  # as an agent before had it, of whose Applications this one knows nothing
        agent.kubernetes(crds)
    agent.application("elsewhere", repository.url, "other", "default")
    said = how(agent, repository)

    once = agent.once(timeout=30).is_(1)
    assert f"database main: " in once.err and said in once.err, once.err

    agent.begin()

    def waiting():
        found = agent.get("/api/v1/databases", over="socket").json["items"]
        return found and found[0]["status"] == "Waiting" and said in found[0]["reason"] and found[0]
    wait_for("the database waits", waiting)
    assert "Waiting" in agent.cli("status").out and said in agent.cli("status").out
    users_list = agent.cli("user", "list").ok()
    assert "database main: Waiting" in users_list.err and said in users_list.err
    assert agent.metrics()['pgitops_database_status{database="main",status="Waiting"}'] == 1
    wait_for("it is ready: what it waits for is said", agent.ready)
