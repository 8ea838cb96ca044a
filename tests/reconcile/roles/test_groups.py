"""Groups of a version 2 users.yaml: they are there, may do what is listed and no more, and their members with them."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from parts import postgres
from parts.roles import Users, comment, exists, members
from parts.process import wait_for

every_major = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)


def document(groups=(), users=()):
    return json.dumps({"version": 2, "groups": list(groups), "users": list(users)})


def on_tables(*privileges, names=("*",), **fields):
    return {"database": "shop", "on": "tables", "schema": "s", "names": list(names), "privileges": list(privileges)} | fields


def usage():
    return {"database": "shop", "on": "schema", "schema": "s", "privileges": ["USAGE"]}


def shop(server):
    server.run("CREATE ROLE owner", "CREATE DATABASE shop OWNER owner")
    server.run("SET ROLE owner", "CREATE SCHEMA s", "CREATE TABLE s.t (a int)", "CREATE TABLE s.u (a int)", database="shop")
    return Users(server)


def can(server, user, password, sql):
    with server.connect(database="shop", user=user, password=password) as connection:
        try:
            connection.execute(sql)
        except Exception as error:
            return str(error).split("\n", maxsplit=1)[0]
    return True


@every_major
def test_a_member_may_do_what_its_group_may(server):
    users = shop(server)
    users.secret("alice", "geheim")
    wanted = document([{"name": "readers", "grants": [usage(), on_tables("SELECT")]},
                       {"name": "unused", "grants": []}],
                      [{"username": "alice", "database": "shop", "roles": ["readers"],
                        "grants": [on_tables("INSERT", names=["u"]), usage()]}])
    planned = users.plan(wanted)
    assert not exists(server, "readers") and 'GRANT SELECT ON TABLE "s"."t", "s"."u" TO "readers"' in planned.sql
    result = users.apply(wanted).good()
    assert result.sql == planned.sql[:len(result.sql)] and result.warnings == [w for w in result.warnings if "created empty" not in w]
    users.apply(wanted).quiet()
    assert exists(server, "unused") and comment(server, "unused") == "managed by pgitops (main) group"
    assert can(server, "alice", "geheim", "SELECT * FROM s.t") is True and can(server, "alice", "geheim", "INSERT INTO s.u VALUES (1)") is True
    assert "permission denied" in can(server, "alice", "geheim", "INSERT INTO s.t VALUES (1)")

    server.run("REVOKE SELECT ON s.t FROM readers", "GRANT TRUNCATE ON s.u TO readers", "GRANT ALL ON s.t TO alice", database="shop")
    result = users.apply(wanted).good()
    assert result.fields("readers") == {"shop: table s.t": ("SELECT", ""), "shop: table s.u": ("", "TRUNCATE")}
    assert "shop: table s.t" in result.fields("alice")
    users.apply(wanted).quiet()
    assert members(server, "readers") == ["alice"]

    # A list that goes leaves what was given: it is nobody's from then on.
    alice = {"username": "alice", "database": "shop", "roles": ["readers"]}
    users.apply(document([{"name": "readers"}, {"name": "unused"}], [alice])).quiet()
    assert can(server, "alice", "geheim", "SELECT * FROM s.t") is True
    users.apply(document([{"name": "readers", "grants": []}, {"name": "unused"}], [alice])).good()
    assert "permission denied" in can(server, "alice", "geheim", "SELECT * FROM s.t")


@every_major
def test_what_one_may_not_be_given_holds_up_nobody(server):
    users = shop(server)
    server.run("CREATE ROLE byhand", "GRANT SELECT ON pg_catalog.pg_class TO byhand")
    server.run("GRANT DELETE ON s.t TO byhand", database="shop")
    wanted = document([{"name": "byhand", "grants": [on_tables("SELECT")]}, {"name": "readers", "grants": [on_tables("SELECT"), usage()]},
                       {"name": "wrong", "grants": [on_tables("SELECT", names=["nothing"]), usage()]}])
    result = users.apply(wanted)
    assert result.status("readers") == "Synced" and result.status("byhand") == "Refused" and result.status("wrong") == "Degraded"
    assert "no group of ours" in result.reason("byhand")
    assert 'grant in database shop: relation "s.nothing" does not exist' in result.reason("wrong")
    assert server.value("SELECT has_table_privilege('byhand', 's.t', 'DELETE')", database="shop")
    assert not server.value("SELECT has_table_privilege('byhand', 's.t', 'SELECT')", database="shop")
    assert server.value("SELECT has_schema_privilege('wrong', 's', 'USAGE')", database="shop")


@every_major
def test_a_group_that_is_not_listed_any_more_keeps_what_it_has_and_is_left(server):
    users = shop(server)
    users.apply(document([{"name": "readers", "grants": [usage()]}, {"name": "empty", "grants": []}])).good()
    users.apply(document([])).good()
    assert exists(server, "readers") and not exists(server, "empty")


def test_a_report_writes_nothing(server):
    users = shop(server)
    wanted = document([{"name": "readers", "grants": [usage()]}])
    users.apply(wanted).good()
    server.run("GRANT CREATE ON SCHEMA s TO readers", database="shop")
    result = users.plan(wanted)
    assert result.status("readers") == "Drifted" and result.sql == ['REVOKE CREATE ON SCHEMA "s" FROM "readers"']
    assert server.value("SELECT has_schema_privilege('readers', 's', 'CREATE')", database="shop")


@pytest.mark.parametrize("server", [13, 18], indirect=True)
def test_a_listed_group_that_was_renamed_by_hand_is_told_and_not_made_anew(server):
    users = shop(server)
    users.secret("ann", "geheim")
    wanted = document([{"name": "readers", "grants": [on_tables("SELECT")]}], [{"username": "ann", "roles": ["readers"]}])
    users.apply(wanted).good()
    server.run("ALTER ROLE readers RENAME TO lecteurs")
    result = users.apply(wanted)
    assert not exists(server, "readers") and members(server, "lecteurs") == ["ann"]
    assert result.status("readers") == "Degraded" and 'ALTER ROLE "lecteurs" RENAME TO "readers"' in result.reason("readers")
    assert users.apply(wanted).steps == []
    server.run("ALTER ROLE lecteurs RENAME TO readers")
    users.apply(wanted).quiet()


@pytest.mark.parametrize("server", [13, 18], indirect=True)
@pytest.mark.parametrize("how", [{"policy": {"adopt": True}}, {"adopt": ["readers"]}], ids=["policy", "command"])
def test_a_group_that_was_made_by_hand_is_adopted_with_what_it_may_do(server, how):
    users = shop(server)
    server.run("CREATE ROLE readers", "COMMENT ON ROLE readers IS 'who read'", "CREATE ROLE friend IN ROLE readers", "CREATE ROLE robot LOGIN")
    server.run("GRANT USAGE ON SCHEMA s TO readers", database="shop")
    wanted = document([{"name": "readers", "grants": [usage()]}])
    refused = users.apply(wanted)
    assert refused.status("readers") == "Refused" and "user adopt" in refused.reason("readers") and refused.steps == []
    result = users.apply(wanted, **how).good()
    assert not any("GRANT" in sql or "REVOKE ALL ON SCHEMA" in sql for sql in result.sql) and members(server, "readers") == ["friend"]
    assert comment(server, "readers") == "managed by pgitops (main) group: who read", comment(server, "readers")
    users.apply(wanted).quiet()
    login = users.apply(document([{"name": "readers", "grants": [usage()]}, {"name": "robot"}]), policy={"adopt": True}, adopt=["robot"])
    assert login.status("robot") == "Refused" and "logs in" in login.not_adopted


@every_major
def test_what_a_leaver_gave_on_goes_with_her_in_the_same_pass(server):
    users = shop(server)
    for name in ("alice", "bob"):
        users.secret(name, "geheim")
    groups = [{"name": "readers", "grants": [on_tables("SELECT")]}, {"name": "staff", "defaultPrivileges": []}]
    bob = {"username": "bob", "database": "shop"}
    users.apply(document(groups, [{"username": "alice", "database": "shop"}, bob])).good()
    server.run("REVOKE SELECT ON s.t FROM readers", "GRANT SELECT, DELETE ON s.t TO alice WITH GRANT OPTION", "GRANT USAGE ON SCHEMA s TO alice",
               "SET SESSION AUTHORIZATION alice", "GRANT SELECT, DELETE ON s.t TO readers", "RESET SESSION AUTHORIZATION",
               "ALTER DEFAULT PRIVILEGES FOR ROLE alice GRANT USAGE ON TYPES TO staff WITH GRANT OPTION", database="shop")
    result = users.apply(document(groups, [bob])).good()
    assert not exists(server, "alice") and all(step["done"] for step in result.steps), result.steps
    assert server.value("SELECT has_table_privilege('readers', 's.t', 'SELECT')", database="shop")
    assert not server.value("SELECT has_table_privilege('readers', 's.t', 'DELETE')", database="shop")
    users.apply(document(groups, [bob])).quiet()


@every_major
def test_what_a_leaver_gave_to_somebody_who_is_nobodys_keeps_her_until_the_owner_gave_it_too(server):
    """Her removal takes along what she gave on, and what was given on from there: robot's SELECT is in use, and nobody asked to take it away."""
    users = shop(server)
    for name in ("alice", "bob"):
        users.secret(name, "geheim")
    groups = [{"name": "readers", "grants": [on_tables("SELECT", names=["t"])]}, {"name": "staff", "grants": []}]
    bob = {"username": "bob", "database": "shop"}
    users.apply(document(groups, [{"username": "alice", "database": "shop"}, bob])).good()
    objects = ("TABLE s.t", "SCHEMA s", "FUNCTION s.f()")
    server.run("CREATE ROLE robot", "CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "ALTER FUNCTION s.f() OWNER TO owner",
               "REVOKE SELECT ON s.t FROM readers", "GRANT USAGE ON SCHEMA s TO robot, alice",
               *(f"GRANT ALL ON {what} TO alice WITH GRANT OPTION" for what in objects), "SET SESSION AUTHORIZATION alice",
               *(f"GRANT ALL ON {what} TO robot WITH GRANT OPTION" for what in objects), "SET SESSION AUTHORIZATION robot",
               *(f"GRANT ALL ON {what} TO staff" for what in objects), "GRANT SELECT ON s.t TO readers", "RESET SESSION AUTHORIZATION", database="shop")
    result = users.apply(document(groups, [bob]))
    assert result.status("alice") == "Retiring" and 'shop: table s.t of "robot"' in result.reason("alice"), result.reason("alice")
    assert not server.can_login("alice", "geheim", "shop")
    for privilege in ("SELECT", "DELETE"):
        assert server.value("SELECT has_table_privilege('robot', 's.t', %s)", [privilege], "shop")
    server.run("SET ROLE owner", *(f"GRANT ALL ON {what} TO robot WITH GRANT OPTION" for what in objects), database="shop")
    users.apply(document(groups, [bob])).good()
    assert not exists(server, "alice")
    for privilege in ("SELECT", "DELETE"):
        assert server.value("SELECT has_table_privilege('robot', 's.t', %s)", [privilege], "shop")
    assert server.value("SELECT has_table_privilege('readers', 's.t', 'SELECT')", database="shop")
    assert not server.query("SELECT 1 FROM pg_shdepend d JOIN pg_roles r ON r.oid = refobjid WHERE rolname = 'staff'", database="shop")
    users.apply(document(groups, [bob])).quiet()


