"""A pushed pub-cert.pem takes no password: what this clone has not sealed with is refused until somebody names its fingerprint."""

import shutil

import pytest

from parts.checkout import VECTORS, Checkout

CERT, OTHER = VECTORS / "cert-a.pem", VECTORS / "cert-b.pem"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: bob, namespace: team}\nstringData: {password: hunter2 and more}\n"
REFUSED = "is not a certificate that this clone has sealed with"


@pytest.fixture
def clone(program, tmp_path):
    made = Checkout(tmp_path / "clone")
    made.certificate = made.place / "pub-cert.pem"
    return made


def fingerprint(clone, file):
    shown = clone.pgitops("seal", "cert", "--cert", file, "-o", "json").ok().out
    return shown.split('"fingerprint"')[1].split('"')[1]


def test_users_are_not_sealed_with_a_pushed_certificate(clone):
    clone.edit(bob="correct horse")
    clone.pgitops("seal", "users", "--commit", "bob").ok()
    before = (clone.place / "sealed-users.yaml").read_text()
    shutil.copy(OTHER, clone.certificate)
    clone.pgitops("seal", "users").ok()  # nothing to seal, nothing refused
    clone.edit(bob="correct horse", carol="battery staple")
    answer = clone.pgitops("seal", "users").refused(REFUSED, f"seal cert --trust {fingerprint(clone, OTHER)}")
    assert answer.code == 1
    assert (clone.place / "sealed-users.yaml").read_text() == before
    clone.pgitops("seal", "users", "--dry-run").refused(REFUSED)
    clone.pgitops("seal", "users", "--all").refused(REFUSED)

    clone.pgitops("seal", "cert", "--trust", fingerprint(clone, OTHER).upper()).ok()
    clone.pgitops("seal", "users").ok()
    shutil.copy(CERT, clone.certificate)  # the former one is still known
    clone.edit(bob="correct horse", carol="battery staple", dave="a third one")
    clone.pgitops("seal", "users").ok()


def test_the_hook_refuses_it_as_well_and_hook_status_says_so(clone):
    clone.edit(bob="correct horse")
    clone.hook("install").ok()
    clone.git("add", "-A").ok()
    clone.commit("bob").ok()
    shutil.copy(OTHER, clone.certificate)
    clone.git("add", clone.certificate).ok()
    clone.commit("a certificate").ok()
    clone.edit(bob="correct horse", carol="battery staple")
    clone.commit("carol", "--allow-empty").refused(REFUSED)
    clone.hook("status").refused(REFUSED, "--trust")
    clone.pgitops("seal", "cert", "--trust", fingerprint(clone, OTHER)).ok()
    clone.commit("carol", "--allow-empty").ok()
    assert clone.users() == ["bob", "carol"]


def test_secrets_are_not_sealed_with_it_either(clone):
    clone.pgitops("seal", stdin=SECRET, cwd=clone.place).ok()
    shutil.copy(OTHER, clone.certificate)
    for options in ([], ["--cert", clone.certificate], ["--raw", "--scope", "cluster-wide"]):
        answer = clone.pgitops("seal", *options, stdin=SECRET, cwd=clone.place).refused(REFUSED)
        assert not answer.out
    (clone.place / "other.pem").symlink_to(clone.certificate)
    clone.pgitops("seal", "--cert", "other.pem", stdin=SECRET, cwd=clone.place).refused(REFUSED)
    clone.certificate.unlink()
    clone.certificate.symlink_to(OTHER)  # a link is Git's, wherever it leads
    clone.pgitops("seal", stdin=SECRET, cwd=clone.place).refused(REFUSED)
    clone.pgitops("seal", "--cert", clone.certificate, stdin=SECRET).refused(REFUSED)
    (clone.root / "way").symlink_to(OTHER.parent)
    clone.pgitops("seal", "--cert", f"way/{OTHER.name}", stdin=SECRET).refused(REFUSED)
    clone.pgitops("seal", "--cert", f"../way/{OTHER.name}", stdin=SECRET, cwd=clone.place).refused(REFUSED)
    shutil.copy(OTHER, clone.root.parent / "mine.pem")
    clone.pgitops("seal", "--cert", "../mine.pem", stdin=SECRET).ok()
    clone.pgitops("seal", "--cert", OTHER, stdin=SECRET).ok()  # outside of the clone: chosen by whoever seals
    clone.pgitops("seal", "cert", "--trust", fingerprint(clone, OTHER)).ok()
    clone.pgitops("seal", stdin=SECRET, cwd=clone.place).ok()


@pytest.mark.parametrize("named", ["", "3f0c", "x" * 64, "0" * 65, "0" * 63 + "\n"])
def test_half_a_fingerprint_trusts_nothing(clone, named):
    clone.pgitops("seal", "cert", "--trust", named).refused("64 hexadecimal digits")
    assert not (clone.root / ".git/pgitops/certificates").exists()


def test_outside_of_a_clone_nothing_is_kept(program, tmp_path):
    desk = Checkout(tmp_path / "desk", folder=".", init=False)
    desk.pgitops("seal", stdin=SECRET).ok()
    shutil.copy(OTHER, desk.root / "pub-cert.pem")
    desk.pgitops("seal", stdin=SECRET).ok()
    desk.pgitops("seal", "cert", "--trust", "0" * 64).refused("in none")
