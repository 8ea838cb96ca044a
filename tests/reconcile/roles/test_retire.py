"""Users go in a safe order: locked out at once, nothing they own is lost, and what cannot be done now is done later."""

import psycopg
import pytest

from parts import postgres
from parts.roles import MARK, Users, catalog, comment, exists, heir, members, verifier

BOTH = pytest.mark.parametrize("server", [13, 18], indirect=True)
ALL = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
BOB = [{"username": "bob"}]
STAFF = [{"username": "bob", "roles": ["staff"]}]


@pytest.fixture
def users(server):
    made = Users(server)
    for name in ("alice", "bob"):
        made.secret(name, f"geheim-{name}")
    made.apply([{"username": "alice", "roles": ["staff"]}, {"username": "bob"}]).good()
    return made


def owner(server, table, database):
    return server.value("SELECT tableowner FROM pg_tables WHERE tablename = %s", [table], database)


@pytest.mark.parametrize("server", [13, 15, 16, 18], indirect=True)
def test_objects_in_every_database_get_an_heir_and_privileges_go(server, users):
    server.run("CREATE ROLE keeper", "CREATE ROLE \"other keeper\"")
    left = heir(server, "alice")
    for database, keeper in (("one", "keeper"), ("two", '"other keeper"'), ("th\"ree", "postgres")):
        name = database.replace('"', '""')
        server.run(f'CREATE DATABASE "{name}" OWNER {keeper}')
        server.run("CREATE SCHEMA hers AUTHORIZATION alice", "CREATE TABLE hers.t (x serial PRIMARY KEY)",
                   "INSERT INTO hers.t VALUES (1), (2)", "ALTER TABLE hers.t OWNER TO alice",
                   "CREATE TABLE theirs (x int)", "GRANT SELECT ON theirs TO alice",
                   "ALTER DEFAULT PRIVILEGES FOR ROLE alice GRANT SELECT ON TABLES TO PUBLIC",
                   "CREATE TYPE hers.mood AS ENUM ('good')", "ALTER TYPE hers.mood OWNER TO alice", database=database)
    result = users.apply(BOB)
    assert not exists(server, "alice") and result.status("alice") == "Synced"
    for database in ("one", "two", 'th"ree'):
        assert owner(server, "t", database) == left
        assert server.value("SELECT count(*) FROM hers.t", database=database) == 2
        assert server.value("SELECT count(*) FROM pg_default_acl", database=database) == 0
    actions = [step["action"] for step in result.steps]
    assert actions == ["lock", "end sessions", "revoke", "create heir", "retire", "retire", "retire", "drop"]
    assert any(left in warning for warning in users.apply(BOB).warnings), "what is left is told"


@ALL
@pytest.mark.parametrize("owns", [False, True])
def test_what_a_leaver_gave_before_she_had_the_owners_rights_keeps_nobody(server, users, owns):
    """REVOKE from a member of the owner goes by what the owner gave alone: DROP OWNED would pass by what alice gave on in her own name."""
    server.run("CREATE ROLE keeper", "CREATE ROLE readers", "CREATE DATABASE shop", "CREATE DATABASE other")
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO keeper", "GRANT SELECT ON t TO alice WITH GRANT OPTION", "SET ROLE alice",
               "GRANT SELECT ON t TO readers", "SET ROLE keeper", "GRANT SELECT ON t TO readers", "RESET ROLE", "GRANT keeper TO alice", database="shop")
    if owns:
        server.run("CREATE TABLE hers (x int)", "ALTER TABLE hers OWNER TO alice", database="shop")
    server.run("CREATE TABLE o (x int)", "GRANT SELECT ON o TO alice", database="other")
    users.apply(STAFF).good()
    assert not exists(server, "alice")
    assert server.query("SELECT DISTINCT grantor::regrole::text, grantee::regrole::text FROM pg_class, aclexplode(relacl) WHERE relname = 't' ORDER BY 2",
                        database="shop") == [("keeper", "keeper"), ("keeper", "readers")]
    users.apply(STAFF).quiet()


@BOTH
def test_a_restrictive_policy_for_a_leaver_alone_is_not_dropped_with_her(server, users):
    """Who comes back under the same name would see the rows that it kept from her."""
    server.run("CREATE DATABASE shop")
    server.run("CREATE TABLE t (x int)", "GRANT SELECT ON t TO alice", "ALTER TABLE t ENABLE ROW LEVEL SECURITY", "CREATE POLICY hers ON t TO alice USING (true)",
               "CREATE POLICY \"not Those\" ON t AS RESTRICTIVE TO alice USING (x > 0)", database="shop")
    first = users.apply(BOB)
    assert first.status("alice") == "Retiring" and 'restrictive policy "not Those" on public.t is for the user alone' in first.reason("alice")
    assert not server.can_login("alice", "geheim-alice")
    assert server.value("SELECT count(*) FROM pg_policy", database="shop") == 2
    server.run('ALTER POLICY "not Those" ON t TO alice, bob', database="shop")
    users.apply(BOB).good()
    assert server.query("SELECT polname::text, polroles::regrole[]::text FROM pg_policy", database="shop") == [("not Those", "{bob}")]


@BOTH
def test_who_is_a_member_of_a_leaver_is_told(server, users):
    server.run("CREATE DATABASE shop", "CREATE ROLE mallory", "GRANT alice TO mallory")
    server.run("CREATE VIEW v AS SELECT 1", "ALTER VIEW v OWNER TO alice", "CREATE TABLE t (x int)", "CREATE POLICY p ON t AS RESTRICTIVE TO alice USING (true)",
               database="shop")
    users.apply(BOB)
    told = [one for one in users.apply(BOB).warnings if '"mallory" can still do all it may' in one]
    assert len(told) == 1 and "REVOKE \"alice\" FROM \"mallory\"" in told[0]


