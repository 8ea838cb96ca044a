"""Git cannot make a superuser of anybody: privileges on what a superuser's power is behind are not given, the others are."""

import json

import psycopg
import pytest

from parts import postgres
from parts.roles import Users

every_major = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
some_majors = pytest.mark.parametrize("server", [13, 18], indirect=True)


@pytest.fixture
def users(server):
    server.run("CREATE ROLE owner", "CREATE DATABASE app")
    server.run("CREATE SCHEMA open", "GRANT ALL ON SCHEMA open TO PUBLIC", "CREATE TABLE open.logged (x int PRIMARY KEY)",
               "CREATE TABLE open.plain (x int PRIMARY KEY)", "ALTER TABLE open.plain OWNER TO owner", database="app")
    made = Users(server, database="app")
    made.secret("alice", "geheim-alice")
    return made


def grant(on, *privileges, **fields):
    return {"database": "app", "on": on, "privileges": list(privileges)} | fields


def document(*grants, defaults=()):
    return json.dumps({"version": 2, "groups": [{"name": "staff", "grants": list(grants), "defaultPrivileges": list(defaults)}],
                       "users": [{"username": "alice", "roles": ["staff"], "database": "app"}]})


def table(name, *privileges):
    return grant("tables", *privileges, schema="open", names=[name])


def may(server, kind, name, *privileges):
    return [p for p in privileges if server.value(f"SELECT has_{kind}_privilege('staff', %s, %s)", [name, p], database="app")]


def warned(result):
    return [text for text in result.warnings if "allowGrants" in text]


def tries(server, *statements):
    """What alice tries; where she may not she is told, and is a superuser afterwards or not."""
    with server.connect("app", "alice", "geheim-alice") as session:
        for statement in statements:
            try:
                session.execute(statement)
            except psycopg.Error:
                continue  # it is there already, or she may not
    try:
        server.run("INSERT INTO open.logged SELECT COALESCE(max(x), 0) + 1 FROM open.logged", database="app")
    except psycopg.Error:
        pass
    return server.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'alice'")


TRIGGER = ("CREATE FUNCTION open.up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE alice SUPERUSER; RETURN NEW; END $$",
           "CREATE TRIGGER t BEFORE INSERT ON open.logged FOR EACH ROW EXECUTE FUNCTION open.up()")
REFERENCE = ("CREATE TYPE open.key AS ENUM ('a')",
             "CREATE FUNCTION open.number(open.key) RETURNS int LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE alice SUPERUSER; RETURN 1; END $$",
             "CREATE CAST (open.key AS int) WITH FUNCTION open.number(open.key) AS IMPLICIT",
             "CREATE TABLE open.mine (k open.key REFERENCES open.logged)", "INSERT INTO open.mine VALUES ('a')")


@every_major
@pytest.mark.parametrize("way", [TRIGGER, REFERENCE], ids=["trigger", "reference"])
def test_all_on_a_superusers_table_gives_what_leads_to_no_power(server, users, way):
    server.run("INSERT INTO open.logged VALUES (1)", database="app")
    result = users.apply(document(table("logged", "ALL"), table("plain", "ALL"))).good()
    assert tries(server, *way) is False
    every = "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"
    assert may(server, "table", "open.logged", *every) == list(every[:5])
    assert may(server, "table", "open.plain", *every) == list(every)
    told = " ".join(warned(result))
    assert "TRIGGER on app: table open.logged" in told and 'allowGrants: ["REFERENCES app.open.logged"]' in told
    assert "open.plain" not in told
    again = users.apply(document(table("logged", "ALL"), table("plain", "ALL"))).quiet()
    assert warned(again) == warned(result)  # as long as it is so
    # Each is a way, indeed: by a superuser's hand it can be given, and then the list may say so.
    server.run("GRANT TRIGGER, REFERENCES ON open.logged TO staff", database="app")
    assert warned(users.apply(document(table("logged", "ALL"), table("plain", "ALL"))).quiet()) == []
    users.apply(document(table("logged", "SELECT", "TRIGGER", "REFERENCES"))).good()
    assert may(server, "table", "open.logged", *every) == ["SELECT", "REFERENCES", "TRIGGER"]
    assert tries(server, *way) is True


@some_majors
def test_what_is_named_is_refused_by_name_and_the_agent_file_can_allow_it(server, users):
    wanted = document(table("logged", "SELECT", "TRIGGER"), grant("tables", "REFERENCES", schema="open", names=["logged"], columns=["x"]))
    result = users.apply(wanted)
    assert result.status("staff") == "Degraded" and may(server, "table", "open.logged", "SELECT", "TRIGGER") == ["SELECT"]
    reason = result.reason("staff")
    assert "TRIGGER on app: table open.logged is not given from here" in reason and "column open.logged.x" in reason
    assert 'policy: {allowGrants: ["TRIGGER app.open.logged"]}' in reason
    assert "is not given from here" in users.plan(wanted).script
    allowed = {"allow_grants": ["TRIGGER app.open.*", "REFERENCES app.open.logged"]}
    users.apply(wanted, policy=allowed).good()
    assert may(server, "table", "open.logged", "SELECT", "TRIGGER") == ["SELECT", "TRIGGER"]
    users.apply(wanted, policy=allowed).quiet()


