"""A role is ours by its OID and its name in the agent's own table; a comment proves nothing, and nothing else is dropped."""

import json

import psycopg
import pytest

from parts import postgres
from parts.roles import MARK, Users, catalog, comment, exists, members

ALL = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
ALICE = [{"username": "alice"}]
BOTH = [{"username": "alice"}, {"username": "bob"}]
ABSENT = [{"username": "alice", "ensure": "absent"}, {"username": "bob"}]
TABLE = "pgitops.managed_role"


@pytest.fixture
def users(server):
    made = Users(server)
    for name in ("alice", "alice_old", "bob", "carol", "staff"):
        made.secret(name, f"geheim-{name}")
    return made


def rows(server):
    return server.query(f"SELECT m.name::text, m.state, m.manager, m.target, r.rolname::text FROM {TABLE} m"
                        " LEFT JOIN pg_roles r ON r.oid = m.oid ORDER BY 1, 5")


def oid(server, role):
    return server.value("SELECT oid FROM pg_roles WHERE rolname = %s", [role])


def left_alone(server, users, wanted, **request):
    """The result of a pass that writes nothing."""
    before = catalog(server)
    result = users.apply(wanted, **request)
    assert not result.error and result.steps == [] and catalog(server) == before, result.answer
    return result


# --- the table ---

@ALL
def test_the_table_comes_with_the_first_role_and_follows_each(server, users):
    assert users.apply([{"username": "nobody"}]).steps == []
    assert server.value("SELECT to_regnamespace('pgitops') IS NULL")
    users.apply([{"username": "alice", "roles": ["staff"]}, {"username": "bob"}]).good()
    assert rows(server) == [("alice", "user", "west", "main", "alice"), ("bob", "user", "west", "main", "bob"),
                            ("staff", "group", "west", "main", "staff")]
    users.apply([{"username": "bob"}])
    users.apply([{"username": "bob"}])
    assert rows(server) == [("bob", "user", "west", "main", "bob")]
    server.run("DROP OWNED BY bob", "DROP ROLE bob")
    users.apply(ALICE + [{"username": "bob", "ensure": "absent"}]).good()
    assert rows(server) == [("alice", "user", "west", "main", "alice")]
    users.apply(ALICE).quiet()


def test_a_role_that_cannot_be_made_takes_no_row_and_not_the_table(server, users):
    with server.connect() as session:
        session.execute("BEGIN")
        session.execute("CREATE ROLE alice")
        result = users.apply(BOTH, deadline=3000)
        session.execute("ROLLBACK")
    assert result.status("alice") == "Degraded" and result.status("bob") == "Synced"
    assert [row[0] for row in rows(server)] == ["bob"]
    users.apply(BOTH).good()