@every_major
@pytest.mark.parametrize("gave, whose, who", [
    (["GRANT SELECT ON s.t TO PUBLIC"], "PUBLIC", "PUBLIC"),
    # readers have it from the owner again in the same pass, but what they gave on by her right would be gone.
    (["GRANT SELECT ON s.t TO readers WITH GRANT OPTION", "SET SESSION AUTHORIZATION readers", "GRANT SELECT ON s.t TO robot"],
     '"robot"', "robot")])
def test_what_others_would_lose_with_a_leaver_keeps_her_until_the_owner_gave_it_too(server, gave, whose, who):
    server.run("CREATE DATABASE app")
    users = shop(server)
    for name in ("alice", "bob"):
        users.secret(name, "geheim")
    bob = {"username": "bob", "database": "shop"}
    groups = [{"name": "readers", "grants": [on_tables("SELECT", names=["t"])]}]
    users.apply(document(groups, [{"username": "alice", "database": "shop"}, bob])).good()
    server.run("CREATE ROLE robot", "GRANT USAGE ON SCHEMA s TO PUBLIC", "GRANT SELECT ON s.t TO alice WITH GRANT OPTION",
               "SET SESSION AUTHORIZATION alice", *gave, database="shop")
    server.run("CREATE TABLE hers (x int)", "ALTER TABLE hers OWNER TO alice", database="app")  # where she is looked for first
    result = users.apply(document(groups, [bob]))
    assert result.status("alice") == "Retiring" and f"shop: table s.t of {whose}" in result.reason("alice"), result.reason("alice")
    assert not server.can_login("alice", "geheim", "shop")
    assert server.value("SELECT has_table_privilege('robot', 's.t', 'SELECT')", database="shop")
    server.run("SET ROLE owner", f"GRANT SELECT ON s.t TO {who}", database="shop")
    users.apply(document(groups, [bob])).good()
    assert not exists(server, "alice") and server.value("SELECT has_table_privilege('robot', 's.t', 'SELECT')", database="shop")
    users.apply(document(groups, [bob])).quiet()


