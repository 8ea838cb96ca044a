"""`policy: {passwordCheck: login}`: an agent that cannot read verifiers tries the users' passwords."""

import json

import pytest

from parts import postgres
from parts.git import Certificates, Repository
from parts.plain import PASSWORD, install
from parts.process import wait_for

SOME = pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
NAMES = ("alice", "bob")
TRIED = "could not be tried by a login"


class Setting:
    """alice and bob of an agent without superuser, in a database of their own."""

    def __init__(self, agent, server, repository):
        self.agent, self.server, self.repository = agent, server, repository

    def commit(self, users):
        text = json.dumps({"version": 2, "users": users})
        self.repository.commit({"users/users.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: postgres-users-config\n"
                                                    f"data:\n  users.yaml: |\n    {text}\n"})

    def policy(self, **policy):
        self.agent.config["databases"][0]["policy"] = policy
        self.agent.write()

    def secret(self, name, password=None):
        self.agent.secret("postgres", f"user-{name}-secret", password or f"geheim-{name}")

    def verifier(self, name="alice"):
        return self.server.value("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [name])

    def lets_in(self, name, password=None):
        return self.server.can_login(name, password or f"geheim-{name}", "app")

    def warnings(self):
        return " / ".join(self.agent.items("user", "get", "alice")[0]["warnings"])


@pytest.fixture
def setting(agent, server, tmp_path):
    install(server)
    with server.connect(user="administrator", password="administrator") as session:
        session.execute("CREATE DATABASE app")
        session.execute("GRANT CONNECT ON DATABASE app TO pgitops WITH GRANT OPTION")
    made = Setting(agent, server, Repository(tmp_path / "db.git"))
    made.commit([{"username": name, "database": "app"} for name in NAMES])
    agent.database(server, connection=server.conninfo(user="pgitops"))
    (agent.folder / "password-main").write_text(PASSWORD)
    agent.application("postgres-users", made.repository.url, "users", "postgres")
    for name in NAMES:
        made.secret(name)
    made.policy(passwordCheck="login")
    return made


@pytest.fixture
def hba(server):
    """hba("host all alice 127.0.0.1/32 reject", ...): these lines before all others."""
    path = server.data / "pg_hba.conf"
    before = path.read_text()

    def set_lines(*lines):
        path.write_text("\n".join([*lines, before]))
        server.run("SELECT pg_reload_conf()")
        with server.connect() as session:
            loaded = "SELECT pg_conf_load_time() >= (pg_stat_file('pg_hba.conf')).modification"
            wait_for("the rules", lambda: session.execute(loaded).fetchone()[0])

    yield set_lines
    path.write_text(before)
    server.run("SELECT pg_reload_conf()")


@SOME
def test_a_password_that_a_hand_has_set_is_seen_by_a_login_and_set_back(setting):
    agent, server = setting.agent, setting.server
    setting.policy()
    agent.once().ok()
    server.run("ALTER ROLE alice PASSWORD 'another'")
    agent.once().ok()
    assert setting.lets_in("alice", "another"), "the record alone has not seen it"
    setting.policy(passwordCheck="login")
    mark = server.log_mark()
    agent.once().ok()
    assert setting.lets_in("alice") and not setting.lets_in("alice", "another") and setting.lets_in("bob")
    found = [item for item in agent.items("drift", "list") if item["field"] == "password"]
    assert [item["user"]["name"] for item in found] == ["alice"] and found[0]["wanted"] == found[0]["found"] == "<hidden>"
    assert "geheim" not in server.log_since(mark) + agent.cli("status").out + agent.cli("user", "history", "-o", "json").out
    before = setting.verifier(), setting.verifier("bob")
    agent.once().ok()
    assert (setting.verifier(), setting.verifier("bob")) == before, "what is right is left"
    assert TRIED not in setting.warnings()


@SOME
def test_an_md5_hash_of_another_password_is_drift_and_one_of_the_right_is_not(setting, hba):
    agent, server = setting.agent, setting.server
    hba("host all all 127.0.0.1/32 md5")
    agent.once().ok()
    with server.connect() as session:
        session.execute("SET password_encryption = 'md5'")
        session.execute("ALTER ROLE alice PASSWORD 'another'")
        session.execute("ALTER ROLE bob PASSWORD 'geheim-bob'")
    agent.once().ok()
    assert setting.verifier().startswith("SCRAM-SHA-256$") and setting.lets_in("alice")
    assert setting.verifier("bob").startswith("md5"), "a login does not tell one form from the other"


@SOME
def test_what_is_not_about_the_password_is_told_and_changes_nothing(setting, hba):
    agent, server = setting.agent, setting.server
    agent.once().ok()
    before = setting.verifier()

    def told(*words):
        agent.once().ok()
        text = setting.warnings()
        assert TRIED in text and all(word in text for word in words), text
        assert setting.verifier() == before and agent.user("alice")["status"] == "Synced"
        assert not [item for item in agent.items("drift", "list") if item["field"] == "password"]

    hba("host all alice 127.0.0.1/32 reject")
    told("28000", "pg_hba.conf")
    hba("host all alice 127.0.0.1/32 trust")
    told("the server asked for no password")
    hba("")
    setting.commit([{"username": "alice", "database": "app", "connectionLimit": 0}, {"username": "bob", "database": "app"}])
    agent.once().ok()  # from here on nobody comes in
    told("53300", "too many connections for role")
    setting.commit([{"username": "alice", "database": "app", "validUntil": "2001-01-01T00:00:00Z"}, {"username": "bob", "database": "app"}])
    agent.once().ok()  # from here on it is over
    told("validUntil 2001-01-01T00:00:00Z has passed")
    setting.commit([{"username": name, "database": "app"} for name in NAMES])
    agent.once().ok()
    server.run("ALTER DATABASE app ALLOW_CONNECTIONS false")
    told("55000", "is not currently accepting connections")


@SOME
def test_a_new_version_of_the_same_password_is_tried_and_not_written(setting):
    agent, server = setting.agent, setting.server
    agent.once().ok()
    before = setting.verifier()
    setting.secret("alice")  # another file, the same password
    agent.once().ok()
    assert setting.verifier() == before
    setting.secret("alice", "new")
    agent.once().ok()
    assert setting.lets_in("alice", "new") and not setting.lets_in("alice")


@SOME
def test_an_adopted_role_with_the_right_password_keeps_its_verifier(setting):
    agent, server = setting.agent, setting.server
    server.run("CREATE ROLE alice LOGIN PASSWORD 'geheim-alice'", "CREATE ROLE bob LOGIN PASSWORD 'another'")
    if server.major >= 16:
        server.run("GRANT alice, bob TO pgitops WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
    server.run("GRANT CONNECT ON DATABASE app TO PUBLIC")
    before = setting.verifier()
    setting.policy(passwordCheck="login", adopt="listed")
    agent.once().ok()
    assert setting.verifier() == before and setting.lets_in("bob")
    agent.once().ok()
    assert setting.verifier() == before and agent.user("alice")["status"] == "Synced"


def test_nothing_is_written_where_only_reporting_is_allowed(setting):
    agent, server = setting.agent, setting.server
    agent.once().ok()
    server.run("ALTER ROLE alice PASSWORD 'another'")
    before = setting.verifier()
    setting.policy(passwordCheck="login", mode="report")
    agent.once()
    assert agent.user("alice")["status"] == "Drifted" and setting.verifier() == before


def test_a_person_has_a_password_tried_at_once(setting):
    agent, server = setting.agent, setting.server
    agent.start()
    agent.wait_user("alice")
    agent.cli("user", "sync").ok()
    server.run("ALTER ROLE alice PASSWORD 'another'")
    agent.cli("user", "sync").ok()
    assert setting.lets_in("alice", "another"), "it is not its turn yet"
    said = agent.cli("user", "sync", "alice").ok()
    assert setting.lets_in("alice") and "as Git says" in said.out + said.err
    assert "lists no user \"nobody\"" in str(agent.cli("user", "sync", "nobody").is_(1))
    server.run("ALTER DATABASE app ALLOW_CONNECTIONS false")
    assert "is not currently accepting connections" in str(agent.cli("user", "sync", "alice").is_(1))


def test_so_many_are_tried_in_a_pass_and_no_more(setting):
    agent, server = setting.agent, setting.server
    names = [f"user{i:02}" for i in range(40)]
    for name in names:
        setting.secret(name)
    setting.commit([{"username": name, "database": "app"} for name in names])
    agent.once().ok()
    server.run(*(f"ALTER ROLE {name} PASSWORD 'another'" for name in names))
    mark = server.log_mark()
    agent.config["poll"] = "1h"  # one pass, however long the repository takes to answer
    agent.once().ok()
    assert server.log_since(mark).count("password authentication failed") == 16
    agent.config["poll"] = "1s"
    agent.start()  # and the others by the passes after it
    wait_for("all of them", lambda: all(setting.lets_in(name) for name in names))


def test_whose_password_nobody_knows_is_named(setting):
    agent = setting.agent
    agent.once().ok()
    verifier = setting.verifier()
    setting.secret("alice", verifier)
    setting.commit([{"username": "alice", "database": "app", "password": {"verifierSecretRef": {"name": "user-alice-secret"}}},
                    {"username": "bob", "database": "app", "password": {"disabled": True}}])
    agent.once().ok()
    text = setting.warnings()
    assert "\"alice\": its password cannot be tried by a login (policy.passwordCheck), as only its verifier is known" in text
    assert "\"bob\": its password cannot be tried" in text and "is to have none" in text


def test_a_superuser_needs_no_login_and_is_told(setting):
    agent, server = setting.agent, setting.server
    agent.config["databases"][0]["connection"] = server.conninfo()
    (agent.folder / "password-main").write_text(server.password)
    mark = server.log_mark()
    agent.once().ok()
    assert "policy.passwordCheck: login of the agent file is not followed: \"postgres\" is a superuser" in setting.warnings()
    assert "pgitops password check" not in server.log_since(mark)


@pytest.fixture
def over_tls(tmp_path):
    """A server that takes TLS alone, with a certificate for `localhost`, and the authority that signed it."""
    certificates = Certificates(tmp_path / "tls", "localhost")
    made = postgres.Postgres(17, {"ssl": "on"}, start=False)
    for source, name in ((certificates.cert, "server.crt"), (certificates.key, "server.key")):
        path = made.data / name
        path.write_bytes(source.read_bytes())
        path.chmod(0o600)
        made._own(path)
    (made.data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\nhostssl all all ::1/128 scram-sha-256\n")
    yield made.start(), certificates
    made.close()


def test_over_tls_the_login_goes_to_the_verified_server(agent, over_tls, tmp_path):
    server, certificates = over_tls
    install(server)
    setting = Setting(agent, server, Repository(tmp_path / "db.git"))
    setting.commit([{"username": "alice"}])
    agent.database(server, connection=f"host=localhost port={server.port} dbname=postgres user=pgitops sslmode=verify-full"
                                      f" sslrootcert={certificates.ca}")
    (agent.folder / "password-main").write_text(PASSWORD)
    agent.application("postgres-users", setting.repository.url, "users", "postgres")
    setting.secret("alice")
    setting.policy(passwordCheck="login")
    agent.once().ok()
    server.run("ALTER ROLE alice PASSWORD 'another'")
    agent.once().ok()
    assert server.can_login("alice", "geheim-alice") and not server.can_login("alice", "another") and TRIED not in setting.warnings()
