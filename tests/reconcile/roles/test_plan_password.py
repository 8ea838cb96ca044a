"""Passwords: what is compared, what is written, what is refused."""

import base64
import hashlib
import hmac

import pytest

from parts import postgres
from parts.roles import Users, catalog, exists, verifier

ALICE = [{"username": "alice"}]
VERIFIER = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$" + "A" * 43 + "=:" + "A" * 43 + "="


@pytest.fixture
def users(server):
    made = Users(server)
    made.secret("alice", "geheim")
    return made


@pytest.mark.parametrize("password", ["p\u00e4ssw\u00f6rd", "\u212b\ufb01\u00a0x", "a\u00adb", "\u0627\u0644", "e\u0301t\u00e9",
                                      "it's \\ \"$$\" ;--", "  blanks  ", "\u0007bell", "x" * 1024])
@pytest.mark.parametrize("server", [13, 18], indirect=True)
def test_any_text_logs_in_as_it_was_written(server, users, password):
    users.secret("alice", password)
    users.apply(ALICE).good()
    assert server.can_login("alice", password)
    users.apply(ALICE).quiet()
    before = verifier(server, "alice")
    users.known = {}
    users.apply(ALICE).quiet()
    assert verifier(server, "alice") == before, "what is equal is not written again"
    assert server.can_login("alice", password)


def test_bytes_that_are_no_text_are_a_password_too(server, users):
    users.secret("alice", b"\xff\xfe geheim")
    users.apply(ALICE).good()
    users.known = {}
    users.apply(ALICE).quiet()


@pytest.mark.parametrize("password, why", [
    (b"", "is empty"), (b"\n", "is empty"), (b"a\0b", "NUL inside"), (b"x" * 1025, "longer than 1024 bytes"),
    (VERIFIER.encode() + b"\n\n", "looks like a verifier"), (VERIFIER[:-1].encode(), "looks like a verifier"),
    (b" " + VERIFIER.encode(), "looks like a verifier"), (b"SCRAM-SHA-256$0:AAAA$AAAA:AAAA", "looks like a verifier"),
    (VERIFIER.replace("4096", "2000000").encode(), "looks like a verifier"),
    (b"md5" + b"0" * 32, "md5 hash"), (b"md5" + b"0" * 31, "looks like a verifier"), (b"md5" + b"A" * 32, "looks like"),
])
def test_what_the_server_would_take_for_something_else_is_refused(server, users, password, why):
    users.secret("bob", password)
    result = users.apply(ALICE + [{"username": "bob"}])
    assert result.status("bob") == "Degraded" and why in result.reason("bob") and not exists(server, "bob")
    assert result.status("alice") == "Synced"
    users.secret("alice", password)
    result = users.apply(ALICE)
    assert result.status("alice") == "Degraded" and server.can_login("alice", "geheim"), "the old password stays"


def test_a_verifier_is_stored_as_it_is(server, users):
    users.secret("alice", VERIFIER + "\n")
    users.apply(ALICE).good()
    assert verifier(server, "alice") == VERIFIER
    users.known = {}
    users.apply(ALICE).quiet()
    server.run("ALTER ROLE alice PASSWORD 'x'")
    users.apply(ALICE).good()
    assert verifier(server, "alice") == VERIFIER


@pytest.mark.parametrize("server", [13, 18], indirect=True)
def test_an_md5_hash_of_the_right_password_becomes_a_verifier(server, users):
    users.apply(ALICE).good()
    server.run("SET password_encryption = 'md5'; ALTER ROLE alice PASSWORD 'geheim'")
    assert verifier(server, "alice").startswith("md5")
    users.apply(ALICE).good()
    assert verifier(server, "alice").startswith("SCRAM-SHA-256$4096:") and server.can_login("alice", "geheim")


def of_so_many_iterations(count):
    """A verifier of "geheim": a setting for that there is since 16."""
    salted = hashlib.pbkdf2_hmac("sha256", b"geheim", b"salt", count)
    client, server = (hmac.digest(salted, word, "sha256") for word in (b"Client Key", b"Server Key"))
    salt, stored, key = (base64.b64encode(one).decode() for one in (b"salt", hashlib.sha256(client).digest(), server))
    return f"SCRAM-SHA-256${count}:{salt}${stored}:{key}"


def test_fewer_iterations_than_usual_are_too_few(server, users):
    users.apply(ALICE).good()
    server.run(f"ALTER ROLE alice PASSWORD '{of_so_many_iterations(100)}'")
    assert server.can_login("alice", "geheim")
    users.apply(ALICE).good()
    assert verifier(server, "alice").startswith("SCRAM-SHA-256$4096:")


def test_more_iterations_than_usual_are_left_alone(server, users):
    users.apply(ALICE).good()
    server.run(f"ALTER ROLE alice PASSWORD '{of_so_many_iterations(5000)}'")
    assert server.can_login("alice", "geheim")
    users.apply(ALICE).quiet()


def test_other_drift_leaves_the_salt_alone(server, users):
    users.apply(ALICE).good()
    before = verifier(server, "alice")
    server.run("ALTER ROLE alice CREATEDB NOLOGIN")
    users.apply(ALICE).good()
    assert verifier(server, "alice") == before


def test_without_its_secret_a_user_keeps_its_password_and_is_degraded(server, users):
    users.apply(ALICE).good()
    before = verifier(server, "alice")
    users.secrets.clear()
    server.run("ALTER ROLE alice CREATEDB")
    result = users.apply(ALICE)
    assert result.status("alice") == "Degraded" and "no Secret user-alice-secret" in result.reason("alice")
    assert verifier(server, "alice") == before
    assert not server.value("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'alice'"), "the rest is healed"
    state = catalog(server)
    assert users.apply(ALICE).writes == 0 and catalog(server) == state


def test_a_secret_without_the_key_says_so(server, users):
    users.secrets["user-bob-secret"] = {"version": "1"}
    result = users.apply([{"username": "bob"}])
    assert "no key password" in result.reason("bob")


def test_a_new_version_of_the_same_password_is_looked_at_and_not_written(server, users):
    users.apply(ALICE).good()
    users.secret("alice", "geheim")
    assert users.apply(ALICE).quiet().gets == 1
    assert users.apply(ALICE).quiet().gets == 0


@pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
@pytest.mark.parametrize("password", ["\u212b\u00ad", "\uff21\uff42\u00a0x", "\ufb01nd=,", "a\u030a"])
def test_a_password_that_normalising_changes_keeps_its_verifier(server, password):
    users = Users(server)
    users.secret("alice", password)
    users.apply([{"username": "alice"}]).good()
    before = verifier(server, "alice")
    users.secret("alice", password)  # another version of the Secret, the same password
    assert users.apply([{"username": "alice"}]).quiet().gets == 1
    assert users.apply([{"username": "alice"}]).quiet().gets == 0
    assert verifier(server, "alice") == before and server.can_login("alice", password)
    users.secret("alice", password + "2")
    users.apply([{"username": "alice"}]).good()
    assert verifier(server, "alice") != before and server.can_login("alice", password + "2")
