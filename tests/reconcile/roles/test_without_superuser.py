"""An agent whose role has CREATEROLE and is no superuser, as on managed services (behaviour 58)."""

import json
import re
import subprocess

import pytest

from parts import postgres
from parts.plain import PASSWORD, plain_users
from parts.roles import Users, comment, databases_with_connect, exists, heir, members, verifier
from parts.script import sent_statements, shown, squeezed

ALL = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
MODERN = pytest.mark.parametrize("server", [16, 18], indirect=True)
OLD = pytest.mark.parametrize("server", [13, 15], indirect=True)
SOME = pytest.mark.parametrize("server", [13, 16, 18], indirect=True)

WANTED = [{"username": "alice", "database": "app", "roles": ["read only", "staff"]}, {"username": "bob", "database": "app", "roles": ["staff"]},
          {"username": "Zo\u00eb", "database": "app", "roles": ["alice"]}]


@pytest.fixture
def users(server):
    made = plain_users(server)
    with server.connect(user="administrator", password="administrator") as session:
        session.execute("CREATE DATABASE app")
        session.execute("GRANT CONNECT ON DATABASE app TO pgitops WITH GRANT OPTION")
    for name in ("alice", "bob", "carol", "Zo\u00eb"):
        made.secret(name, f"geheim-{name}")
    return made


def memberships(server, member):
    return server.query("SELECT r.rolname, pg_get_userbyid(a.grantor) FROM pg_auth_members a JOIN pg_roles r ON r.oid = roleid"
                        " JOIN pg_roles m ON m.oid = member WHERE m.rolname = %s ORDER BY 1, 2", [member])


@ALL
def test_users_come_and_a_second_pass_plans_nothing(server, users):
    result = users.apply(WANTED).good()
    assert all(server.can_login(one["username"], f"geheim-{one['username']}", "app") for one in WANTED)
    assert members(server, "staff") == ["alice", "bob"] + (["pgitops"] if server.major >= 16 else [])
    assert databases_with_connect(server, "alice") == ["app"] and verifier(server, "alice").startswith("SCRAM-SHA-256$")
    assert comment(server, "bob") == "managed by pgitops (main)"
    assert not server.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'pgitops'")
    made = memberships(server, "pgitops")
    second = users.apply(WANTED).quiet()
    assert second.statements == users.apply(WANTED).quiet().statements < result.statements
    assert memberships(server, "pgitops") == made and all(grantor == "postgres" for _, grantor in made), "37: the creator's rows stay"


@SOME
def test_reads_are_as_many_for_a_hundred_users_as_for_one(server, users):
    users.apply(WANTED[:1]).good()
    one = users.apply(WANTED[:1]).quiet().statements
    many = [{"username": f"u{i}", "database": "app", "roles": ["staff"]} for i in range(100)]
    for user in many:
        users.secret(user["username"], "x")
    users.apply(WANTED[:1] + many).good()
    assert users.apply(WANTED[:1] + many).quiet().statements == one


@ALL
def test_hands_are_healed(server, users):
    users.apply(WANTED).good()
    server.run("ALTER ROLE alice CREATEDB CREATEROLE CONNECTION LIMIT 3 NOLOGIN VALID UNTIL '2001-01-01'", "COMMENT ON ROLE bob IS 'hand'",
               "REVOKE CONNECT ON DATABASE app FROM alice")
    with server.connect(user="pgitops", password=PASSWORD) as session:
        session.execute("REVOKE \"read only\" FROM alice")
        session.execute("GRANT \"read only\" TO bob")
        session.execute("GRANT CONNECT ON DATABASE app TO \"read only\"")
    result = users.apply(WANTED).good()
    assert set(result.fields("alice")) == {"createdb", "createrole", "connectionLimit", "login", "validUntil", "roles"} | \
        ({"connect:app"} if "connect:app" in result.fields("alice") else set())
    users.apply(WANTED).quiet()
    assert server.can_login("alice", "geheim-alice", "app") and "alice" in members(server, "read only")
    assert "bob" not in members(server, "read only")


