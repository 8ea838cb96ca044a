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
from parts.plain import plain_users  # noqa: E402
from parts.roles import TOP, Users, exists  # noqa: E402
from rounds import Property  # noqa: E402
import hands  # noqa: E402
import world  # noqa: E402

ALL = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
SCHEMA = json.loads((TOP / "manifests/users.schema.json").read_text())
ADOPT = {"adopt": True, "max_deletions": 100}
EVERYTHING = ["createdb", "createrole", "inherit", "replication", "bypassrls"]
STATE = ("SELECT rolname::text, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb, rolinherit, rolconnlimit, rolvaliduntil::text,"
         " rolreplication, rolbypassrls, rolpassword"
         " FROM pg_authid ORDER BY 1",
         "SELECT roleid::regrole::text, member::regrole::text, grantor::regrole::text, admin_option FROM pg_auth_members ORDER BY 1, 2, 3",
         "SELECT setrole::regrole::text, setdatabase, setconfig FROM pg_db_role_setting ORDER BY 1, 2",
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


@ALL
def test_what_a_user_has_by_itself_is_exported(server):
    server.run("CREATE DATABASE app", "CREATE ROLE ann LOGIN PASSWORD 'hers' CREATEDB NOINHERIT CONNECTION LIMIT 7 VALID UNTIL '2031-05-01 12:00:00.25+02'",
               "COMMENT ON ROLE ann IS E'Anna: \"the\" DBA\\nsecond line '", "CREATE ROLE bob LOGIN VALID UNTIL 'infinity' CONNECTION LIMIT 0",
               "ALTER ROLE ann SET search_path = \"$user\", public, 'Ä, \"b'", "ALTER ROLE ann SET work_mem = '64MB'", "ALTER ROLE ann SET app.tenant = ''",
               "ALTER ROLE ann IN DATABASE app SET statement_timeout = 5000", "ALTER ROLE bob SET search_path = ''",
               "CREATE ROLE carl NOLOGIN PASSWORD 'his'", "CREATE ROLE staff", "CREATE ROLE readers IN ROLE staff", "GRANT readers TO ann",
               "COMMENT ON ROLE readers IS 'yes'", "COMMENT ON ROLE staff IS 'managed by pgitops (main): all'")
    users = Users(server)
    document, left_out, text = export(users)
    assert left_out == {}, text
    ann, bob, carl = document["users"]
    assert ann == {
        "username": "ann", "password": {"ignore": True}, "attributes": {"createdb": True, "inherit": False}, "connectionLimit": 7,
        "validUntil": "2031-05-01T10:00:00.25Z", "comment": 'Anna: "the" DBA\nsecond line ', "databases": [],
        "roles": [{"name": "readers", "inherit": False} if server.major >= 16 else "readers"],
        "parameters": {"app.tenant": "", "search_path": ["$user", "public", 'Ä, "b'], "work_mem": "64MB"},
        "parametersIn": {"app": {"statement_timeout": "5000"}}}
    assert bob == {"username": "bob", "password": {"disabled": True}, "connectionLimit": 0, "databases": [], "parameters": {"search_path": [""]}}
    assert carl == {"username": "carl", "login": False, "password": {"ignore": True}, "databases": []}
    assert document["groups"] == [{"name": "readers", "comment": "yes", "memberOf": ["staff"]}, {"name": "staff", "comment": "all"}]
    before = state(lambda sql, database: server.query(sql, database=database), ("postgres",))
    users.apply(text, policy=ADOPT).good()
    users.apply(text, policy=ADOPT).quiet()
    assert state(lambda sql, database: server.query(sql, database=database), ("postgres",)) == before
    again, left_out, text = export(users)
    assert again == document and left_out == {}, text


@ALL
def test_what_the_agent_file_does_not_allow_is_left_out_and_the_word_named(server):
    server.run("CREATE ROLE maker LOGIN CREATEROLE", "CREATE ROLE copier LOGIN REPLICATION", "CREATE ROLE ann LOGIN", "ALTER ROLE ann SET role = 'maker'",
               "CREATE ROLE old LOGIN VALID UNTIL '0044-03-15 00:00:00 BC'", "CREATE ROLE late LOGIN VALID UNTIL '20000-01-01'",
               "CREATE ROLE reader LOGIN IN ROLE pg_read_server_files", "CREATE ROLE g IN ROLE pg_read_server_files",
               "CREATE ROLE giver LOGIN IN ROLE g")
    document, left_out, text = export(Users(server))
    assert [user["username"] for user in document["users"]] == ["ann"] and "parameters" not in document["users"][0], text
    assert "createrole" in left_out["maker"] and "policy.allowAttributes" in left_out["maker"] and "replication" in left_out["copier"]
    assert "policy.allowParameters" in left_out["ann"] and "settings are not listed" in left_out["ann"] and "# listed, ann: " in text
    assert "1970" in left_out["old"] and "1970" in left_out["late"] and "pg_read_server_files" in left_out["reader"]
    assert document["groups"] == [{"name": "g"}] and "memberships are not listed" in left_out["g"] and "giver" in left_out, text
    document, left_out, text = export(Users(server), policy={"attributes": EVERYTHING, "parameters": ["role"]})
    assert {user["username"] for user in document["users"]} == {"ann", "copier", "maker"}, text
    assert {user["username"]: user.get("attributes") for user in document["users"]} == {
        "ann": None, "copier": {"replication": True}, "maker": {"createrole": True}}
    assert document["users"][0]["parameters"] == {"role": "maker"}


@ALL
def test_an_agent_without_superuser_sees_no_password_and_ignores_all(server):
    users = plain_users(server)
    users.secret("ann", "hers")
    users.apply([{"username": "ann", "roles": ["staff"]}]).good()
    document, left_out, text = export(users)
    assert document["users"] == [{"username": "ann", "password": {"ignore": True}, "roles": ["staff"], "databases": ["postgres"]}], text
    users.apply(text).quiet()


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def random_role(dice, name, login):
    """Statements that make a role of which everything can be said."""
    quoted = hands.name(name)
    words = [word for word in ("CREATEDB", "NOINHERIT", "CONNECTION LIMIT 3", "CONNECTION LIMIT 0", "PASSWORD 'p'", "VALID UNTIL '2031-01-01 00:00:00.000001+05'",
                               "CREATEROLE", "REPLICATION", "BYPASSRLS") if dice.random() < 0.25]
    words = [word for i, word in enumerate(words) if not (word.startswith("CONNECTION") and words[i - 1].startswith("CONNECTION"))]
    yield f"CREATE ROLE {quoted} " + ("LOGIN " + " ".join(words) if login else "NOLOGIN")
    if dice.random() < 0.5:
        comment = "".join(dice.choice(" \n\t:#'\"\\ä-|>x\x01\u2028") for _ in range(dice.randint(1, 12)))
        yield f"COMMENT ON ROLE {quoted} IS {literal(comment)}"
    for setting in dice.sample(["work_mem = '7MB'", "search_path = \"$user\", \"A, b\", '', public", "app.x = 'true'", "app.\"Y\" = E' a\\nb'",
                                "temp_tablespaces = ''", "\"DateStyle\" = 'ISO, DMY'", "statement_timeout = 0"], dice.randint(0, 3) if login else 0):
        yield f"ALTER ROLE {quoted} {dice.choice(['', 'IN DATABASE app '])}SET {setting}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("major", postgres.MAJORS)
def test_random_roles_of_which_all_can_be_said_are_exported_whole(major):
    playing = Property(major)
    allowed = {"attributes": EVERYTHING}
    try:
        for seed in range(major, major + 18, 6):  # three, of each version others
            dice = random.Random(seed)
            playing.prepare()
            run = playing.connections["postgres"].execute
            for name in world.GROUPS + world.USERS:
                for statement in random_role(dice, name, name in world.USERS):
                    run(statement)
            for member, of in [(member, of) for at, of in enumerate(world.GROUPS) for member in world.GROUPS[at + 1:] + world.USERS]:
                if dice.random() < 0.4:
                    options = dice.choice(["", " WITH ADMIN OPTION"] + ([" WITH INHERIT FALSE", " WITH SET FALSE, ADMIN TRUE"] if major >= 16 else []))
                    run(f"GRANT {hands.name(of)} TO {hands.name(member)}{options}")
            run(f"GRANT {', '.join(map(hands.name, world.GROUPS))} TO {hands.name(world.USERS[0])}")

            def now():
                return state(lambda sql, database: playing.connections[database].execute(sql).fetchall(), ("app", "shop"))
            document, left_out, text = export(playing.driver, policy=allowed)
            before = now()
            assert {user["username"] for user in document["users"]} >= set(world.USERS) and not set(left_out) & set(world.USERS + world.GROUPS), (seed, text)
            result = playing.driver.run("apply", document, policy=ADOPT | allowed)
            assert not result.error and not result.mistakes, (seed, text, result.mistakes)
            assert all("COMMENT ON ROLE" in step["sql"] or "managed_role" in step["sql"] for step in result.steps), (seed, text, result.steps)
            assert now() == before, (seed, text)
            again = playing.driver.run("apply", document, policy=ADOPT | allowed)
            assert again.steps == [] and again.writes == 0, (seed, text, again.steps)
            assert not [report for report in again.reports if report["status"] != "Synced"], (seed, text, again.reports)
    finally:
        playing.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("major", postgres.MAJORS)
def test_whatever_is_there_its_export_changes_nothing(major):
    playing = Property(major)
    try:
        for seed in range(major, major + 18, 6):  # three, of each version others
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


def close(server):
    """Privileges in app, for some beside others elsewhere, and then nobody connects to it."""
    server.run("CREATE DATABASE app", "CREATE ROLE g", "CREATE ROLE idle", "CREATE ROLE u LOGIN IN ROLE g", "CREATE ROLE v LOGIN", "CREATE ROLE w LOGIN",
               "CREATE ROLE d LOGIN", "CREATE ROLE maker")
    server.run("CREATE TABLE t (x int)", "GRANT SELECT ON t TO g, v, idle", "ALTER DEFAULT PRIVILEGES FOR ROLE maker GRANT SELECT ON TABLES TO d",
               database="app")
    server.run("CREATE TABLE p (x int)", "GRANT SELECT ON p TO d, g, v, w")
    server.run("ALTER DATABASE app ALLOW_CONNECTIONS false")


@ALL
def test_a_database_that_refuses_connections_costs_nobody_a_privilege(server):
    """What is granted there is not known, and a list without it would take it away: there is no list until it is open."""
    close(server)
    users = Users(server)
    refused = users.run("export", "users: []")
    assert 'database "app" cannot be read' in refused.error and "would take it away" in refused.error, refused.answer
    server.run("ALTER DATABASE app ALLOW_CONNECTIONS true")
    document, left_out, text = export(users)
    before = state(lambda sql, database: server.query(sql, database=database), ("postgres", "app"))
    users.apply(text, policy=ADOPT).good()
    users.apply(text, policy=ADOPT).quiet()
    assert state(lambda sql, database: server.query(sql, database=database), ("postgres", "app")) == before


@ALL
def test_what_is_taken_once_a_database_is_open_again_is_told_before(server):
    close(server)
    wanted = json.dumps({"version": 2, "groups": [{"name": "g", "grants": [], "grantsMode": "exact"}],
                         "users": [{"username": "u", "roles": ["g"], "password": {"disabled": True}}]})
    users = Users(server)
    told = [warning for warning in users.apply(wanted, policy=ADOPT).warnings if "was not compared" in warning]
    assert len(told) == 1 and 'database "app"' in told[0], told
    server.run("ALTER DATABASE app ALLOW_CONNECTIONS true")
    result = users.apply(wanted, policy=ADOPT).good()
    assert not [warning for warning in result.warnings if "was not compared" in warning]
    assert [sql for sql in result.sql if "REVOKE SELECT" in sql] == ['REVOKE SELECT ON TABLE "public"."t" FROM "g"']


def test_a_database_that_the_agent_may_not_connect_to_is_one_of_those(server):
    users = plain_users(server)
    users.secret("v", "his")
    users.apply([{"username": "v"}]).good()
    server.run("CREATE DATABASE app", "REVOKE CONNECT ON DATABASE app FROM PUBLIC", "CREATE TABLE p (x int)", "GRANT SELECT ON p TO v")
    server.run("CREATE TABLE t (x int)", "GRANT SELECT ON t TO v", database="app")
    assert 'database "app" cannot be read' in users.run("export", "users: []").error


@ALL
def test_an_odd_name_keeps_nobody_else_out_and_is_named(server):
    odd = ('"line\nend"', '"*"', '"tab\t"')
    server.run(*(f"CREATE ROLE {name} LOGIN" for name in ("ann", "bob", "carl", "dan", "eve", "fred")), 'CREATE SCHEMA "s\n1"', 'CREATE DATABASE "d\nb"',
               *(f"CREATE TABLE {name} (a int, \"c\n2\" int)" for name in odd), 'CREATE TABLE t (a int, "c\n2" int)', 'CREATE TABLE u (a int)',
               'CREATE FUNCTION "f(integer)"(int) RETURNS int LANGUAGE sql AS \'SELECT 1\'', 'GRANT SELECT ON "line\nend" TO ann',
               'GRANT UPDATE (a) ON "*" TO bob', 'GRANT SELECT ("c\n2") ON t TO carl', 'GRANT EXECUTE ON FUNCTION "f(integer)"(int) TO dan',
               'GRANT CONNECT ON DATABASE "d\nb" TO eve', "GRANT SELECT ON u TO ann, bob, carl, dan, eve, fred")
    users = Users(server)
    document, left_out, text = export(users)
    assert {user["username"]: "grants" in user for user in document["users"]} == {"ann": False, "bob": False, "carl": False, "dan": False, "fred": True}, text
    assert "line\nend has a control character" in left_out["ann"] and "all of a schema" in left_out["bob"] and "public.t.c\n2 has" in left_out["carl"]
    assert "where a function's types begin" in left_out["dan"] and "the name of a database that it was given CONNECT on" in left_out["eve"], left_out
    before = state(lambda sql, database: server.query(sql, database=database), ("postgres",))
    users.apply(text, policy=ADOPT).good()
    users.apply(text, policy=ADOPT).quiet()
    assert state(lambda sql, database: server.query(sql, database=database), ("postgres",)) == before
