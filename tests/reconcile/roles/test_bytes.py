"""Names and comments that were written through a database with another encoding: bytes, and nobody's reason to stop."""

import psycopg
import pytest

from parts import postgres
from parts.roles import MARK, Users

EVERY = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
ALICE = {"username": "alice", "roles": ["readers"]}
BOB = {"username": "bob"}


@pytest.fixture
def users(server):
    server.run("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'",
               "CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    made = Users(server)
    for name in ("alice", "bob", "carl", "josé", "jo€"):
        made.secret(name, "geheim")
    return made


def through_latin(server, *statements):
    with server.connect("latin", client_encoding="latin1") as session:
        for statement in statements:
            session.execute(statement)


def raw(server, sql):
    with server.connect("ascii") as session:
        return [bytes(value) for (value,) in session.execute(sql).fetchall()]


@EVERY
def test_a_role_or_comment_in_latin_1_stops_nobody(server, users):
    through_latin(server, 'CREATE ROLE "jérôme" LOGIN', "CREATE ROLE plain", "COMMENT ON ROLE plain IS 'déjà vu'",
                  "COMMENT ON ROLE \"jérôme\" IS 'à part'")
    users.apply([ALICE, BOB]).good()
    through_latin(server, f"COMMENT ON ROLE alice IS '{MARK}: naïve'")
    users.apply([ALICE, BOB]).quiet()
    users.apply([BOB, ALICE | {"ensure": "absent"}])
    assert b"j\xe9r\xf4me" in raw(server, "SELECT rolname::bytea FROM (SELECT textsend(rolname::text) AS rolname FROM pg_roles) x")


@EVERY
def test_a_comment_that_cannot_be_sent_is_not_adopted_and_named(server, users):
    through_latin(server, "CREATE ROLE carl", "COMMENT ON ROLE carl IS 'déjà vu'")
    result = users.apply([ALICE, {"username": "carl"}, BOB], policy={"adopt": True})
    assert result.status("alice") == result.status("bob") == "Synced" and result.status("carl") == "Degraded"
    assert "no UTF-8" in result.reason("carl") and "d\\xe9j\\xe0 vu" in result.reason("carl")


@EVERY
def test_a_group_that_cannot_be_named_is_the_reason_of_its_member_alone(server, users):
    users.apply([ALICE, BOB]).good()
    through_latin(server, 'CREATE ROLE "gérants"', 'GRANT "gérants" TO alice')
    result = users.apply([ALICE, BOB])
    assert result.status("bob") == "Synced" and result.status("alice") == "Degraded"
    assert "revoke" in result.reason("alice") and "g\\xe9rants" in result.reason("alice")
    server.run("ALTER ROLE bob CONNECTION LIMIT 3")
    result = users.apply([ALICE, BOB])
    assert [step["done"] for step in result.steps] == [True] and result.status("bob") == "Synced"
    through_latin(server, 'REVOKE "gérants" FROM alice')
    users.apply([ALICE, BOB]).quiet()


@EVERY
def test_a_role_with_our_mark_and_such_a_name_is_told_and_left(server, users):
    users.apply([ALICE, BOB]).good()
    through_latin(server, 'CREATE ROLE "partì" LOGIN', f"COMMENT ON ROLE \"partì\" IS '{MARK}'",
                  'CREATE ROLE "grùppo"', f"COMMENT ON ROLE \"grùppo\" IS '{MARK} group'")
    server.run("ALTER ROLE alice NOLOGIN")
    result = users.apply([ALICE, BOB])
    assert result.status("alice") == result.status("bob") == "Synced" and not result.error
    assert "part\\\\xec" in result.output
    assert b"part\xec" in raw(server, "SELECT textsend(rolname::text) FROM pg_roles")


@EVERY
@pytest.mark.parametrize("database", ["latin", "ascii"])
def test_a_name_is_the_same_bytes_through_any_database(server, users, database):
    wanted = [{"username": "josé", "roles": ["lecteurs_é"]}, BOB]
    users.apply(wanted, connection=server.conninfo(database)).good()
    users.apply(wanted, connection=server.conninfo(database)).quiet()
    users.apply(wanted).good()  # whose roles they are stands in the database of the connection
    users.apply(wanted).quiet()
    names = raw(server, "SELECT textsend(rolname::text) FROM pg_roles WHERE oid >= 16384")
    assert sorted(names) == sorted(["bob".encode(), "josé".encode(), "lecteurs_é".encode()])
    psycopg.connect(host="127.0.0.1", port=server.port, dbname="postgres", user="josé", password="geheim").close()


@pytest.mark.parametrize("server", [13, 18], indirect=True)
def test_a_name_that_the_databases_encoding_has_not_blocks_no_other(server, users):
    server.run("CREATE DATABASE japan ENCODING 'EUC_JP' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    many = [{"username": name} for name in ("alice", "jo€", "bob", "carl")]
    result = users.apply(many, connection=server.conninfo("japan"))
    assert [result.status(one["username"]) for one in many] == ["Synced", "Degraded", "Synced", "Synced"]
    assert "EUC_JP" in result.reason("jo€")


@EVERY
def test_a_comment_is_adopted_as_it_is(server, users):
    long = "é'' \\" * 5000
    server.run("CREATE ROLE alice LOGIN", f"COMMENT ON ROLE alice IS '{long}'")
    users.apply([{"username": "alice"}], policy={"adopt": True}).good()
    kept = server.value("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'alice'")
    assert kept == f"{MARK}: " + long.replace("''", "'")
    users.apply([{"username": "alice"}]).quiet()


@EVERY
def test_a_comment_that_would_be_cut_is_not_adopted(server, users):
    server.run("CREATE ROLE alice LOGIN", "COMMENT ON ROLE alice IS '" + "é'' \\" * 200000 + "'")
    result = users.apply([{"username": "alice"}, BOB], policy={"adopt": True})
    assert result.status("bob") == "Synced" and result.status("alice") == "Refused"
    assert "65536 bytes" in result.reason("alice") and "shorten it" in result.reason("alice")
    server.run("COMMENT ON ROLE alice IS '" + "x" * 60000 + "'")
    users.apply([{"username": "alice"}, BOB], policy={"adopt": True}).good()
    # Made longer by hand it is left as it is: the row in the agent's table says enough.
    server.run("COMMENT ON ROLE alice IS '" + MARK + ": " + "x" * 200000 + "'")
    users.apply([{"username": "alice"}, BOB]).good()
    users.apply([{"username": "alice"}, BOB]).quiet()
    kept = server.value("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'alice'")
    server.run("CREATE PUBLICATION all_of_it FOR ALL TABLES", "ALTER ROLE alice SUPERUSER",
               "ALTER PUBLICATION all_of_it OWNER TO alice")
    assert users.apply([BOB]).status("alice") == "Retiring" and not server.can_login("alice", "geheim")
    assert kept == server.value("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'alice'")
