"""`pgitops seal users` outside of a repository: nobody leaves because a file did."""

import pytest
import yaml

from parts.checkout import Checkout, users_text


@pytest.fixture
def desk(program, tmp_path):
    made = Checkout(tmp_path / "desk", folder=".", init=False)
    made.edit(alice="alice-password", bob="bob-password")
    made.pgitops("seal", "users").ok()
    return made


def listed(desk):
    return [user["username"] for user in yaml.safe_load(yaml.safe_load((desk.root / "users.yaml").read_text())["data"]["users.yaml"])["users"]]


@pytest.mark.parametrize("left", [None, ""])
def test_a_users_file_that_went_is_made_again(desk, left):
    before = {name: (desk.root / name).read_text() for name in ("users.yaml", "sealed-users.yaml")}
    (desk.root / "users.yaml").unlink()
    if left is not None:
        desk.write("users.yaml", left)
    answer = desk.pgitops("seal", "users").ok()
    assert "users.yaml is not there any more, or empty: it is made again of this file" in answer.err
    assert {name: (desk.root / name).read_text() for name in before} == before
    assert "made again" not in desk.pgitops("seal", "users").ok().text


def test_who_has_only_a_sealed_password_keeps_it(desk):
    sealed = (desk.root / "sealed-users.yaml").read_text()
    (desk.root / "edit-users.yaml").write_text(users_text({"alice": None, "bob": None}))
    desk.pgitops("seal", "users").ok()
    (desk.root / "users.yaml").unlink()
    desk.pgitops("seal", "users").ok()
    assert listed(desk) == ["alice", "bob"] and (desk.root / "sealed-users.yaml").read_text() == sealed


def test_who_is_taken_out_of_either_file_goes_as_before(desk):
    desk.edit(alice="alice-password")
    desk.pgitops("seal", "users").ok()
    assert listed(desk) == ["alice"] and "user-bob-secret" not in (desk.root / "sealed-users.yaml").read_text()
    text = (desk.root / "users.yaml").read_text()
    desk.write("users.yaml", text.replace("      - username: alice\n        database: postgres\n        roles:\n          - read\n", "")
               .replace("    users:\n", "    users: []\n"))
    assert 'user "alice" is not in users.yaml any more' in desk.pgitops("seal", "users").ok().err
