"""renamedFrom: a user under a new name is the same role (behaviours 45 and 46 of the reference on roles)."""

import json

import pytest

from parts import postgres
from parts.roles import Users, catalog, comment, databases_with_connect, exists, members, oid, verifier
from parts.script import psql

ALL = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
SOME = pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
TABLE = [{"database": "postgres", "on": "tables", "schema": "public", "names": ["t"], "privileges": ["SELECT"]}]


def document(*entries, groups=()):
    return json.dumps({"version": 2, "groups": list(groups), "users": list(entries)})


def carol(**fields):
    return document({"username": "carol", "renamedFrom": "carla", "roles": ["staff"]} | fields)


@pytest.fixture
def users(server):
    made = Users(server)
    for name in ("carla", "carol", "bob"):
        made.secret(name, "geheim")
    return made


@pytest.fixture
def carla(server, users):
    server.run("CREATE TABLE t (x int)")
    users.apply(document({"username": "carla", "roles": ["staff"]}, {"username": "bob"})).good()
    server.run("CREATE TABLE own (x int)", "ALTER TABLE own OWNER TO carla", "COMMENT ON ROLE carla IS 'managed by pgitops (main): hers'",
               "ALTER ROLE carla SET work_mem = '8MB'")
    return oid(server, "carla")


def rows(server):
    return server.query("SELECT oid, name::text, state FROM pgitops.managed_role ORDER BY name")


@ALL
def test_a_renamed_user_keeps_ownership_memberships_and_password_46(server, users, carla):
    before = verifier(server, "carla")
    result = users.apply(carol()).good()
    assert result.actions[0] == ("rename", "carol") and result.fields("carol") == {"name": ("carol", "carla")}
    assert oid(server, "carol") == carla and not exists(server, "carla") and verifier(server, "carol") == before
    assert server.value("SELECT tableowner FROM pg_tables WHERE tablename = 'own'") == "carol"
    assert members(server, "staff") == ["carol"] and databases_with_connect(server, "carol") == ["postgres"]
    assert comment(server, "carol") == "managed by pgitops (main): hers"
    assert [row for row in rows(server) if row[0] == carla] == [(carla, "carol", "user")]
    assert server.can_login("carol", "geheim")
    users.apply(carol()).quiet()
    users.apply(document({"username": "carol", "roles": ["staff"]})).quiet()


@ALL
def test_an_md5_password_is_set_anew_with_the_name_46(server, users, carla):
    if server.major < 18:
        server.run("SET password_encryption = 'md5'; ALTER ROLE carla PASSWORD 'geheim'")
    else:
        server.run("SET password_encryption = 'md5'; SET md5_password_warnings = off; ALTER ROLE carla PASSWORD 'geheim'")
    assert verifier(server, "carla").startswith("md5")
    secrets = dict(users.secrets)
    users.secrets.clear()
    held = users.plan(carol())
    assert held.status("carol") == "Degraded" and "md5 password would be lost" in held.reason("carol")
    users.apply(carol())
    assert exists(server, "carla") and not exists(server, "carol")
    users.secrets.update(secrets)
    result = users.apply(carol()).good()
    assert [step["action"] for step in result.steps] == ["rename"] and set(result.fields("carol")) == {"name", "password"}
    assert server.can_login("carol", "geheim") and oid(server, "carol") == carla
    users.apply(carol()).quiet()


@ALL
def test_the_line_may_stay_for_ever(server, users):
    users.apply(carol()).good()
    assert exists(server, "carol") and not exists(server, "carla"), "nobody had the old name"
    users.apply(carol()).quiet()
    server.run("CREATE ROLE carla")
    users.apply(carol()).quiet()
    assert exists(server, "carla"), "somebody else has it now"


@SOME
def test_both_roles_are_refused_by_name_and_neither_goes(server, users, carla):
    users.apply(document({"username": "carla", "roles": ["staff"]}, {"username": "carol"})).good()
    before = catalog(server)
    result = users.apply(carol())
    assert result.status("carol") == "Refused" and "both roles exist, \"carla\" and \"carol\"" in result.reason("carol")
    assert result.steps == [] and result.deletions == [] and catalog(server) == before
    users.apply(document({"username": "carol"})).answer
    assert not exists(server, "carla"), "without the line it is a user who is not listed"


