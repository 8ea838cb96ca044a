"""Locked, limited and renamed users: from a push to PostgreSQL, and what the agent says of them."""

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.users import version_2


def commit(repository, *users):
    return repository.commit({"postgres-users/users.yaml": version_2(*users)})


@pytest.fixture
def setting(agent, server, tmp_path):
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    agent.database(server, policy={"allowAttributes": ["createdb", "replication"]})
    agent.application("postgres-users", repository.url, "postgres-users", "postgres")
    agent.secret("postgres", "user-alice-secret", "wonderland")
    return agent, server, repository


def wait_user(agent, name, what):
    return wait_for(f"user {name}", lambda: agent.alive() and (lambda found: found if what(found) else None)(agent.user(name)), pause=0.05)


def test_a_user_is_locked_and_comes_back_and_everybody_is_told(setting):
    agent, server, repository = setting
    commit(repository, "{username: alice, attributes: {replication: true}, connectionLimit: 4, comment: hers}")
    agent.start()
    assert not wait_user(agent, "alice", lambda found: found.get("status") == "Synced")["locked"]
    assert server.query("SELECT rolreplication, rolconnlimit FROM pg_roles WHERE rolname = 'alice'") == [(True, 4)]
    session = server.connect("app", "alice", "wonderland")
    commit(repository, "{username: alice, ensure: locked}")
    found = wait_user(agent, "alice", lambda found: found.get("locked") and found["status"] == "Synced")
    assert "locked by Git" in found["reason"] and "locked by Git" in agent.cli("user", "list").ok().out
    assert not server.can_login("alice", "wonderland", "app")
    with pytest.raises(Exception, match="terminat|closed|EOF"):
        session.execute("SELECT 1")
    commit(repository, "{username: alice}")
    found = wait_user(agent, "alice", lambda found: found.get("status") == "Synced" and not found["locked"])
    assert found["reason"] == "" and server.can_login("alice", "wonderland", "app")


def test_a_user_is_renamed_with_the_secret_of_before(setting):
    agent, server, repository = setting
    commit(repository, "{username: alice}")
    agent.start()
    wait_user(agent, "alice", lambda found: found.get("status") == "Synced")
    oid = server.value("SELECT oid FROM pg_roles WHERE rolname = 'alice'")
    commit(repository, "{username: alicia, renamedFrom: alice}")
    wait_user(agent, "alicia", lambda found: found.get("status") == "Synced")
    assert server.value("SELECT oid FROM pg_roles WHERE rolname = 'alicia'") == oid and agent.user("alice") == {}
    assert server.can_login("alicia", "wonderland", "app")
    assert "user-alicia-secret" in agent.cli("user", "get", "alicia").ok().out
    assert [change["action"] for change in agent.items("user", "history", "alicia")] == ["rename"]
    agent.secret("postgres", "user-alicia-secret", "looking-glass")
    wait_for("her own Secret", lambda: server.can_login("alicia", "looking-glass", "app"))


def test_what_the_agent_file_does_not_allow_is_a_mistake_of_its_line(setting):
    agent, server, repository = setting
    commit(repository, "{username: alice}")
    agent.start()
    wait_user(agent, "alice", lambda found: found.get("status") == "Synced")
    commit(repository, "{username: alice, attributes: {superuser: true}}")
    said = "attribute superuser cannot be given by users.yaml"
    wait_for("told", lambda: said in agent.cli("status").out)
    assert "users.yaml:9" in agent.cli("app", "get", "postgres-users").out
    assert not server.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'alice'")


def test_a_user_is_shown_with_all_that_is_wanted_of_it(setting):
    """What a person asks next: where the line is, what is wanted, what a hand has changed, what was done; and no password."""
    agent, server, repository = setting
    head = commit(repository, "{username: alice, roles: [{name: readers, admin: true, inherit: true, set: true}], databases: [app], connectionLimit: 4, "
                  "validUntil: 2099-01-01T00:00:00Z, attributes: {createdb: true}, grants: [{database: app, on: schema, schema: public, "
                  "privileges: [USAGE, CREATE]}]}", "{username: bob, password: {disabled: true}}")
    agent.start()
    wait_user(agent, "alice", lambda found: found.get("status") == "Synced")
    server.run("ALTER ROLE alice CONNECTION LIMIT 9")
    wait_for("healed", lambda: server.value("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'alice'") == 4)
    wait_for("it is recorded", lambda: [drift for drift in agent.items("drift", "list", "--user", "alice") if drift["healed"]])
    alice = agent.items("user", "get", "alice")[0]
    entry = alice["entry"]
    assert entry["file"] == "postgres-users/users.yaml" and entry["commit"] == head and entry["line"] > 1
    assert entry["memberships"] == [{"role": "readers", "admin": True, "inherit": True, "set": True}]
    assert (entry["connectionLimit"], entry["validUntil"], entry["databases"]) == (4, "2099-01-01T00:00:00Z", ["app"])
    assert entry["attributes"] == [{"name": "createdb", "wanted": True}]
    assert entry["password"] == {"kind": "secret", "namespace": "postgres", "secret": "user-alice-secret", "key": "password"}
    assert [(grant["object"], grant["privileges"], grant["line"]) for grant in entry["grants"]] == [("app: schema public", ["CREATE", "USAGE"], entry["line"])]
    assert [(drift["field"], drift["wanted"], drift["found"], drift["healed"] is not None) for drift in alice["drift"]] == [("connectionLimit", "4", "9", True)]
    assert alice["lastAction"]["action"] == "alter" and alice["lastAction"]["outcome"] == "done"
    out = agent.cli("user", "get", "alice").ok().out
    for words in (f"postgres-users/users.yaml:{entry['line']} (commit {head[:7]})", "2099-01-01T00:00:00Z", "at most 4", "readers WITH ADMIN TRUE",
                  "Secret postgres/user-alice-secret, key password", "app: schema public", "CREATE, USAGE", "CHANGED BY HAND"):
        assert words in out, out
    assert "none (disabled)" in agent.cli("user", "get", "bob").ok().out
    assert "(which is not there)" not in out and "wonderland" not in out + str(alice)
    moved = commit(repository, "{username: bob, password: {disabled: true}}", "{username: alice}")
    found = wait_user(agent, "alice", lambda found: found["entry"]["line"] > entry["line"] and found["status"] == "Synced")
    assert "connectionLimit" not in found["entry"] and agent.items("user", "get", "alice")[0]["entry"]["commit"] == moved
