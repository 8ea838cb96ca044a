"""What the Zalando operator manages is recognised by what it and Spilo leave in the database, and is neither taken over nor fought over."""

import json

import pytest

from parts import postgres
from parts.roles import Users, catalog, members

every_major = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
THEIRS = {"foo": "under users", "shop_owner": "preparedDatabases", "shop_reader": "preparedDatabases", "shop_writer": "preparedDatabases",
          "shop_data_owner": "preparedDatabases", "shop_data_reader": "preparedDatabases", "shop_reader_user": "preparedDatabases", "ann": "zalandos"}


@pytest.fixture
def users(server):
    """A cluster as Spilo's post_init and the operator's sync leave it (zalando-operator.md 3)."""
    server.run("CREATE ROLE admin CREATEDB NOLOGIN", "CREATE ROLE cron_admin", "GRANT cron_admin TO admin", "CREATE ROLE zalandos", "CREATE ROLE foo LOGIN",
               "GRANT foo TO admin WITH ADMIN OPTION", "CREATE ROLE ann LOGIN IN ROLE zalandos, admin", "CREATE DATABASE shop")
    for base in ("shop", "shop_data"):
        server.run(*(f"CREATE ROLE {base}_{what}" for what in ("owner", "reader", "writer")), f"GRANT {base}_reader TO {base}_writer",
                   f"GRANT {base}_reader, {base}_writer TO {base}_owner WITH ADMIN OPTION", f"GRANT {base}_owner TO admin WITH ADMIN OPTION")
    server.run("CREATE ROLE shop_reader_user LOGIN IN ROLE shop_reader", "ALTER DATABASE shop OWNER TO shop_owner", "CREATE ROLE ordinary LOGIN",
               "CREATE ROLE ordinary_user LOGIN", "CREATE ROLE some_reader", "CREATE ROLE some_owner", "GRANT some_reader TO some_owner WITH ADMIN OPTION")
    made = Users(server)
    for name in (*THEIRS, "ordinary", "ordinary_user", "alice"):
        made.secret(name, "geheim")
    return made


@every_major
def test_its_roles_are_refused_by_name_whatever_the_policy_and_a_person_say(server, users):
    before = catalog(server)
    result = users.apply([{"username": name} for name in THEIRS], policy={"adopt": True}, adopt=sorted(THEIRS))
    assert {name: result.status(name) for name in THEIRS} == dict.fromkeys(THEIRS, "Refused")
    for name, word in THEIRS.items():
        assert "belongs to the postgres-operator" in result.reason(name) and word in result.reason(name), result.reason(name)
        assert f'"{name}" is not taken over' in result.not_adopted
    assert catalog(server) == before and result.writes == 0
    users.apply([{"username": "ordinary"}, {"username": "ordinary_user"}], policy={"adopt": True}).good()


@every_major
def test_they_are_told_as_the_operators_and_never_removed(server, users):
    result = users.apply([{"username": "alice", "roles": ["shop_reader"]}]).good()
    told = {role["name"]: role["reason"] for role in result.unmanaged}
    assert all("the postgres-operator's" in told[name] for name in THEIRS) and told["ordinary"] == told["some_reader"] == "made by somebody else"
    assert members(server, "shop_reader") == ["alice", "shop_owner", "shop_reader_user", "shop_writer"]
    users.apply([{"username": "alice", "roles": ["shop_reader"]}]).quiet()


@every_major
def test_a_database_of_its_keeps_its_owner(server, users):
    wanted = json.dumps({"version": 2, "users": [], "groups": [{"name": "mine"}], "databases": [{"name": "shop", "owner": "mine", "comment": "x"}]})
    result = users.apply(wanted)
    assert result.status("database shop") == "Refused" and 'belongs to "shop_owner"' in result.reason("database shop")
    assert server.query("SELECT pg_get_userbyid(datdba)::text, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'shop'") == [("shop_owner", "x")]
    users.apply(wanted.replace('"owner": "mine"', '"owner": "shop_owner"')).quiet()


@pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
def test_an_admin_of_somebody_elses_claims_nothing(server, users):
    server.run("ALTER ROLE admin LOGIN")
    users.apply([{"username": "foo"}], adopt=["foo"]).good()
    users.apply([{"username": "foo"}]).quiet()
