"""Memberships and CONNECT converge whoever granted what, and with which options."""

import pytest

from parts.roles import Users, comment, databases_with_connect, exists, members

ALICE = [{"username": "alice", "roles": ["staff"]}]
MODERN = pytest.mark.parametrize("server", [16, 18], indirect=True)
BOTH = pytest.mark.parametrize("server", [13, 18], indirect=True)


@pytest.fixture
def users(server):
    made = Users(server)
    for name in ("alice", "bob"):
        made.secret(name, "geheim")
    return made


def options(server, role, member):
    return server.query("SELECT a.grantor::regrole::text, admin_option, inherit_option, set_option FROM pg_auth_members a"
                        " WHERE roleid = %s::regrole AND member = %s::regrole ORDER BY 1", [role, member])


@BOTH
def test_the_right_to_grant_is_taken_back_with_what_was_granted_by_it(server, users):
    users.apply(ALICE + [{"username": "bob", "roles": ["staff"]}]).good()
    server.run("GRANT staff TO alice WITH ADMIN OPTION", "CREATE ROLE mallory", "REVOKE staff FROM bob",
               "SET SESSION AUTHORIZATION alice; GRANT staff TO mallory, bob")
    wanted = ALICE + [{"username": "bob", "roles": ["staff"]}]
    result = users.apply(wanted).good()
    assert "roles" in result.fields("alice") and "(admin)" in result.fields("alice")["roles"][1]
    users.apply(wanted).quiet()
    assert [name for name in members(server, "staff") if name != "mallory"] == ["alice", "bob"]
    if server.major >= 16:
        assert options(server, "staff", "alice") == [("postgres", False, True, True)]
        assert options(server, "staff", "bob") == [("postgres", False, True, True)]
        assert members(server, "staff") == ["alice", "bob"]


@MODERN
def test_options_are_what_grant_gives(server, users):
    users.apply(ALICE).good()
    for change in ("INHERIT FALSE", "SET FALSE", "ADMIN TRUE, INHERIT FALSE, SET FALSE"):
        server.run(f"GRANT staff TO alice WITH {change}")
        users.apply(ALICE).good()
        users.apply(ALICE).quiet()
        assert options(server, "staff", "alice") == [("postgres", False, True, True)]


@MODERN
def test_a_second_grantor_of_a_wanted_membership_is_no_difference(server, users):
    users.apply(ALICE).good()
    server.run("CREATE ROLE granter", "GRANT staff TO granter WITH ADMIN OPTION", "GRANT staff TO alice GRANTED BY granter")
    users.apply(ALICE).quiet()
    users.apply([{"username": "alice"}]).good()
    assert members(server, "staff") == ["granter"]


@MODERN
def test_what_a_creator_has_on_its_role_is_left_alone(server, users):
    users.apply(ALICE).good()
    server.run("ALTER ROLE alice CREATEROLE", "SET SESSION AUTHORIZATION alice; CREATE ROLE hers",
               "RESET SESSION AUTHORIZATION; ALTER ROLE alice NOCREATEROLE")
    assert options(server, "hers", "alice") == [("postgres", True, False, False)]
    users.apply(ALICE).quiet()


@MODERN
def test_what_a_user_has_granted_through_a_role_of_its_own_making_is_taken_back(server, users):
    """CREATEROLE by hand: the creator keeps ADMIN on what it made, so nothing that it grants goes by itself."""
    wanted = ALICE + [{"username": "bob", "roles": ["staff"]}]
    users.apply(wanted).good()
    server.run("ALTER ROLE alice CREATEROLE",
               "SET SESSION AUTHORIZATION alice; CREATE ROLE hers; GRANT hers TO bob WITH ADMIN OPTION")
    assert options(server, "hers", "bob") == [("alice", True, True, True)]
    result = users.plan(wanted)
    assert 'REVOKE "hers" FROM "bob" GRANTED BY "alice" CASCADE' in result.sql and "roles" in result.fields("bob")
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    assert options(server, "hers", "bob") == [] and options(server, "hers", "alice") == [("postgres", True, False, False)]


