"""Databases of a version 2 users.yaml: made where they are missing, their owner, comment, PUBLIC's CONNECT and extensions as listed,
nothing dropped, and nothing given to or taken from whom it must not be."""

import json
import threading

import psycopg
import pytest

from parts import postgres
from parts.roles import Users, catalog, databases_with_connect, exists

every_major = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
SOME = pytest.mark.parametrize("server", [13, 16, 18], indirect=True)


def document(databases, users=(), groups=()):
    return json.dumps({"version": 2, "databases": list(databases), "users": list(users), "groups": [{"name": name} for name in groups]})


def app(**fields):
    return {"name": "app", "owner": "app_owner"} | fields


def found(server, name="app"):
    rows = server.query("SELECT pg_get_userbyid(datdba), shobj_description(oid, 'pg_database'), pg_encoding_to_char(encoding), datcollate,"
                        " EXISTS (SELECT FROM aclexplode(COALESCE(datacl, acldefault('d', datdba))) x WHERE x.grantee = 0 AND"
                        " x.privilege_type = 'CONNECT') FROM pg_database WHERE datname = %s", [name])
    return dict(zip(("owner", "comment", "encoding", "locale", "public"), rows[0])) if rows else None


def extensions(server, database="app"):
    return dict(server.query("SELECT extname, extnamespace::regnamespace::text FROM pg_extension WHERE extname <> 'plpgsql'", database=database))


@pytest.fixture
def users(server):
    made = Users(server)
    made.secret("alice", "geheim")
    made.secret("bob", "geheim")
    return made


ALICE = {"username": "alice", "database": "app"}


@every_major
def test_a_missing_database_is_made_with_all_that_is_said_of_it_in_one_pass(server, users):
    wanted = document([app(comment="the \"shop\"'s\ndata", revokePublicConnect=True, extensions=["pgcrypto", {"name": "citext", "schema": "public"}])],
                      [ALICE], ["app_owner"])
    planned = users.plan(wanted)
    assert found(server) is None and ("create database", "database app") in planned.actions
    result = users.apply(wanted).good()
    assert result.sql == planned.sql and result.warnings == []
    assert found(server) == {"owner": "app_owner", "comment": "the \"shop\"'s\ndata", "encoding": "UTF8", "locale": "C", "public": False}
    assert extensions(server) == {"pgcrypto": "public", "citext": "public"}
    assert server.can_login("alice", "geheim", "app")
    before = catalog(server)
    quiet = users.apply(wanted).quiet()
    assert catalog(server) == before and quiet.statements <= 15


@every_major
def test_what_hands_change_is_drift_and_healed(server, users):
    wanted = document([app(comment="shop", revokePublicConnect=True, extensions=["citext"])], [ALICE], ["app_owner"])
    users.apply(wanted).good()
    server.run("CREATE ROLE other", "ALTER DATABASE app OWNER TO other", "COMMENT ON DATABASE app IS 'x'", "GRANT CONNECT ON DATABASE app TO PUBLIC",
               "GRANT CONNECT ON DATABASE app TO alice WITH GRANT OPTION")
    server.run("SET ROLE alice", "GRANT CONNECT ON DATABASE app TO PUBLIC")
    server.run("DROP EXTENSION citext", database="app")
    result = users.apply(wanted)
    assert result.fields("database app") == {"owner": ("app_owner", "other"), "comment": ("shop", "x"), "connect:PUBLIC": ("", "granted"),
                                             "extension:citext": ("public", "")}
    assert users.apply(wanted).status("database app") == "Synced"
    users.apply(wanted).quiet()
    assert found(server) == {"owner": "app_owner", "comment": "shop", "encoding": "UTF8", "locale": "C", "public": False}
    assert extensions(server) == {"citext": "public"} and server.can_login("alice", "geheim", "app")
    users.apply(document([app(comment="")], [ALICE], ["app_owner"])).good()
    assert found(server)["comment"] is None and extensions(server) == {"citext": "public"} and not found(server)["public"]


@SOME
def test_what_is_not_said_is_left_and_what_is_not_listed_is_never_dropped(server, users):
    server.run("CREATE ROLE other", "CREATE DATABASE app OWNER other", "COMMENT ON DATABASE app IS 'mine'")
    users.apply(document([{"name": "app", "revokePublicConnect": False}])).quiet()
    assert found(server) == {"owner": "other", "comment": "mine", "encoding": "UTF8", "locale": "C", "public": True}
    users.apply(document([app(extensions=["pgcrypto"])], [], ["app_owner"])).good()
    result = users.apply(document([]))
    assert found(server)["owner"] == "app_owner" and extensions(server) == {"pgcrypto": "public"} and not result.error
    assert exists(server, "app_owner"), "it owns something"