@every_major
@pytest.mark.parametrize("groups", [[], [{"name": "readers"}]])
def test_a_login_and_powers_that_a_hand_gave_a_group_are_taken_back(server, users_of_readers, groups):
    users = users_of_readers
    wanted = document(groups, [{"username": "alice", "roles": ["readers"]}])
    users.apply(wanted).good()
    server.run("ALTER ROLE readers LOGIN PASSWORD 'back door' SUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS NOINHERIT")
    result = users.apply(wanted).good()
    found = {one["field"]: (one["wanted"], one["found"]) for one in result.report("readers")["differences"]}
    assert found == {"inherit": ("true", "false")} | {field: ("false", "true") for field in (
        "login", "superuser", "createdb", "createrole", "replication", "bypassrls")}
    assert not server.can_login("readers", "back door") and members(server, "readers") == ["alice"]
    assert server.query("SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls OR rolcanlogin, rolinherit, rolpassword"
                        " FROM pg_authid WHERE rolname = 'readers'") == [(False, True, None)]
    users.apply(wanted).quiet()
    # A role that nobody of ours lists any more is what its hands made of it.
    server.run("CREATE ROLE member IN ROLE readers", "ALTER ROLE readers CREATEDB")
    users.apply(document([], [{"username": "alice"}]))
    assert server.value("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'readers'")