@MODERN
def test_a_chain_of_grants_by_users_is_taken_back_from_its_end(server, users):
    wanted = ALICE + [{"username": "bob", "roles": ["staff"]}]
    users.apply(wanted).good()
    server.run("CREATE ROLE far", "GRANT staff TO alice WITH ADMIN OPTION", "REVOKE staff FROM bob",
               "SET SESSION AUTHORIZATION alice; GRANT staff TO bob WITH ADMIN OPTION",
               "RESET SESSION AUTHORIZATION", "SET SESSION AUTHORIZATION bob; GRANT staff TO far")
    users.apply(wanted).good()
    users.apply(wanted).quiet()
    assert members(server, "staff") == ["alice", "bob"]
    assert options(server, "staff", "bob") == options(server, "staff", "alice") == [("postgres", False, True, True)]


@BOTH
def test_an_additive_policy_takes_nothing_away(server, users):
    users.apply(ALICE).good()
    server.run("CREATE ROLE extra", "GRANT extra TO alice WITH ADMIN OPTION", "CREATE DATABASE other",
               "GRANT CONNECT ON DATABASE other TO alice", "REVOKE staff FROM alice")
    result = users.apply(ALICE, policy={"additive": True}).good()
    assert len(result.steps) == 1
    assert members(server, "extra") == members(server, "staff") == ["alice"]
    users.apply(ALICE, policy={"additive": True}).quiet()
    users.apply(ALICE).good()
    assert members(server, "extra") == [] and databases_with_connect(server, "alice") == ["postgres"]


@BOTH
def test_connect_that_somebody_else_granted_is_taken_back_too(server, users):
    server.run("CREATE DATABASE other", "CREATE ROLE granter", "GRANT CONNECT ON DATABASE other TO granter WITH GRANT OPTION")
    users.apply(ALICE).good()
    server.run("SET ROLE granter; GRANT CONNECT ON DATABASE other TO alice")
    users.apply(ALICE).good()
    users.apply(ALICE).quiet()
    assert databases_with_connect(server, "alice") == ["postgres"]
    server.run("GRANT CONNECT ON DATABASE postgres TO alice WITH GRANT OPTION")
    assert users.apply(ALICE).good().fields("alice")["connect:postgres"] == ("granted", "granted with grant option")
    users.apply(ALICE).quiet()


def test_an_owner_needs_no_grant(server, users):
    users.apply(ALICE).good()
    server.run("CREATE DATABASE hers OWNER alice", "REVOKE ALL ON DATABASE hers FROM PUBLIC")
    wanted = [{"username": "alice", "roles": ["staff"], "database": name} for name in ("hers", "postgres")]
    users.apply(wanted).quiet()
    users.apply(ALICE).quiet()
    assert server.can_login("alice", "geheim", "hers")


def test_a_circle_that_exists_in_the_database_is_refused(server, users):
    users.apply([{"username": "alice"}]).good()
    server.run("CREATE ROLE staff", "GRANT alice TO staff")
    result = users.apply(ALICE)
    assert result.status("alice") == "Refused" and 'it is a member of "alice"' in result.reason("alice")


@pytest.mark.parametrize("server", [13], indirect=True)
def test_a_predefined_role_that_this_server_lacks_is_named(server, users):
    result = users.apply([{"username": "alice", "roles": ["pg_database_of_the_future"]}, {"username": "bob"}])
    assert "this server (PostgreSQL 13) has no role" in result.reason("alice")
    assert result.status("bob") == "Synced"


def test_a_policy_that_lists_what_may_be_granted_is_obeyed(server, users):
    policy = {"grantable": ["staff", "pg_read_all_data"], "denied": ["secret_*"]}
    assert "does not list it as grantable" in users.apply([{"username": "alice", "roles": ["other"]}], policy=policy).mistakes[0]
    users.apply([{"username": "alice", "roles": ["staff", "pg_read_all_data"]}], policy=policy).good()
    assert members(server, "pg_read_all_data") == ["alice"]
    denied = {"denied": ["secret_*"]}
    assert "denies it" in users.apply([{"username": "alice", "roles": ["secret_x"]}], policy=denied).mistakes[0]
    server.run("CREATE ROLE secret_y", "GRANT secret_y TO staff")
    result = users.apply(ALICE, policy=denied)
    assert result.status("alice") == "Refused" and members(server, "staff") == []
    assert "cannot be a user or group here" in users.apply([{"username": "vip_a"}], policy={"protected": ["vip_*"]}).mistakes[0]


