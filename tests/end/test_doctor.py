"""pgitops doctor: a set-up where all is well, and one thing wrong at a time; each has its place and its remedy."""

import fcntl
import json
import os
import pathlib
import shlex
import socket
import subprocess

import pytest

from parts.agent import wait_for
from parts.git import GitHttpServer, Repository
from parts.kube import ControlPlane
from parts.manifests import config_map, postgresql, users, users_map

PASSWORD = "wonderland-of-alice"


class Report:
    """What doctor said."""

    def __init__(self, result):
        self.result = result
        self.items = result.items

    def all(self, status, check=None):
        return [item for item in self.items if item["status"] == status and check in (None, item["check"])]

    def one(self, status, check, *words):
        """The one line of this status and check with all these words."""
        found = [item for item in self.all(status, check) if all(word in item["detail"] for word in words)]
        assert len(found) == 1, f"{status} {check} {words}: {found}\n{json.dumps(self.items, indent=1)}"
        return found[0]

    def good(self):
        assert self.result.code == 0 and not self.all("failed") and not self.all("warning"), self.result
        return self

    def failed_only(self, check, *words):
        """One thing is wrong, and it has a remedy."""
        assert self.result.code == 1, self.result
        assert [item["check"] for item in self.all("failed")] == [check], self.result
        item = self.one("failed", check, *words)
        assert item["remedy"], item
        return item


@pytest.fixture
def team(agent, server, tmp_path):
    """A repository with alice, her Secret, her database: nothing is wrong."""
    server.run("CREATE DATABASE app")
    agent.repository_here = Repository(tmp_path / "db.git")
    agent.repository_here.commit({"postgres-users/users.yaml": users(alice=["read_only"])})
    agent.database(server)
    agent.application("postgres-users", agent.repository_here.url, "postgres-users", "postgres")
    agent.secret("postgres", "user-alice-secret", PASSWORD)
    agent.server_here = server
    return agent


def doctor(agent, *arguments):
    agent.write()
    result = agent.cli("doctor", "-o", "json", *arguments)
    report = Report(result)
    for item in report.items:
        assert set(item) == {"check", "status", "detail", "remedy"}
        assert (item["remedy"] == "") == (item["status"] == "ok"), item
    if hasattr(agent, "server_here"):
        assert agent.server_here.password not in result.out + result.err
    assert PASSWORD not in result.out + result.err
    return report


def run_remedy(item):
    """A remedy that is a command is one that works."""
    subprocess.run(["bash", "-c", item["remedy"]], check=True)


# ---- all is well ------------------------------------------------------------------------------------------------------


def test_all_is_well_before_the_agent_has_run_and_nothing_is_made(team):
    before = sorted(team.folder.rglob("*"))
    report = doctor(team).good()
    assert sorted(set(team.folder.rglob("*")) - set(before)) == [team.file]
    assert "does not exist yet" in report.one("ok", "state folder")["detail"]
    assert report.one("ok", "repository", "/db", team.repository_here.head[:7])
    assert report.one("ok", "path", "postgres-users: 1 object in 1 file")
    assert report.one("ok", "database", "main: PostgreSQL 17", "superuser postgres")
    assert report.one("ok", "users", "main: 1 in postgres-users-config")
    assert report.one("ok", "listen", f"127.0.0.1:{team.port} is free")
    assert team.server_here.query("SELECT 1 FROM pg_roles WHERE rolname IN ('alice', 'read_only')") == []


def test_all_is_well_beside_the_running_agent(team):
    team.start()
    team.wait_app("postgres-users")
    report = doctor(team).good()
    assert report.one("ok", "agent", f"runs and answers (pid {team.process.pid})")
    assert report.one("ok", "store", "is sound")
    assert report.one("ok", "listen", "the running agent answers there")