@ALL
def test_a_password_is_set_when_its_secret_changes_and_by_the_record_alone(server, users):
    users.apply(WANTED).good()
    server.run("ALTER ROLE bob PASSWORD 'by hand'")
    users.apply(WANTED).quiet()
    users.secret("bob", "new")
    assert users.apply(WANTED).good().actions == [("alter", "bob")]
    assert server.can_login("bob", "new", "app")
    users.known = {}  # a store that was lost, or rolled back
    assert [user for _, user in users.apply(WANTED).good().actions] == ["Zo\u00eb", "alice", "bob"]
    users.apply(WANTED).quiet()


@ALL
def test_a_leaver_goes_with_what_it_owns_in_two_databases(server, users):
    users.apply(WANTED).good()
    for database in ("app", "postgres"):
        server.run("CREATE TABLE t AS SELECT 1 AS x", "ALTER TABLE t OWNER TO alice", "GRANT SELECT ON t TO bob", "CREATE SCHEMA alices AUTHORIZATION alice",
                   "CREATE FUNCTION alices.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "ALTER FUNCTION alices.f() OWNER TO alice", database=database)
    server.run("CREATE DATABASE hers OWNER alice", "GRANT CREATE ON DATABASE app TO pgitops")
    left = heir(server, "alice")
    wanted = [{"username": "bob", "database": "app", "roles": ["staff"]}, {"username": "Zo\u00eb", "database": "app"}]
    session = server.connect(user="alice", password="geheim-alice")
    result = users.apply(wanted)
    assert not exists(server, "alice"), result.reason("alice")
    with pytest.raises(Exception, match="terminat"):
        session.execute("SELECT 1")
    for database in ("app", "postgres"):
        assert server.query("SELECT x, tableowner FROM t, pg_tables WHERE tablename = 't'", database=database) == [(1, left)]
    assert server.value("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'hers'") == left
    users.apply(wanted).good()  # a group that nobody uses any more
    users.apply(wanted).quiet()
    assert not any(role in ("alice", left) and grantor == "pgitops" for role, grantor in memberships(server, "pgitops")), "taken back"


@ALL
def test_what_is_shown_is_what_the_server_logs_and_psql_does_it_too(server, users):
    users.apply(WANTED).good()
    server.run("CREATE TABLE t AS SELECT 1 AS x", "ALTER TABLE t OWNER TO alice", database="app")
    server.run("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
    wanted = [{"username": "bob", "database": "app", "roles": ["staff", "new"]}]
    script = users.plan(wanted).script
    mark = server.log_mark()
    users.apply(wanted)
    assert not exists(server, "alice")
    assert squeezed(shown(script)) == squeezed(sent_statements(server, mark))
    users.apply(wanted)
    other = users.plan([{"username": "bob", "ensure": "absent"}]).script
    done = subprocess.run(["psql", "-X", "-h", "127.0.0.1", "-p", str(server.port), "-U", "pgitops", "-d", "postgres"],
                          env={"PGPASSWORD": PASSWORD, "PATH": "/usr/bin:/bin", "LC_ALL": "C"}, input=other, capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert not exists(server, "bob")


@ALL
def test_what_belongs_to_somebody_else_is_told_with_the_grant(server, users):
    server.run("CREATE ROLE somebody", "CREATE DATABASE theirs OWNER somebody")
    wanted = [{"username": "alice", "database": "theirs"}, {"username": "bob", "database": "app"}]
    result = users.apply(wanted)
    assert result.status("alice") == "Degraded" and result.status("bob") == "Synced"
    assert 'belongs to "somebody"' in result.reason("alice")
    remedy = 'GRANT CONNECT ON DATABASE "theirs" TO "pgitops" WITH GRANT OPTION'
    assert remedy in result.reason("alice") and exists(server, "alice")
    server.run(remedy)
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    server.run('REVOKE CONNECT ON DATABASE theirs FROM alice CASCADE', "REVOKE GRANT OPTION FOR CONNECT ON DATABASE theirs FROM pgitops CASCADE",
               "GRANT CONNECT ON DATABASE theirs TO bob")
    result = users.apply(wanted)
    assert result.status("bob") == "Degraded" and 'REVOKE CONNECT ON DATABASE "theirs" FROM "bob"' in result.reason("bob")
    server.run('REVOKE CONNECT ON DATABASE "theirs" FROM "bob"', "GRANT somebody TO pgitops")
    users.apply(wanted).good()
    users.apply(wanted).quiet()


@MODERN
def test_roles_of_others_need_admin_since_16_and_each_is_told_its_grant(server, users):
    server.run("CREATE ROLE theirs", "CREATE ROLE alice LOGIN", "CREATE ROLE carol LOGIN")
    wanted = [{"username": "alice"}, {"username": "bob", "roles": ["theirs"]}]
    result = users.apply(wanted, policy={"adopt": True})
    assert result.status("alice") == result.status("bob") == "Degraded" and exists(server, "bob")
    for role in ("alice", "theirs"):
        remedy = f'GRANT "{role}" TO "pgitops" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE'
        assert remedy in result.reason("alice" if role == "alice" else "bob"), result.reports
        server.run(remedy)
    users.apply(wanted, policy={"adopt": True}).good()
    users.apply(wanted).quiet()
    assert server.can_login("alice", "geheim-alice") and "bob" in members(server, "theirs")
    server.run("REVOKE alice FROM pgitops")
    result = users.apply(wanted[1:])
    assert result.status("alice") == "Refused" and "ADMIN OPTION" in result.reason("alice") and exists(server, "alice")
    assert result.status("bob") == "Synced"


@MODERN
def test_a_membership_that_a_superuser_gave_is_told_with_its_revoke(server, users):
    wanted = [{"username": "alice", "roles": ["staff"]}, {"username": "bob", "roles": ["read only"]}]
    users.apply(wanted).good()
    server.run('GRANT "read only" TO alice')
    result = users.apply(wanted)
    assert result.status("alice") == "Degraded" and result.steps == []
    remedy = re.search(r"say (REVOKE .* GRANTED BY \S+)", result.reason("alice"))[1]
    server.run(remedy)
    users.apply(wanted).quiet()


@OLD
def test_roles_of_others_are_managed_before_16_and_peers_are_told(server, users):
    server.run("CREATE ROLE theirs", "CREATE ROLE alice LOGIN", "CREATE ROLE peer CREATEROLE")
    wanted = [{"username": "alice", "roles": ["theirs"]}]
    result = users.apply(wanted, policy={"adopt": True}).good()
    assert any('may become "pgitops"' in text and '"peer"' in text and '"administrator"' in text for text in result.warnings)
    users.apply(wanted).quiet()


@ALL
def test_attributes_for_superusers_alone_are_told(server, users):
    users.apply(WANTED).good()
    server.run("ALTER ROLE alice REPLICATION", "ALTER ROLE bob SUPERUSER")
    result = users.apply(WANTED)
    assert result.status("alice") == result.status("bob") == "Degraded" and "REPLICATION" in result.reason("Zo\u00eb")
    assert "replication" in result.reason("alice").lower() and 'ALTER ROLE "bob" NOSUPERUSER' in result.reason("bob")
    if server.major < 16:
        server.run(re.search("say (ALTER ROLE .* NOREPLICATION)", result.reason("alice"))[1])
    gone = users.apply([{"username": "carol"}])
    assert not exists(server, "alice") and gone.status("bob") == "Refused" and exists(server, "bob")
    server.run("ALTER ROLE bob NOSUPERUSER")
    users.apply([{"username": "carol"}])
    assert not exists(server, "bob")


@ALL
def test_privileges_on_what_others_own_keep_a_leaver_and_are_named(server, users):
    users.apply(WANTED).good()
    server.run("CREATE ROLE somebody", "CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO somebody", "GRANT SELECT ON t TO alice", database="app")
    wanted = [{"username": "bob", "database": "app", "roles": ["staff"]}, {"username": "Zo\u00eb", "database": "app"}]
    result = users.apply(wanted)
    assert result.status("alice") == "Retiring" and "table public.t of somebody" in result.reason("alice"), result.reports
    assert not server.can_login("alice", "geheim-alice", "app") and result.status("bob") == "Synced"
    server.run("GRANT somebody TO pgitops")
    users.apply(wanted)
    assert not exists(server, "alice")


@ALL
def test_a_leaver_with_members_waits_since_nothing_locks_them_out(server, users):
    users.apply(WANTED).good()
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", "CREATE ROLE friend LOGIN", "GRANT alice TO friend", database="app")
    wanted = [{"username": "bob", "database": "app", "roles": ["staff"]}, {"username": "Zo\u00eb", "database": "app"}]
    result = users.apply(wanted)
    assert result.status("alice") == "Retiring" and "friend is a member of the user" in result.reason("alice")
    server.run("REVOKE alice FROM friend")
    users.apply(wanted)
    assert not exists(server, "alice")


@ALL
def test_a_role_that_may_do_nothing_is_told_what_it_lacks(server):
    server.run("CREATE ROLE agent LOGIN PASSWORD 'x'")
    users = Users(server, connection=server.conninfo(user="agent"), password="x")
    users.secret("alice", "geheim")
    first = users.apply([{"username": "alice"}])
    assert first.error_kind == "denied" and 'ALTER ROLE "agent" CREATEROLE' in first.error
    server.run('ALTER ROLE "agent" CREATEROLE')
    second = users.apply([{"username": "alice"}])
    assert second.error_kind == "denied" and 'GRANT CREATE ON DATABASE "postgres" TO "agent"' in second.error
    server.run('GRANT CREATE ON DATABASE "postgres" TO "agent"')
    third = users.apply([{"username": "alice"}])
    server.run(re.search(r"GRANT CONNECT .* OPTION", third.reason("alice"))[0])
    users.apply([{"username": "alice"}]).good()


@ALL
def test_a_schema_of_somebody_else_stops_everything(server, users):
    server.run("CREATE SCHEMA pgitops AUTHORIZATION administrator")
    result = users.apply(WANTED)
    assert result.error_kind == "denied" and "belongs to role" in result.error and not exists(server, "alice")


@ALL
def test_verifiers_in_the_log_are_warned_of_and_what_may_be_set_keeps_them_out(server, users):
    server.run("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
    mark = server.log_mark()
    result = users.apply(WANTED)
    warning = next(text for text in result.warnings if "verifiers into its log" in text)
    assert "SCRAM-SHA-256$" in server.log_since(mark) and "geheim" not in server.log_since(mark)
    if server.major >= 15:
        server.run(re.search(r"GRANT SET ON PARAMETER .* TO \S+", warning)[0])
    else:
        server.run(*re.findall(r'ALTER ROLE "pgitops" SET \w+ = \S+?(?=[;]|$)', warning))
    users.secret("alice", "another")
    mark = server.log_mark()
    result = users.apply(WANTED).good()
    assert "SCRAM-SHA-256$" not in server.log_since(mark)
    assert not any("its log" in text for text in result.warnings)


@ALL
def test_adoption_by_a_person_needs_no_superuser(server, users):
    server.run("CREATE ROLE alice LOGIN PASSWORD 'old'")
    if server.major >= 16:
        server.run("GRANT alice TO pgitops WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
    users.apply([{"username": "alice"}], adopt=["alice"]).good()
    users.apply([{"username": "alice"}]).quiet()
    assert server.can_login("alice", "geheim-alice")
    mark = server.value("SELECT manager FROM pgitops.managed_role WHERE name = 'alice'")
    assert mark == "west"


@ALL
def test_privileges_on_what_others_own_are_told_as_failures_and_block_nobody(server, users):
    """GRANT by who may do something with the object, and give nothing, succeeds with a warning."""
    server.run("CREATE ROLE somebody", "CREATE DATABASE closed", "REVOKE CONNECT ON DATABASE closed FROM PUBLIC")
    server.run("CREATE TABLE t (x int)", "CREATE TABLE u (x int)", "ALTER TABLE t OWNER TO somebody", "ALTER TABLE u OWNER TO somebody",
               "GRANT SELECT ON t TO pgitops", "CREATE TABLE own (x int)", "ALTER TABLE own OWNER TO pgitops", database="app")

    def grant(name, database="app"):
        return [{"database": database, "on": "tables", "schema": "public", "names": [name], "privileges": ["SELECT"]}]
    wanted = json.dumps({"version": 2, "users": [], "groups": [
        {"name": "warned", "grants": grant("t")}, {"name": "denied", "grants": grant("u")}, {"name": "fine", "grants": grant("own")},
        {"name": "shut", "grants": grant("x", "closed")}]})
    result = users.apply(wanted)
    assert {name: result.status(name) for name in ("warned", "denied", "fine", "shut")} == {
        "warned": "Degraded", "denied": "Degraded", "fine": "Synced", "shut": "Degraded"}, result.reports
    assert "no privileges were granted" in result.reason("warned") and "permission denied" in result.reason("denied")
    assert all("GRANT the owner to it" in result.reason(name) for name in ("warned", "denied"))
    assert server.value("SELECT has_table_privilege('fine', 'own', 'SELECT') AND NOT has_table_privilege('warned', 't', 'SELECT')", database="app")
    server.run("GRANT somebody TO pgitops")
    result = users.apply(wanted)
    assert result.status("warned") == result.status("denied") == "Synced"
    assert users.apply(wanted).actions == [("grant", "shut")]


@ALL
def test_a_leaver_may_be_held_and_comes_back(server, users):
    hold = {"policy": {"hold": 7 * 24 * 3600 * 1000}}
    users.apply(WANTED, **hold).good()
    server.run("ALTER ROLE bob REPLICATION CREATEDB" if server.major >= 16 else "ALTER ROLE bob CREATEDB")
    before = verifier(server, "bob"), members(server, "staff")
    result = users.apply([WANTED[0], WANTED[2]], **hold)
    assert result.report("bob")["good"] and "locked out until" in result.report("bob")["progress"], result.report("bob")
    assert not server.can_login("bob", "geheim-bob", "app") and before == (verifier(server, "bob"), members(server, "staff"))
    assert not server.value("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'bob'")
    again = users.apply([WANTED[0], WANTED[2]], **hold)
    assert again.steps == [] and again.writes == 0
    server.run("ALTER ROLE bob NOREPLICATION")
    users.apply(WANTED, **hold).good()
    assert server.can_login("bob", "geheim-bob", "app")
    users.apply(WANTED, **hold).quiet()


def listed(*people, databases, groups=("shop_owner", "other_owner")):
    return json.dumps({"version": 2, "groups": [{"name": name} for name in groups], "databases": databases,
                       "users": [{"username": name, "database": "shop"} for name in people] + [{"username": "carol", "database": "app"}]})


@ALL
def test_databases_are_made_and_kept_with_createdb_alone(server, users):
    """The agent makes itself a member of the owner for each transaction that only the owner may have, and of nobody for longer."""
    shop = {"name": "shop", "owner": "shop_owner", "comment": "it sells", "revokePublicConnect": True, "extensions": ["citext"]}
    plan = users.plan(listed("alice", "bob", databases=[shop]))
    assert "OWNER" in plan.script
    first = users.apply(listed("alice", "bob", databases=[shop]))
    assert not [step for step in first.steps if not step["done"]], [step for step in first.steps if not step["done"]]
    users.apply(listed("alice", "bob", databases=[shop])).quiet()
    assert server.query("SELECT pg_get_userbyid(datdba), shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'shop'") == [
        ("shop_owner", "it sells")]
    assert server.can_login("alice", "geheim-alice", "shop") and not server.can_login("carol", "geheim-carol", "shop")
    assert server.value("SELECT count(*) FROM pg_extension WHERE extname = 'citext'", database="shop") == 1
    assert not server.query("SELECT 1 FROM pg_auth_members a JOIN pg_roles m ON m.oid = member JOIN pg_roles g ON g.oid = grantor"
                            " WHERE m.rolname = 'pgitops' AND g.rolname = 'pgitops'")
    shop |= {"owner": "other_owner", "comment": ""}
    server.run("GRANT CONNECT ON DATABASE shop TO PUBLIC")
    second = users.apply(listed("bob", databases=[shop]))
    assert not [step for step in second.steps if not step["done"]], [step for step in second.steps if not step["done"]]
    users.apply(listed("bob", databases=[shop])).quiet()
    assert not exists(server, "alice") and server.can_login("bob", "geheim-bob", "shop") and not server.can_login("carol", "geheim-carol", "shop")
    assert server.value("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'shop'") == "other_owner"


@SOME
def test_a_database_that_is_a_superusers_is_told_with_the_statement(server, users):
    server.run("CREATE DATABASE shop", "COMMENT ON DATABASE shop IS 'theirs'")
    shop = {"name": "shop", "owner": "shop_owner", "comment": "ours"}
    for _ in range(2):
        result = users.apply(listed(databases=[shop]))
        assert result.status("database shop") == "Degraded", result.report("database shop")
        assert 'a superuser' in result.reason("database shop") and 'ALTER DATABASE "shop" OWNER TO "shop_owner"' in result.reason("database shop")
        assert result.reason("database shop").count("superuser") == 1 and result.status("carol") == "Synced"
    server.run("ALTER DATABASE shop OWNER TO shop_owner")
    users.apply(listed(databases=[shop])).good()
    users.apply(listed(databases=[shop])).quiet()
