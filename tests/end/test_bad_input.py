"""What goes wrong from outside: each gets its own message with place and next step, nothing is lost or half done, and when it is
over the agent goes on by itself. (What the rooms refuse is tested with them; here it is the way through the whole agent.)"""

import json
import os
import pathlib

import psycopg
import pytest

from parts import agent as agents
from parts.agent import wait_for
from parts.git import Fault, GitHttpServer, Link, Repository, SilentServer
from parts.kube import ControlPlane
from parts.manifests import config_map, postgresql, users, users_map
from parts.postgres import Postgres
from parts.process import private
from parts.proxy import FaultProxy, faults
from parts.small_disk import SmallDisk, fill


class Team:
    """An Application `team` of the path `app` in a namespace of its own."""

    def __init__(self, agent, plane, folder, repository=None, url=None, **application):
        self.agent, self.kube, self.namespace = agent, plane.admin, plane.namespace()
        self.repository = repository or Repository(folder / "db.git")
        self.good()
        agent.kubernetes(plane)
        agent.application("team", url or self.repository.url, "app", self.namespace, **application)

    def good(self):
        """The whole path as it should be."""
        if self.repository.exists("main"):
            self.repository.commit({"app": None}, "away with it")
        return self.repository.commit({"app/a.yaml": config_map("a"), "users/README.md": "nobody\n"}, "good")

    def refresh(self):
        self.agent.post("/api/v1/applications/team/refresh", {}, over="socket")

    def value(self, name="a"):
        found = self.kube.get("v1", "ConfigMap", self.namespace, name)
        return found and found["data"]["value"]

    def synced(self, revision=None):
        self.refresh()
        return self.agent.wait_app("team", "Synced", revision or self.repository.head)


# ---- in the repository ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def team(program, crds, tmp_path_factory):
    """One agent for all that a commit can be wrong about: each test leaves it as it found it."""
    folder = tmp_path_factory.mktemp("team")
    agent = agents.Agent(folder)
    made = Team(agent, crds, folder)
    agent.start()
    made.synced()
    yield made
    assert agent.stop() == 0


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi"))

MISTAKES = [
    ("broken YAML", {"bad.yaml": "kind: ConfigMap\nmetadata:\n  name: [x\ndata: {}\n"}, ["app/bad.yaml:"]),
    ("a tab", {"bad.yaml": "kind: ConfigMap\nmetadata:\n\tname: x\n"}, ["app/bad.yaml:3"]),
    ("an alias bomb", {"bad.yaml": BOMB}, ["app/bad.yaml:", "alias"]),
    ("a key twice", {"bad.yaml": config_map("x")[:-3] + ', "data": {}}\n'}, ["app/bad.yaml:", "data"]),
    ("no kind", {"bad.yaml": "apiVersion: v1\nmetadata: {name: x}\n"}, ["app/bad.yaml:1", "kind"]),
    ("no name", {"bad.yaml": "apiVersion: v1\nkind: ConfigMap\n"}, ["app/bad.yaml:1", "name"]),
    ("an unknown field of a postgresql", {"bad.yaml": postgresql("db", extra="  numberOfInstance: 3\n")},
     ["app/bad.yaml:12", "numberOfInstance", "numberOfInstances"]),
    ("a value of the wrong kind in a postgresql", {"bad.yaml": postgresql("db", instances="many")},
     ["app/bad.yaml:7", "numberOfInstances"]),
    ("a file of 10 MB", {"bad.yaml": "x" * 10_000_000}, ["app/bad.yaml", "MiB"]),
    ("Latin-1", {"bad.yaml": "kind: ConfigMap\nmetadata:\n  name: m\xfcller\n".encode("latin-1")}, ["app/bad.yaml:", "UTF-8"]),
    ("UTF-16", {"bad.yaml": config_map("x").encode("utf-16")}, ["app/bad.yaml", "UTF-8"]),
    ("a symbolic link", {"bad.yaml": Link("/etc/passwd")}, ["app/bad.yaml", "link"]),
    ("an object for another tool", {"Chart.yaml": "name: x\n"}, ["app", "Helm"]),
    ("several at once", {"b.yaml": "a: [1\n", "c.yaml": "apiVersion: v1\nmetadata: {name: x}\n"},
     ["app/b.yaml:", "app/c.yaml:1"]),
]


