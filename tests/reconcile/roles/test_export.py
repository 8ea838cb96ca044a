"""What is exported from a server, committed and adopted, changes nothing there."""

import json
import pathlib
import random
import sys

import jsonschema
import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "property"))

from parts import postgres  # noqa: E402
from parts.roles import TOP, Users, exists  # noqa: E402
from play import Property  # noqa: E402
import hands  # noqa: E402

ALL = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
SCHEMA = json.loads((TOP / "manifests/users.schema.json").read_text())
ADOPT = {"adopt": True, "max_deletions": 100}
STATE = ("SELECT rolname::text, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolinherit, rolconnlimit, rolvaliduntil::text,"
         " rolreplication, rolbypassrls, rolpassword"
         " FROM pg_authid ORDER BY 1",
         "SELECT roleid::regrole::text, member::regrole::text, grantor::regrole::text, admin_option FROM pg_auth_members ORDER BY 1, 2, 3",
         "SELECT datname::text, datacl::text FROM pg_database ORDER BY 1",
         "SELECT relname::text, relacl::text FROM pg_class WHERE relnamespace >= 16384 AND relname <> 'managed_role' AND relkind <> 'i' ORDER BY 1, 2",
         "SELECT nspname::text, nspacl::text FROM pg_namespace WHERE nspname <> 'pgitops' ORDER BY 1",
         "SELECT proname::text, proacl::text FROM pg_proc WHERE oid >= 16384 ORDER BY 1, 2",
         "SELECT defaclrole::regrole::text, defaclobjtype, defaclacl::text FROM pg_default_acl ORDER BY 1, 2, 3")


def export(users, **request):
    result = users.run("export", "users: []", **request)
    assert not result.error, result.error
    document = yaml.safe_load(result.text)
    jsonschema.validate(document, SCHEMA)
    return document, {one["name"]: one["reason"] for one in result.left_out}, result.text


def state(query, databases):
    return [query(sql, database) for database in databases for sql in STATE]


@ALL
def test_a_server_that_was_made_by_hand_is_exported_adopted_and_as_it_was(server):
    server.run("CREATE DATABASE app", "CREATE ROLE readers", "CREATE ROLE owner", "CREATE ROLE \"An na\" LOGIN PASSWORD 'geheim' IN ROLE readers",
               "CREATE ROLE bob LOGIN", "GRANT CONNECT ON DATABASE app TO bob, readers", "CREATE ROLE chief LOGIN SUPERUSER",
               "CREATE ROLE standby LOGIN REPLICATION")
    server.run("CREATE SCHEMA s AUTHORIZATION owner", "SET ROLE owner", "CREATE TABLE s.t (a int, b int)", "CREATE TABLE s.u (a int)",
               "CREATE FUNCTION s.f(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1'", "GRANT USAGE ON SCHEMA s TO readers",
               "GRANT SELECT, INSERT ON s.t, s.u TO readers", "GRANT SELECT (a, b) ON s.t TO bob", "GRANT EXECUTE ON FUNCTION s.f TO readers",
               "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO readers", database="app")
    users = Users(server)
    document, left_out, text = export(users)
    before = state(lambda sql, database: server.query(sql, database=database), ("postgres", "app"))
    assert document["groups"] == [{"name": "readers", "grants": [
        {"database": "app", "on": "database", "privileges": ["CONNECT"]}, {"database": "app", "on": "schema", "names": ["s"], "privileges": ["USAGE"]},
        {"database": "app", "on": "tables", "schema": "s", "names": ["t", "u"], "privileges": ["INSERT", "SELECT"]},
        {"database": "app", "on": "functions", "schema": "s", "names": ["f(integer, text)"], "privileges": ["EXECUTE"]}],
        "defaultPrivileges": [{"database": "app", "owner": "owner", "on": "tables", "schema": "s", "privileges": ["SELECT"]}]}]
    anna, bob = document["users"]
    assert anna["username"] == "An na" and anna["roles"] == ["readers"] and anna["databases"] == []
    assert bob["databases"] == ["app"] and bob["grants"] == [
        {"database": "app", "on": "tables", "schema": "s", "names": ["t"], "columns": ["a", "b"], "privileges": ["SELECT"]}]
    assert set(left_out) == {"chief", "owner", "standby"} and "superuser" in left_out["chief"] and "# not listed, chief" in text
    assert "geheim" not in text and "SCRAM" not in text

    assert anna["password"] == {"ignore": True} and bob["password"] == {"disabled": True}
    users.apply(text, policy=ADOPT).good()
    users.apply(text, policy=ADOPT).quiet()
    assert state(lambda sql, database: server.query(sql, database=database), ("postgres", "app")) == before
    assert all(exists(server, name) for name in ("owner", "chief", "standby"))


