"""What roles may do with the objects of their databases, on every supported PostgreSQL."""

import random

import pytest

from parts import postgres
from parts.grants import Grants

every_major = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)


def shop(server, *roles):
    """A database with some of each kind; `owner` has it all."""
    server.run("CREATE ROLE owner NOLOGIN", *(f'CREATE ROLE "{role}" NOLOGIN' for role in roles), "CREATE DATABASE shop OWNER owner")
    server.run("SET ROLE owner", "CREATE SCHEMA s", "CREATE TABLE s.t (a int, b int, c int)", 'CREATE TABLE s."T 2" (a int)',
               "CREATE VIEW s.v AS SELECT 1 AS one", "CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS one", "CREATE SEQUENCE s.q",
               "CREATE FUNCTION s.f(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
               "CREATE PROCEDURE s.p(int) LANGUAGE sql AS 'SELECT 1'", "CREATE TYPE s.e AS ENUM ('x')", "CREATE DOMAIN s.d AS int",
               "CREATE TYPE s.r AS (x int)", "REVOKE ALL ON FUNCTION s.f() FROM PUBLIC", database="shop")
    server.run("CREATE EXTENSION IF NOT EXISTS plpgsql", database="shop")
    return server


def may(server, role, what, *arguments):
    """has_..._privilege() of the server's own."""
    places = ", ".join(["%s"] * (len(arguments) + 1))
    return server.value(f"SELECT pg_catalog.has_{what}_privilege({places})", [role, *arguments], database="shop")


@every_major
def test_privileges_of_every_kind_come_and_go(server):
    shop(server, "readers")
    grants = Grants(server, ["readers"])
    grants.want("shop", "readers", "database", "CONNECT", "temp", name="shop")
    grants.want("shop", "readers", "schema", "USAGE", name="s")
    grants.want("shop", "readers", "tables", "SELECT", "insert", schema="s", name="T 2")
    grants.want("shop", "readers", "columns", "SELECT", "UPDATE", schema="s", name="t", column="a")
    grants.want("shop", "readers", "columns", "SELECT", schema="s", name="t", column="c")
    grants.want("shop", "readers", "sequences", "ALL", schema="s", name="q")
    grants.want("shop", "readers", "functions", "EXECUTE", schema="s", name="f", column="integer, text")
    grants.want("shop", "readers", "types", "USAGE", schema="s", name="e")
    grants.want("shop", "readers", "languages", "USAGE", name="plpgsql")
    grants.want("shop", "readers", "tables", "SELECT", schema="s", name="owner", default=True)
    grants.want("shop", "readers", "functions", "EXECUTE", name="owner", default=True)
    planned = grants.plan().sql
    assert 'GRANT SELECT, INSERT ON TABLE s."T 2" TO readers'.replace(" s.", ' "s".').replace(" readers", ' "readers"') in \
        [sql.replace("INSERT, SELECT", "SELECT, INSERT") for sql in planned], planned
    assert grants.apply().good().sql == planned
    grants.apply().quiet()
    assert may(server, "readers", "database", "shop", "TEMP") and may(server, "readers", "schema", "s", "USAGE")
    assert may(server, "readers", "table", 's."T 2"', "INSERT") and not may(server, "readers", "table", "s.t", "SELECT")
    assert may(server, "readers", "column", "s.t", "a", "UPDATE") and not may(server, "readers", "column", "s.t", "b", "SELECT")
    assert may(server, "readers", "sequence", "s.q", "UPDATE") and may(server, "readers", "function", "s.f(int, text)", "EXECUTE")
    assert not may(server, "readers", "function", "s.f()", "EXECUTE")
    server.run("SET ROLE owner", "CREATE TABLE s.later (a int)", database="shop")
    assert may(server, "readers", "table", "s.later", "SELECT")
    grants.wanted = []
    grants.apply().good()
    grants.apply().quiet()
    assert server.value("SELECT count(*) FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid WHERE rolname = 'readers' AND"
                        " deptype = 'a'") == 0


@every_major
def test_all_of_a_schema_is_what_is_there_at_each_pass(server):
    shop(server, "readers")
    grants = Grants(server, ["readers"])
    for on, privilege in (("tables", "SELECT"), ("sequences", "USAGE"), ("functions", "EXECUTE"), ("types", "USAGE")):
        grants.want("shop", "readers", on, privilege, schema="s", name="*")
    first = grants.apply().good()
    assert len(first.steps) == 4  # one statement for each kind
    grants.apply().quiet()
    assert all(may(server, "readers", "table", name, "SELECT") for name in ("s.t", 's."T 2"', "s.v", "s.m"))
    assert may(server, "readers", "function", "s.f()", "EXECUTE")
    server.run("CREATE TABLE s.later (a int)", database="shop")
    assert grants.apply().good().sql == ['GRANT SELECT ON TABLE "s"."later" TO "readers"']
    grants.apply().quiet()