@pytest.mark.parametrize("files, said", [case[1:] for case in MISTAKES], ids=[case[0] for case in MISTAKES])
def test_a_mistake_in_a_file_has_its_place_and_nothing_of_the_commit_is_applied(team, files, said):
    good = team.agent.app("team")["status"]["sync"]["revision"]
    bad = team.repository.commit({"app/a.yaml": config_map("a", value="two")} |
                                 {f"app/{name}": text for name, text in files.items()})
    team.refresh()
    message = team.agent.wait_condition("team", "ComparisonError", bad[:12])["message"]
    assert [word for word in said if word not in message] == [], message
    assert team.value() == "one"
    status = team.agent.app("team")["status"]
    assert status["sync"]["status"] == "Unknown" and status["sync"]["revision"] == good
    assert team.agent.cli("app", "sync", "team").is_(1).err.find(said[0]) >= 0
    team.good()
    app = team.synced()
    assert not [c for c in app["status"].get("conditions", []) if c["type"] == "ComparisonError"]


REFUSALS = [
    ("an unknown kind", {"x.yaml": "apiVersion: nowhere.example.org/v1\nkind: Nothing\nmetadata: {name: x}\n"},
     ["app/x.yaml:1", "Nothing", "CustomResourceDefinition"]),
    ("an object the server refuses", {"s.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 70000}]}\n"},
     ["app/s.yaml:1", "port"]),
    ("a field the server does not know", {"s.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {port: [{port: 80}]}\n"},
     ["app/s.yaml:1", "port"]),
    ("an object in a namespace that is not there", {"x.yaml": config_map("x", "nowhere-at-all")}, ["nowhere-at-all"]),
]


@pytest.mark.parametrize("files, said", [case[1:] for case in REFUSALS], ids=[case[0] for case in REFUSALS])
def test_what_the_cluster_refuses_stops_the_sync(team, files, said):
    bad = team.repository.commit({f"app/{name}": text for name, text in files.items()})
    team.refresh()
    message = team.agent.wait_condition("team", "SyncError", said[0])["message"]
    assert bad[:12] in message and [word for word in said if word not in message] == [], message
    assert team.value() == "one"
    team.good()
    team.synced()


def test_an_empty_path_and_a_missing_path_remove_nothing(team):
    team.repository.commit({"app/a.yaml": None, "app/README.md": "empty\n"})
    team.refresh()
    assert "--confirm" in team.agent.wait_condition("team", "SyncError", "pruned")["message"]
    assert team.value() == "one"
    team.repository.commit({"app/README.md": None})
    team.refresh()
    team.agent.wait_condition("team", "ComparisonError", "path app does not exist")
    assert team.value() == "one"
    team.good()
    team.synced()


# ---- between the agent and the repository -----------------------------------------------------------------------------


@pytest.fixture
def source(agent, tmp_path):
    """A repository behind http with a password, an Application of it without Kubernetes; the agent is not started."""
    repository = Repository(tmp_path / "git" / "db.git")
    repository.commit({"app/a.yaml": config_map("a")})
    with GitHttpServer(tmp_path / "git", user="ci", password="right") as server:
        password = tmp_path / "git-password"
        private(password, "right\n")
        password.chmod(0o600)
        agent.config["git"] = {"timeout": "2s"}
        agent.repository(server.url(""), username="ci", passwordFile=str(password))
        agent.application("team", server.url("db.git"), "app", "default")
        yield agent, server, repository, password
        if agent.process is not None:
            assert agent.stop() == 0


def refresh(agent):
    agent.post("/api/v1/applications/team/refresh", {}, over="socket")


def test_a_missing_repository_is_told_and_found_when_it_is_made(source, tmp_path):
    agent, server, _, _ = source
    agent.application("team", server.url("other.git"), "app", "default")
    agent.begin()
    message = agent.wait_condition("team", "ComparisonError", "/other.git: ")["message"]
    assert "404" in message and "check the URL" in message and "right" not in message
    wait_for("page and webhook stay reachable", agent.ready)
    other = Repository(tmp_path / "git" / "other.git")
    other.commit({"app/a.yaml": config_map("a")})
    refresh(agent)
    agent.wait_app("team", "Synced", other.head)
    wait_for("ready", agent.ready)