@BOTH
def test_sessions_end_and_no_new_one_begins(server, users):
    session = server.connect(user="alice", password="geheim-alice")
    users.apply(BOB)
    with pytest.raises(psycopg.OperationalError):
        session.execute("SELECT 1")
    assert not exists(server, "alice")


@BOTH
def test_a_database_without_connections_keeps_the_user_locked_out_and_waiting(server, users):
    server.run("CREATE DATABASE shut", "CREATE DATABASE open")
    left = heir(server, "alice")
    for database in ("shut", "open"):
        server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", database=database)
    server.run("ALTER DATABASE shut ALLOW_CONNECTIONS false")
    result = users.apply(STAFF)
    assert result.status("alice") == "Retiring"
    assert '"shut" allows no connections, and 1 objects' in result.reason("alice")
    assert comment(server, "alice") == MARK + " retiring" and verifier(server, "alice") is None
    assert members(server, "staff") == ["bob"]  # of what she may do nothing is left but what is hers there
    assert not server.can_login("alice", "geheim-alice") and owner(server, "t", "open") == left
    state = catalog(server)
    again = users.apply(STAFF)
    assert again.status("alice") == "Retiring" and catalog(server) == state and again.deletions == []
    server.run("ALTER DATABASE shut ALLOW_CONNECTIONS true")
    users.apply(STAFF)
    assert not exists(server, "alice")


@pytest.mark.parametrize("name", ["ü" * 31, "x" * 63, 'a"b c', "Alice"])
def test_the_heir_of_a_long_or_odd_name_has_a_name_too(server, name):
    users = Users(server)
    users.secret(name, "x")
    users.secret("bob", "x")
    users.apply([{"username": name}] + BOB).good()
    server.run("CREATE TABLE t (x int)", 'ALTER TABLE t OWNER TO "{}"'.format(name.replace('"', '""')))
    number = server.value("SELECT oid FROM pg_roles WHERE rolname = %s", [name])
    users.apply(BOB)
    left = owner(server, "t", "postgres")
    assert not exists(server, name) and left.startswith("pgitops_left_" + name[:10]) and left.endswith(f"_{number}")
    assert len(left.encode()) <= 63


def test_a_database_of_the_user_survives(server, users):
    left = heir(server, "alice")
    server.run("CREATE DATABASE hers OWNER alice")
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", database="hers")
    users.apply(BOB)
    assert not exists(server, "alice") and owner(server, "t", "hers") == left
    assert server.value("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'hers'") == left


@pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
def test_a_user_that_granted_memberships_can_go_and_they_stay(server, users):
    server.run("GRANT staff TO alice WITH ADMIN OPTION", "SET SESSION AUTHORIZATION alice; GRANT staff TO bob")
    wanted = [{"username": "bob", "roles": ["staff"]}]
    users.apply(wanted)
    assert not exists(server, "alice") and members(server, "staff") == ["bob"]
    users.apply(wanted).quiet()


def test_an_object_in_use_is_waited_for_and_others_go_on(server, users):
    left = heir(server, "alice")
    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice")
    with server.connect() as session:
        session.execute("BEGIN")
        session.execute("SELECT * FROM t")
        result = users.apply([{"username": "carol", "ensure": "absent"}] + BOB, deadline=3000)
        session.execute("ROLLBACK")
    assert result.status("alice") == "Retiring" and "55P03" in result.reason("alice")
    assert not server.can_login("alice", "geheim-alice")
    users.apply(BOB)
    assert not exists(server, "alice") and owner(server, "t", "postgres") == left


def test_a_role_that_was_dropped_by_hand_is_forgotten(server, users):
    server.run("DROP OWNED BY alice", "DROP ROLE alice")
    users.apply(BOB).good()
    users.apply(BOB).quiet()


@ALL
def test_what_others_than_the_owner_gave_goes_with_the_user(server, users):
    """DROP OWNED takes only what owners gave, and DROP ROLE fails on the rest."""
    server.run("CREATE ROLE dba", "CREATE ROLE friend", "CREATE DATABASE app")
    server.run("CREATE TABLE t (x int, y int)", "CREATE SCHEMA s", "GRANT SELECT, UPDATE (y) ON t TO dba WITH GRANT OPTION",
               "GRANT USAGE ON SCHEMA s TO dba WITH GRANT OPTION", "GRANT TEMPORARY ON DATABASE app TO dba WITH GRANT OPTION", "SET ROLE dba",
               "GRANT SELECT ON t TO alice WITH GRANT OPTION", "GRANT UPDATE (y) ON t TO alice", "GRANT USAGE ON SCHEMA s TO alice",
               "GRANT TEMPORARY ON DATABASE app TO alice", "SET ROLE alice", "GRANT SELECT ON t TO friend", "RESET ROLE",
               "GRANT SELECT ON t TO friend", database="app")
    plan = users.plan(BOB)
    assert 'SET LOCAL ROLE "dba"; REVOKE SELECT ON TABLE "public"."t" FROM "alice" CASCADE; SET LOCAL ROLE NONE;' in plan.script
    result = users.apply(BOB)
    assert not exists(server, "alice"), result.reason("alice")
    assert server.value("SELECT relacl::text FROM pg_class WHERE relname = 't'", database="app") == "{postgres=arwdDxt/postgres,dba=r*/postgres,friend=r/postgres}" \
        .replace("dDxt", "dDxtm" if server.major >= 17 else "dDxt")
    assert server.query("SELECT has_schema_privilege('dba', 's', 'USAGE WITH GRANT OPTION')", database="app") == [(True,)]
