"""`user export` writes the users.yaml of a server that was made by hand; committed and adopted it changes nothing."""

import json
import pathlib

import jsonschema
import pytest
import yaml

from parts.agent import wait_for
from parts.git import Repository
from parts.manifests import users_map

SCHEMA = json.loads((pathlib.Path(__file__).resolve().parents[2] / "manifests/users.schema.json").read_text())


@pytest.fixture
def made_by_hand(server):
    server.run("CREATE DATABASE app", "CREATE ROLE readers", "CREATE ROLE ann LOGIN PASSWORD 'hers' IN ROLE readers",
               "CREATE ROLE bob LOGIN PASSWORD 'his'", "GRANT CONNECT ON DATABASE app TO bob", "CREATE ROLE chief SUPERUSER LOGIN")
    server.run("CREATE TABLE t (a int)", "GRANT SELECT ON t TO readers", "GRANT INSERT ON t TO bob", database="app")
    return server


def roles(server):
    return server.query("SELECT rolname::text, rolcanlogin, rolpassword FROM pg_authid WHERE oid >= 16384 ORDER BY 1"), \
        server.query("SELECT roleid::regrole::text, member::regrole::text FROM pg_auth_members WHERE roleid >= 16384"), \
        server.query("SELECT relacl::text FROM pg_class WHERE relname = 't'", database="app")


def test_export_commit_adopt_and_nothing_changes(agent, made_by_hand, tmp_path):
    server = made_by_hand
    repository = Repository(tmp_path / "db.git")
    agent.database(server, policy={"adopt": "listed"})
    agent.begin()
    done = agent.cli("user", "export").ok()
    before = roles(server)
    document = yaml.safe_load(done.out)
    jsonschema.validate(document, SCHEMA)
    assert [group["name"] for group in document["groups"]] == ["readers"]
    assert [user["username"] for user in document["users"]] == ["ann", "bob"]
    assert "# not listed, chief: it is a superuser" in done.out and "2 users and 1 groups" in done.err
    item = agent.cli("user", "export", "--database", "main", "-o", "json").ok().json["items"][0]
    assert item["text"] == done.out and item["users"] == 2 and [one["name"] for one in item["leftOut"]] == ["chief"]
    assert "no database" in agent.cli("user", "export", "--database", "other").is_(2).err
    assert "hers" not in done.out and "SCRAM" not in done.out and not server.query("SELECT 1 FROM pg_namespace WHERE nspname = 'pgitops'")

    repository.commit({"users/users.yaml": users_map(done.out)})
    agent.application("postgres-users", repository.url, "users", "postgres")
    wait_for("all are known", lambda: {one["name"]: one["status"] for one in agent.items("user", "list")} == {
        "ann": "Synced", "bob": "Synced", "readers": "Synced"})
    assert roles(server) == before
    assert agent.cli("user", "plan").ok().out == "-- database main: nothing to do\n"