def test_a_wrong_password_is_told_and_the_right_one_is_used_from_then_on(source):
    agent, _, repository, password = source
    private(password, "wrong-one\n")
    agent.begin()
    message = agent.wait_condition("team", "ComparisonError", "401")["message"]
    assert "/db" in message and "wrong-one" not in message and "wrong-one" not in agent.log()
    private(password, "right\n")
    refresh(agent)
    agent.wait_app("team", "Synced", repository.head)


def test_a_password_file_that_is_missing_is_named(source):
    agent, _, repository, password = source
    password.unlink()
    agent.begin()
    agent.wait_condition("team", "ComparisonError", str(password))
    private(password, "right\n")
    refresh(agent)
    agent.wait_app("team", "Synced", repository.head)


def test_a_server_that_says_nothing_meets_the_deadline_and_holds_up_nobody(source, tmp_path):
    agent, server, repository, _ = source
    with SilentServer() as silent:
        agent.application("silent", f"http://127.0.0.1:{silent.port}/db.git", "app", "default")
        agent.begin()
        agent.wait_app("team", "Synced", repository.head)
        message = agent.wait_condition("silent", "ComparisonError", f"127.0.0.1:{silent.port}")["message"]
        assert "silent" in message or "time" in message, message
        head = repository.commit({"app/b.yaml": config_map("b")})
        agent.wait_app("team", "Synced", head)


@pytest.mark.parametrize("fault", ["stall", "cut", "flip"])
def test_a_fetch_that_breaks_off_keeps_the_last_good_state(source, fault):
    agent, server, repository, _ = source
    agent.start()
    good = repository.head
    agent.wait_app("team", "Synced", good)
    server.fault = Fault(fault, command="fetch")
    head = repository.commit({"app/b.yaml": config_map("b", value="x" * 5000)})
    refresh(agent)
    agent.wait_condition("team", "ComparisonError", "/db.git: ")
    assert agent.app("team")["status"]["sync"]["revision"] == good
    server.fault = None
    refresh(agent)
    agent.wait_app("team", "Synced", head)


def test_a_repository_that_is_deleted_during_a_fetch_is_missing_and_nothing_more(source, tmp_path):
    agent, server, repository, _ = source
    agent.start()
    good = repository.head
    agent.wait_app("team", "Synced", good)
    server.fault = Fault(404, command="fetch")
    repository.commit({"app/b.yaml": config_map("b")})
    refresh(agent)
    agent.wait_condition("team", "ComparisonError", "404")
    repository.path.rename(tmp_path / "away.git")
    refresh(agent)
    agent.wait_condition("team", "ComparisonError", "/db.git: ")
    assert agent.app("team")["status"]["sync"]["revision"] == good
    server.fault = None
    (tmp_path / "away.git").rename(repository.path)
    refresh(agent)
    agent.wait_app("team", "Synced", repository.head)


# ---- users and their database -----------------------------------------------------------------------------------------


@pytest.fixture
def people(agent, server, tmp_path):
    """alice in the database `app`, without Kubernetes; the agent is not started."""
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    repository.commit({"users/users.yaml": users(alice=["readers"])})
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    agent.secret("postgres", "user-alice-secret", "wonderland")
    return agent, server, repository


def database(agent):
    items = agent.get("/api/v1/databases", over="socket").json["items"]
    return items[0] if items else {"status": "", "reason": ""}


def wait_database(agent, status, text):
    try:
        return wait_for(f"database {status} with {text!r}", lambda: agent.alive() and database(agent)["status"] == status
                        and text in database(agent)["reason"] and database(agent), 30, 0.05)
    except TimeoutError as error:
        raise AssertionError(f"{error}: {database(agent)}\n{agent.log()[-3000:]}") from None


ENTRIES = [
    ("twice", ["username: alice", "username: alice"], ["alice", "users/users.yaml:9"]),
    ("a name that is too long", ["username: " + "x" * 64], ["63", "users/users.yaml:8"]),
    ("an empty name", ["username: ''"], ["username", "users/users.yaml:8"]),
    ("a NUL in a name", ['username: "a\\0b"'], ["users/users.yaml:8"]),
    ("a line break in a name", ['username: "a\\nb"'], ["users/users.yaml:8"]),
    ("postgres itself", ["username: postgres"], ["postgres", "users/users.yaml:8"]),
    ("a superuser by membership", ["{username: bob, roles: [postgres]}"], ["postgres", "users/users.yaml:8"]),
    ("a superuser by attribute", ["{username: bob, superuser: true}"], ["superuser", "users/users.yaml:8"]),
    ("no list", [], ["users"]),
]