def test_the_agents_table_is_looked_at(team):
    server = team.server_here
    team.start()
    team.wait_app("postgres-users")
    wait_for("the roles are there", lambda: server.value("SELECT count(*) FROM pg_class WHERE relname = 'managed_role'"))
    name = server.value("SELECT min(manager) FROM pgitops.managed_role")
    assert report_of(team, "ok", f'roles are this agent\'s, "{name}"')
    server.run("UPDATE pgitops.managed_role SET manager = 'east'")
    assert "pgitops user adopt --database main --from" in report_of(team, "failed", 'another agent, "east"')["remedy"]
    server.run("UPDATE pgitops.managed_role SET target = 'other'")
    assert not [item for item in doctor(team).items if "east" in item["detail"]], "another database of another agent's file"
    server.run("ALTER TABLE pgitops.managed_role DISABLE ROW LEVEL SECURITY")
    assert report_of(team, "failed", "row security was switched off")
    server.run("CREATE ROLE mallory", "ALTER SCHEMA pgitops OWNER TO mallory")
    assert report_of(team, "failed", 'schema pgitops belongs to role "mallory"')


def report_of(team, status, detail):
    return doctor(team).one(status, "database", detail)


def test_the_lines_for_people_say_the_same(team):
    team.config["webhook"] = {"secretFile": str(team.folder / "webhook")}
    team.write()
    result = team.cli("doctor").is_(1)
    lines = result.out.splitlines()
    assert lines[0] == f"ok       agent file   {team.file}"
    failed = next(number for number, line in enumerate(lines) if line.startswith("failed   webhook "))
    assert lines[failed + 1].startswith(" " * 22 + "-> ")
    assert lines[-1].endswith(" ok, 0 warnings, 1 failed") and result.err == ""


# ---- the agent file ---------------------------------------------------------------------------------------------------


def test_every_mistake_of_the_agent_file_is_said(agent, cli):
    agent.file.write_text("version: 1\npol: 30s\nstate: 7\ndatabases:\n  - name: main\n")
    result = cli("doctor", "--config", agent.file, "-o", "json").is_(1)
    details = [item["detail"] for item in result.items]
    assert all(item["check"] == "agent file" and item["remedy"] for item in result.items)
    for place in (f"{agent.file}:2:", f"{agent.file}:5:"):
        assert [detail for detail in details if detail.startswith(place)], details


def test_without_an_agent_file_there_is_no_answer(cli, tmp_path):
    assert "--config" in cli("doctor").is_(2).err
    assert "nowhere" in cli("doctor", "--config", tmp_path / "nowhere").is_(2).err
    assert "unknown option" in cli("doctor", "--quick").is_(2).err


# ---- this machine -----------------------------------------------------------------------------------------------------


def test_files_with_secrets_are_for_the_agent_alone(team):
    password = pathlib.Path(team.config["databases"][0]["passwordFrom"]["file"])
    password.chmod(0o644)
    report = doctor(team)
    assert [item["check"] for item in report.items if "everybody may read" in item["detail"]] == ["file"], "told once"
    run_remedy(report.one("failed", "file", str(password), "0644"))
    doctor(team).good()
    secret = next((team.folder / "secrets").iterdir())
    secret.chmod(0o640)
    report = doctor(team)
    run_remedy(report.one("failed", "folder", str(secret), "0640"))
    # The agent passes over a file that it refuses, so the user has no Secret either.
    assert report.one("failed", "users", "user-alice-secret")
    doctor(team).good()


def test_a_file_that_is_missing_or_empty(team):
    password = pathlib.Path(team.config["databases"][0]["passwordFrom"]["file"])
    password.write_text("")
    report = doctor(team)
    assert report.one("failed", "file", str(password), "empty")
    password.unlink()
    report = doctor(team)
    assert report.one("failed", "file", str(password), "No such file")
    assert report.one("failed", "database", str(password))


def test_a_state_folder_that_cannot_be_used(team):
    team.config["state"] = str(team.folder / "file")
    (team.folder / "file").write_text("")
    assert doctor(team).failed_only("state folder", "is no folder")
    team.config["state"] = str(team.folder / "file/below")
    assert doctor(team).failed_only("state folder", "file/below")


