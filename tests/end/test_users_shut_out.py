"""A database that shuts the agent out keeps it from nothing elsewhere, and never goes unsaid."""

import json

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.users import config_map

SOME = pytest.mark.parametrize("server", [13, 18], indirect=True)


def users_yaml(*users):
    grants = [{"database": "app", "on": "tables", "schema": "shop", "names": ["*"], "privileges": ["SELECT"]}]
    return config_map(json.dumps({"version": 2, "groups": [{"name": "readers", "grants": grants}],
                                  "users": [{"username": name, "roles": ["readers"], "database": "app"} for name in users]}))


@pytest.fixture
def setting(agent, server, tmp_path):
    server.run("CREATE DATABASE app")
    server.run("CREATE SCHEMA shop", "CREATE TABLE shop.orders (id int)", database="app")
    repository = Repository(tmp_path / "db.git")
    repository.commit({"postgres-users/users.yaml": users_yaml("alice", "bob")})
    agent.database(server)
    agent.application("postgres-users", repository.url, "postgres-users", "postgres")
    for name in ("alice", "bob"):
        agent.secret("postgres", f"user-{name}-secret", f"geheim-{name}")
    agent.start()
    agent.wait_user("alice", "Synced")
    hba = server.data / "pg_hba.conf"
    before = hba.read_text()
    yield agent, server, repository
    hba.write_text(before)
    server.run("SELECT pg_reload_conf()")


@SOME
def test_a_leaver_is_locked_out_and_a_hand_undone_while_one_database_is_shut(setting):
    agent, server, repository = setting
    hba = server.data / "pg_hba.conf"
    before = hba.read_text()
    hba.write_text("host app postgres 127.0.0.1/32 reject\n" + before)
    server.run("SELECT pg_reload_conf()", "ALTER ROLE bob SUPERUSER")
    repository.commit({"postgres-users/users.yaml": users_yaml("bob")})
    agent.cli("user", "sync").is_(1)
    assert server.query("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'alice'") in ([(False,)], [])
    assert not server.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'bob'")
    status = json.loads(agent.cli("status", "-o", "json").out)
    assert [one for one in status["databases"][0]["warnings"] if 'database "app" was not compared' in one and "pg_hba.conf rejects" in one]
    readers = agent.user("readers")
    assert readers["status"] == "Degraded" and "was not compared" in readers["reason"]
    assert "not compared" in agent.cli("status").out
    assert "not compared" in agent.cli("user", "plan").out

    hba.write_text(before)
    server.run("SELECT pg_reload_conf()")
    agent.cli("user", "sync").is_(0)
    assert agent.user("readers")["status"] == "Synced"
    assert not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'alice'")


def test_a_setting_of_the_databases_owner_changes_nothing(setting):
    """Names shown in quotes were taken for a pooler that drops settings."""
    agent, server, repository = setting
    server.run(*(f"ALTER DATABASE {name} SET quote_all_identifiers = on" for name in ("app", "postgres")))
    repository.commit({"postgres-users/users.yaml": users_yaml("bob")})
    agent.cli("user", "sync").is_(0)
    assert not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'alice'")


def test_a_pass_that_ends_before_it_did_anything_is_told(setting):
    """The record of the last good one would say Connected, as if nothing were."""
    agent, server, _ = setting
    # Each pair in one transaction: a pass that finds no table makes one.
    server.run("ALTER TABLE pgitops.managed_role RENAME TO elsewhere; CREATE TABLE pgitops.managed_role (oid int)")
    agent.cli("user", "sync").is_(1)
    database = wait_for("the reason", lambda: next((one for one in json.loads(agent.cli("status", "-o", "json").out)["databases"]
                                                     if one["status"] != "Connected"), None))
    assert database["status"] == "Failed" and database["reason"]
    server.run("DROP TABLE pgitops.managed_role; ALTER TABLE pgitops.elsewhere RENAME TO managed_role")
    agent.cli("user", "sync").is_(0)