@SOME
def test_a_role_that_is_not_ours_is_not_renamed_unless_adopted(server, users):
    server.run("CREATE ROLE carla LOGIN CREATEDB", "COMMENT ON ROLE carla IS 'by hand'")
    before = catalog(server)
    result = users.apply(carol())
    assert result.status("carol") == "Refused" and "not ours" in result.reason("carol") and "user adopt" in result.reason("carol")
    assert not exists(server, "carol") and catalog(server)[0][0] == before[0][0]
    was = oid(server, "carla")
    for how in ({"policy": {"adopt": True}}, {"adopt": ["carla"]}):
        taken = users.apply(carol(), **how).good()
        assert taken.not_adopted == "" and oid(server, "carol") == was
        assert comment(server, "carol") == "managed by pgitops (main): by hand"
        users.apply(carol()).quiet()
        server.run("ALTER ROLE carol RENAME TO carla", "DELETE FROM pgitops.managed_role WHERE name = 'carol'",
                   "COMMENT ON ROLE carla IS 'by hand'")


@SOME
@pytest.mark.parametrize("kind", ["group", "superuser", "other", "members"])
def test_what_is_no_user_of_ours_is_not_renamed_whatever_the_policy_says(server, users, kind):
    users.apply(document({"username": "bob", "roles": ["carla"] if kind == "group" else []})).good()
    if kind != "group":
        server.run(f"CREATE ROLE carla {'SUPERUSER' if kind == 'superuser' else ''}")
    if kind == "other":
        server.run("INSERT INTO pgitops.managed_role (oid, name, state, manager, target) SELECT oid, 'carla', 'user', 'east', 'theirs' FROM pg_roles"
                   " WHERE rolname = 'carla'")
    if kind == "members":
        server.run("CREATE ROLE somebody", "GRANT carla TO somebody")
    result = users.apply(document({"username": "bob"}, {"username": "carol", "renamedFrom": "carla"}), policy={"adopt": True})
    assert result.status("carol") == "Refused" and "renamedFrom \"carla\"" in result.reason("carol")
    assert not exists(server, "carol")
    assert exists(server, "carla") or kind == "group", "a group that nobody lists any more goes as one"


@ALL
def test_a_role_that_hands_have_renamed_is_ours_again_when_git_follows(server, users, carla):
    users.secrets["user-carol-secret"] = users.secrets["user-carla-secret"]
    server.run("ALTER ROLE carla RENAME TO carol")
    told = users.apply(document({"username": "carla", "roles": ["staff"]}, {"username": "bob"}))
    assert told.status("carla") == "Degraded" and "renamed by hand to \"carol\"" in told.reason("carla")
    users.apply(document({"username": "carol", "renamedFrom": "carla", "roles": ["staff"]}, {"username": "bob"})).good()
    assert oid(server, "carol") == carla and [row for row in rows(server) if row[0] == carla] == [(carla, "carol", "user")]
    users.apply(document({"username": "carol", "renamedFrom": "carla", "roles": ["staff"]}, {"username": "bob"})).quiet()


@SOME
def test_a_role_that_hands_have_renamed_to_something_else_is_told(server, users, carla):
    server.run("ALTER ROLE carla RENAME TO caroline")
    for _ in range(2):
        result = users.apply(carol())
        assert result.status("carol") == "Refused" and "renamed by hand to \"caroline\"" in result.reason("carol")
        assert not exists(server, "carol") and oid(server, "caroline") == carla
    server.run("ALTER ROLE caroline RENAME TO carol")
    users.apply(carol()).good()


