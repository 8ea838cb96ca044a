"""Who may do what: on random worlds the answer is PostgreSQL's own, on every supported version."""

import random

import pytest

from parts import access as oracle
from parts import postgres
from parts.access import Access

every_major = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)

USERS = [f"u{number}" for number in range(6)]
GROUPS = [f"g{number}" for number in range(7)]
EVERYBODY = [*USERS, *GROUPS]
WRITES = ["INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]


def grant_role(server, pick, role, member):
    """A membership, with its options where the server knows them."""
    words = f"GRANT {role} TO {member}"
    if server.major >= 16:
        words += f" WITH INHERIT {pick.choice(['TRUE', 'TRUE', 'FALSE'])}, SET {pick.choice(['TRUE', 'TRUE', 'FALSE'])}"
        words += f", ADMIN {pick.choice(['TRUE', 'FALSE', 'FALSE'])}"
    elif pick.random() < 0.2:
        words += " WITH ADMIN OPTION"
    return words


def make_roles(server, pick):
    server.run(*(f"CREATE ROLE {name} LOGIN {pick.choice(['INHERIT', 'INHERIT', 'NOINHERIT'])}" for name in USERS),
               *(f"CREATE ROLE {name} {pick.choice(['INHERIT', 'INHERIT', 'NOINHERIT'])}" for name in GROUPS))
    for place, group in enumerate(GROUPS):  # no loops: a group is a member of later ones alone
        server.run(*(grant_role(server, pick, other, group) for other in GROUPS[place + 1:] if pick.random() < 0.35))
    for user in USERS:
        server.run(*(grant_role(server, pick, other, user) for other in GROUPS if pick.random() < 0.3))
    own = ["pg_monitor", *(["pg_read_all_data", "pg_write_all_data"] if server.major >= 14 else []),
           *(["pg_maintain"] if server.major >= 17 else [])]
    server.run(*(grant_role(server, pick, role, pick.choice(EVERYBODY)) for role in own if pick.random() < 0.5))
    if pick.random() < 0.3:
        server.run(f"ALTER ROLE {pick.choice(EVERYBODY)} SUPERUSER")


def make_objects(server, pick, database):
    whom = [*EVERYBODY, "PUBLIC"]
    statements = []
    for schema in ("s", "t"):
        statements += [f"CREATE SCHEMA {schema} AUTHORIZATION {pick.choice(EVERYBODY)}",
                       f"CREATE TABLE {schema}.a (x int, y int)", f"CREATE VIEW {schema}.v AS SELECT 1 AS one", f"CREATE SEQUENCE {schema}.q",
                       f"CREATE FUNCTION {schema}.f(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
                       f"CREATE FUNCTION {schema}.g() RETURNS int LANGUAGE sql AS 'SELECT 1'", f"CREATE TYPE {schema}.e AS ENUM ('x')"]
        for kind, name in (("TABLE", "a"), ("VIEW", "v"), ("SEQUENCE", "q"), ("FUNCTION", "f(int, text)"), ("TYPE", "e")):
            if pick.random() < 0.7:
                statements.append(f"ALTER {kind} {schema}.{name} OWNER TO {pick.choice(EVERYBODY)}")
        option = lambda to: " WITH GRANT OPTION" if to != "PUBLIC" and pick.random() < 0.2 else ""
        for _ in range(14):
            to = pick.choice(whom)
            statements.append(pick.choice([
                f"GRANT {pick.choice(['USAGE', 'CREATE'])} ON SCHEMA {schema} TO {to}{option(to)}",
                f"GRANT USAGE ON SCHEMA {schema} TO {to}",
                f"GRANT SELECT, {pick.choice(WRITES)} ON {schema}.{pick.choice('av')} TO {to}{option(to)}",
                f"GRANT {pick.choice(['SELECT', 'UPDATE', 'INSERT'])} ({pick.choice('xy')}) ON {schema}.a TO {to}",
                f"GRANT {pick.choice(['USAGE', 'SELECT', 'UPDATE'])} ON SEQUENCE {schema}.q TO {to}",
                f"GRANT EXECUTE ON FUNCTION {schema}.f(int, text) TO {to}", f"REVOKE EXECUTE ON FUNCTION {schema}.g() FROM PUBLIC",
                f"GRANT USAGE ON TYPE {schema}.e TO {to}", f"REVOKE USAGE ON TYPE {schema}.e FROM PUBLIC",
                f"REVOKE DELETE ON {schema}.a FROM {pick.choice(EVERYBODY)}", f"GRANT CONNECT, CREATE ON DATABASE {database} TO {to}"]))
    if pick.random() < 0.5:
        statements.append(f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC")
    server.run(*statements, database=database)


def make_world(server, pick):
    make_roles(server, pick)
    for database in ("app", "other"):
        server.run(f"CREATE DATABASE {database} OWNER {pick.choice(EVERYBODY)}")
        make_objects(server, pick, database)
    return server


class Truth:
    def __init__(self, server):
        self.server = server
        self.in_database = {name: oracle.truth(server, name) for name in ("app", "other")}
        self.defaults = {name: oracle.defaults(server, name) for name in ("app", "other")}
        self.databases = oracle.databases(server)
        self.uses = oracle.memberships(server, "USAGE")
        self.sets = oracle.memberships(server, "SET" if server.major >= 16 else "MEMBER")
        self.admins = oracle.memberships(server, "MEMBER WITH ADMIN OPTION")
        self.owners = dict(server.query("SELECT datname, rolname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba"))
        self.supers = {name for (name,) in server.query("SELECT rolname FROM pg_roles WHERE rolsuper")}

    def has(self, role, database):
        return self.in_database[database].get(role, set())

    def owned(self, roles, database):
        """What the owner of a database may become in it alone: pg_database_owner, which owns its schema public from 15 on."""
        owns = self.server.major >= 15 and self.owners[database] in roles
        return {("schema", "public", privilege) for privilege in ("USAGE", "CREATE")} if owns else set()

    def becomes(self, role):
        """The roles that SET ROLE would make of this one."""
        return {other for one, other in self.sets if one == role}


def expanded(truth, items, database):
    """What the rows of one database say, object by object: (kind, object, privilege)."""
    said = set()
    everything = {row for role in truth.supers for row in truth.has(role, database)}
    for item in items:
        kind, name, privilege = item["kind"], item["object"], item["privilege"]
        if item["privilege"] == "OWNER":
            continue
        if item["kind"] == "role" and item["privilege"] == "USAGE":
            rights = {"pg_read_all_data": ["SELECT"], "pg_write_all_data": ["INSERT", "UPDATE", "DELETE"],
                      "pg_maintain": ["MAINTAIN"]}.get(name, [])
            said |= {row for row in everything if row[0] in ("table", "sequence", "column") and row[2] in rights}
            if name in ("pg_read_all_data", "pg_write_all_data"):
                said |= {row for row in everything if row[0] == "schema" and row[2] == "USAGE"}
        elif item["database"] != database or kind == "database" or kind.startswith("new "):
            continue
        elif item["standsFor"]:
            names = truth.defaults[database].get((kind, name.split(".")[0]), set())
            assert len(names) == item["standsFor"], item
            said |= {(kind, one, privilege) for one in names}
        else:
            said.add((kind, name, privilege))
            if kind == "table":
                said |= {row for row in everything if row[0] == "column" and row[1].rpartition(".")[0] == name and row[2] == privilege}
    return said


def check_way(truth, role, item):
    """A way that is told is one: the server says so of whoever she is then."""
    as_whom = item["setRole"] or role
    server, database = truth.server, item["database"]
    if as_whom.startswith("pg_") or item["kind"] in ("role", "attribute", "language") or item["kind"].startswith("new ") or item["standsFor"]:
        return
    if item["kind"] == "database":
        assert item["privilege"] == "OWNER" or (as_whom, database, item["privilege"]) in truth.databases, item
        return
    if database not in truth.in_database or item["privilege"] == "OWNER":
        return
    assert (item["kind"], item["object"], item["privilege"]) in truth.has(as_whom, database), item
    schema = item["object"].split(".")[0]
    needs = []
    if (role, database, "CONNECT") not in truth.databases:
        needs.append(f"CONNECT on database {database}")
    if item["kind"] != "schema" and ("schema", schema, "USAGE") not in truth.has(as_whom, database):
        needs.append(f"USAGE on schema {schema}")
    assert (item["needs"] or "") == " and ".join(needs), item
    if item["grantable"] and item["kind"] == "table":
        assert server.value("SELECT has_table_privilege(%s, %s, %s)", [as_whom, item["object"], item["privilege"] + " WITH GRANT OPTION"],
                            database=database), item


def check_role(truth, role, answer):
    items = answer.good().items
    at_once = [item for item in items if not item["setRole"]]
    for database in truth.in_database:
        assert expanded(truth, at_once, database) == truth.has(role, database), (role, database)
        later = expanded(truth, [item for item in items if item["setRole"]], database)
        becomes = truth.becomes(role)
        if not becomes & truth.supers:
            own = {"pg_read_all_data", "pg_write_all_data", "pg_maintain"} & becomes  # told by the rows of their roles
            wanted = set().union(truth.has(role, database), *(truth.has(other, database) for other in becomes),
                                 truth.owned({role} | becomes, database))
            said = truth.has(role, database) | later
            assert said <= wanted, (role, database, said - wanted)
            reads = own | {other for one, other in truth.uses if one in becomes and other.startswith("pg_")}
            assert reads or said == wanted, (role, database, wanted - said)
    said = {(role, item["database"], item["privilege"]) for item in at_once if item["kind"] == "database" and item["privilege"] != "OWNER" and
            not item["database"].startswith("template")}
    assert said == {row for row in truth.databases if row[0] == role}
    for word, rows in (("USAGE", truth.uses), ("SET", truth.sets), ("ADMIN", truth.admins)):
        said = {item["object"] for item in items if item["kind"] == "role" and item["privilege"] == word}
        assert said == {other for one, other in rows if one == role}, (role, word)
    attributes = {item["setRole"] or role for item in items if item["privilege"] == "SUPERUSER"}
    assert attributes == ({role} | truth.becomes(role)) & truth.supers
    for item in items:
        check_way(truth, role, item)


@every_major
@pytest.mark.parametrize("seed", range(2))
def test_of_each_role_the_answer_is_what_the_server_says(server, seed):
    pick = random.Random(f"{seed} {server.major}")
    truth = Truth(make_world(server, pick))
    roles = [role for role in EVERYBODY if role not in truth.supers]
    for role, answer in zip(roles, Access(server).ask_all([{"role": role} for role in roles])):
        check_role(truth, role, answer)
        assert answer.statements == 6 + 3 * 4, answer.statements  # one message, then one for each database of four


@every_major
@pytest.mark.parametrize("seed", range(2))
def test_of_a_table_nobody_is_missing(server, seed):
    pick = random.Random(f"table {seed} {server.major}")
    truth = Truth(make_world(server, pick))
    tables = [("table", "s.a"), ("table", "t.v"), ("sequence", "s.q")]
    answers = Access(server).ask_all([{"table": name, "database": "app", "groups": True} for _, name in tables])
    for (kind, name), answer in zip(tables, answers):
        public = {(item["kind"], item["object"], item["privilege"]) for item in answer.good().find(user="public")}
        for role in EVERYBODY:
            items = [item for item in answer.items if item["user"] == role and not item["setRole"]]
            mine = {row for row in truth.has(role, "app") if row[:2] == (kind, name) or (kind == "table" and row[0] == "column" and
                                                                                     row[1].rpartition(".")[0] == name)}
            if role in truth.supers:
                assert [item["privilege"] for item in items] == ["ALL"]
                continue
            said = public | {(item["kind"], item["object"], item["privilege"]) for item in items if item["privilege"] != "OWNER"}
            said |= {row for row in mine if row[0] == "column" and (kind, name, row[2]) in said}
            assert said == mine, (role, said ^ mine)
        for item in answer.items:
            if item["privilege"] != "ALL" and item["user"] != "public":
                check_way(truth, item["user"], item)


@every_major
def test_of_a_database_nobody_is_missing(server):
    truth = Truth(make_world(server, random.Random(f"database {server.major}")))
    answer = Access(server).ask(database="app", groups=True).good()
    public = {item["privilege"] for item in answer.find(user="public")}
    for role in EVERYBODY:
        said = public | {item["privilege"] for item in answer.find(user=role, setRole=None)} - {"OWNER"}
        mine = {privilege for one, database, privilege in truth.databases if one == role and database == "app"}
        assert "ALL" in said if role in truth.supers else said == mine, role
    assert {item["kind"] for item in answer.items} == {"database"}


@every_major
def test_what_one_has_whose_time_is_over_is_not_given_by_git(server):
    server.run("CREATE ROLE readers", "CREATE ROLE alice LOGIN IN ROLE readers", "CREATE ROLE bob LOGIN IN ROLE readers")
    text = ("version: 2\nusers:\n- {username: alice, database: postgres, roles: [readers], until: 2020-01-01T00:00:00Z}\n"
            "- {username: bob, database: postgres, roles: [readers], until: 2099-01-01T00:00:00Z}\n")
    gone, here = Access(server, users=text).ask_all([{"role": "alice"}, {"role": "bob"}])
    assert {item["line"] for item in gone.good().find(kind="role", object="readers")} == {0}
    assert {item["line"] for item in here.good().find(kind="role", object="readers")} == {4}


def rows(answer):
    return {(item["kind"], item["database"], item["object"], item["privilege"]) for item in answer.good().items if item["user"] not in item["via"] and
            "public" not in item["via"] and item["kind"] != "attribute"}


@every_major
def test_what_stands_in_no_schema_is_listed_too(server):
    server.run("CREATE ROLE eve LOGIN", "CREATE ROLE g", "GRANT g TO eve", "SELECT lo_create(42), lo_create(43), lo_create(44)", "GRANT SELECT ON LARGE OBJECT 42 TO g",
               "ALTER LARGE OBJECT 43 OWNER TO eve", "CREATE FOREIGN DATA WRAPPER w", "CREATE FOREIGN DATA WRAPPER x", "GRANT USAGE ON FOREIGN DATA WRAPPER w TO eve",
               "GRANT CREATE ON TABLESPACE pg_default TO eve WITH GRANT OPTION",
               *(["ALTER DEFAULT PRIVILEGES FOR ROLE g GRANT UPDATE ON LARGE OBJECTS TO eve"] if server.major >= 18 else []))
    wanted = {("large object", "postgres", "42", "SELECT"), ("foreign-data wrapper", "postgres", "w", "USAGE"), ("tablespace", "", "pg_default", "CREATE"),
              *(("large object", "postgres", "43", privilege) for privilege in ("OWNER", "SELECT", "UPDATE")),
              *({("new large objects", "postgres", "by g", "UPDATE")} if server.major >= 18 else set())}
    answer = Access(server).ask(role="eve")
    kinds = {"large object", "foreign-data wrapper", "tablespace", "new large objects"}
    assert {row for row in rows(answer) if row[0] in kinds} == wanted, rows(answer)
    assert answer.one(kind="large object", object="42", privilege="SELECT")["via"] == ["g"]
    assert answer.one(kind="tablespace", object="pg_default", privilege="CREATE")["grantable"] is True


def test_of_thousands_of_large_objects_it_is_how_many(server):
    server.run("CREATE ROLE eve LOGIN", "CREATE ROLE ann LOGIN", "DO $$ BEGIN FOR i IN 1..101 LOOP PERFORM lo_create(i);"
               " EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO eve', i); EXECUTE format('ALTER LARGE OBJECT %s OWNER TO ann', i); END LOOP; END $$")
    answers = Access(server).ask_all([{"role": "eve"}, {"role": "ann"}])
    for answer, privileges in zip(answers, (["SELECT"], ["OWNER", "SELECT", "UPDATE"])):
        found = answer.good().find(kind="large object")
        assert [(item["object"], item["privilege"], item["standsFor"]) for item in found] == [("*", one, 101) for one in privileges], found


ASKED = """version: 2
databases:
- {name: app, owner: alice}
groups:
- {name: base}
- {name: readers, memberOf: [{name: base, admin: true}]}
users:
- {username: alice, database: app, roles: [{name: readers, admin: true}], attributes: {createdb: true}}
- {username: bob, database: app, roles: [readers]}
"""


@every_major
def test_what_git_says_of_attributes_admin_and_owners_is_given_by_git(server):
    server.run("CREATE ROLE base", "CREATE ROLE readers", "GRANT base TO readers WITH ADMIN OPTION", "CREATE ROLE alice LOGIN CREATEDB",
               "CREATE ROLE bob LOGIN CREATEDB", "GRANT readers TO alice, bob WITH ADMIN OPTION", "CREATE DATABASE app OWNER alice")

    def origins(answer, **fields):
        return {(item["origin"], item["line"], item["hand"]) for item in answer.good().find(**fields)}
    line = {words: number for number, text in enumerate(ASKED.splitlines(), 1) for words in ("{name: app", "name: readers, memberOf", "username: alice") if words in text}
    alice, bob = Access(server, users=ASKED).ask_all([{"role": "alice"}, {"role": "bob"}])
    assert origins(alice, kind="attribute", privilege="CREATEDB") == {("git", line["username: alice"], None)}
    assert origins(alice, kind="role", object="readers", privilege="ADMIN") == {("git", line["username: alice"], None)}
    assert origins(alice, kind="role", object="base", privilege="ADMIN") == {("git", line["name: readers, memberOf"], None)}
    assert origins(alice, kind="database", object="app", privilege="OWNER") == {("git", line["{name: app"], None)}
    assert origins(alice, kind="database", object="app", privilege="CREATE") == {("git", line["{name: app"], None)}
    assert origins(bob, kind="attribute", privilege="CREATEDB") == {("hand", 0, "CREATEDB of bob")}
    assert origins(bob, kind="role", object="readers", privilege="ADMIN") == {("hand", 0, "ADMIN of bob in readers")}
    assert origins(bob, kind="role", object="base", privilege="ADMIN") == {("git", line["name: readers, memberOf"], None)}
    nobody = Access(server).ask(role="alice").good()
    assert {item["origin"] for item in nobody.items if item["kind"] in ("attribute", "database") and item["privilege"] in ("CREATEDB", "OWNER") or
            item["privilege"] == "ADMIN"} == {"hand"}
