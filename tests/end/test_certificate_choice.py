"""Of several pub-cert.pem the nearest is taken, and where another one holds another key that is told: which, why, what the other is."""

import shutil

import pytest

from parts.checkout import VECTORS, Checkout

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: team}\nstringData: {password: hunter2-hunter2}\n"


@pytest.fixture
def one(program, tmp_path):
    """cert-a beside the edit file in team/, cert-b at the root."""
    made = Checkout(tmp_path / "repo")
    shutil.copy(VECTORS / "cert-b.pem", made.root / "pub-cert.pem")
    made.edit(alice="alice-password")
    return made


def fingerprint(one, file):
    return one.pgitops("seal", "cert", "--cert", VECTORS / file, "-o", "json").ok().out.split('"fingerprint": "')[1][:16]


def test_the_choice_is_told_when_something_is_sealed(one):
    said = one.pgitops("seal", "users").ok().err
    for words in (f"team/pub-cert.pem ({fingerprint(one, 'cert-a.pem')}) is sealed with", "nearest",
                  f"pub-cert.pem ({fingerprint(one, 'cert-b.pem')}) is another one", "`certificate` in .pgitops.yaml"):
        assert words in said, said
    for words, folder in ((("seal",), "team"), (("seal", "--raw", "--name", "x", "-n", "y"), "team")):
        said = one.pgitops(*words, stdin=SECRET, cwd=one.root / folder).ok().err
        assert "note: pub-cert.pem (" in said and "../pub-cert.pem (" in said, said
    one.hook("install").ok()
    one.edit(alice="another-password")
    one.write("README", "x\n")
    one.git("add", "README").ok()
    assert "is another one" in one.commit("sealed").ok().text


def test_nothing_is_said_where_there_is_no_choice(one):
    one.write(".pgitops.yaml", "version: 1\nsealing: {users: [{edit: team/edit-users.yaml, certificate: pub-cert.pem}]}\n")
    named = one.pgitops("seal", "users").ok()
    (one.root / ".pgitops.yaml").unlink()
    (one.root / ".git/pgitops/certificates").unlink()
    option = one.pgitops("seal", "users", "--cert", "team/pub-cert.pem", "--all").ok()
    above = one.pgitops("seal", "--cert", VECTORS / "cert-b.pem", stdin=SECRET).ok()
    shutil.copy(VECTORS / "cert-a.pem", one.root / "pub-cert.pem")
    same = one.pgitops("seal", "users", "--all").ok()
    for answer in (named, option, above, same):
        assert "another one" not in answer.text, answer.text


def test_what_is_named_for_the_whole_repository_is_no_silent_second(one):
    (one.root / "pub-cert.pem").unlink()
    shutil.copy(VECTORS / "cert-b.pem", one.root / "general.pem")
    one.write(".pgitops.yaml", "version: 1\nsealing: {certificate: general.pem, users: [{edit: team/edit-users.yaml}]}\n")
    assert "general.pem (" in one.pgitops("seal", "users").ok().err


def test_one_that_cannot_be_read_is_told_as_that(one):
    one.write("pub-cert.pem", "no certificate\n")
    assert "pub-cert.pem (which cannot be read) is another one" in one.pgitops("seal", "users").ok().err
