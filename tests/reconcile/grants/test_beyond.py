"""What a described role may do and no step takes is told, on every supported PostgreSQL; what is not promised is not."""

import json

import pytest

from parts import postgres
from parts.roles import Users, exists

every_major = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
ADOPT = {"adopt": True, "max_deletions": 100}
BESIDE = "SELECT count(*) FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid WHERE rolname = 'staff' AND deptype = 'a'"


def described(mode="exact", **more):
    return json.dumps({"version": 2, "groups": [{"name": "staff", "grants": [], "grantsMode": mode} | more],
                       "users": [{"username": "alice", "roles": ["staff"], "password": {"disabled": True}}]})


def give(server):
    """Everything that users.yaml has no word for; says what takes it, in which database."""
    server.run("CREATE ROLE staff", "CREATE ROLE alice LOGIN", "CREATE ROLE maker", "CREATE DATABASE app", "GRANT CREATE ON TABLESPACE pg_default TO staff")
    server.run("CREATE FOREIGN DATA WRAPPER \"W w\"", "GRANT USAGE ON FOREIGN DATA WRAPPER \"W w\" TO staff", "SELECT lo_create(99), lo_create(98)",
               "GRANT SELECT, UPDATE ON LARGE OBJECT 99 TO staff", "GRANT SELECT ON LARGE OBJECT 98 TO PUBLIC",
               *(["ALTER DEFAULT PRIVILEGES FOR ROLE maker GRANT SELECT ON LARGE OBJECTS TO staff"] if server.major >= 18 else []), database="app")
    return {("large object 99", 'REVOKE SELECT, UPDATE ON LARGE OBJECT 99 FROM "staff"', "app"),
            ("foreign-data wrapper W w", 'REVOKE USAGE ON FOREIGN DATA WRAPPER "W w" FROM "staff"', "app"),
            ("tablespace pg_default", 'REVOKE CREATE ON TABLESPACE "pg_default" FROM "staff"', "postgres"),
            *({("new large objects of maker", 'ALTER DEFAULT PRIVILEGES FOR ROLE "maker" REVOKE SELECT ON LARGE OBJECTS FROM "staff"', "app")}
              if server.major >= 18 else set())}


def wordless(result):
    return [warning for warning in result.warnings if "users.yaml has no word" in warning]


@every_major
def test_what_users_yaml_has_no_word_for_is_left_and_told_with_the_statement_that_takes_it(server):
    given, users = give(server), Users(server)
    result = users.apply(described(), policy=ADOPT).good()
    assert len(wordless(result)) == len(given) and not [sql for sql in result.sql if 'FROM "staff"' in sql], result.answer
    for what, sql, database in given:
        told = [warning for warning in wordless(result) if what in warning]
        assert len(told) == 1 and 'role "staff" has ' in told[0] and sql in told[0] and ("in database app" in told[0]) == (database == "app"), told
    quiet = users.apply(described(), policy=ADOPT).quiet()
    assert wordless(quiet) == wordless(result), "it is told for as long as it is so"
    for _, sql, database in given:
        server.run(sql, database=database)
    assert wordless(users.apply(described(), policy=ADOPT).quiet()) == [] and server.value(BESIDE) == 0


@every_major
def test_such_privileges_keep_nobody_out_of_the_export(server):
    give(server)
    server.run("CREATE TABLE t (x int)", "GRANT SELECT ON t TO staff")
    users = Users(server)
    export = users.run("export", "users: []")
    assert not export.error and "SELECT" in export.text, export.answer
    assert [one["reason"] for one in export.left_out if one["name"] == "staff"] == [
        "its further privileges are not listed, and left as they are: users.yaml has no word for tablespace pg_default"], export.left_out
    before = server.value(BESIDE)
    users.apply(export.text, policy=ADOPT).good()
    assert users.apply(export.text, policy=ADOPT).quiet() and server.value(BESIDE) == before


@every_major
def test_who_leaves_takes_them_along(server):
    """Also what another than the owner granted, which DROP OWNED leaves."""
    give(server)
    server.run("CREATE ROLE giver", "GRANT SELECT ON LARGE OBJECT 99 TO giver WITH GRANT OPTION", "SET ROLE giver",
               "GRANT SELECT ON LARGE OBJECT 99 TO alice", "RESET ROLE", "GRANT UPDATE ON LARGE OBJECT 99 TO alice", database="app")
    users = Users(server)
    users.apply(described(), policy=ADOPT).good()
    result = users.apply(json.dumps({"version": 2, "groups": [{"name": "staff"}], "users": [{"username": "bob", "password": {"disabled": True}}]}), policy=ADOPT)
    assert not exists(server, "alice"), result.answer
    assert "alice" not in server.value("SELECT lomacl::text FROM pg_largeobject_metadata WHERE oid = 99", database="app")


def test_of_many_some_are_told_and_how_many_there_are(server):
    server.run("CREATE ROLE staff", "CREATE ROLE alice LOGIN",
               "DO $$ BEGIN FOR i IN 1..12 LOOP PERFORM lo_create(i); EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO staff', i); END LOOP; END $$")
    told = wordless(Users(server).apply(described(), policy=ADOPT).good())
    assert len(told) == 6 and "7 more large objects in database postgres" in told[-1] and "user access staff" in told[-1], told


def test_nothing_is_told_of_who_keeps_what_is_not_listed(server):
    give(server)
    assert wordless(Users(server).apply(described("additive"), policy=ADOPT).good()) == []
    assert len(wordless(Users(server).apply(described("report"), policy=ADOPT))) >= 3
