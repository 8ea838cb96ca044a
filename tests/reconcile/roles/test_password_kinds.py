"""Where a user's password comes from (version 2): a Secret of another name, a verifier, none at all, somebody else's business."""

import base64
import json

import pytest

from parts import postgres
from parts.roles import Users, catalog, exists, verifier

VERIFIER = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$" + "A" * 43 + "=:" + "A" * 43 + "="


def document(*users, **more):
    return json.dumps({"version": 2, "users": list(users)} | more)


def user(name="alice", **password):
    return {"username": name} | ({"password": password} if password else {})


@pytest.fixture
def users(server):
    return Users(server)


def put(users, name, value, key="password", version="1"):
    """A Secret of any name; `value` text or bytes."""
    plain = value if isinstance(value, str) else None
    users.secrets[name] = {"version": version} | (
        {key: plain} if plain is not None else {"password64": base64.b64encode(value).decode()})


# ---- secretRef ----

@pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
def test_the_secret_may_have_any_name_and_key(server, users):
    put(users, "billing-db", "geheim", "pg-password")
    wanted = document(user(secretRef={"name": "billing-db", "key": "pg-password"}))
    users.apply(wanted).good()
    assert server.can_login("alice", "geheim")
    users.apply(wanted).quiet()
    users.known = {}
    users.apply(wanted).quiet()


def test_the_secret_may_be_in_another_namespace(server, users):
    put(users, "vault/billing-db", "geheim")
    users.apply(document(user(secretRef={"name": "billing-db", "namespace": "vault"}))).good()
    assert server.can_login("alice", "geheim")


def test_a_secret_that_is_named_and_missing_is_said_by_its_name_and_comes_later(server, users):
    wanted = document(user(secretRef={"name": "billing-db"}), user("bob", disabled=True))
    result = users.apply(wanted)
    assert result.status("alice") == "Degraded" and "not created, no Secret billing-db" in result.reason("alice")
    assert result.status("bob") == "Synced" and not exists(server, "alice")
    put(users, "billing-db", "geheim")
    users.apply(wanted).good()
    assert server.can_login("alice", "geheim")


def test_two_users_may_share_a_secret_when_both_say_so(server, users):
    put(users, "shared", "geheim")
    users.apply(document(user("alice", secretRef={"name": "shared"}), user("bob", secretRef={"name": "shared"}))).good()
    assert server.can_login("alice", "geheim") and server.can_login("bob", "geheim")
    result = users.check(document(user("alice"), user("bob", secretRef={"name": "user-alice-secret"})))
    assert "would share the Secret user-alice-secret" in result.mistakes[0]


# ---- verifierSecretRef ----

@pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
def test_a_verifier_is_stored_byte_for_byte(server, users):
    put(users, "made-elsewhere", VERIFIER)
    wanted = document(user(verifierSecretRef={"name": "made-elsewhere"}))
    users.apply(wanted).good()
    assert verifier(server, "alice") == VERIFIER
    users.apply(wanted).quiet()
    server.run("ALTER ROLE alice PASSWORD 'by hand'")
    assert users.apply(wanted).good().fields("alice")["password"] == ("<hidden>", "<hidden>")
    assert verifier(server, "alice") == VERIFIER


@pytest.mark.parametrize("value, why", [
    (VERIFIER.encode() + b"\n", "a line end"), (b" " + VERIFIER.encode(), "looks like a verifier"),
    (VERIFIER[:-1].encode(), "looks like a verifier"), (b"geheim", "is no SCRAM verifier"), (b"", "is empty"),
    (b"md5" + b"0" * 32, "is no SCRAM verifier"),
])
def test_what_is_no_ready_verifier_is_refused_and_not_shown(server, users, value, why):
    put(users, "made-elsewhere", value)
    result = users.apply(document(user(verifierSecretRef={"name": "made-elsewhere"})))
    assert result.status("alice") == "Degraded" and why in result.reason("alice") and not exists(server, "alice")
    assert "geheim" not in result.output.replace(json.dumps(users.secrets), "")


# ---- disabled ----

@pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
def test_a_user_without_password_has_none_and_gets_none(server, users):
    wanted = document(user(disabled=True))
    users.apply(wanted).good()
    assert verifier(server, "alice") is None
    assert server.value("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'alice'"), "by certificate, peer, ldap it may"
    users.apply(wanted).quiet()
    server.run("ALTER ROLE alice PASSWORD 'by hand'")
    result = users.apply(wanted).good()
    assert result.fields("alice")["password"] == ("", "<hidden>")
    assert 'ALTER ROLE "alice" PASSWORD NULL' in result.sql and verifier(server, "alice") is None
    assert users.apply(wanted).quiet().gets == 0


# ---- ignore ----

@pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
def test_an_ignored_password_is_neither_asked_for_nor_read_nor_written(server, users):
    wanted = document(user(ignore=True))
    users.apply(wanted).good()
    assert verifier(server, "alice") is None
    server.run("ALTER ROLE alice PASSWORD 'by hand'")
    before = verifier(server, "alice")
    assert users.apply(wanted).quiet().gets == 0
    server.run("ALTER ROLE alice CREATEDB")
    users.apply(wanted).good()
    assert verifier(server, "alice") == before and server.can_login("alice", "by hand")


def test_from_a_secret_to_nobodys_business_and_back_changes_nothing(server, users):
    users.secret("alice", "geheim")
    users.apply(document(user())).good()
    users.apply(document(user(ignore=True))).quiet()
    users.apply(document(user())).quiet()


# ---- what may stand there ----

@pytest.mark.parametrize("password, words", [
    ("hunter22", "does not belong in Git"), (["hunter22"], "does not belong in Git"), (None, "does not belong in Git"),
    ({}, "password is one of"), ({"disabled": True, "ignore": True}, "password is one of"),
    ({"disabled": False}, "must be true"), ({"ignore": "yes"}, "must be true"), ({"generate": 1}, "must be true"),
    ({"hunter22": None}, "a key of a password that is not known: known are secretRef"), ({"value": "hunter22"}, "not known"),
    ({"secretref": {"name": "hunter22"}}, "did you mean secretRef?"), ({"secretRef": "hunter22"}, "must be a map that names a Secret"),
    ({"secretRef": {}}, "name is missing"), ({"secretRef": {"name": "Hunter22!"}}, "the name of a Secret"),
    ({"secretRef": {"name": "a", "key": "hunter 22"}}, "a key of a Secret"), ({"secretRef": {"name": 7}}, "the name of a Secret"),
    ({"secretRef": {"name": "a", "namespace": "Hunter22"}}, "the name of a namespace"),
    ({"secretRef": {"name": "a", "hunter22": "b"}}, "a key of a reference that is not known"),
    ({"verifierSecretRef": {"name": ""}}, "the name of a Secret"), ({"passthrough": True}, "passthrough is not offered"),
])
def test_what_is_no_kind_of_password_is_a_mistake_that_does_not_show_it(server, password, words):
    result = Users(server).check(document({"username": "alice", "password": password}))
    assert any(words in mistake for mistake in result.mistakes), result.mistakes
    assert all(mistake.startswith("users.yaml:1:") and "unter22" not in mistake and "unter 22" not in mistake
               for mistake in result.mistakes)


def test_a_kind_of_password_needs_version_2(server, users):
    result = users.check([{"username": "alice", "password": {"disabled": True}}])
    assert "the key password needs version: 2" in result.mistakes[0]
    assert "does not belong in Git" in users.check([{"username": "alice", "password": "x"}]).mistakes[0]


def test_entries_of_one_user_agree_about_its_password(server, users):
    server.run("CREATE DATABASE shop")
    one, two = {"username": "alice", "database": "postgres"}, {"username": "alice", "database": "shop"}
    wanted = document(one | {"password": {"disabled": True}}, two)
    users.apply(wanted).good()
    assert verifier(server, "alice") is None
    result = users.check(document(one | {"password": {"disabled": True}}, two | {"password": {"ignore": True}}))
    assert "has another password in line" in result.mistakes[0]


def test_a_second_pass_over_all_kinds_writes_nothing(server, users):
    put(users, "one", "geheim")
    put(users, "two", VERIFIER)
    wanted = document(user("a", secretRef={"name": "one"}), user("b", verifierSecretRef={"name": "two"}), user("c", disabled=True),
                      user("d", ignore=True))
    first = users.apply(wanted).good()
    state = catalog(server)
    again = users.apply(wanted).quiet()
    assert catalog(server) == state and again.statements < first.statements