@ALL
def test_nobody_else_reads_or_writes_the_table(server, users):
    server.run("CREATE ROLE mallory LOGIN CREATEROLE PASSWORD 'x'", "GRANT CREATE ON DATABASE postgres TO mallory",
               "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO mallory",
               "ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO mallory")
    if server.major >= 14:
        server.run("GRANT pg_read_all_data, pg_write_all_data TO mallory")
    users.apply(ALICE).good()
    with server.connect(user="mallory", password="x") as session:
        for sql in (f"INSERT INTO {TABLE} (oid, name, state, manager, target) VALUES (10, 'postgres', 'user', 'west', 'main')",
                    f"ALTER TABLE {TABLE} DISABLE ROW LEVEL SECURITY", f"DROP TABLE {TABLE}", "DROP SCHEMA pgitops CASCADE",
                    f"CREATE TABLE child () INHERITS ({TABLE})"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(sql)
        assert session.execute(f"UPDATE {TABLE} SET name = 'postgres'").rowcount == 0
        assert session.execute(f"DELETE FROM {TABLE}").rowcount == 0
        assert session.execute(f"SELECT * FROM {TABLE}").fetchall() == []
        session.execute("CREATE FUNCTION public.up() RETURNS trigger LANGUAGE plpgsql AS"
                        " $$ BEGIN ALTER ROLE mallory SUPERUSER; RETURN NEW; END $$" if server.major < 15 else
                        "CREATE SCHEMA hers; CREATE FUNCTION hers.up() RETURNS trigger LANGUAGE plpgsql AS"
                        " $$ BEGIN ALTER ROLE mallory SUPERUSER; RETURN NEW; END $$")
        session.execute(f"CREATE TRIGGER t BEFORE INSERT OR UPDATE ON {TABLE} FOR EACH ROW"
                        f" EXECUTE FUNCTION {'public' if server.major < 15 else 'hers'}.up()")
    users.apply(BOTH).good()
    assert not server.value("SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'")
    assert not server.query("SELECT 1 FROM pg_class, aclexplode(relacl) x WHERE relname = 'managed_role' AND x.grantee = 0")


@ALL
@pytest.mark.parametrize("planted", [
    "CREATE SCHEMA pgitops",
    f"CREATE SCHEMA pgitops; CREATE VIEW {TABLE} AS SELECT trap() AS oid",
    f"CREATE SCHEMA pgitops; CREATE TABLE {TABLE} (oid oid, name name, state text, manager text, target text, since timestamptz)",
])
def test_a_schema_that_somebody_else_has_made_is_refused_and_not_read(server, users, planted):
    server.run("CREATE ROLE mallory LOGIN PASSWORD 'x'", "GRANT CREATE ON DATABASE postgres TO mallory", "CREATE ROLE victim",
               "CREATE FUNCTION trap() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE 'sprung'; END $$")
    with server.connect(user="mallory", password="x") as session:
        session.execute(planted)
        if "TABLE" in planted:
            session.execute(f"INSERT INTO {TABLE} SELECT oid, rolname, 'user', 'west', 'main', now() FROM pg_roles")
    result = users.apply(ALICE)
    assert 'schema pgitops belongs to role "mallory" and not to "postgres"' in result.error and "RENAME TO" in result.error
    assert result.error_kind == "denied" and "sprung" not in result.error
    assert not exists(server, "alice") and exists(server, "victim")
    server.run("ALTER SCHEMA pgitops RENAME TO theirs")
    users.apply(ALICE).good()


def test_a_table_that_somebody_else_has_made_in_our_schema_is_refused(server, users):
    server.run("CREATE ROLE mallory LOGIN PASSWORD 'x'", "CREATE SCHEMA pgitops", "GRANT ALL ON SCHEMA pgitops TO mallory")
    with server.connect(user="mallory", password="x") as session:
        session.execute(f"CREATE VIEW {TABLE} AS SELECT 1 AS oid")
    assert f'{TABLE} belongs to role "mallory"' in users.apply(ALICE).error
    server.run(f"DROP VIEW {TABLE}")
    users.apply(ALICE).good()
    server.run(f"ALTER TABLE {TABLE} DISABLE ROW LEVEL SECURITY")
    assert "row security was switched off" in users.apply(ALICE).error


# --- names and OIDs ---

@ALL
def test_a_role_that_was_renamed_by_hand_is_told_and_left(server, users):
    users.apply(BOTH).good()
    server.run("ALTER ROLE alice RENAME TO alice_old", "CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice_old")
    for wanted in (BOTH, [{"username": "bob"}], ABSENT):
        result = left_alone(server, users, wanted)
        assert result.status("alice") in ("Degraded", "Refused") and 'renamed by hand to "alice_old"' in result.reason("alice")
        assert "RENAME TO" in result.reason("alice") and "user adopt --database main alice_old" in result.reason("alice")
        assert result.status("bob") == "Synced"
    assert users.plan(BOTH).fields("alice")["name"] == ("alice", "alice_old")
    assert users.plan(BOTH).unmanaged[0]["name"] == "alice_old"
    server.run("ALTER ROLE alice_old RENAME TO alice")
    users.apply(BOTH).quiet()


@ALL
def test_a_renamed_role_is_managed_under_its_new_name_once_it_is_adopted(server, users):
    users.apply(BOTH).good()
    number = oid(server, "alice")
    server.run("ALTER ROLE alice RENAME TO alice_old")
    wanted = [{"username": "alice_old"}, {"username": "bob"}]
    refused = left_alone(server, users, wanted)
    assert refused.status("alice_old") == "Refused" and 'the role was "alice" and was renamed by hand' in refused.reason("alice_old")
    users.apply(wanted, adopt=["alice_old"]).good()
    users.apply(wanted).quiet()
    assert oid(server, "alice_old") == number
    users.apply(wanted + ALICE).good()
    assert oid(server, "alice") != number and oid(server, "alice_old") == number, "two people by the file's own word"
    users.apply(BOTH)
    assert not exists(server, "alice_old") and exists(server, "alice")


@ALL
def test_a_group_that_was_renamed_by_hand_keeps_its_members(server, users):
    wanted = [{"username": "alice", "roles": ["staff"]}]
    users.apply(wanted).good()
    server.run("ALTER ROLE staff RENAME TO personnel")
    result = left_alone(server, users, wanted)
    assert result.status("alice") == "Degraded" and 'renamed by hand to "personnel"' in result.reason("alice")
    assert members(server, "personnel") == ["alice"] and not exists(server, "staff")
    users.apply([{"username": "alice", "roles": ["personnel"]}]).good()


@ALL
def test_a_role_that_was_dropped_and_made_by_hand_is_not_ours(server, users):
    users.apply(BOTH).good()
    server.run("DROP OWNED BY alice", "DROP ROLE alice", "CREATE ROLE alice LOGIN PASSWORD 'another'",
               f"COMMENT ON ROLE alice IS '{MARK}'")
    for wanted in (BOTH, [{"username": "bob"}], ABSENT):
        result = left_alone(server, users, wanted)
        if wanted is not BOTH and len(wanted) == 1:
            assert any('"alice"' in one or one["name"] == "alice" for one in result.unmanaged)
            continue
        assert result.status("alice") == "Refused" and "user adopt --database main alice" in result.reason("alice")
    assert server.can_login("alice", "another")
    users.apply(BOTH, adopt=["alice"]).good()
    users.apply(BOTH).quiet()
    assert server.can_login("alice", "geheim-alice") and [row[0] for row in rows(server)] == ["alice", "bob"]


# --- comments ---

@ALL
@pytest.mark.parametrize("lost", ["NULL", "'a colleague of mine'", "'managed by pgitops (other)'", f"'{MARK} retiring'",
                                  f"'{MARK} group'"])
def test_a_comment_that_is_lost_or_replaced_is_mended_and_nothing_else_changes(server, users, lost):
    users.apply(BOTH).good()
    server.run(f"COMMENT ON ROLE alice IS {lost}")
    reported = users.apply(BOTH, policy={"report_only": True})
    assert reported.status("alice") == "Drifted" and reported.fields("alice")["comment"][0].startswith(MARK)
    result = users.apply(BOTH).good()
    assert list(result.fields("alice")) == ["comment"] and len(result.steps) == 1
    assert comment(server, "alice") == MARK + (": a colleague of mine" if "colleague" in lost else "")
    users.apply(BOTH).quiet()
    server.run(f"COMMENT ON ROLE alice IS {lost}")
    users.apply([{"username": "bob"}])
    assert not exists(server, "alice"), "and taken out of Git she is removed as anybody"


def test_a_retiring_comment_from_anybody_does_not_pass_by_a_confirmation(server):
    users = Users(server)
    names = [f"user{letter}" for letter in "abcdefgh"]
    for name in names:
        users.secret(name, name)
    users.apply([{"username": name} for name in names]).good()
    for name in names[1:]:
        server.run(f"COMMENT ON ROLE {name} IS '{MARK} retiring'")
    result = users.apply([{"username": names[0]}])
    assert result.blocked and result.steps == [] and all(exists(server, name) for name in names)


def test_the_comment_of_a_group_is_mended_too(server, users):
    wanted = [{"username": "alice", "roles": ["staff"]}]
    users.apply(wanted).good()
    server.run("COMMENT ON ROLE staff IS 'readers of everything'")
    assert users.apply(wanted).good().actions == [("alter", "staff")]
    assert comment(server, "staff") == f"{MARK} group: readers of everything"
    users.apply(wanted).quiet()


@ALL
def test_a_forged_comment_makes_no_role_ours(server, users):
    """By whoever may comment: on a victim, on a protected role, and on a role of one's own with code that waits for a superuser."""
    users.apply(BOTH).good()
    server.run("CREATE ROLE mallory LOGIN CREATEROLE PASSWORD 'x'", "CREATE ROLE app_owner", "CREATE ROLE victim LOGIN PASSWORD 'v'",
               "CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO victim", "CREATE ROLE carol LOGIN PASSWORD 'c'")
    if server.major >= 16:
        server.run("GRANT app_owner, victim, carol TO mallory WITH ADMIN OPTION")
    with server.connect(user="mallory", password="x") as session:
        for role in ("app_owner", "victim", "carol"):
            session.execute(f"COMMENT ON ROLE {role} IS '{MARK}'")
        session.execute("CREATE ROLE hers LOGIN")
        session.execute(f"COMMENT ON ROLE hers IS '{MARK} retiring'")
    policy = {"protected": ["app_owner"]}
    result = left_alone(server, users, BOTH, policy=policy)
    assert "comment says that they are ours" in "".join(result.warnings) and '4: "app_owner", "carol"' in "".join(result.warnings)
    assert {one["name"]: one["reason"] for one in result.unmanaged}["victim"] == "only its comment says that it is ours"
    assert left_alone(server, users, BOTH + [{"username": "carol"}]).status("carol") == "Refused"
    absent = left_alone(server, users, BOTH + [{"username": "carol", "ensure": "absent"}])
    assert absent.status("carol") == "Refused" and "user adopt" in absent.reason("carol")
    assert server.value("SELECT tableowner FROM pg_tables WHERE tablename = 't'") == "victim"
    users.apply(BOTH + [{"username": "carol", "ensure": "absent"}], adopt=["carol"])
    assert not exists(server, "carol")


# --- servers that an earlier version looked after ---

def earlier(server, users, wanted):
    """As it was before there was a table."""
    users.apply(wanted).good()
    server.run("DROP SCHEMA pgitops CASCADE")


@ALL
def test_what_an_earlier_version_has_marked_is_taken_in_once(server, users):
    wanted = [{"username": "alice", "roles": ["staff"]}, {"username": "bob"}, {"username": "carol"}]
    earlier(server, users, wanted)
    server.run("CREATE ROLE forged", f"COMMENT ON ROLE forged IS '{MARK}'")
    result = users.apply(wanted[:2], remembered=["carol"])
    assert not exists(server, "carol"), "the store knew her"
    assert [row[0] for row in rows(server)] == ["alice", "bob", "staff"] and "forged" in "".join(result.warnings)
    users.apply(wanted[:2]).quiet()
    server.run("CREATE ROLE late", f"COMMENT ON ROLE late IS '{MARK}'")
    assert left_alone(server, users, wanted[:2], remembered=["late"]).unmanaged, "only when the table is made"


@ALL
def test_what_nobody_remembers_is_left_when_the_table_is_made(server, users):
    earlier(server, users, BOTH + [{"username": "carol"}])
    result = users.apply(BOTH).good()
    assert exists(server, "carol") and '"carol"' in "".join(result.warnings) and result.deletions == []
    users.apply(BOTH + [{"username": "carol", "ensure": "absent"}], adopt=["carol"])
    assert not exists(server, "carol")


@pytest.mark.parametrize("said", ["", " retiring", " leaving", " group"])
@pytest.mark.parametrize("listed", ["role", "group", "memberOf", "user"])
def test_a_comment_that_says_something_else_than_the_list_is_not_taken_in(server, users, said, listed):
    """There is no table yet, and anybody with CREATEROLE could write it: nobody is locked by that."""
    server.run("CREATE ROLE it LOGIN PASSWORD 'x'" if listed == "user" else "CREATE ROLE it", f"COMMENT ON ROLE it IS '{MARK}{said}'")
    wanted = {"role": {"users": [{"username": "alice", "roles": ["it"]}]},
              "group": {"groups": [{"name": "it"}], "users": [{"username": "alice"}]},
              "memberOf": {"groups": [{"name": "staff", "memberOf": ["it"]}], "users": [{"username": "alice", "roles": ["staff"]}]},
              "user": {"users": [{"username": "it"}, {"username": "alice"}]}}[listed]
    before = server.value("SELECT row(rolcanlogin, rolconnlimit, rolpassword)::text FROM pg_authid WHERE rolname = 'it'")
    users.secret("it", "geheim-it")
    result = users.apply(json.dumps({"version": 2} | wanted))
    assert not result.error and not result.mistakes, result.mistakes
    if said == " group" and listed == "user":
        assert result.status("it") == "Refused" and not [row for row in rows(server) if row[0] == "it"]
    elif (said == " group") == (listed != "user"):
        assert [row for row in rows(server) if row[0] == "it"]
        return
    assert [step["action"] for step in result.steps if step["user"] == "it"] in ([], ["grant"])
    assert server.value("SELECT row(rolcanlogin, rolconnlimit, rolpassword)::text FROM pg_authid WHERE rolname = 'it'") == before
    assert not result.deletions and "comment says that" in "".join(result.warnings) + str(result.unmanaged)


def test_a_table_that_cannot_be_made_holds_everything_up_and_says_so(server, users):
    with server.connect() as session:
        session.execute("BEGIN")
        session.execute("CREATE SCHEMA pgitops")
        result = users.apply(BOTH, deadline=3000)
        session.execute("ROLLBACK")
    assert not exists(server, "alice") and not any(step["done"] for step in result.steps)
    assert {report["status"] for report in result.reports} == {"Degraded"}
    assert all("the agent's own table could not be written" in report["reason"] for report in result.reports)
    users.apply(BOTH).good()


# --- another cluster ---

def catalog_copy(server, target):
    """Roles with their comments, and the agent's rows, as pg_dumpall and pg_dump restore them: with other OIDs."""
    target.run("CREATE ROLE before_them")
    for name, verifier, said in server.query("SELECT rolname, rolpassword, shobj_description(oid, 'pg_authid') FROM pg_authid"
                                             " WHERE oid >= 16384 ORDER BY oid"):
        login = "LOGIN" if verifier else "NOLOGIN"
        target.run(f'CREATE ROLE "{name}" {login}' + (f" PASSWORD '{verifier}'" if verifier else ""))
        if said:
            target.run(f"COMMENT ON ROLE \"{name}\" IS '{said}'")
    target.run("CREATE SCHEMA pgitops", f"CREATE TABLE {TABLE} (oid oid PRIMARY KEY, name name NOT NULL, state text NOT NULL,"
               " manager text NOT NULL, target text NOT NULL, since timestamptz NOT NULL DEFAULT now())",
               f"ALTER TABLE {TABLE} ENABLE ROW LEVEL SECURITY")
    for row in server.query(f"SELECT oid, name::text, state, manager, target FROM {TABLE}"):
        target.query(f"INSERT INTO {TABLE} VALUES (%s, %s, %s, %s, %s) RETURNING 1", row)


@pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
def test_a_dump_restored_into_another_cluster_ends_in_a_refusal_and_not_in_dropping(server, users):
    users.apply(BOTH + [{"username": "carol"}]).good()
    target = postgres.Postgres(server.major)
    try:
        catalog_copy(server, target)
        moved = Users(target)
        moved.secrets = users.secrets
        result = left_alone(target, moved, BOTH)
        for name in ("alice", "bob"):
            assert result.status(name) == "Refused" and "restored from a dump" in result.reason(name)
            assert target.can_login(name, f"geheim-{name}")
        assert exists(target, "carol")
        moved.apply(BOTH, adopt=["alice", "bob"]).good()
        moved.apply(BOTH).quiet()
        assert exists(target, "carol")
        moved.apply(ALICE)
        assert not exists(target, "bob")
    finally:
        target.close()


# --- two agents ---

@ALL
def test_two_agents_with_one_name_for_a_database_do_not_drop_each_others_users(server, users):
    users.apply(BOTH).good()
    before = catalog(server)
    other = users.apply([{"username": "carol"}], manager="east")
    assert other.error_kind == "denied" and '"west", since 20' in other.error and "2 roles" in other.error
    assert "pgitops user adopt --database main --from west" in other.error and catalog(server) == before
    taken = users.apply(ALICE, manager="east", take_over="west", no_deletions=True)
    assert taken.status("alice") == "Synced" and exists(server, "bob")
    assert {row[2] for row in rows(server)} == {"east"}
    assert '"east", since 20' in users.apply(BOTH).error
    users.apply(ALICE, manager="east")
    assert not exists(server, "bob")
    users.apply(ALICE, manager="east").quiet()


def test_agents_with_names_of_their_own_share_a_server(server, users):
    users.apply(ALICE).good()
    users.apply([{"username": "bob"}], name="second", manager="east").good()
    users.apply(ALICE).quiet()
    users.apply([{"username": "bob"}], name="second", manager="east").quiet()
    result = left_alone(server, users, BOTH)
    assert result.status("bob") == "Refused" and '"east" has it for "second"' in result.reason("bob")
    assert left_alone(server, users, BOTH, adopt=["bob"]).status("bob") == "Refused"


def test_an_agent_that_is_given_a_name_keeps_what_it_has(server, users):
    users.apply(BOTH).good()
    users.apply(BOTH, manager="named", former="west").good()
    assert {row[2] for row in rows(server)} == {"named"}
    users.apply(BOTH, manager="named", former="west").quiet()


# --- groups ---

@ALL
def test_a_group_that_is_listed_as_a_user_by_mistake_stays_a_group(server, users):
    server.run("CREATE ROLE staff", "CREATE ROLE somebody LOGIN", "GRANT staff TO somebody", "CREATE TABLE t (x int)",
               "GRANT SELECT ON t TO staff")
    users.apply([{"username": "alice", "roles": ["staff", "ours"]}]).good()
    for name in ("staff", "ours"):
        users.secret(name, "x")
        for policy in ({}, {"adopt": True}):
            wanted = [{"username": "alice", "roles": ["staff", "ours"]}, {"username": name}]
            result = left_alone(server, users, wanted, policy=policy)
            assert result.status(name) == "Refused" and "does not become a user by itself" in result.reason(name)
    users.apply([{"username": "alice", "roles": ["staff", "ours"]}]).quiet()
    assert members(server, "staff") == ["alice", "somebody"]
    assert server.value("SELECT has_table_privilege('staff', 't', 'SELECT')")
    wanted = [{"username": "alice", "roles": ["staff"]}, {"username": "staff"}]
    users.apply(wanted, adopt=["staff"]).good()
    assert server.can_login("staff", "x")


@ALL
def test_a_role_that_others_list_is_locked_and_kept(server, users):
    users.apply([{"username": "alice"}, {"username": "bob", "roles": ["alice"]}]).good()
    server.run("CREATE TABLE t (x int)", "GRANT SELECT ON t TO alice")
    wanted = [{"username": "bob", "roles": ["alice"]}]
    result = users.apply(wanted)
    assert result.status("alice") == "Retiring" and 'a role of "bob"' in result.reason("alice")
    assert result.status("bob") == "Synced" and members(server, "alice") == ["bob"]
    assert not server.can_login("alice", "geheim-alice")
    assert server.value("SELECT has_table_privilege('bob', 't', 'SELECT')")
    assert left_alone(server, users, wanted).status("alice") == "Retiring"
    users.apply([{"username": "bob"}])
    assert not exists(server, "alice") and exists(server, "bob")


# --- roles made by hand ---

def test_roles_that_nobody_manages_are_listed(server, users):
    server.run("CREATE ROLE by_hand LOGIN", "CREATE ROLE boss SUPERUSER", "CREATE ROLE pooler LOGIN", "CREATE ROLE staff")
    result = users.apply([{"username": "alice", "roles": ["staff"]}]).good()
    assert [(one["name"], one["login"], one["super"], one["referenced"]) for one in result.unmanaged] == [
        ("boss", False, True, False), ("by_hand", True, False, False), ("staff", False, False, True)]


def test_what_cannot_be_adopted_says_why(server, users):
    server.run("CREATE ROLE boss SUPERUSER", "CREATE ROLE by_hand")
    users.secret("boss", "x")
    result = left_alone(server, users, [{"username": "boss"}], adopt=["boss", "by_hand", "nobody"])
    assert '"boss" is not taken over: the role exists, and is a superuser' in result.not_adopted
    assert '"by_hand" is not taken over: users.yaml does not list it' in result.not_adopted
    assert '"nobody" is not taken over: there is no such role' in result.not_adopted
