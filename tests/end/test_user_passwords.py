"""Passwords of version 2 from a push to PostgreSQL: what Git may say, and what only the agent file may."""

import base64
import json
import pathlib

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.users import version_2


@pytest.fixture
def setting(agent, server, tmp_path):
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    return agent, server, repository


def push(repository, *users, more=""):
    return repository.commit({"users/users.yaml": version_2(*users, more=more)})


def seen(agent, *secrets):
    """None of these texts is in what the agent wrote: log, store, answers."""
    text = agent.log() + "".join(p.read_bytes().decode("latin-1") for p in pathlib.Path(agent.state).glob("pgitops.db*"))
    text += str(agent.items("user", "list")) + str(agent.items("user", "history")) + agent.cli("user", "plan").out
    return [secret for secret in secrets if secret in text]


def test_another_namespace_needs_the_agent_files_word(setting):
    agent, server, repository = setting
    agent.secret("vault", "billing-db", "wonderland", key="pw")
    agent.secret("postgres", "user-bob-secret", "builder")
    push(repository, "{username: alice, database: app, password: {secretRef: {name: billing-db, key: pw, namespace: vault}}}",
         "{username: bob, database: app, password: {secretRef: {name: user-bob-secret, namespace: postgres}}}")
    agent.once()
    assert "policy.secretNamespaces" in agent.user("alice")["reason"] and server.can_login("bob", "builder", "app")
    agent.config["databases"][0]["policy"] = {"secretNamespaces": ["vault"]}
    agent.once().ok()
    assert server.can_login("alice", "wonderland", "app")
    assert not seen(agent, "wonderland", "builder")


def test_a_secret_of_another_name_that_changes_is_followed(setting):
    agent, server, repository = setting
    agent.secret("postgres", "billing-db", "wonderland")
    push(repository, "{username: alice, database: app, password: {secretRef: {name: billing-db}}}")
    agent.start()
    wait_for("alice", lambda: server.can_login("alice", "wonderland", "app"))
    agent.secret("postgres", "billing-db", "looking-glass")
    wait_for("the new password", lambda: server.can_login("alice", "looking-glass", "app"))
    assert not server.can_login("alice", "wonderland", "app") and not seen(agent, "wonderland", "looking-glass")


def test_a_secret_that_is_gone_leaves_the_password_and_is_told(setting):
    agent, server, repository = setting
    agent.secret("postgres", "billing-db", "wonderland")
    push(repository, "{username: alice, database: app, password: {secretRef: {name: billing-db}}}")
    agent.start()
    wait_for("alice", lambda: server.can_login("alice", "wonderland", "app"))
    agent.secret("postgres", "billing-db", None)
    wait_for("alice is Degraded", lambda: agent.user("alice").get("status") == "Degraded")
    assert "no Secret billing-db" in agent.user("alice")["reason"] and server.can_login("alice", "wonderland", "app")


def test_a_password_by_hand_goes_where_none_is_wanted_and_is_drift(setting):
    agent, server, repository = setting
    push(repository, "{username: alice, database: app, password: {disabled: true}}", "{username: bob, database: app, password: {ignore: true}}")
    agent.start()
    wait_for("both", lambda: all(agent.user(name).get("status") == "Synced" for name in ("alice", "bob")))
    server.run("ALTER ROLE alice PASSWORD 'by hand'; ALTER ROLE bob PASSWORD 'by hand'")
    drift = wait_for("healed drift of alice", lambda: [item for item in agent.items("drift", "list", "--user", "alice") if item["healed"]])
    assert drift[0]["field"] == "password"
    assert server.value("SELECT rolpassword FROM pg_authid WHERE rolname = 'alice'") is None
    assert server.can_login("bob", "by hand", "app") and not agent.items("drift", "list", "--user", "bob")


def test_a_password_in_git_is_a_mistake_of_its_line_that_does_not_show_it(setting, cli):
    agent, _, repository = setting
    push(repository, "{username: alice, password: {value: hunter22}}", "{username: bob, password: hunter22}")
    agent.once()
    conditions = str(agent.app("postgres-users")["status"]["conditions"])
    assert "users/users.yaml:8" in conditions and "users/users.yaml:9" in conditions and "hunter22" not in conditions + agent.log()


# ---- generate ----

ALL = ["get", "list", "watch", "create", "patch", "update", "delete"]
READER = [{"apiGroups": [""], "resources": ["configmaps", "namespaces"], "verbs": ALL}, {"apiGroups": ["argoproj.io"], "resources": ["*"], "verbs": ALL},
          {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}]