def test_a_state_folder_of_somebody_else_or_open_to_all(team):
    team.state.mkdir(0o700)
    team.state.chmod(0o777)
    run_remedy(doctor(team).one("failed", "state folder", "0777"))
    assert doctor(team).good().one("ok", "state folder", "is writable")
    if os.geteuid() == 0:  # nobody else can give it away, or look into it
        os.chown(team.state, 4711, 4711)
        item = doctor(team).one("warning", "state folder", "belongs to user 4711")
        assert item["remedy"].startswith("setpriv --reuid=4711 ")


def test_a_process_that_holds_the_lock_and_does_not_answer(team):
    team.state.mkdir(0o700)
    with open(team.state / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        assert doctor(team).failed_only("agent", f"pid {os.getpid()}", "does not answer")
    assert doctor(team).good().one("ok", "agent", "not running")


def test_a_store_that_is_damaged_or_newer(team):
    team.once().ok()
    path = team.state / "pgitops.db"
    sound = path.read_bytes()
    path.write_bytes(sound[:60] + (99).to_bytes(4, "big") + sound[64:])
    assert doctor(team).failed_only("store", "schema version 99")
    path.write_bytes(b"no database at all, and long enough to be read as one" * 100)
    assert doctor(team).failed_only("store", "pgitops.db")


def test_an_address_that_somebody_else_has(team):
    with socket.create_server(("127.0.0.1", 0)) as other:
        team.config["listen"] = "127.0.0.1:%d" % other.getsockname()[1]
        item = doctor(team).failed_only("listen", "in use by another program")
        assert "listen" in item["remedy"]
    team.config["listen"] = "example.org:80"
    assert doctor(team).failed_only("listen", "no numeric address")
    team.config["listen"] = ""
    assert doctor(team).good().one("ok", "listen", "none")


def test_the_webhooks_secret_and_the_token(team):
    secret = team.folder / "webhook"
    team.config["webhook"] = {"secretFile": str(secret)}
    item = doctor(team).failed_only("webhook", str(secret))
    run_remedy(item)
    assert doctor(team).good().one("ok", "webhook", "64 bytes")
    secret.write_text("short\n")
    assert doctor(team).failed_only("webhook", "5 bytes")
    del team.config["webhook"]
    team.config["poll"] = "0"
    assert doctor(team).failed_only("webhook", "poll: 0")
    team.config["poll"] = "1s"
    team.config["api"] = {"tokenFile": str(team.folder / "token")}
    report = doctor(team)
    assert report.result.code == 0
    run_remedy(report.one("warning", "api", "is not there"))
    doctor(team).good()


# ---- Applications and repositories ------------------------------------------------------------------------------------


def test_an_application_with_a_field_that_is_not_supported(team):
    team.application("other", team.repository_here.url, "postgres-users", "postgres",
                     source={"repoURL": team.repository_here.url, "path": "postgres-users", "plugin": {"name": "x"}})
    item = doctor(team).failed_only("application", "other", "spec.source.plugin")
    assert str(team.folder / "applications" / "other.yaml") in item["remedy"]


def test_a_program_for_rendering_that_is_not_there(team):
    team.config["tools"] = {"helm": "/nonexistent/helm"}
    item = doctor(team).failed_only("program", "/nonexistent/helm is no program")
    assert "tools.helm" in item["remedy"]


def test_a_project_with_a_field_that_is_not_supported(team):
    (team.folder / "applications" / "project.yaml").write_text(
        "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: strict}\nspec: {signatureKeys: [{keyID: A}]}\n")
    doctor(team).failed_only("applications", "project.yaml", "AppProject strict", "spec.signatureKeys is not supported")


def test_no_application_and_a_database_that_asks_for_one(team):
    (team.folder / "applications" / "postgres-users.yaml").unlink()
    report = doctor(team)
    assert report.one("warning", "applications", "none in")
    assert report.failed_only("application", "database main", "postgres-users")
    (team.folder / "applications" / "broken.yaml").write_text("kind: [\n")
    assert doctor(team).one("failed", "applications", "broken.yaml:")


@pytest.mark.parametrize("change, check, words", [
    ({"path": "no-such-folder"}, "path", ["no-such-folder"]),
    ({"targetRevision": "no-such-branch"}, "repository", ["no-such-branch"]),
    ({"repoURL": "file:///no/such/repository.git"}, "repository", ["/no/such/repository"]),
])
def test_a_source_that_is_not_there(team, change, check, words):
    source = {"repoURL": team.repository_here.url, "path": "postgres-users", "targetRevision": "main"} | change
    team.application("postgres-users", "", "", "postgres", source=source)
    item = doctor(team).failed_only(check, *words)
    assert "postgres-users" in item["remedy"]


def test_a_repository_is_asked_with_the_agents_credentials(team):
    with GitHttpServer(team.folder, user="ci", password="git-password-17") as server:
        team.application("postgres-users", server.url("db.git"), "postgres-users", "postgres")
        item = doctor(team).failed_only("repository", server.url("db"), "401")
        assert "repositories" in item["remedy"]
        password = team.folder / "git-password"
        password.write_text("wrong\n")
        password.chmod(0o600)
        team.repository(server.url(""), username="ci", passwordFile=str(password))
        assert doctor(team).failed_only("repository", server.url("db"))
        password.write_text("git-password-17\n")
        report = doctor(team).good()
        assert report.one("ok", "file", str(password)) and "git-password-17" not in report.result.out
        assert len([item for item in report.items if item["check"] == "repository"]) == 1


def test_both_applications_of_a_repository_are_one_question(team):
    head = team.repository_here.commit({"postgres-cluster/db.yaml": postgresql("db")})
    team.application("postgres-cluster", team.repository_here.url + "/", "postgres-cluster", "default")
    report = doctor(team).good()
    assert report.one("ok", "repository", head[:7])
    assert report.one("ok", "path", "postgres-cluster: 1 object in 1 file")


def test_a_mistake_in_a_manifest_has_its_place(team):
    team.repository_here.commit({"postgres-users/a.yaml": "kind: ConfigMap\nmetadata:\n\tname: x\n"})
    item = doctor(team).failed_only("path", "postgres-users/a.yaml:3")
    assert "pgitops check" in item["remedy"]


# ---- databases and users ----------------------------------------------------------------------------------------------


def test_users_without_a_secret_a_database_or_a_list(team):
    team.repository_here.commit({"postgres-users/users.yaml": users(
        "{username: bob, database: nowhere}", "{username: carol, ensure: absent}", alice=["read_only"])})
    report = doctor(team)
    assert report.result.code == 1 and len(report.all("failed")) == 2, report.result
    assert "bob" in report.one("failed", "users", "user-bob-secret")["remedy"]
    assert 'CREATE DATABASE "nowhere"' in report.one("failed", "users", "no database nowhere")["remedy"]
    symptom = doctor(team, "users-do-not-appear")
    assert "bob" in symptom.one("failed", "users", "user-bob-secret")["remedy"]
    assert symptom.one("failed", "users", "no database nowhere")["remedy"] and not symptom.all("ok")
    team.repository_here.commit({"postgres-users/users.yaml": users_map("users:\n  - username: pg_evil\n    database: app\n")})
    assert doctor(team).failed_only("users", "postgres-users/users.yaml:8", "pg_evil")
    team.repository_here.commit({"postgres-users/users.yaml": config_map("other")})
    assert doctor(team).failed_only("users", "postgres-users-config", "users.yaml")


def test_passwords_that_are_generated_need_a_place_and_not_a_secret(team):
    text = ("version: 2\nusers:\n  - {username: alice, database: app, password: {disabled: true}}\n"
            "  - {username: bob, database: app, password: {ignore: true}}\n"
            "  - {username: carol, database: app, password: {generate: true}}\n")
    team.repository_here.commit({"postgres-users/users.yaml": users_map(text)})
    assert doctor(team).good().one("ok", "users", "3 in postgres-users-config")
    folder = team.config.pop("secrets")
    assert "`secrets`" in doctor(team).failed_only("users", "1 password is to be generated", "no place for")["remedy"]
    team.config["secrets"] = folder


@pytest.mark.parametrize("server", [13, 18], indirect=True)
def test_the_oldest_and_the_newest_server(team, server):
    assert doctor(team).good().one("ok", "database", f"main: PostgreSQL {server.major}")


def test_a_server_that_does_not_let_us_in(team, server):
    password = pathlib.Path(team.config["databases"][0]["passwordFrom"]["file"])
    password.write_text("wrong")
    item = doctor(team).failed_only("database", "main", "password authentication failed")
    assert f"{team.file}:" in item["remedy"] and "passwordFrom" in item["remedy"]
    server.run("CREATE ROLE weak LOGIN CREATEROLE PASSWORD 'weak-password-1'")
    password.write_text("weak-password-1")
    team.config["databases"][0]["connection"] = server.conninfo(user="weak")
    assert doctor(team).one("failed", "database", "main", "may not make the schema")["remedy"] == 'GRANT CREATE ON DATABASE "postgres" TO "weak"'
    team.config["databases"][0]["connection"] = server.conninfo("no_such_database")
    password.write_text(server.password)
    assert doctor(team).failed_only("database", "main", "no_such_database")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    team.config["databases"][0]["connection"] = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
    assert "primary" in doctor(team).failed_only("database", "main", str(port))["remedy"]


@pytest.mark.parametrize("more, authentication, said, remedy", [
    ("sslmode=require", None, "any certificate is taken", "authentication: channel-binding"),
    ("", None, "any certificate is taken", "sslmode=verify-full"),
    ("sslmode=require", "any", "clear text", "take `authentication: any` away"),
    ("sslmode=verify-ca sslrootcert=/x", "scram", "any certificate is taken", "sslmode=verify-full"),
])
def test_a_server_elsewhere_that_need_not_prove_who_it_is(team, server, more, authentication, said, remedy):
    database = team.config["databases"][0]
    database["connection"] = f"host=0x7f000001 port={server.port} dbname=postgres user=postgres {more}"
    if authentication:
        database["authentication"] = authentication
    report = doctor(team)
    item = report.one("failed", "database", said)
    assert remedy in item["remedy"] and f"{team.file}:" in item["remedy"] and report.result.code == 1


def test_a_server_elsewhere_with_any_certificate_is_a_decision(team, server):
    database = team.config["databases"][0]
    database |= {"connection": f"host=0x7f000001 port={server.port} dbname=postgres user=postgres sslmode=require",
                 "authentication": "channel-binding"}
    report = doctor(team)
    assert report.one("ok", "database", "as the agent file says")
    assert report.failed_only("database", "SSL")  # this server has none, and is not told the password


def test_what_a_dba_should_know_of_the_server(team, server):
    server.run("ALTER ROLE postgres SET password_encryption = 'md5'", "ALTER ROLE postgres SET log_statement = 'ddl'")
    team.config["databases"][0]["users"]["database"] = "absent"
    report = doctor(team)
    assert report.failed_only("database", "no database absent")
    assert "scram-sha-256" in report.one("warning", "database", "password_encryption is md5")["remedy"]
    assert report.one("ok", "database", "log_statement = ddl")


def test_a_standby_is_not_enough(team, server):
    copy = server.standby()
    try:
        team.config["databases"][0]["connection"] = copy.conninfo()
        assert "primary" in doctor(team).failed_only("database", "main")["remedy"]
        # With both named, the primary is found.
        team.config["databases"][0]["connection"] = \
            f"host=127.0.0.1,127.0.0.1 port={copy.port},{server.port} dbname=postgres user=postgres"
        doctor(team).good()
    finally:
        copy.close()


def test_a_pass_that_holds_the_lock_is_not_waited_for(team, server):
    with server.connect() as session:
        session.execute("SELECT pg_advisory_lock(31639126545395827)")
        doctor(team).good()


# ---- the cluster ------------------------------------------------------------------------------------------------------


@pytest.fixture
def clustered(team, crds):
    """Applications and Secrets as objects of a real cluster, asked by an account of its own that may do nothing yet."""
    kube = crds.admin
    team.plane, team.namespace = crds, crds.namespace("argocd")
    team.users_namespace = crds.namespace("users")
    team.kubernetes(crds, user="admin", namespace=team.namespace, objects=True)
    (team.folder / "applications" / "postgres-users.yaml").unlink(missing_ok=True)
    team.config.pop("secrets")
    kube.create(team.application("postgres-users", team.repository_here.url, "postgres-users", team.users_namespace))
    kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "user-alice-secret", "namespace": team.users_namespace},
                 "stringData": {"password": PASSWORD}})
    return team