@pytest.fixture
def users_of_readers(server):
    users = Users(server)
    users.secret("alice", "geheim")
    return users


@every_major
def test_what_a_hand_took_away_before_its_revoke_is_gone_and_blames_nobody(server):
    """Since 16 the server warns then, in the middle of a message, and libpq says so before the result in front."""
    users = Users(server)
    wanted = [{"username": name, "roles": []} for name in ("alice", "bob", "carol")]
    for one in wanted:
        users.secret(one["username"], "geheim")
    users.apply(wanted).good()
    server.run(*(f"CREATE ROLE of_{one['username']}" for one in wanted))
    server.run(*(f"GRANT of_{one['username']} TO {one['username']}" for one in wanted))
    with server.connect() as hand, ThreadPoolExecutor() as thread:
        hand.execute("BEGIN")
        hand.execute("LOCK TABLE pg_auth_members IN SHARE MODE")
        running = thread.submit(users.apply, wanted)
        wait_for("the REVOKEs wait", lambda: server.query("SELECT 1 FROM pg_locks WHERE NOT granted"))
        hand.execute("REVOKE of_bob FROM bob")
        hand.execute("COMMIT")
        running.result().good()
    assert not server.query("SELECT 1 FROM pg_auth_members WHERE roleid >= 16384")
    users.apply(wanted).quiet()