GENERATED = "{username: alice, database: app, password: {generate: true}}"


def made(agent, name="user-alice-secret"):
    path = agent.folder / "secrets" / f"postgres-{name}.json"
    return path if path.exists() else None


def password_in(path):
    return base64.b64decode(json.loads(path.read_text())["data"]["password"]).decode()


def test_a_password_is_generated_into_the_folder_and_shown_nowhere(setting):
    agent, server, repository = setting
    (agent.folder / "secrets").mkdir(exist_ok=True)
    push(repository, GENERATED)
    agent.once().ok()
    path = made(agent)
    password = password_in(path)
    assert len(password) == 32 and password.isalnum() and path.stat().st_mode & 0o777 == 0o600
    assert server.can_login("alice", password, "app")
    agent.start()
    wait_for("alice", lambda: agent.user("alice").get("status") == "Synced")
    assert password_in(path) == password and not seen(agent, password)
    path.unlink()
    wait_for("a new one", lambda: made(agent))
    wait_for("it is used", lambda: server.can_login("alice", password_in(path), "app"))
    assert not server.can_login("alice", password, "app")


def test_a_plan_and_a_report_say_that_one_will_be_generated_and_make_none(setting):
    agent, server, repository = setting
    (agent.folder / "secrets").mkdir(exist_ok=True)
    agent.config["databases"][0]["policy"] = {"mode": "report"}
    push(repository, GENERATED)
    agent.start()
    wait_for("alice is told", lambda: "will be generated" in agent.user("alice").get("reason", ""))
    assert "a password will be generated into Secret user-alice-secret" in agent.cli("user", "plan").out
    assert not made(agent) and not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'alice'")


def test_a_secret_that_is_there_is_never_written_to(setting):
    agent, server, repository = setting
    agent.secret("postgres", "user-alice-secret", "something else", key="other")
    agent.secret("postgres", "user-bob-secret", "builder")
    push(repository, GENERATED, "{username: bob, database: app, password: {generate: true}}")
    before = {path: path.read_bytes() for path in (agent.folder / "secrets").iterdir()}
    agent.once()
    assert "under key password" in agent.user("alice")["reason"] and server.can_login("bob", "builder", "app")
    assert {path: path.read_bytes() for path in (agent.folder / "secrets").iterdir()} == before


def test_in_a_cluster_the_secret_is_an_object(agent, crds, server, tmp_path):
    namespace = crds.namespace()
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    repository.commit({"users/users.yaml": version_2(GENERATED).replace("namespace: postgres", f"namespace: {namespace}")})
    agent.kubernetes(crds).database(server)
    agent.application("postgres-users", repository.url, "users", namespace)
    agent.start()
    secret = wait_for("the Secret", lambda: crds.admin.get("v1", "Secret", namespace, "user-alice-secret"))
    assert secret["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "pgitops"
    password = base64.b64decode(secret["data"]["password"]).decode()
    wait_for("alice", lambda: server.can_login("alice", password, "app"))
    assert len(password) == 32 and not seen(agent, password, secret["data"]["password"])
    crds.admin.patch("v1", "Secret", namespace, "user-alice-secret", {"stringData": {"password": "looking-glass"}})
    wait_for("rotation", lambda: server.can_login("alice", "looking-glass", "app"))
    assert crds.admin.get("v1", "Secret", namespace, "user-alice-secret")["metadata"]["uid"] == secret["metadata"]["uid"]


def test_who_may_not_make_secrets_says_so_and_stops_nobody(agent, crds, server, tmp_path):
    namespace = crds.namespace()
    server.run("CREATE DATABASE app")
    crds.allow(f"reader-{namespace}", READER)
    certificate = crds.client_certificate(f"reader-{namespace}")
    repository = Repository(tmp_path / "db.git")
    repository.commit({"users/users.yaml": version_2(GENERATED, "{username: bob, database: app, password: {disabled: true}}")
                       .replace("namespace: postgres", f"namespace: {namespace}")})
    agent.kubernetes(crds).database(server)
    agent.config["kubernetes"]["kubeconfig"] = str(crds.kubeconfig(f"reader-{namespace}", client_certificate=certificate))
    agent.application("postgres-users", repository.url, "users", namespace)
    agent.start()
    alice = wait_for("alice is Degraded", lambda: next((one for one in agent.items("user", "list")
                                                         if one["name"] == "alice" and one["status"] == "Degraded"), None))
    assert "no password is generated" in alice["reason"] and "forbidden" in alice["reason"].lower(), alice
    assert agent.user("bob")["status"] == "Synced" and not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'alice'")