@SOME
def test_the_secret_of_the_old_name_holds_until_the_new_is_there(server, users, carla):
    del users.secrets["user-carol-secret"]
    for _ in range(2):
        result = users.apply(carol()).good()
        assert [text for text in result.warnings if "no Secret user-carol-secret yet" in text and "user-carla-secret" in text]
    assert result.steps == []
    users.secret("carla", "rotated")
    users.apply(carol()).good()
    assert server.can_login("carol", "rotated")
    users.secret("carol", "her own")
    assert not [text for text in users.apply(carol()).good().warnings if "no Secret" in text]
    assert server.can_login("carol", "her own")


@ALL
def test_memberships_and_privileges_follow_in_the_same_pass(server, users, carla):
    """Of a user who is somebody's role, who granted to others, and whose list of privileges changes with the name."""
    before = document({"username": "carla", "roles": ["staff"], "grants": TABLE}, {"username": "bob", "roles": ["carla"]})
    users.apply(before).good()
    server.run("GRANT INSERT ON t TO carla", "GRANT staff TO carla WITH ADMIN OPTION", "SET SESSION AUTHORIZATION carla; GRANT staff TO bob")
    after = document({"username": "carol", "renamedFrom": "carla", "grants": TABLE, "comment": "new"}, {"username": "bob", "roles": ["carol"]},
                     groups=[{"name": "staff"}])
    result = users.apply(after).good()
    assert members(server, "carol") == ["bob"] and members(server, "staff") == []
    assert server.query("SELECT has_table_privilege('carol', 't', 'SELECT'), has_table_privilege('carol', 't', 'INSERT')") == [(True, False)]
    assert not [text for text in result.sql if "GRANT" in text and "REVOKE" not in text], "what it has is not given again"
    users.apply(after).quiet()


@ALL
def test_the_plan_of_a_renaming_is_a_script_and_changes_nothing(server, users, carla):
    before = catalog(server)
    plan = users.plan(carol(ensure="locked", connectionLimit=2))
    assert catalog(server) == before
    done = psql(server, plan.script)
    assert done.returncode == 0 and not done.stderr, done.stderr
    users.apply(carol(ensure="locked", connectionLimit=2)).quiet()
    assert oid(server, "carol") == carla


@SOME
def test_a_leaver_comes_back_under_a_new_name_45(server, users, carla):
    server.run("CREATE FOREIGN DATA WRAPPER w", "ALTER ROLE carla SUPERUSER", "ALTER FOREIGN DATA WRAPPER w OWNER TO carla")
    assert users.apply(document({"username": "bob"})).status("carla") == "Retiring" and not server.can_login("carla", "geheim")
    users.apply(document({"username": "bob"}, {"username": "carol", "renamedFrom": "carla"})).good()
    assert oid(server, "carol") == carla and server.can_login("carol", "geheim")


@SOME
def test_a_renaming_that_fails_stops_that_user_alone(server, users, carla):
    users.apply(document({"username": "carla", "roles": ["staff"]}, {"username": "bob"})).good()
    wanted = document({"username": "carol", "renamedFrom": "carla", "roles": ["staff", "more"]}, {"username": "bob", "roles": ["staff"]})
    with server.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("ALTER ROLE carla CONNECTION LIMIT 9")
        result = users.apply(wanted)
        assert result.status("carol") == "Degraded" and result.status("bob") == "Synced"
        holder.execute("ROLLBACK")
    users.apply(wanted).good()
    assert oid(server, "carol") == carla and members(server, "staff") == ["bob", "carol"]


@ALL
def test_names_of_every_kind_are_renamed(server, users):
    names = ["a b", 'q"uote', "se;mi", "%s", "UPPER", "o'hara", "\u00e9t\u00e9"]
    for name in names:
        users.secret(name, "geheim")
        users.secret(f"{name} 2", "geheim")
    users.apply(document(*({"username": name} for name in names))).good()
    users.apply(document(*({"username": f"{name} 2", "renamedFrom": name} for name in names))).good()
    assert all(exists(server, f"{name} 2") and not exists(server, name) for name in names)
    users.apply(document(*({"username": f"{name} 2", "renamedFrom": name} for name in names))).quiet()
