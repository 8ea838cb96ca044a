"""Where a user's password comes from (version 2): a Secret of another name, a verifier, none at all, somebody else's business."""

import base64
import json

import pytest

from parts import postgres
from parts.plain import plain_users
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
    ({}, "password is exactly one of"), ({"disabled": True, "ignore": True}, "password is exactly one of"),
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
    assert "password needs version: 2" in result.mistakes[0]
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


# ---- defaults ----

def defaults(*users, **defaults):
    return document(*users, defaults=defaults)


@pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
def test_the_default_secret_has_a_name_a_key_and_a_line_end_or_none(server, users):
    put(users, "pg-a-b", "geheim\n", "pw")
    wanted = {"nameTemplate": "pg-{name}", "key": "pw"}
    users.apply(defaults(user("a_b"), passwordSecret=wanted)).good()
    assert server.can_login("a_b", "geheim")
    users.apply(defaults(user("a_b"), passwordSecret=wanted | {"trim": "newline"})).quiet()
    users.apply(defaults(user("a_b"), passwordSecret=wanted | {"trim": "none"}))
    users.known = {}
    users.apply(defaults(user("a_b"), passwordSecret=wanted | {"trim": "none"})).good()
    assert server.can_login("a_b", "geheim\n") and not server.can_login("a_b", "geheim")


def test_the_default_secret_may_be_in_another_namespace_and_an_entry_comes_first(server, users):
    put(users, "vault/user-alice-secret", "geheim")
    put(users, "bobs", "geheim")
    users.apply(defaults(user("alice"), user("bob", secretRef={"name": "bobs"}), passwordSecret={"namespace": "vault"})).good()


@pytest.mark.parametrize("more, words", [
    ({"passwordSecret": "x"}, "passwordSecret must be a map"), ({"passwordSecret": {"nameTemplate": "one"}}, "share one Secret"),
    ({"passwordSecret": {"nameTemplate": "{name}{name}"}}, "once"), ({"passwordSecret": {"nameTemplate": "User-{name}"}}, "once"),
    ({"passwordSecret": {"trim": "all"}}, "trim must be newline"), ({"passwordSecret": {"nametemplate": "x"}}, "did you mean nameTemplate?"),
    ({"passwordSecret": {"key": "a b"}}, "a key of a Secret"), ({"passwordSecret": {"namespace": "A"}}, "the name of a namespace"),
    ({"scramIterations": 0}, "from 1 to"), ({"scramIterations": "4096"}, "from 1 to"), ({"scramIterations": 1000001}, "from 1 to"),
    ({"passwordEncryption": "md5"}, "no new md5 hash is made"), ({"passwordEncryption": "plain"}, "must be scram-sha-256 or keep"),
])
def test_what_defaults_cannot_say_of_passwords_is_a_mistake(server, users, more, words):
    result = users.check(defaults(user(), **more))
    assert any(words in mistake for mistake in result.mistakes), result.mistakes


@pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
def test_fewer_iterations_than_wanted_are_made_anew_and_more_are_left(server, users):
    users.secret("alice", "geheim")
    users.apply(document(user())).good()
    assert users.apply(defaults(user(), scramIterations=5000)).good().fields("alice")["password"] == ("<hidden>", "<hidden>")
    assert verifier(server, "alice").startswith("SCRAM-SHA-256$5000:") and server.can_login("alice", "geheim")
    users.apply(defaults(user(), scramIterations=5000)).quiet()
    users.apply(defaults(user(), scramIterations=1000)).quiet()
    users.apply(document(user())).quiet()
    assert users.apply(document(user())).quiet().gets == 0


def test_a_password_beyond_ascii_has_as_many_iterations_as_libpq_makes_and_that_is_told(server, users):
    users.secret("alice", "p\u00e4ssw\u00f6rd")
    wanted = defaults(user(), scramIterations=5000)
    for _ in range(2):
        result = users.apply(wanted).good()
        assert any("has 4096 iterations" in warning for warning in result.warnings), result.warnings
    assert result.writes == 0 and server.can_login("alice", "p\u00e4ssw\u00f6rd")


@pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
def test_an_md5_hash_of_the_right_password_is_kept_where_that_is_asked(server, users):
    users.secret("alice", "geheim")
    users.apply(document(user())).good()
    server.run("SET password_encryption = 'md5'; ALTER ROLE alice PASSWORD 'geheim'")
    keep = defaults(user(), passwordEncryption="keep")
    users.apply(keep).quiet()
    assert verifier(server, "alice").startswith("md5")
    server.run("SET password_encryption = 'md5'; ALTER ROLE alice PASSWORD 'other'")
    users.apply(keep).good()
    assert verifier(server, "alice").startswith("SCRAM-SHA-256$4096:"), "a new one is never md5"
    server.run("SET password_encryption = 'md5'; ALTER ROLE alice PASSWORD 'geheim'")
    users.apply(keep).quiet()
    users.apply(defaults(user(), passwordEncryption="scram-sha-256")).good()
    assert verifier(server, "alice").startswith("SCRAM-SHA-256$4096:") and server.can_login("alice", "geheim")


@pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
def test_an_md5_hash_in_a_secret_is_stored_where_that_is_asked_and_refused_otherwise(server, users):
    hashed = "md5" + "0123456789abcdef" * 2
    users.secret("alice", hashed)
    assert "md5 hash, which is outdated" in users.apply(document(user())).reason("alice")
    keep = defaults(user(), passwordEncryption="keep")
    users.apply(keep).good()
    assert verifier(server, "alice") == hashed
    users.apply(keep).quiet()
    users.known = {}
    users.apply(keep).quiet()


# ---- generate ----

@pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
def test_a_generated_password_is_made_once_and_then_is_that_of_its_secret(server, users):
    wanted = document(user(generate=True))
    plan = users.plan(wanted)
    assert not plan.generated and "-- alice: create; a password will be generated into Secret user-alice-secret" in plan.script
    assert plan.status("alice") == "Drifted" and "will be generated into Secret user-alice-secret" in plan.reason("alice")
    assert not exists(server, "alice")
    result = users.apply(wanted).good()
    password = result.generated["user-alice-secret"]["password"]
    assert server.can_login("alice", password) and password not in str(result.steps) + str(result.reports) + result.script
    assert not users.apply(wanted).quiet().generated
    server.run("ALTER ROLE alice PASSWORD 'by hand'")
    assert not users.apply(wanted).good().generated
    assert server.can_login("alice", password)


def test_what_only_a_plan_has_made_is_never_sent(server, users):
    result = users.apply(document(user(generate=True)), policy={"report_only": True})
    assert not exists(server, "alice") and result.writes == 0


@pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
def test_without_superuser_the_record_says_that_there_is_no_password(server):
    users = plain_users(server)
    users.secret("bob", "geheim")
    users.apply(document(user(disabled=True), user("bob"), user("carol", ignore=True), user("dora", generate=True))).good()
    assert server.can_login("dora", users.secrets["user-dora-secret"]["password"])
    wanted = document(user(disabled=True), user("bob", disabled=True), user("carol", ignore=True), user("dora", generate=True))
    users.apply(wanted).good()
    assert verifier(server, "alice") is None and verifier(server, "bob") is None
    users.apply(wanted).quiet()
    users.apply(document(user(disabled=True), user("bob"), user("carol", ignore=True), user("dora", generate=True))).good()
    assert server.can_login("bob", "geheim")