@SOME
def test_a_user_who_owns_is_given_no_connect_and_loses_none(server, users):
    owners = [dict(ALICE), {"username": "bob", "database": "postgres"}]
    wanted = document([app(owner="alice", revokePublicConnect=True)], owners)
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    assert databases_with_connect(server, "alice") == ["app"], "as the owner"
    assert server.can_login("alice", "geheim", "app") and not server.can_login("bob", "geheim", "app")
    changed = document([app(owner="bob", revokePublicConnect=True)], owners)
    users.apply(changed).good()
    users.apply(changed).quiet()
    assert found(server)["owner"] == "bob" and server.can_login("alice", "geheim", "app") and server.can_login("bob", "geheim", "app")


def on_app(*privileges):
    return [{"database": "app", "on": "database", "privileges": list(privileges)}]


@every_major
def test_what_the_owner_of_before_is_to_have_is_given_as_the_database_is(server, users):
    """His entries in the list of privileges become the new owner's, and so does what that one gave."""
    users.apply(document([app(owner="readers")], [], ["readers", "app_owner", "other"])).good()
    server.run("GRANT CREATE, TEMPORARY ON DATABASE app TO app_owner WITH GRANT OPTION", "SET ROLE app_owner",
               "GRANT CREATE, TEMPORARY ON DATABASE app TO other", "RESET ROLE", "SET ROLE readers", "GRANT CREATE ON DATABASE app TO other")
    groups = [{"name": "readers", "grants": on_app("CREATE", "TEMPORARY")}, {"name": "app_owner", "grants": on_app("CREATE")},
              {"name": "other", "grants": on_app("CREATE")}]
    wanted = json.dumps({"version": 2, "databases": [app()], "users": [], "groups": groups})
    result = users.apply(wanted).good()
    assert not any("app_owner" in sql.split(" TO ")[-1] for sql in result.sql if sql.startswith("GRANT")), "it comes with owning"
    users.apply(wanted).quiet()
    given = server.query("SELECT grantee::regrole::text, privilege_type FROM pg_database, aclexplode(datacl) WHERE datname = 'app'"
                         " AND grantee NOT IN (0, datdba) ORDER BY 1, 2")
    assert given == [("other", "CREATE"), ("readers", "CREATE"), ("readers", "TEMPORARY")]


@pytest.mark.parametrize("server", [15, 16, 18], indirect=True)
@pytest.mark.parametrize("way", ["owner", "member"])
def test_who_gets_the_rights_of_the_schema_publics_owner_with_the_database_takes_what_he_gave(server, users, way):
    """pg_database_owner has one member, whoever owns the database."""
    server.run("CREATE ROLE other")
    first = [{"username": "alice"}, {"username": "bob", "grants": []}]
    users.apply(document([app(owner="other")], first, ["app_owner"])).good()
    server.run("GRANT USAGE ON SCHEMA public TO alice WITH GRANT OPTION", "SET ROLE alice", "GRANT USAGE ON SCHEMA public TO bob", database="app")
    second = [{"username": "alice", "roles": [] if way == "owner" else ["app_owner"]}, {"username": "bob", "grants": []}]
    wanted = document([app(owner="alice" if way == "owner" else "app_owner")], second, ["app_owner"])
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    assert server.query("SELECT FROM pg_namespace, aclexplode(nspacl) WHERE nspname = 'public' AND grantee = 'bob'::regrole", database="app") == []


@SOME
def test_a_database_that_a_leaver_owns_goes_to_whom_the_list_says(server, users):
    users.secret("carol", "geheim")
    carol = {"username": "carol"}
    users.apply(document([app(owner="alice")], [ALICE, carol])).good()
    result = users.apply(document([app()], [carol], ["app_owner"]))
    assert not exists(server, "alice") and found(server)["owner"] == "app_owner", result.reports
    users.apply(document([app(owner="app_owner")], [carol], ["app_owner"])).quiet()
    users.apply(document([app(owner="bob")], [{"username": "bob"}, carol])).good()
    result = users.apply(document([app(owner="bob")], [carol]))
    assert exists(server, "bob") and 'owner of database "app"' in result.reason("bob") and found(server)["owner"] == "bob"
    assert not server.can_login("bob", "geheim")


