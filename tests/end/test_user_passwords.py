"""Passwords of version 2 from a push to PostgreSQL: what Git may say, and what only the agent file may."""

import pathlib

import pytest

from parts.agent import wait_for
from parts.git import Repository


def config_map(*users, more=""):
    lines = ["version: 2", *([more] if more else []), "users:", *(f"- {user}" for user in users)]
    return ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: postgres-users-config, namespace: postgres}\ndata:\n  users.yaml: |\n"
            + "".join(f"    {line}\n" for line in lines))


@pytest.fixture
def setting(agent, server, tmp_path):
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    return agent, server, repository


def push(repository, *users, more=""):
    return repository.commit({"users/users.yaml": config_map(*users, more=more)})


def user(agent, name):
    return next((item for item in agent.items("user", "list") if item["name"] == name), None)


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
    assert "policy.secretNamespaces" in user(agent, "alice")["reason"] and server.can_login("bob", "builder", "app")
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
    wait_for("alice is Degraded", lambda: user(agent, "alice")["status"] == "Degraded")
    assert "no Secret billing-db" in user(agent, "alice")["reason"] and server.can_login("alice", "wonderland", "app")


def test_a_password_by_hand_goes_where_none_is_wanted_and_is_drift(setting):
    agent, server, repository = setting
    push(repository, "{username: alice, database: app, password: {disabled: true}}", "{username: bob, database: app, password: {ignore: true}}")
    agent.start()
    wait_for("both", lambda: all((user(agent, name) or {}).get("status") == "Synced" for name in ("alice", "bob")))
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