@pytest.fixture(scope="module")
def many(program, tmp_path_factory):
    """One agent and server for all that users.yaml can be wrong about."""
    folder, server = tmp_path_factory.mktemp("users"), Postgres(16)
    server.run("CREATE DATABASE app")
    repository = Repository(folder / "db.git")
    repository.commit({"users/users.yaml": users(alice=["readers"])})
    agent = agents.Agent(folder)
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    agent.secret("postgres", "user-alice-secret", "wonderland")
    agent.start()
    agent.wait_user("alice", "Synced")
    yield agent, server, repository
    assert agent.stop() == 0
    server.close()


@pytest.mark.parametrize("entries, said", [case[1:] for case in ENTRIES], ids=[case[0] for case in ENTRIES])
def test_a_mistake_in_users_yaml_has_its_line_and_changes_nobody(many, entries, said):
    agent, server, repository = many
    roles = server.query("SELECT rolname, xmin::text FROM pg_authid ORDER BY 1")
    bad = repository.commit({"users/users.yaml": users(*entries) if entries else users_map("users: alice\n")})
    agent.post("/api/v1/applications/postgres-users/refresh", {}, over="socket")
    message = agent.wait_condition("postgres-users", "ComparisonError", bad[:12])["message"]
    assert [word for word in said if word not in message] == [], message
    assert server.query("SELECT rolname, xmin::text FROM pg_authid ORDER BY 1") == roles
    repository.commit({"users/users.yaml": users(alice=["readers"])})
    agent.post("/api/v1/applications/postgres-users/refresh", {}, over="socket")
    agent.wait_app("postgres-users", "Synced", repository.head)


def test_quotes_in_names_and_passwords_are_only_characters(people):
    agent, server, repository = people
    odd = """o'neill"; DROP ROLE alice; --"""
    password = """it's "\\'; DROP ROLE alice; --"""
    agent.secret("postgres", "user-carol-secret", password)
    repository.commit({"users/users.yaml": users(json.dumps({"username": odd, "database": "app"}), alice=["readers"],
                                                 carol=["""q"uo'te"""])})
    agent.start()
    agent.wait_user("alice", "Synced")
    agent.wait_user("carol", "Synced")
    assert agent.user(odd)["status"] == "Degraded", "it has no Secret, and nothing else is wrong with it"
    assert server.can_login("carol", password, "app") and server.can_login("alice", "wonderland", "app")
    assert password not in agent.log()


@pytest.mark.parametrize("password", ["a\0b", "", "x" * 5000], ids=["NUL", "empty", "endless"])
def test_a_password_that_cannot_be_one_degrades_its_user_only(people, password):
    agent, server, repository = people
    agent.secret("postgres", "user-bob-secret", password)
    repository.commit({"users/users.yaml": users(alice=["readers"], bob=[])})
    agent.begin()
    agent.wait_user("alice", "Synced")
    reason = agent.wait_user("bob", "Degraded")["reason"]
    assert "user-bob-secret" in reason, reason
    agent.secret("postgres", "user-bob-secret", "builder")
    agent.wait_user("bob", "Synced")
    assert server.can_login("bob", "builder", "app")


def test_a_database_that_is_missing_is_told_and_waited_for(people):
    agent, server, repository = people
    repository.commit({"users/users.yaml": users("{username: bob, database: later}", alice=["readers"])})
    agent.secret("postgres", "user-bob-secret", "builder")
    agent.begin()
    agent.wait_user("alice", "Synced")
    wait_for("the database is named", lambda: "later" in agent.user("bob").get("reason", ""))
    server.run("CREATE DATABASE later")
    agent.wait_user("bob", "Synced")
    assert server.can_login("bob", "builder", "later")


def test_a_database_to_connect_to_that_is_missing_is_named(people):
    agent, server, _ = people
    agent.config["databases"][0]["connection"] = server.conninfo("nowhere")
    agent.begin()
    wait_database(agent, "Failed", "nowhere")
    wait_for("page and webhook stay reachable", agent.ready)
    server.run("CREATE DATABASE nowhere")
    agent.wait_user("alice", "Synced")


