"""The whole agent with a role that has CREATEROLE alone, as a managed service has it."""

import pytest

from parts import postgres
from parts.git import Repository
from parts.plain import PASSWORD, install

USERS = """users:
  - {username: alice, database: app, roles: [read_only, theirs]}
  - {username: bob, database: app}
"""


@pytest.fixture
def setting(agent, server, tmp_path):
    """alice and bob, a database and a group of somebody else's, and the role that README makes."""
    install(server)
    server.run("CREATE ROLE somebody", "CREATE DATABASE app OWNER somebody", "CREATE ROLE theirs")
    repository = Repository(tmp_path / "db.git")
    indented = "".join(f"    {line}\n" for line in USERS.splitlines())
    repository.commit({"postgres-users/users.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: postgres-users-config\n  namespace: postgres\n"
                                                    f"data:\n  users.yaml: |\n{indented}"})
    agent.database(server, connection=server.conninfo(user="pgitops"))
    (agent.folder / "password-main").write_text(PASSWORD)
    agent.application("postgres-users", repository.url, "postgres-users", "postgres")
    for name in ("alice", "bob"):
        agent.secret("postgres", f"user-{name}-secret", f"geheim-{name}")
    agent.write()
    return agent, server


def remedies(agent):
    said = agent.cli("doctor", "-o", "json").items
    return [item["remedy"] for item in said if item["status"] == "failed"]


@pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
def test_doctor_prints_what_is_missing_and_with_that_everything_is_synced(setting):
    agent, server = setting
    missing = remedies(agent)
    assert 'GRANT CONNECT ON DATABASE "app" TO "pgitops" WITH GRANT OPTION' in missing
    admin = 'GRANT "theirs" TO "pgitops" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE'
    assert len(missing) == (2 if server.major >= 16 else 1) and (admin in missing) == (server.major >= 16)
    server.run(*missing)
    assert remedies(agent) == []
    once = agent.once().ok()
    assert {item["name"]: item["status"] for item in agent.items("user", "list")} == {"alice": "Synced", "bob": "Synced"}
    assert server.can_login("alice", "geheim-alice", "app") and server.can_login("bob", "geheim-bob", "app")
    text = agent.cli("user", "get", "alice").out + agent.cli("status").out + once.out + once.err
    assert PASSWORD not in text and "geheim" not in text and "verifiers into its log" in text
    written = server.value("SELECT max(xmin::text::bigint) FROM pg_authid")
    agent.once().ok()
    assert server.value("SELECT max(xmin::text::bigint) FROM pg_authid") == written


def test_a_role_that_lost_its_schema_is_told_the_grant(setting):
    agent, server = setting
    with server.connect(user="administrator", password="administrator") as session:
        session.execute("REVOKE CREATE ON DATABASE postgres FROM pgitops")
    assert 'GRANT CREATE ON DATABASE "postgres" TO "pgitops"' in remedies(agent)