def account(agent, plane, namespace):
    """Makes the agent somebody whom no other test gives rights to; returns the name for RBAC."""
    plane.admin.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "doctor", "namespace": namespace}})
    answer = plane.admin.request(
        "POST", plane.admin.path("v1", "ServiceAccount", namespace, "doctor") + "/token",
        {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}})
    config = plane.kubeconfig("doctor", token=answer["status"]["token"], folder=agent.folder)
    agent.config["kubernetes"] = {"kubeconfig": str(config)}
    return f"system:serviceaccount:{namespace}:doctor"


def test_a_cluster_where_all_is_allowed(clustered):
    mark = clustered.plane.mark()
    report = doctor(clustered).good()
    assert report.one("ok", "kubernetes", clustered.plane.url, "v1.")
    assert report.one("ok", "discovery", "complete")
    assert report.one("ok", "rights", f"applications.argoproj.io in namespace {clustered.namespace}: get list watch patch")
    assert report.one("ok", "rights", f"configmaps in namespace {clustered.users_namespace}: get list watch create patch delete")
    # Questions only: reviews are posted, nothing is written.
    writes = [event for event in clustered.plane.requests(mark) if event["verb"] not in ("get", "list", "watch")
              and event["objectRef"]["resource"] != "selfsubjectaccessreviews" and "dryRun=All" not in event["requestURI"]]
    assert writes == []