@every_major
def test_all_privileges_are_those_that_the_server_knows(server):
    shop(server, "readers")
    grants = Grants(server, ["readers"]).want("shop", "readers", "tables", "ALL", schema="s", name="t")
    grants.apply().good()
    grants.apply().quiet()
    given = server.value("SELECT count(*) FROM pg_class c, aclexplode(relacl) x WHERE relname = 't' AND x.grantee = 'readers'::regrole",
                         database="shop")
    assert given == (8 if server.major >= 17 else 7)


@every_major
def test_what_hands_have_given_is_taken_and_others_are_left(server):
    shop(server, "readers", "others", "middle")
    server.run("GRANT USAGE ON SCHEMA s TO middle", "GRANT SELECT, DELETE ON s.t TO readers, others, PUBLIC",
               "GRANT UPDATE ON s.t TO middle WITH GRANT OPTION",
               "SET ROLE middle", "GRANT UPDATE ON s.t TO readers", "RESET ROLE", "GRANT USAGE ON SCHEMA s TO readers WITH GRANT OPTION",
               "GRANT SELECT (b) ON s.t TO readers", database="shop")
    grants = Grants(server, ["readers"]).want("shop", "readers", "tables", "SELECT", schema="s", name="t")
    grants.want("shop", "readers", "schema", "USAGE", name="s")
    result = grants.apply().good()
    assert ["readers", "shop: table s.t", "", "DELETE"] in result.differences
    assert ["readers", "shop: table s.t", "", "UPDATE"] in result.differences
    assert ["readers", "shop: schema s", "USAGE", "USAGE with grant option"] in result.differences
    assert ["readers", "shop: column s.t.b", "", "SELECT"] in result.differences
    grants.apply().quiet()
    assert not may(server, "readers", "table", "s.t", "UPDATE") and may(server, "middle", "table", "s.t", "UPDATE WITH GRANT OPTION")
    assert not may(server, "readers", "schema", "s", "USAGE WITH GRANT OPTION") and may(server, "others", "table", "s.t", "DELETE")


@every_major
def test_a_column_keeps_its_privilege_when_its_table_loses_it(server):
    shop(server, "readers")
    server.run("GRANT SELECT, INSERT ON s.t TO readers", "GRANT SELECT (a) ON s.t TO readers", database="shop")
    grants = Grants(server, ["readers"]).want("shop", "readers", "columns", "SELECT", schema="s", name="t", column="a")
    grants.apply().good()
    grants.apply().quiet()
    assert may(server, "readers", "column", "s.t", "a", "SELECT") and not may(server, "readers", "column", "s.t", "b", "SELECT")


@every_major
def test_the_connect_of_users_is_decided_elsewhere(server):
    shop(server, "alice", "readers")
    server.run("GRANT CONNECT, CREATE ON DATABASE shop TO alice, readers")
    grants = Grants(server, ["alice", "readers"], users=["alice"])
    assert sorted(grants.apply().good().sql) == [
        'REVOKE CONNECT, CREATE ON DATABASE "shop" FROM "readers"', 'REVOKE CREATE ON DATABASE "shop" FROM "alice"']
    grants.apply().quiet()
    assert may(server, "alice", "database", "shop", "CONNECT")


@every_major
def test_what_is_not_there_fails_alone_and_by_name(server):
    shop(server, "a", "b", "c", "d", "e")
    grants = Grants(server, ["a", "b", "c", "d", "e", "f"])
    grants.want("shop", "a", "tables", "SELECT", schema="s", name="t")
    grants.want("shop", "b", "tables", "SELECT", schema="s", name="nothing")
    grants.want("shop", "c", "functions", "EXECUTE", schema="s", name="f", column="int")
    grants.want("nowhere", "d", "schema", "USAGE", name="s")
    grants.want("shop", "e", "schema", "USAGE", name="s")
    grants.want("shop", "f", "schema", "USAGE", name="s")
    failed = grants.apply().failed()
    assert sorted(failed) == ["b", "c", "d", "f"]
    assert 'relation "s.nothing" does not exist' in failed["b"] and 'role "f" does not exist' in failed["f"]
    assert "shop: function s.f(int) does not exist: `name` has the types of what is passed in" in failed["c"]
    assert 'database "nowhere" does not exist' in failed["d"]
    assert may(server, "a", "table", "s.t", "SELECT") and may(server, "e", "schema", "s", "USAGE")