@SOME
def test_who_may_not_own_does_not(server, users):
    server.run("CREATE ROLE strong SUPERUSER", "CREATE ROLE robot_zmon", "CREATE DATABASE theirs OWNER robot_zmon", "CREATE DATABASE ours")
    result = users.apply(document([app(owner="strong"), {"name": "b", "owner": "nobody"}, {"name": "c", "owner": "carol"}, {"name": "d"},
                                   {"name": "theirs", "owner": "app_owner"}, {"name": "ours", "owner": "app_owner"}],
                                  [{"username": "carol"}, ALICE], ["app_owner"]))
    assert "is a superuser" in result.reason("database app") and result.status("database app") == "Refused"
    assert '"nobody" does not exist' in result.reason("database b") and result.status("database b") == "Degraded"
    assert "cannot be created" in result.reason("database c") and "no owner" in result.reason("database d")
    assert result.status("database theirs") == "Refused" and 'belongs to "robot_zmon"' in result.reason("database theirs")
    assert result.status("database ours") == "Synced" and found(server, "ours")["owner"] == "app_owner"
    assert [found(server, name) for name in "abcd"] == [None] * 4 and found(server, "theirs")["owner"] == "robot_zmon"
    assert 'database "app" does not exist' in result.reason("alice"), "nobody made it"


@every_major
def test_an_extension_that_the_server_does_not_trust_needs_the_agent_file(server, users):
    wanted = document([app(extensions=["dblink", "pgcrypto", "pgcrpto"])], [], ["app_owner"])
    result = users.apply(wanted)
    assert extensions(server) == {"pgcrypto": "public"} and result.status("database app") == "Refused"
    assert "policy.allowExtensions" in result.reason("database app") and "did you mean pgcrypto?" in result.reason("database app")
    users.apply(wanted, policy={"extensions": ["dbl*"]})
    assert extensions(server) == {"dblink": "public", "pgcrypto": "public"}
    users.apply(document([app(extensions=["dblink"])], [], ["app_owner"])).quiet()


@SOME
def test_where_an_extension_is_made(server, users):
    wanted = document([app(extensions=[{"name": "citext", "schema": "tools"}, "earthdistance", "pgcrypto"])], [], ["app_owner"])
    result = users.apply(wanted, policy={"extensions": ["earth*"]})
    assert "required extension" in result.reason("database app"), "no CASCADE: what it needs may be untrusted"
    assert extensions(server) == {"pgcrypto": "public"} and 'schema "tools" does not exist' in result.reason("database app")
    result = users.apply(wanted, policy={"extensions": ["earth*"]})
    assert 'there is no schema "tools"' in result.reason("database app")
    server.run("CREATE SCHEMA tools", database="app")
    wanted = document([app(extensions=[{"name": "citext", "schema": "tools"}, "cube", "earthdistance"])], [], ["app_owner"])
    users.apply(wanted, policy={"extensions": ["earth*"]}).good()
    assert extensions(server)["citext"] == "tools"
    result = users.apply(document([app(extensions=[{"name": "citext", "schema": "public"}])], [], ["app_owner"]))
    assert "stays there" in result.reason("database app") and extensions(server)["citext"] == "tools"


@SOME
def test_encoding_and_locale_are_of_the_beginning(server, users):
    users.apply(document([app(encoding="latin1", locale="C")], [], ["app_owner"])).good()
    users.apply(document([app(encoding="LATIN-1", locale="C")], [], ["app_owner"])).quiet()
    assert found(server)["encoding"] == "LATIN1"
    result = users.apply(document([app(encoding="UTF8", locale="POSIX")], [], ["app_owner"]))
    assert result.fields("database app") == {"encoding": ("UTF8", "LATIN1"), "locale": ("POSIX", "C")}
    assert "cannot be altered" in result.reason("database app")
    result = users.apply(document([{"name": "b", "owner": "app_owner", "encoding": "klingon"}], [], ["app_owner"]))
    assert "klingon" in result.reason("database b") and found(server, "b") is None


@SOME
def test_one_that_cannot_be_made_holds_up_no_other_and_is_made_later(server, users):
    wanted = document([app(revokePublicConnect=True, extensions=["pgcrypto"]), {"name": "b", "owner": "app_owner", "comment": "x", "encoding": "nope"},
                       {"name": "c", "owner": "app_owner"}], [ALICE, {"username": "bob", "database": "b"}], ["app_owner"])
    result = users.apply(wanted)
    assert result.status("database app") == result.status("alice") == result.status("database c") == "Synced"
    assert result.status("database b") == result.status("bob") == "Degraded"
    assert found(server) and found(server, "c") and not found(server, "b")
    users.apply(wanted.replace('"nope"', '"UTF8"')).good()
    assert found(server, "b")["comment"] == "x"


@SOME
def test_a_server_that_dies_while_it_makes_one_and_somebody_who_was_faster(server, users):
    wanted = document([app(comment="x", revokePublicConnect=True)], [ALICE], ["app_owner"])
    users.apply(document([], [], ["app_owner"])).good()
    # Somebody holds template1, so the statement waits, and its backend is ended there.
    with server.connect("template1"):
        result = {}
        thread = threading.Thread(target=lambda: result.update(answer=users.apply(wanted)))
        thread.start()
        while thread.is_alive() and not server.value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'CREATE DATABASE%'"
                                                     " AND pid <> pg_backend_pid()"):
            pass
        thread.join()
    assert found(server) is None and result["answer"].error
    server.run("CREATE DATABASE app")
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    assert found(server) == {"owner": "app_owner", "comment": "x", "encoding": "UTF8", "locale": "C", "public": False}


