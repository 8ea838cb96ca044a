"""A pushed pub-cert.pem takes no password: what this clone has not sealed with is refused until somebody names its fingerprint."""

import shutil
import subprocess

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


@pytest.fixture
def fresh(clone, tmp_path):
    """fresh() -> what somebody gets who clones it now, and has users to seal."""

    def make(*options):
        root = tmp_path / f"fresh{len(list(tmp_path.iterdir()))}"
        clone.git("clone", "-q", *options, f"file://{clone.root}", root).ok()
        made = Checkout(root, init=False, certificate=False)
        made.certificate = made.place / "pub-cert.pem"
        made.edit(bob="correct horse")
        return made

    return make


def publish(clone, file, message="a certificate"):
    clone.certificate.write_bytes(file.read_bytes())
    clone.git("add", clone.certificate).ok()
    clone.commit(message).ok()


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


def test_a_fresh_clone_learns_from_git_that_the_certificate_was_changed(clone, fresh):
    """It has no memory of its own."""
    publish(clone, CERT)
    publish(clone, OTHER, "a better one")
    one = fresh()
    words = (REFUSED, "of Ann", "into the place of another one", f"seal cert --trust {fingerprint(clone, OTHER)}")
    one.pgitops("seal", "users").refused(*words)
    one.pgitops("seal", "users", "--dry-run").refused(REFUSED)
    one.pgitops("seal", stdin=SECRET, cwd=one.place).refused(*words)
    one.hook("install").ok()
    one.commit("bob", "--allow-empty").refused(*words)
    assert not (one.place / "sealed-users.yaml").exists() and not (one.root / ".git/pgitops/certificates").exists()
    one.pgitops("seal", "cert", "--trust", fingerprint(clone, OTHER)).ok()
    one.commit("bob", "--allow-empty").ok()
    assert one.users() == ["bob"]


def test_neither_a_merge_nor_a_link_hides_what_it_was(clone, fresh):
    publish(clone, CERT)
    clone.git("checkout", "-q", "--orphan", "elsewhere").ok()
    publish(clone, OTHER)
    clone.git("checkout", "-q", "main").ok()
    clone.git("merge", "-q", "--allow-unrelated-histories", "-X", "theirs", "-m", "merge", "elsewhere").ok()
    fresh().pgitops("seal", "users").refused(REFUSED)
    clone.git("checkout", "-q", "-b", "away").ok()  # the newest by its date takes the file away, and the merge does not
    clone.git("rm", "-q", clone.certificate).ok()
    clone.commit("away", GIT_COMMITTER_DATE="2099-01-01T00:00:00Z").ok()
    clone.git("checkout", "-q", "main").ok()
    clone.git("merge", "-q", "-s", "ours", "--no-edit", "away").ok()
    fresh().pgitops("seal", "users").refused(REFUSED)
    (clone.root / "real.pem").write_bytes(OTHER.read_bytes())
    clone.certificate.unlink()
    clone.certificate.symlink_to("../real.pem")
    clone.git("add", "-A").ok()
    clone.commit("a link").ok()
    (clone.root / "real.pem").write_bytes(CERT.read_bytes())
    clone.git("add", "-A").ok()
    clone.commit("behind the link").ok()
    fresh().pgitops("seal", "users").refused(REFUSED)


def test_what_a_fresh_clone_takes_is_named_once(clone, fresh, tmp_path):
    """The key with which a certificate was issued anew is the same one."""
    publish(clone, CERT)
    subprocess.run(["openssl", "req", "-x509", "-key", VECTORS / "key-a.pem", "-out", tmp_path / "again.pem", "-days", "30", "-subj", "/"],
                   check=True, capture_output=True, timeout=60)
    publish(clone, tmp_path / "again.pem", "issued anew")
    one = fresh()
    said = one.pgitops("seal", "users").ok().err + one.pgitops("seal", stdin=SECRET, cwd=one.place).ok().err
    assert said.count("seals for the first time") == 1 and fingerprint(clone, CERT) in said and "of Ann" in said, said
    other = fresh()
    assert "seals for the first time" in other.pgitops("seal", stdin=SECRET, cwd=other.place).ok().err
    shallow = fresh("--depth", "1")
    assert "shallow" in shallow.pgitops("seal", "users").ok().err


def test_a_file_of_ones_own_is_asked_about_by_nobody(clone, fresh):
    publish(clone, CERT)
    publish(clone, OTHER)
    one = fresh()
    one.certificate.write_bytes(CERT.read_bytes())  # not committed: whoever seals has put it there
    answer = one.pgitops("seal", "users").ok()
    assert "for the first time" not in answer.err