@every_major
def test_names_of_any_kind_are_names(server):
    role, schema = 'x"; DROP ROLE owner; --', "s'\\"
    shop(server, role.replace('"', '""'))
    quoted = '"' + schema.replace('"', '""') + '"'
    server.run(f"CREATE SCHEMA {quoted}", f'CREATE TABLE {quoted}."t""" ("c""" int)', database="shop")
    grants = Grants(server, [role]).want("shop", role, "tables", "SELECT", schema=schema, name='t"')
    grants.want("shop", role, "columns", "UPDATE", schema=schema, name='t"', column='c"').want("shop", role, "schema", "USAGE", name=schema)
    grants.want("shop", role, "types", "USAGE", schema=schema, name="*")
    grants.apply().good()
    grants.apply().quiet()


def test_what_is_asked_does_not_grow_with_roles_and_objects(server):
    shop(server, *(f"r{number}" for number in range(60)))
    server.run(*(f"CREATE TABLE s.x{number} (a int)" for number in range(50)), database="shop")
    small = Grants(server, ["r0"]).want("shop", "r0", "tables", "SELECT", schema="s", name="t")
    large = Grants(server, [f"r{number}" for number in range(60)])
    for role in large.roles:
        large.want("shop", role, "tables", "SELECT", "INSERT", schema="s", name="*").want("shop", role, "schema", "USAGE", name="s")
    first = large.apply().good()
    assert len(first.steps) == 120 and first.writes == 2  # what is the same for all roles is one statement
    assert small.plan().asked == large.apply().quiet().asked


@every_major
def test_one_lock_in_the_way_costs_one_wait_and_stops_nothing_else(server):
    roles = [f"r{number}" for number in range(40)]
    shop(server, "other", *roles)
    grants = Grants(server, roles)
    for role in roles:
        grants.want("shop", role, "schema", "USAGE", name="s").want("shop", role, "tables", "SELECT", schema="s", name="t")
    with server.connect("shop") as session:
        session.execute("BEGIN")
        session.execute("GRANT USAGE ON SCHEMA s TO other")
        failed = grants.apply()
        assert len(failed.failed()) == 40 and all("lock timeout" in error for error in failed.failed().values())
        assert failed.writes == 2 + 1  # both statements, and the one that was not in the way
        session.execute("ROLLBACK")
    assert [may(server, role, "table", "s.t", "SELECT") for role in roles] == [True] * 40
    grants.apply().good()
    grants.apply().quiet()


@every_major
def test_one_wrong_role_among_many_fails_alone(server):
    roles = [f"r{number}" for number in range(40)]
    shop(server, *roles)
    grants = Grants(server, [*roles, "r7x"])
    for role in grants.roles:
        grants.want("shop", role, "schema", "USAGE", name="s")
    failed = grants.apply()
    assert sorted(failed.failed()) == ["r7x"] and failed.writes <= 15  # halves, not one by one
    assert all(may(server, role, "schema", "s", "USAGE") for role in roles)


PRIVILEGES = {"tables": ["SELECT", "INSERT", "UPDATE", "DELETE"], "sequences": ["USAGE", "SELECT"], "functions": ["EXECUTE"],
              "types": ["USAGE"], "schema": ["USAGE", "CREATE"], "database": ["CREATE", "CONNECT", "TEMPORARY"]}
NAMES = {"tables": ["t", "T 2", "v", "*"], "sequences": ["q", "*"], "functions": ["f", "p", "*"], "types": ["e", "d", "r", "*"]}


def some(rng, grants, role):
    for _ in range(rng.randrange(12)):
        on = rng.choice(list(PRIVILEGES))
        fields = {"name": rng.choice(NAMES[on]), "schema": "s"} if on in NAMES else {"name": "s" if on == "schema" else "shop"}
        grants.want("shop", role, on, rng.choice(PRIVILEGES[on] + ["ALL"]), **fields)
        if rng.random() < 0.3 and on in NAMES:
            grants.want("shop", role, on, rng.choice(PRIVILEGES[on]), schema=rng.choice(["", "s"]), name="owner", default=True)
        if rng.random() < 0.2:
            grants.want("shop", role, "columns", "SELECT", schema="s", name="t", column=rng.choice("abc"))