@SOME
def test_one_that_takes_no_connections_is_told(server, users):
    wanted = document([app(extensions=["pgcrypto"], comment="x")], [], ["app_owner"])
    server.run("CREATE DATABASE app ALLOW_CONNECTIONS false")
    result = users.apply(wanted)
    assert "allows no connections" in result.reason("database app") and found(server)["comment"] == "x"
    server.run("ALTER DATABASE app CONNECTION LIMIT 7", "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'app'")
    assert "interrupted" in users.apply(wanted).reason("database app")
    server.run("UPDATE pg_database SET datconnlimit = -1, datallowconn = true WHERE datname = 'app'")
    users.apply(wanted).good()


def test_names_are_names(server, users):
    for name in ('we"ird; --', "Upper Case", "ünï", "host=x dbname=y", "app"):
        wanted = document([{"name": name, "owner": "app_owner", "comment": "'; --", "revokePublicConnect": True, "extensions": ["pgcrypto"]}],
                          [ALICE | {"database": name}], ["app_owner"])
        users.apply(wanted).good()
        users.apply(wanted).quiet()
        assert extensions(server, name) == {"pgcrypto": "public"} and server.can_login("alice", "geheim", name)


def test_many_databases_are_read_at_once(server, users):
    few = document([app()], [], ["app_owner"])
    many = document([app()] + [{"name": f"d{number}", "owner": "app_owner", "comment": str(number)} for number in range(12)], [], ["app_owner"])
    users.apply(many).good()
    assert users.apply(many).quiet().statements == users.apply(few).quiet().statements
    listed = document([app(extensions=["plpgsql"])] + [{"name": f"d{number}"} for number in range(12)], [], ["app_owner"])
    assert users.apply(listed).quiet().statements == users.apply(few).quiet().statements + 3


MISTAKES = [
    ({"name": "app", "ownr": "x"}, 'unknown key "ownr": did you mean owner?'),
    ({"owner": "x"}, "this database has no name"),
    ({"name": "template1"}, "PostgreSQL's own"),
    ({"name": "postgres", "owner": "x"}, "keeps its owner"),
    ({"name": "app", "owner": "postgres"}, '"postgres" cannot own a database here'),
    ({"name": "app", "owner": "pg_monitor"}, "cannot own a database here"),
    ({"name": "app", "owner": "gone"}, 'has owner "gone", which is to be absent'),
    ({"name": "app", "owner": 7}, "owner must be a string"),
    ({"name": "x" * 64}, "longer than 63 bytes"),
    ({"name": ""}, "name is empty"),
    ({"name": "app", "comment": ["x"]}, "comment must be a string"),
    ({"name": "app", "comment": "x" * 70000}, "longer than 65536 bytes"),
    ({"name": "app", "revokePublicConnect": "yes"}, "must be true or false"),
    ({"name": "app", "extensions": "pgcrypto"}, "must be a list"),
    ({"name": "app", "extensions": ["pgcrypto", {"name": "pgcrypto"}]}, "listed twice"),
    ({"name": "app", "extensions": [{"schema": "x"}]}, "has no name"),
    ({"name": "app", "extensions": [{"name": "x", "version": "1"}]}, 'unknown key "version"'),
    ({"name": "app", "ensure": "absent"}, "never dropped"),
    ({"name": "app", "ensure": "gone"}, "ensure must be present"),
    ("app", "must be a map with name"),
]


@pytest.mark.parametrize("entry, text", MISTAKES)
def test_mistakes_have_their_line(server, entry, text):
    mistakes = Users(server).check(document([entry], [{"username": "gone", "ensure": "absent"}])).mistakes
    assert len(mistakes) == 1 and text in mistakes[0] and mistakes[0].startswith("users.yaml:1:"), mistakes


def test_mistakes_of_the_whole(server):
    users = Users(server)
    assert "needs version: 2" in users.check('{"users": [], "databases": []}').mistakes[0]
    assert "listed twice" in users.check(document([app(), app()])).mistakes[0]
    assert "must be a list" in users.check('{"version": 2, "users": [], "databases": {}}').mistakes[0]
    assert "rename that one" in users.check(document([app()], [{"username": "database app"}])).mistakes[0]
    assert "at most 1000" in users.check(document([{"name": f"d{number}"} for number in range(1001)])).mistakes[0]


def test_a_report_writes_nothing(server, users):
    result = users.apply(document([app()], [], ["app_owner"]), policy={"report_only": True})
    assert found(server) is None and result.writes == 0 and result.status("database app") == "Drifted"
    with pytest.raises(psycopg.OperationalError):
        server.connect("app")