@ALL
def test_memberships_have_their_options(server):
    server.run("CREATE ROLE g", "CREATE ROLE h", "CREATE ROLE ann LOGIN", "GRANT g TO ann WITH ADMIN OPTION",
               "GRANT h TO ann" + (" WITH INHERIT FALSE, SET FALSE" if server.major >= 16 else ""))
    document, left_out, text = export(Users(server))
    assert left_out == {}, text
    assert document["users"][0]["roles"] == [{"name": "g", "admin": True}, {"name": "h", "inherit": False, "set": False}
                                             if server.major >= 16 else "h"]


@ALL
def test_what_users_yaml_cannot_say_is_left_out_and_named(server):
    server.run("CREATE ROLE maker LOGIN CREATEROLE", "CREATE ROLE readers", "CREATE ROLE giver LOGIN IN ROLE readers",
               "CREATE ROLE boss LOGIN", "GRANT boss TO readers", "CREATE SCHEMA s", "GRANT USAGE ON SCHEMA s TO giver WITH GRANT OPTION",
               "CREATE ROLE a_b LOGIN", 'CREATE ROLE "a-b" LOGIN')
    document, left_out, text = export(Users(server))
    assert "is a role of others" in left_out["boss"]
    assert {"a_b", "a-b"} <= {user["username"] for user in document["users"]}, "the Secrets of both would have one name: none is needed"
    giver = next(user for user in document["users"] if user["username"] == "giver")
    assert "grants" not in giver and "with grant option" in left_out["giver"] and "# listed, giver" in text


@pytest.mark.timeout(600)
@pytest.mark.parametrize("major", postgres.MAJORS)
def test_whatever_is_there_its_export_changes_nothing(major):
    playing = Property(major)
    try:
        for seed in range(8):
            dice = random.Random(seed)
            playing.prepare()
            for name in hands.USERS:
                playing.connections["postgres"].execute(f"CREATE ROLE {hands.name(name)} LOGIN")
            for name in hands.GROUPS:
                playing.connections["postgres"].execute(f"CREATE ROLE {hands.name(name)}")
            for _ in range(dice.randint(5, 30)):
                hands.play(playing.connections, hands.hand(dice))

            def now():
                return state(lambda sql, database: playing.connections[database].execute(sql).fetchall(), ("app", "shop"))
            document, left_out, text = export(playing.driver)
            before = now()
            result = playing.driver.run("apply", document, policy=ADOPT)
            assert not result.error and not result.mistakes, (seed, text)
            assert {step["action"] for step in result.steps} <= {"alter", "record"}, (seed, text, result.steps)
            assert all("COMMENT ON ROLE" in step["sql"] or "managed_role" in step["sql"] for step in result.steps), (seed, text, result.steps)
            assert now() == before, (seed, text)
            again = playing.driver.run("apply", document, policy=ADOPT)
            assert again.steps == [] and again.writes == 0, (seed, text, again.steps)
            assert not [report for report in again.reports if report["status"] != "Synced"], (seed, text)
    finally:
        playing.close()