def test_an_unused_group_goes_with_what_it_may_do_in_any_listed_database(server):
    users = Users(server)
    server.run("CREATE DATABASE app", "CREATE DATABASE shop")
    users.secret("alice", "geheim")
    listed = [{"name": "app"}, {"name": "shop"}]
    alice = {"username": "alice", "database": "shop"}
    groups = [{"name": "readers", "dropWhenUnused": True,
               "grants": [{"database": name, "on": "database", "privileges": ["CONNECT"]} for name in ("app", "shop")]}]

    def text(roles):
        return json.dumps({"version": 2, "databases": listed, "groups": groups, "users": [alice | {"roles": roles}]})
    users.apply(text(["readers"])).good()
    users.apply(text([])).good()
    users.apply(text([])).good()
    assert not exists(server, "readers")
    users.apply(text([])).quiet()


@every_major
@pytest.mark.parametrize("way", [["owner"], ["writers"]])
@pytest.mark.parametrize("before", [True, False])
def test_who_has_the_owners_rights_takes_what_she_gave(server, way, before):
    """PostgreSQL acts as herself for whoever has each grant option of the statement, and else as the owner, who did not give it."""
    users = shop(server)
    for name in ("alice", "bob"):
        users.secret(name, "geheim")
    groups = [{"name": "owner"}, {"name": "writers"}]
    member = {"username": "alice", "roles": way}
    users.apply(document(groups, [member if before else {"username": "alice"}, {"username": "bob"}]), policy={"adopt": ["owner"]})
    server.run("GRANT owner TO writers", "GRANT USAGE, CREATE ON SCHEMA s TO alice WITH GRANT OPTION", "GRANT SELECT, INSERT ON s.t TO alice WITH GRANT OPTION",
               "SET ROLE alice", "GRANT USAGE, CREATE ON SCHEMA s TO bob", "GRANT SELECT, INSERT ON s.t TO bob", "RESET ROLE",
               "SET ROLE owner", "REVOKE INSERT ON s.t FROM alice" if before else "SELECT 1", database="shop")
    wanted = document([], [member, {"username": "bob", "grants": []}])
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    assert can(server, "bob", "geheim", "SELECT 1 FROM s.t").startswith("permission denied for schema")
    assert server.query("SELECT FROM pg_class, aclexplode(relacl) WHERE relname = 't' AND grantee = 'bob'::regrole", database="shop") == []


@every_major
def test_what_somebody_gave_herself_stands_beside_what_the_owner_gave_her(server):
    """Of two who gave her the same, the one whose right comes from the other goes first, whichever the catalog names first."""
    users = shop(server)
    for name in ("alice", "bob"):
        users.secret(name, "geheim")
    users.apply(document([], [{"username": "alice"}, {"username": "bob"}])).good()
    server.run("GRANT USAGE, CREATE ON SCHEMA s TO alice WITH GRANT OPTION", "SET ROLE alice", "GRANT USAGE, CREATE ON SCHEMA s TO alice",
               "GRANT USAGE ON SCHEMA s TO bob WITH GRANT OPTION", "RESET ROLE", "SET ROLE owner", "GRANT USAGE ON SCHEMA s TO bob",
               "RESET ROLE", "SET ROLE bob", "GRANT USAGE ON SCHEMA s TO bob", database="shop")
    # As a member of the owner she loses the right to give, and what she gave by it stays: nobody else's REVOKE finds it later.
    server.run("GRANT owner TO alice", "REVOKE USAGE ON SCHEMA s FROM alice", "REVOKE owner FROM alice", database="shop")
    wanted = document([], [{"username": "alice", "roles": [], "grants": []}, {"username": "bob", "grants": []}])
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    assert server.query("SELECT nspacl::text[] FROM pg_namespace WHERE nspname = 's'", database="shop") == [(["owner=UC/owner"],)]