def test_a_wrong_superuser_password_is_told_without_it(people, tmp_path):
    agent, server, _ = people
    file = tmp_path / "password-main"
    file.write_text("not-the-password")
    agent.begin()
    wait_database(agent, "Failed", "password authentication failed")
    assert "not-the-password" not in agent.log()
    file.write_text(server.password)
    agent.wait_user("alice", "Synced")


def test_a_server_without_free_connections_is_waited_for(people):
    agent, server, repository = people
    crowd = Postgres(17, {"max_connections": "4", "superuser_reserved_connections": "1", "max_wal_senders": "0"})
    crowd.run("CREATE DATABASE app")
    agent.config["databases"][0]["connection"] = crowd.conninfo()
    (agent.folder / "password-main").write_text(crowd.password)
    held = []

    def crowded():
        try:
            held.append(crowd.connect())
        except psycopg.OperationalError:  # the session before is still on its way out
            pass
        return len(held) == 4
    wait_for("every connection is taken", crowded)
    agent.begin()
    try:
        wait_database(agent, "Waiting", "clients")
    finally:
        for session in held:
            session.close()
    agent.wait_user("alice", "Synced")
    assert crowd.can_login("alice", "wonderland", "app")
    crowd.close()


def test_a_standby_is_waited_for_and_not_written_to(people):
    agent, server, _ = people
    standby = server.standby()
    agent.config["databases"][0]["connection"] = standby.conninfo()
    agent.begin()
    try:
        wait_database(agent, "Waiting", "")
        reason = database(agent)["reason"]
        assert "hot standby" in reason or "standby" in reason, reason
        assert not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'alice'")
        standby.run("SELECT pg_promote()")
        agent.wait_user("alice", "Synced")
        assert standby.can_login("alice", "wonderland", "app")
    finally:
        standby.close()


def test_a_server_that_hangs_in_the_middle_of_a_pass_is_waited_for(people):
    agent, server, repository = people
    agent.start()
    agent.wait_user("alice", "Synced")
    agent.secret("postgres", "user-bob-secret", "builder")
    with server.connect() as blocker:
        blocker.execute("BEGIN")
        blocker.execute("LOCK TABLE pg_auth_members IN ACCESS EXCLUSIVE MODE")
        repository.commit({"users/users.yaml": users(alice=["readers"], bob=["readers"])})
        wait_database(agent, "Waiting", "")
        blocker.execute("ROLLBACK")
    agent.wait_user("bob", "Synced")
    assert server.can_login("bob", "builder", "app")


# ---- the API server ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_plane():
    """A control plane that may be stopped."""
    made = ControlPlane(controllers=False)
    made.start()
    yield made
    made.stop()


def many_maps(count, value):
    return {f"app/m{number:03}.yaml": config_map(f"m{number:03}", value=value) for number in range(count)}


def test_an_api_server_that_is_down_at_the_start_is_waited_for(agent, own_plane, tmp_path):
    team = Team(agent, own_plane, tmp_path)
    own_plane.stop_apiserver()
    try:
        agent.begin()
        message = agent.wait_condition("team", "ComparisonError", "waiting for the cluster")["message"]
        assert str(own_plane.port) in message
        assert agent.get("/healthz").status == 200 and agent.get("/readyz").status == 503
    finally:
        own_plane.start_apiserver()
    agent.wait_app("team", "Synced", team.repository.head)
    wait_for("ready", agent.ready)
    assert team.value() == "one"


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_an_api_server_that_goes_away_in_the_middle_of_a_sync_loses_nothing(agent, own_plane, tmp_path, how):
    with_proxy = FaultProxy(own_plane.port, tmp_path)
    team = Team(agent, own_plane, tmp_path)
    agent.config["kubernetes"]["kubeconfig"] = str(with_proxy.kubeconfig(own_plane))
    agent.start()
    team.synced()
    head = team.repository.commit(many_maps(60, "first"))
    reached = with_proxy.add(faults.delay(0.05), method="PATCH", path="configmaps/m")
    team.refresh()
    wait_for("the sync is under way", lambda: reached.hits > 12)
    if how == "stopped":
        own_plane.pause()
    else:
        own_plane.stop_apiserver(kill=True)
    with_proxy.clear()
    assert agent.answers()
    if how == "stopped":
        own_plane.resume()
    else:
        agent.wait_condition("team", "SyncError", head[:12])
        own_plane.start_apiserver()
    team.refresh()
    agent.wait_app("team", "Synced", head, seconds=60)
    for number in (0, 30, 59):
        assert team.value(f"m{number:03}") == "first"
    rows = [row for row in agent.items("app", "history", "team") if row.get("phase") == "Running"]
    assert rows == []
    with_proxy.close()