def test_adoption_is_allowed_by_policy_alone_and_keeps_what_people_wrote(server, users):
    server.run("CREATE ROLE alice LOGIN PASSWORD 'hers' CREATEDB", "COMMENT ON ROLE alice IS 'from finance'",
               "CREATE ROLE staff", "CREATE ROLE bob SUPERUSER")
    assert users.apply(ALICE).status("alice") == "Refused"
    result = users.apply(ALICE + [{"username": "bob"}], policy={"adopt": True})
    assert result.status("alice") == "Synced" and not result.report("alice")["managed_before"]
    assert comment(server, "alice") == "managed by pgitops (main): from finance"
    assert comment(server, "staff") is None, "a group role is used as it is"
    assert result.status("bob") == "Refused" and "superuser" in result.reason("bob")
    users.apply(ALICE).quiet()


def test_the_users_of_another_agent_are_left_alone(server, users):
    users.apply(ALICE, name="other").good()
    result = users.apply(ALICE, policy={"adopt": True})
    assert result.status("alice") == "Refused" and result.steps == []
    assert users.apply([{"username": "bob"}]).good().deletions == []
    assert exists(server, "alice")


def test_a_member_of_a_user_that_cannot_be_created_is_told(server, users):
    result = users.apply([{"username": "alice", "roles": ["zoe"]}, {"username": "zoe"}])
    assert result.status("alice") == "Degraded" and "cannot be created" in result.reason("alice")
    users.secret("zoe", "x")
    users.apply([{"username": "alice", "roles": ["zoe"]}, {"username": "zoe"}]).good()
    assert members(server, "zoe") == ["alice"]


@BOTH
def test_connect_that_no_revoke_reaches_is_told(server, users):
    server.run("CREATE ROLE giver", "CREATE ROLE app_owner", "CREATE DATABASE app OWNER app_owner")
    users.apply([{"username": "alice"}])
    server.run("GRANT CONNECT ON DATABASE app TO giver WITH GRANT OPTION", "SET ROLE giver", "GRANT CONNECT ON DATABASE app TO alice", "RESET ROLE",
               "ALTER ROLE giver SUPERUSER")
    for _ in range(2):
        result = users.apply([{"username": "alice"}])
        assert result.steps == [] and result.status("alice") == "Degraded" and '"giver" gave it' in result.reason("alice")
    server.run("ALTER ROLE giver NOSUPERUSER", "GRANT app_owner TO giver")
    users.apply([{"username": "alice"}]).good()
    assert "app" not in databases_with_connect(server, "alice")


@BOTH
@pytest.mark.parametrize("plain", [True, False])
def test_connect_of_whom_lost_the_right_to_give_it_is_taken_back(server, users, plain):
    """As a member of the owner somebody loses a grant option, and keeps what was given by it; later no REVOKE of his finds that."""
    users.secret("bob", "geheim")
    server.run("CREATE ROLE giver", "CREATE ROLE app_owner", "CREATE DATABASE app OWNER app_owner")
    both = [{"username": "alice"}, {"username": "bob"}]
    users.apply(both)
    server.run("GRANT CONNECT ON DATABASE app TO giver WITH GRANT OPTION", "SET ROLE giver", "GRANT CONNECT ON DATABASE app TO alice, bob", "RESET ROLE",
               "GRANT app_owner TO giver", f"REVOKE {'GRANT OPTION FOR' if plain else ''} CONNECT ON DATABASE app FROM giver",
               "REVOKE app_owner FROM giver")
    users.apply(both).good()
    assert "app" not in databases_with_connect(server, "alice") + databases_with_connect(server, "bob")
    assert ("app" in databases_with_connect(server, "giver")) == plain
    users.apply(both).quiet()