def test_missing_rights_are_named_with_the_rule_that_gives_them(clustered):
    plane, namespace, users_namespace = clustered.plane, clustered.namespace, clustered.users_namespace
    user = account(clustered, plane, namespace)
    allow = lambda where, group, resource, *verbs: plane.allow(  # noqa: E731
        user, [{"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}], where)
    report = doctor(clustered)
    assert report.one("failed", "applications", "applications")
    assert report.one("warning", "rights", f"secrets in namespace {namespace}", "may not get, list, watch")

    allow(namespace, "argoproj.io", "applications", "get", "list", "watch")
    allow(namespace, "argoproj.io", "appprojects", "get", "list", "watch")
    allow(namespace, "", "secrets", "get", "list", "watch")
    allow(namespace, "", "configmaps", "get", "list", "watch")
    report = doctor(clustered)
    missing = report.one("failed", "rights", "applications.argoproj.io", "may not patch")
    assert missing["remedy"] == (f'add to a Role in namespace {namespace}: {{apiGroups: ["argoproj.io"], '
                                 f"resources: [applications], verbs: [patch]}}")
    assert report.one("failed", "rights", f"configmaps in namespace {users_namespace}", "may not get, list, watch, create")
    assert report.one("failed", "rights", f"secrets in namespace {users_namespace}", "passwords of the users")
    assert "ClusterRole" in report.one("failed", "rights", "namespaces", "CreateNamespace=true")["remedy"]

    assert report.one("warning", "rights", f"events in namespace {namespace}", "may not create, patch")
    allow(namespace, "", "events", "create", "patch")
    allow(namespace, "argoproj.io", "applications", "patch")
    allow(users_namespace, "", "configmaps", "get", "list", "watch", "create", "patch", "delete")
    allow(users_namespace, "", "secrets", "get", "list", "watch")
    allow(users_namespace, "", "events", "create", "patch")
    allow(None, "", "namespaces", "get", "list", "watch", "create")
    doctor(clustered).good()


def test_a_kind_that_the_cluster_does_not_have_and_a_namespace_that_nobody_makes(clustered):
    clustered.repository_here.commit({"other/x.yaml": "apiVersion: nowhere.example.org/v1\nkind: Nothing\nmetadata: {name: x}\n"})
    other = clustered.application("other", clustered.repository_here.url, "other", "no-such-namespace", options=())
    other["metadata"]["namespace"] = clustered.namespace
    clustered.plane.admin.create(other)
    report = doctor(clustered)
    assert report.one("failed", "rights", "Nothing.nowhere.example.org")
    assert "CreateNamespace=true" in report.one("failed", "namespace", "no-such-namespace")["remedy"]


def test_projects_of_the_cluster_are_read(clustered):
    plane, namespace = clustered.plane, clustered.namespace
    plane.admin.create({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "strict", "namespace": namespace},
                        "spec": {"signatureKeys": [{"keyID": "A"}]}})
    other = clustered.application("other", clustered.repository_here.url, "postgres-users", clustered.users_namespace, project="nobody")
    other["metadata"]["namespace"] = namespace
    plane.admin.create(other)
    report = doctor(clustered)
    assert report.one("failed", "applications", "AppProject strict", "spec.signatureKeys is not supported")
    assert report.one("failed", "application", 'other: spec.project: there is no AppProject "nobody"')


@pytest.mark.parametrize("defines, known", [("Nothing", True), ("Something", False)])
def test_a_kind_comes_with_its_own_definition_only(clustered, defines, known):
    definition = json.dumps({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "all.nowhere.example.org"},
        "spec": {"group": "nowhere.example.org", "scope": "Namespaced", "names": {"kind": defines, "plural": "all"}, "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}]}})
    clustered.repository_here.commit({
        "other/x.yaml": "apiVersion: nowhere.example.org/v1\nkind: Nothing\nmetadata: {name: x}\n", "other/crd.yaml": definition})
    other = clustered.application("other", clustered.repository_here.url, "other", clustered.users_namespace)
    other["metadata"]["namespace"] = clustered.namespace
    clustered.plane.admin.create(other)
    report = doctor(clustered)
    assert report.one("ok" if known else "failed", "rights", "Nothing", "nowhere.example.org")


def test_credentials_and_the_superusers_password_come_from_the_cluster(clustered):
    kube, namespace = clustered.plane.admin, clustered.namespace
    with GitHttpServer(clustered.folder, user="ci", password="git-password-18") as server:
        kube.patch("argoproj.io/v1alpha1", "Application", namespace, "postgres-users",
                   {"spec": {"source": {"repoURL": server.url("db.git")}}})
        assert namespace in doctor(clustered).failed_only("repository", "401")["remedy"]
        kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {
            "name": "repo", "namespace": namespace, "labels": {"argocd.argoproj.io/secret-type": "repository"}},
            "stringData": {"url": server.url("db.git"), "username": "ci", "password": "git-password-18"}})
        doctor(clustered).good()
    kube.patch("argoproj.io/v1alpha1", "Application", namespace, "postgres-users",
               {"spec": {"source": {"repoURL": clustered.repository_here.url}}})
    clustered.config["databases"][0]["passwordFrom"] = {"secret": {"namespace": namespace, "name": "pg", "key": "password"}}
    assert doctor(clustered).failed_only("database", f"Secret {namespace}/pg")
    kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pg", "namespace": namespace},
                 "stringData": {"password": clustered.server_here.password}})
    assert doctor(clustered).good().one("ok", "rights", "secrets pg in namespace", "password of database main")