def test_one_kind_that_is_forbidden_is_named_and_the_rest_goes_on(agent, crds, tmp_path):
    team = Team(agent, crds, tmp_path)
    # A user of its own: what is allowed for the whole cluster would be seen by other tests.
    everything = ["get", "list", "watch", "create", "patch", "update", "delete"]
    crds.allow("bob-of-one-kind", [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": everything},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}])
    agent.kubernetes(crds, user="bob-of-one-kind")
    team.repository.commit({"app/s.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}\n"})
    agent.begin()
    message = agent.wait_condition("team", "ComparisonError", "services")["message"]
    assert "bob-of-one-kind" in message or "forbidden" in message.lower(), message
    assert team.value() is None, "a sync is whole or not at all"
    crds.allow("bob-of-one-kind", [{"apiGroups": [""], "resources": ["services"], "verbs": everything}], team.namespace)
    crds.allow("bob-of-one-kind", [{"apiGroups": [""], "resources": ["services"], "verbs": ["list", "watch"]}])
    team.synced()
    assert team.value() == "one" and team.kube.get("v1", "Service", team.namespace, "s")


# ---- the agent's own place --------------------------------------------------------------------------------------------


def test_a_full_disk_for_the_store_is_told_and_nothing_is_half_done(program, crds, tmp_path_factory):
    agent = SmallDisk(tmp_path_factory.mktemp("small"))
    team = Team(agent, crds, agent.folder)
    agent.start()

    def app():
        return agent.get("/api/v1/applications/team").json["status"]
    wait_for("Synced", lambda: app().get("sync", {}).get("status") == "Synced")
    fill(agent.disk / "filler")
    head = team.repository.commit(many_maps(300, "first"))
    wait_for("it is told", lambda: agent.alive() and "No space left" in agent.log() or "disk is full" in agent.log())
    assert agent.answers_over_tcp()
    assert team.value("m000") is None, "nothing is written that could not be recorded"
    (agent.disk / "filler").unlink()
    wait_for("it goes on", lambda: app()["sync"]["status"] == "Synced" and app()["sync"]["revision"] == head, 60)
    assert team.value("m299") == "first"

    fill(agent.disk / "filler")
    team.kube.request("DELETE", team.kube.path("v1", "ConfigMap", team.namespace))
    wait_for("the sync is told", lambda: agent.alive() and [
        line for line in agent.lines(msg="sync failed") if "disk is full: make room" in line["error"]])
    assert team.value("m000") is None and team.value("m299") is None, "nothing is made that could not be recorded"
    (agent.disk / "filler").unlink()
    wait_for("it goes on", lambda: team.value("m000") and team.value("m299"), 60)
    assert agent.stop() == 0


def test_a_mistake_in_the_agent_file_has_its_line_and_nothing_starts(agent, cli):
    agent.write()
    text = agent.file.read_text()
    agent.file.write_text(text.replace('"poll"', '"pol"'))
    result = cli("agent", "--config", agent.file, "--once").is_(2)
    line = next(number for number, line in enumerate(text.splitlines(), 1) if '"poll"' in line)
    assert f"agent.yaml:{line}" in result.err and "pol" in result.err and "poll" in result.err
    assert not agent.state.exists()


@pytest.mark.parametrize("change, said", [
    ({"databases": [{"name": "main", "connection": "host=x password=hunter2", "users": {"application": "a", "configMap": "b",
                                                                                       "key": "c"}}]}, "password"),
    ({"repositories": [{"url": "https://me:hunter2@git.example.org/x.git"}]}, "passwordFile"),
    ({"poll": "soon"}, "poll"),
    ({"version": 7}, "version"),
])
def test_values_that_cannot_be_are_told_and_not_quoted(agent, cli, change, said):
    agent.config |= change
    agent.write()
    result = cli("agent", "--config", agent.file, "--once").is_(2)
    assert "agent.yaml:" in result.err and said in result.err and "hunter2" not in result.err
