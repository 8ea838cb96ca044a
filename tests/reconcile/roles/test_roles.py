"""The life of users on every supported PostgreSQL."""

import pytest

from parts import postgres
from parts.roles import Users, comment, databases_with_connect, exists, heir, members


@pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
def test_users_come_change_and_go_on_every_major(server):
    server.run("CREATE DATABASE app", "CREATE ROLE owner", "ALTER DATABASE app OWNER TO owner")
    users = Users(server)
    for name in ("Zo\u00eb \"the\" user", "alice", "bob"):
        users.secret(name, f"geheim-{name}")
    wanted = [{"username": "alice", "database": "app", "roles": ["read only", "pg_monitor"]},
              {"username": "bob", "roles": ["read only"]}, {"username": "Zo\u00eb \"the\" user", "roles": ["alice"]}]
    result = users.apply(wanted).good()
    assert result.version // 10000 == server.major
    assert result.report("alice")["roles"] == ["pg_monitor", "read only"]
    users.apply(wanted).quiet()
    assert members(server, "read only") == ["alice", "bob"] and members(server, "alice") == ["Zo\u00eb \"the\" user"]
    assert databases_with_connect(server, "alice") == ["app"]
    assert all(server.can_login(one["username"], f"geheim-{one['username']}", "app") for one in wanted)
    assert not server.value("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'read only'")

    server.run("ALTER ROLE alice SUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS NOINHERIT CONNECTION LIMIT 0",
               "ALTER ROLE bob PASSWORD 'x'", "REVOKE \"read only\" FROM bob", "GRANT pg_monitor TO bob")
    assert set(users.apply(wanted).good().fields("alice")) == {
        "superuser", "createdb", "createrole", "replication", "bypassrls", "inherit", "connectionLimit"}
    users.apply(wanted).quiet()
    assert server.can_login("bob", "geheim-bob") and members(server, "pg_monitor") == ["alice"]

    server.run("CREATE TABLE t (x int)", "ALTER TABLE t OWNER TO alice", "GRANT SELECT ON t TO bob", database="app")
    left = heir(server, "alice")
    users.apply(wanted[1:2])
    assert not exists(server, "alice") and not exists(server, wanted[2]["username"])
    assert server.value("SELECT tableowner FROM pg_tables WHERE tablename = 't'", database="app") == left
    assert comment(server, "bob") == "managed by pgitops (main)"
    users.apply(wanted[1:2]).quiet()