def test_a_cluster_without_the_crd_and_then_without_an_answer(team):
    plane = ControlPlane(controllers=False)
    plane.start()
    try:
        team.kubernetes(plane, objects=True)
        item = doctor(team).failed_only("applications", "Application")
        assert "manifests/crds/application.yaml" in item["remedy"]
        team.config["kubernetes"] = {"kubeconfig": str(plane.kubeconfig(folder=team.folder, token="no-token-of-ours"))}
        assert "token" in doctor(team).failed_only("kubernetes")["remedy"]
        team.kubernetes(plane, objects=True)
        plane.stop_apiserver()
        assert doctor(team).failed_only("kubernetes", plane.url)
    finally:
        plane.stop()
    team.config["kubernetes"] = {"kubeconfig": str(team.folder / "no.kubeconfig")}
    assert doctor(team).failed_only("kubernetes", "no.kubeconfig")


def test_a_remedy_is_safe_to_paste(team, tmp_path):
    """A path with a blank is still one word in a remedy that is a command."""
    folder = tmp_path / "a b"
    folder.mkdir()
    password = folder / "password"
    password.write_text(team.server_here.password)
    password.chmod(0o644)
    team.config["databases"][0]["passwordFrom"] = {"file": str(password)}
    item = doctor(team).one("failed", "file", str(password))
    assert shlex.split(item["remedy"])[-1] == str(password)
    run_remedy(item)
    doctor(team).good()


