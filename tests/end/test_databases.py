"""Databases of users.yaml from a push to PostgreSQL: in the plan, among the users, in drift and history, as a user is."""

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.users import config_map


def users_yaml(comment):
    return {"users/users.yaml": config_map(
        "version: 2\ngroups: [{name: app_owner}]\nusers: [{username: alice, database: app}]\ndatabases:\n"
        f"- {{name: app, owner: app_owner, comment: {comment}, revokePublicConnect: true, extensions: [pgcrypto]}}\n")}


@pytest.fixture
def setting(agent, server, tmp_path):
    repository = Repository(tmp_path / "db.git")
    repository.commit(users_yaml("shop"))
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    agent.secret("postgres", "user-alice-secret", "wonderland")
    return agent, server, repository


def test_a_database_is_made_and_shown_like_a_user(setting):
    agent, server, repository = setting
    agent.once().ok()
    assert server.can_login("alice", "wonderland", "app")
    assert {name: agent.user(name)["kind"] for name in ("alice", "app_owner", "database app")} == \
        {"alice": "user", "app_owner": "group", "database app": "database"}
    table = agent.cli("user", "list").ok().out
    assert "(a database)" in table and "warning" not in agent.cli("status").out.lower()
    changes = agent.items("user", "history", "database app")
    assert {change["action"] for change in changes} == {"create database", "alter", "revoke", "create extension"}
    assert all(change["outcome"] == "done" for change in changes)
    repository.commit(users_yaml("wares"))
    agent.start()
    wait_for("the comment", lambda: server.value("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'app'") == "wares")


def test_what_a_hand_changes_is_drift_of_the_database(setting):
    agent, server, _ = setting
    agent.start()
    wait_for("it is there", lambda: agent.user("database app").get("status") == "Synced")
    server.run("ALTER DATABASE app OWNER TO postgres; GRANT CONNECT ON DATABASE app TO PUBLIC")  # one transaction: no pass sees the half of it
    drift = wait_for("healed drift", lambda: {(one["field"], one["wanted"], one["found"]) for one in
                                              agent.items("drift", "list", "--user", "database app") if one["healed"]})
    assert drift == {("owner", "app_owner", "postgres"), ("connect:PUBLIC", "", "granted")}
    assert server.value("SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = 'app'") == "app_owner"


def test_the_agent_file_says_which_extensions_git_may_have(setting):
    agent, server, repository = setting
    text = users_yaml("shop")["users/users.yaml"].replace("[pgcrypto]", "[dblink]")
    repository.commit({"users/users.yaml": text})
    agent.once()
    assert agent.user("database app")["status"] == "Refused" and "policy.allowExtensions" in agent.user("database app")["reason"]
    agent.config["databases"][0]["policy"] = {"allowExtensions": ["dblink"]}
    agent.once().ok()
    assert server.value("SELECT count(*) FROM pg_extension WHERE extname = 'dblink'", database="app") == 1
