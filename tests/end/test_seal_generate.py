"""`pgitops seal users --generate`: passwords of users that have none are made into the edit file, sealed as usual, and shown nowhere."""

import base64
import re

import pytest
import yaml

from parts.checkout import VECTORS, Checkout

LIST = """\
# who may what
version: 2
users:
  - username: alice   # the boss
    password: alice-password
  - username: bob
    roles: [read]
  - {username: carol, roles: [read]}
  - username: dora
    password:   # later
  - username: eve
    password: {disabled: true}
"""


@pytest.fixture
def one(program, tmp_path):
    made = Checkout(tmp_path / "repo")
    made.hook("install").ok()
    return made


def write(one, text):
    file = one.place / "edit-users.yaml"
    file.write_text(text)
    file.chmod(0o600)
    return file


def entries(file):
    document = yaml.safe_load(file.read_text())
    users = document["users"] if "users" in document else yaml.safe_load(document["data"]["users.yaml"])["users"]
    return {user["username"]: user.get("password") for user in users}


def made(one, *users):
    """The passwords of these in the edit file, each as it is made here."""
    found = entries(one.place / "edit-users.yaml")
    for user in users:
        assert re.fullmatch(r"[A-Za-z0-9]{32}", found[user]), user
    assert len({found[user] for user in users}) == len(users)
    return {f"user-{user}-secret": found[user] for user in users}


def test_who_has_none_gets_one_in_the_edit_file_and_sealed(one):
    file = write(one, LIST)
    one.pgitops("seal", "users").refused('user "bob" has no password', "--generate")
    answer = one.pgitops("seal", "users", "--generate", "--commit", "users").ok()
    passwords = made(one, "bob", "carol", "dora")
    assert "a password was made for bob, carol, dora" in answer.out
    assert one.passwords() == passwords | {"user-alice-secret": "alice-password"}
    assert entries(file)["alice"] == "alice-password" and entries(file)["eve"] == {"disabled": True}
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    for kept in ("# who may what\n", "alice   # the boss\n", "    roles: [read]\n", "username: carol, roles: [read]}"):
        assert kept in file.read_text()
    for password in passwords.values():
        assert password not in answer.text and password not in one.committed("team/users.yaml")
    one.assert_clean(*passwords.values())
    text = file.read_text()
    again = one.pgitops("seal", "users", "--generate", "--commit", "again").ok()
    assert file.read_text() == text and "nothing to commit" in again.out


def test_users_that_a_pull_request_brought_get_theirs(one):
    """Whoever adds a user to users.yaml need not know how to seal: the entry comes into the edit file, and the password is made there."""
    write(one, LIST.split("  - username: bob")[0])
    one.pgitops("seal", "users", "--commit", "first").ok()
    for committed in (True, False):
        name = "frank" if committed else "grace"
        users = one.place / "users.yaml"
        users.write_text(users.read_text() + f"  - username: {name}\n    roles: [read]\n")
        if committed:
            one.git("add", "team/users.yaml").ok()
            one.commit("a colleague's", "--no-verify").ok()
        one.pgitops("seal", "users").refused(f'user "{name}" has no password')
        one.pgitops("seal", "users", "--generate", "--commit", name).ok()
        assert made(one, name).items() <= one.passwords().items()


def test_only_the_named_ones_when_names_are_given(one):
    write(one, LIST)
    one.pgitops("seal", "users", "--generate", "bob").refused('user "carol" has no password', 'user "dora" has no password')
    assert entries(one.place / "edit-users.yaml")["bob"] is None, "a refused sealing makes nothing"
    one.pgitops("seal", "users", "--generate", "bob", "carol", "dora").ok()
    made(one, "bob", "carol", "dora")
    answer = one.pgitops("seal", "users", "--generate", "alice", "nobody").refused('for "alice"', 'for "nobody"')
    assert answer.code == 1 and entries(one.place / "edit-users.yaml")["alice"] == "alice-password"


def test_a_dry_run_makes_none(one):
    file = write(one, LIST)
    answer = one.pgitops("seal", "users", "--generate", "--dry-run").ok()
    assert "a password was made for bob, carol, dora: it stands there (not written: --dry-run)" in answer.out
    assert file.read_text() == LIST and not (one.place / "sealed-users.yaml").exists()


def test_the_predecessors_file_and_a_link_stay_what_they_are(one, tmp_path):
    one.edit({"alice": "alice-password", "bob": None})
    real = tmp_path / "elsewhere.yaml"
    (one.place / "edit-users.yaml").rename(real)
    (one.place / "edit-users.yaml").symlink_to(real)
    one.pgitops("seal", "users", "--generate", "--commit", "users").ok()
    assert (one.place / "edit-users.yaml").is_symlink()
    assert one.passwords() == made(one, "bob") | {"user-alice-secret": "alice-password"}
    assert "kind: ConfigMap" in real.read_text()


def test_a_renamed_user_keeps_the_old_password_and_is_asked_for_it(one):
    write(one, LIST.split("  - username: bob")[0])
    one.pgitops("seal", "users", "--commit", "first").ok()
    write(one, "version: 2\nusers:\n  - {username: alicia, renamedFrom: alice}\n")
    one.pgitops("seal", "users", "--generate").refused("bound to the old name")


def test_outside_of_a_repository_too(program, tmp_path):
    desk = Checkout(tmp_path / "desk", folder=".", init=False)
    write(desk, LIST)
    desk.pgitops("seal", "users", "--generate").ok()
    passwords = made(desk, "bob", "carol", "dora")
    sealed = (desk.root / "sealed-users.yaml").read_text()
    opened = desk.pgitops("unseal", "--private-key", VECTORS / "key-a.pem", "-o", "yaml", stdin=sealed).ok().out
    found = {one["metadata"]["name"]: base64.b64decode(one["data"]["password"]).decode() for one in yaml.safe_load_all(opened) if one}
    assert passwords.items() <= found.items()
    desk.pgitops("seal", "users", "--generate").ok()
    assert (desk.root / "sealed-users.yaml").read_text() == sealed