@some_majors
def test_functions_with_a_superusers_power_are_left_out_of_all(server, users):
    server.run("CREATE EXTENSION dblink SCHEMA open",
               "CREATE FUNCTION open.run(text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE $1; END $$",
               "CREATE FUNCTION open.his() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'", "ALTER FUNCTION open.his() OWNER TO owner",
               "CREATE FUNCTION open.hers() RETURNS int LANGUAGE sql AS 'SELECT 1'", "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA open FROM PUBLIC",
               "GRANT EXECUTE ON FUNCTION open.dblink_get_notify() TO PUBLIC", database="app")
    result = users.apply(document(grant("functions", "EXECUTE", schema="open", names=["*"]))).good()
    functions = "open.run(text)", "open.dblink_connect_u(text)", "open.his()", "open.hers()", "open.dblink_get_notify()"
    assert [f for f in functions if may(server, "function", f, "EXECUTE")] == list(functions[2:])
    assert len(warned(result)) == 2 and any("open.run(text)" in text for text in warned(result))
    for name in ("run", "dblink_connect_u(text)"):
        result = users.apply(document(grant("functions", "EXECUTE", schema="open", names=[name])))
        assert result.status("staff") == "Degraded" and f'["EXECUTE app.open.{name.partition("(")[0]}"]' in result.reason("staff")
    users.apply(document(grant("functions", "EXECUTE", schema="open", names=["run"])), policy={"allow_grants": ["EXECUTE app.open.run"]}).good()


@some_majors
def test_schemas_where_a_superuser_looks_for_names(server, users):
    server.run("CREATE ROLE boss SUPERUSER", "ALTER ROLE boss SET search_path = shop, \"Two Words\"", "ALTER DATABASE app SET search_path = common")
    for name in ("boss", "shop", '"Two Words"', "helper", "common", "free"):
        server.run(f"CREATE SCHEMA {name}", database="app")
    server.run("CREATE FUNCTION free.f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = helper, pg_temp AS 'SELECT 1'", database="app")
    names = ["boss", "shop", "Two Words", "helper", "common", "free", "public"]
    result = users.apply(document(grant("schema", "ALL", names=names))).good()
    usable = [n for n in names if may(server, "schema", n, "USAGE")]
    assert usable == names
    assert len(warned(result)) == 1 and all(f"schema {n}" in warned(result)[0] for n in ("boss", "helper"))
    made = [n for n in names if server.value("SELECT count(*) FROM pg_namespace, aclexplode(nspacl) WHERE nspname = %s AND grantee = 'staff'::regrole"
                                             " AND privilege_type = 'CREATE'", [n], database="app")]
    assert made == ["common", "free", "public"]
    result = users.apply(document(grant("schema", "CREATE", names=["helper"])))
    assert result.status("staff") == "Degraded" and '["CREATE app.helper"]' in result.reason("staff")


@some_majors
def test_tables_of_extensions_catalogs_and_servers(server, users):
    server.run("CREATE TABLE open.config (command text)", "ALTER EXTENSION plpgsql ADD TABLE open.config",
               "CREATE VIEW open.roles AS SELECT * FROM pg_authid", "CREATE VIEW open.numbers AS SELECT x FROM open.plain",
               "CREATE FOREIGN DATA WRAPPER w", "CREATE SERVER away FOREIGN DATA WRAPPER w", "CREATE SERVER back FOREIGN DATA WRAPPER w",
               "CREATE USER MAPPING FOR PUBLIC SERVER away OPTIONS (\"user\" 'reader', password 'x')",
               "CREATE USER MAPPING FOR PUBLIC SERVER back OPTIONS (\"user\" 'postgres', password 'x')", database="app")
    writes = "SELECT", "INSERT", "UPDATE", "DELETE"
    result = users.apply(document(*(table(name, *writes) for name in ("config", "roles", "numbers", "logged")),
                                  grant("foreignServers", "USAGE", names=["away", "back"])))
    assert [len(may(server, "table", f"open.{name}", *writes)) for name in ("config", "roles", "numbers", "logged")] == [1, 1, 4, 4]
    assert [may(server, "server", name, "USAGE") for name in ("away", "back")] == [["USAGE"], []]
    assert 'allowGrants: ["INSERT app.open.config"]' in result.reason("staff") and '["USAGE app.back"]' in result.reason("staff")


@some_majors
def test_default_privileges_of_superusers_and_of_others(server, users):
    defaults = [{"database": "app", "owner": owner, "on": on, "privileges": ["ALL"]} for owner in ("postgres", "owner") for on in ("tables", "functions")]
    result = users.apply(document(defaults=defaults)).good()
    found = dict(server.query("SELECT defaclrole::regrole::text || ' ' || defaclobjtype::text, string_agg(privilege_type, ' ' ORDER BY privilege_type)"
                              " FROM pg_default_acl, aclexplode(defaclacl) WHERE grantee = 'staff'::regrole GROUP BY 1", database="app"))
    assert "TRIGGER" in found["owner r"] and "REFERENCES" in found["owner r"] and found["owner f"] == "EXECUTE"
    assert "TRIGGER" not in found["postgres r"] and "REFERENCES" not in found["postgres r"] and "postgres f" not in found
    assert "new tables of postgres" in " ".join(warned(result))


def test_who_is_a_member_of_power_is_mighty_too(server, users):
    server.run("CREATE ROLE files", "GRANT pg_read_server_files TO files", "GRANT files TO owner")
    result = users.apply(document(table("plain", "ALL"))).good()
    assert may(server, "table", "open.plain", "INSERT", "TRIGGER") == ["INSERT"] and warned(result)


def test_a_table_that_is_not_there_yet_is_not_given_unseen(server, users):
    result = users.apply(document(table("later", "TRIGGER", "SELECT")))
    assert "app: table open.later does not exist" in result.reason("staff")
    server.run("CREATE TABLE open.later (x int)", database="app")
    assert "TRIGGER on app: table open.later is not given" in users.apply(document(table("later", "TRIGGER", "SELECT"))).reason("staff")