# ---- sealed passwords -------------------------------------------------------------------------------------------------


@pytest.fixture
def sealed(team, program):
    """bob's password is in the path as a SealedSecret, and so is the folder with the key that opens it."""
    keys = team.folder / "keys"
    keys.mkdir(mode=0o700)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=sealing",
                    "-keyout", keys / "sealing.key", "-out", team.folder / "pub-cert.pem"], check=True, capture_output=True)
    (keys / "sealing.key").chmod(0o600)

    def push(namespace):
        text = team.cli("seal", "--cert", team.folder / "pub-cert.pem", "-o", "yaml", stdin=(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: user-bob-secret\n"
            f"  namespace: {namespace}\nstringData:\n  password: {PASSWORD}\n")).ok().out
        team.repository_here.commit({"postgres-users/users.yaml": users(alice=["read_only"], bob=["read_only"]),
                                     "postgres-users/sealed.yaml": text})

    team.push_sealed = push
    team.keys_here = keys
    return team


def test_a_sealed_password_counts_where_the_agent_has_the_key(sealed):
    sealed.push_sealed("postgres")
    report = doctor(sealed)
    assert report.result.code == 0
    assert "sealing.keys" in report.one("warning", "users", "user-bob-secret", "postgres-users/sealed.yaml:")["remedy"]
    sealed.config["sealing"] = {"keys": [str(sealed.keys_here)]}
    assert doctor(sealed).good().one("ok", "sealing", "1 key")
    (sealed.keys_here / "cert.pem").write_text((sealed.folder / "pub-cert.pem").read_text())
    (sealed.keys_here / "cert.pem").chmod(0o644)  # a certificate is everybody's
    (sealed.keys_here / "sealing.key").chmod(0o440)  # as in a Secret's volume
    doctor(sealed).good().one("ok", "sealing", "1 key")
    (sealed.keys_here / "sealing.key").chmod(0o444)
    assert "chmod 0600" in doctor(sealed).one("failed", "folder", "sealing keys")["remedy"]
    (sealed.keys_here / "sealing.key").unlink()
    report = doctor(sealed)
    assert report.one("failed", "sealing") and report.one("failed", "users", "main")
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", sealed.keys_here / "other.key"], check=True,
                   capture_output=True)
    (sealed.keys_here / "other.key").chmod(0o600)
    assert "pgitops seal users --all" in doctor(sealed).one("failed", "users", "user-bob-secret")["remedy"]


def test_the_rights_to_unseal_are_asked_for(sealed, crds):
    namespace = crds.namespace("users")
    sealed.application("postgres-users", sealed.repository_here.url, "postgres-users", namespace)
    sealed.push_sealed(namespace)
    sealed.secret(namespace, "user-alice-secret", PASSWORD)
    sealed.config["sealing"] = {"keys": [str(sealed.keys_here)], "controller": True}
    sealed.kubernetes(crds)
    report = doctor(sealed).good()
    assert report.one("ok", "rights", f"secrets in namespace {namespace}: get list watch create update")
    assert report.one("ok", "rights", f"sealedsecrets/status.bitnami.com in namespace {namespace}: update")
    account(sealed, crds, namespace)
    report = doctor(sealed)
    assert "sealedsecrets/status" in report.one("failed", "rights", "sealedsecrets/status", "may not update")["remedy"]