def hands(rng, roles):
    """What a DBA types meanwhile."""
    role = rng.choice(roles)
    return rng.choice([
        f"GRANT ALL ON ALL TABLES IN SCHEMA s TO {role}", f"GRANT SELECT (a, b) ON s.t TO {role}", f"REVOKE ALL ON ALL TABLES IN SCHEMA s FROM {role}",
        f"GRANT ALL ON SCHEMA s TO {role} WITH GRANT OPTION", f"GRANT EXECUTE ON ALL ROUTINES IN SCHEMA s TO {role}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT ALL ON TABLES TO {role}", f"GRANT USAGE ON TYPE s.e TO {role}",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA s GRANT USAGE ON SEQUENCES TO {role}", f"GRANT ALL ON DATABASE shop TO {role}"])


@every_major
def test_one_pass_makes_whatever_is_wanted_of_whatever_there_is(server):
    shop(server, "a", "b", "left")
    server.run("GRANT SELECT ON s.t TO left, PUBLIC", "GRANT ALL ON SCHEMA s TO left WITH GRANT OPTION", database="shop")
    untouched = "SELECT relname, x.* FROM pg_class c, aclexplode(relacl) x WHERE x.grantee IN (0, 'left'::regrole) ORDER BY 1, 2, 3, 4"
    before = server.query(untouched, database="shop")
    for seed in range(server.major, server.major + 60, 6):  # ten, of each version others
        rng = random.Random(seed)
        server.run(*(hands(rng, ["a", "b"]) for _ in range(rng.randrange(4))), database="shop")
        grants = Grants(server, ["a", "b"])
        some(rng, grants, "a")
        some(rng, grants, "b")
        grants.apply().good()
        grants.apply().quiet()
    assert server.query(untouched, database="shop") == before


@every_major
def test_who_gave_on_what_was_given_on_loses_it_from_the_end(server):
    shop(server, "a", "b", "c")
    server.run("GRANT USAGE ON SCHEMA s TO a, b, c", "GRANT SELECT ON s.t TO a WITH GRANT OPTION", "SET ROLE a",
               "GRANT SELECT ON s.t TO b WITH GRANT OPTION", "SET ROLE b", "GRANT SELECT ON s.t TO c", database="shop")
    grants = Grants(server, ["a", "b", "c"])
    result = grants.apply().good()
    assert [step["role"] for step in result.steps if "ON TABLE" in step["sql"]] == ["c", "b", "a"]
    grants.apply().quiet()


@every_major
def test_what_a_described_role_gave_on_is_given_by_the_owner_where_it_is_wanted(server):
    shop(server, "a", "b")
    server.run("GRANT USAGE ON SCHEMA s TO a, b", "GRANT SELECT ON s.t TO a WITH GRANT OPTION", "SET ROLE a", "GRANT SELECT ON s.t TO b",
               database="shop")
    grants = Grants(server, ["a", "b"])
    for role in ("a", "b"):
        grants.want("shop", role, "tables", "SELECT", schema="s", name="t").want("shop", role, "schema", "USAGE", name="s")
    grants.apply().good()
    grants.apply().quiet()
    assert may(server, "b", "table", "s.t", "SELECT") and not may(server, "a", "table", "s.t", "SELECT WITH GRANT OPTION")


@every_major
def test_what_is_said_to_be_given_to_an_owner_is_hers_anyway(server):
    shop(server, "ann")
    server.run("ALTER TABLE s.t OWNER TO ann", "ALTER FUNCTION s.f() OWNER TO ann", "ALTER TYPE s.e OWNER TO ann", "ALTER SEQUENCE s.q OWNER TO ann",
               'ALTER SCHEMA s OWNER TO ann', "ALTER DATABASE shop OWNER TO ann", database="shop")
    grants = Grants(server, ["ann"]).want("shop", "ann", "schema", "USAGE", name="s").want("shop", "ann", "database", "CREATE", name="shop")
    for on, privilege in (("tables", "SELECT"), ("sequences", "USAGE"), ("functions", "EXECUTE"), ("types", "USAGE")):
        grants.want("shop", "ann", on, privilege, schema="s", name="*")
    grants.want("shop", "ann", "columns", "SELECT", schema="s", name="t", column="a")
    grants.want("shop", "ann", "tables", "SELECT", name="ann", default=True)
    result = grants.apply().good()
    assert not any('"t"' in sql or '"f"()' in sql or '"e"' in sql or '"q"' in sql or "SCHEMA" in sql or "DATABASE" in sql for sql in result.sql)
    grants.apply().quiet()


@every_major
def test_one_object_that_is_not_there_keeps_no_other_of_the_list_back(server):
    shop(server, "a", "b")
    grants = Grants(server, ["a", "b"])
    for name in ("t", "nothing", "T 2", "nowhere", "v"):
        grants.want("shop", "a", "tables", "SELECT", schema="s", name=name)
        grants.want("shop", "b", "tables", "SELECT", schema="s", name=name)
    failed = grants.apply().failed()
    assert sorted(failed) == ["a", "b"]
    assert all('relation "s.nothing" does not exist' in said and 'relation "s.nowhere" does not exist' in said for said in failed.values())
    assert all(may(server, role, "table", table, "SELECT") for role in "ab" for table in ("s.t", 's."T 2"', "s.v"))
    server.run("CREATE TABLE s.nothing ()", "CREATE TABLE s.nowhere ()", database="shop")
    grants.apply().good()
    grants.apply().quiet()


@every_major
def test_what_somebody_gave_who_may_not_look_into_the_schema_any_more_is_taken_back(server):
    """Only who gave it can take it, and without USAGE he cannot even name it."""
    shop(server, "giver", "readers", "others")
    server.run("CREATE SCHEMA seen", "CREATE TABLE seen.t (a int)", "GRANT USAGE ON SCHEMA s, seen TO giver",
               *(f"GRANT ALL ON {what} TO giver WITH GRANT OPTION" for what in ("s.t", "s.q", "TYPE s.e", "FUNCTION s.f()", "seen.t")),
               "GRANT UPDATE (one) ON s.v TO giver WITH GRANT OPTION", "GRANT SELECT ON seen.t TO readers", "SET ROLE giver",
               "GRANT SELECT, DELETE ON s.t TO readers", "GRANT SELECT ON s.t TO others WITH GRANT OPTION", "GRANT USAGE ON s.q TO readers",
               "GRANT USAGE ON TYPE s.e TO readers", "GRANT EXECUTE ON FUNCTION s.f() TO readers", "GRANT SELECT ON seen.t TO readers",
               "GRANT UPDATE (one) ON s.v TO readers",
               "RESET ROLE", "REVOKE USAGE ON SCHEMA s FROM giver", database="shop")
    before = server.query("SELECT nspname, nspacl::text FROM pg_namespace ORDER BY 1", database="shop")
    grants = Grants(server, ["readers", "others"])
    grants.apply().good()
    for role in ("readers", "others"):
        assert not server.query("SELECT 1 FROM pg_shdepend d JOIN pg_roles r ON r.oid = refobjid WHERE rolname = %s", [role], database="shop")
    assert server.query("SELECT nspname, nspacl::text FROM pg_namespace ORDER BY 1", database="shop") == before
    assert may(server, "giver", "table", "s.t", "SELECT WITH GRANT OPTION") and may(server, "giver", "table", "seen.t", "DELETE WITH GRANT OPTION")
    grants.apply().quiet()


@every_major
def test_what_no_revoke_reaches_is_told_and_not_tried_for_ever(server):
    """REVOKE by a superuser is the owner's, so what such a one gave before stays; who has the owner's rights takes what he gave."""
    shop(server, "giver", "readers")
    server.run("GRANT USAGE ON SCHEMA s TO giver", "GRANT SELECT ON s.t TO giver WITH GRANT OPTION", "SET ROLE giver", "GRANT SELECT ON s.t TO readers",
               "RESET ROLE", "ALTER ROLE giver SUPERUSER", database="shop")
    grants = Grants(server, ["readers"])
    result = grants.apply()
    assert result.writes == 0 and "giver" in result.failed()["readers"] and "table s.t" in result.failed()["readers"], result.answer
    server.run("ALTER ROLE giver NOSUPERUSER", "GRANT owner TO giver")
    grants.apply().good()
    assert not may(server, "readers", "table", "s.t", "SELECT")


@pytest.mark.parametrize("server", [13, 16], indirect=True)  # since 17 event triggers are off for the agent
@pytest.mark.parametrize("hint, told", [("ask the DBA", "ask the DBA"), ("Use CASCADE to revoke them too.", "take that back first, or list it")])
def test_what_the_server_advises_is_told_but_not_to_take_more_than_is_asked_for(server, hint, told):
    shop(server, "readers")
    server.run("CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS"
               f" $$ BEGIN RAISE 'no grants here' USING HINT = '{hint}'; END $$",
               "CREATE EVENT TRIGGER no ON ddl_command_start WHEN TAG IN ('GRANT') EXECUTE FUNCTION no()",
               "ALTER EVENT TRIGGER no ENABLE ALWAYS", database="shop")
    grants = Grants(server, ["readers"])
    grants.want("shop", "readers", "tables", "SELECT", schema="s", name="t")
    error = grants.apply().failed()["readers"]
    assert error.startswith("no grants here") and f"(SQLSTATE P0001); " in error and told in error and "CASCADE" not in error
