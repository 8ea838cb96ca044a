"""Commits that have to be signed: with real keys of ssh-keygen and gpg, signed by real git."""

import subprocess

import pytest

from parts.signers import GpgKey, SshKey
from parts.source import Source, config_map, names

def sign(key, repository, value):
    """A new commit, signed."""
    return key.sign(repository, repository.commit({"users/a.yaml": config_map("a", value)}))


@pytest.fixture
def allowed(tmp_path):
    """The file of allowed signers: allowed(text) writes it."""
    def write(text):
        (tmp_path / "allowed_signers").write_text(text)
        return str(tmp_path / "allowed_signers")
    return write


@pytest.fixture
def gpg_key(tmp_path_factory):
    made = []

    def make(name, **options):
        made.append(GpgKey(tmp_path_factory.mktemp("g") / "h", name, **options))
        return made[-1]
    yield make
    for key in made:
        key.stop()


@pytest.fixture
def strict(tmp_path, repository):
    """A source whose commits have to be signed."""
    def make(**signers):
        return Source(tmp_path / "cache", repository.url, signed=True, **signers)
    return make


# ---- ssh ----


@pytest.mark.parametrize("kind", [["ed25519"], ["ecdsa", "-b", "256"], ["ecdsa", "-b", "384"], ["ecdsa", "-b", "521"],
                                  ["rsa", "-b", "2048"]])
def test_a_commit_signed_with_an_allowed_ssh_key_is_read(strict, repository, allowed, tmp_path, kind):
    key = SshKey(tmp_path, "id", *kind)
    source = strict(sshKeys=allowed(f"# people\n\nada@example.org {key.public} laptop\n"))
    signed = sign(key, repository, "2")
    answer = source.read()
    assert (answer["commit"], answer["signer"]) == (signed, f"ada@example.org (ssh {key.fingerprint})")
    assert names(answer) == ["ConfigMap a"]
    assert source.read()["unchanged"]


def test_an_unsigned_commit_is_refused_and_the_last_good_one_stays(strict, repository, allowed, tmp_path):
    key = SshKey(tmp_path, "id")
    source = strict(sshKeys=allowed(f"ada@example.org {key.public}\n"))
    good = sign(key, repository, "2")
    source.read()
    bad = repository.commit({"users/a.yaml": config_map("a", "3")})
    kind, text = source.fail()
    assert kind == "invalid" and f"commit {bad}" in text and "is not signed" in text and "git commit -S" in text, text
    assert source.read(revision=good, known=None)["commit"] == good
    assert source.read(offline=True)["commit"] == good
    # Nor from the disk.
    kind, text = source.fail(known=bad, offline=True)
    assert kind == "invalid" and "is not signed" in text


def test_without_the_requirement_nobody_looks(source, repository):
    repository.commit({"users/a.yaml": config_map("a", "3")})
    assert source.read()["signer"] == ""


def test_an_ssh_key_that_is_not_allowed_is_named(strict, repository, allowed, tmp_path):
    key, other = SshKey(tmp_path, "id"), SshKey(tmp_path, "other")
    path = allowed(f"ada@example.org {key.public}\n")
    signed = sign(other, repository, "2")
    kind, text = strict(sshKeys=path).fail()
    assert kind == "invalid" and signed in text and other.fingerprint in text and path in text, text
    kind, text = strict(gpgKeys=str(tmp_path)).fail()
    assert kind == "invalid" and other.fingerprint in text and "signatures.sshKeys" in text, text


@pytest.mark.parametrize("options, good", [
    ('namespaces="git,file"', True), ('namespaces="file"', False), ('valid-after="20260101Z"', True),
    ('valid-after="20260601120000Z"', False), ('valid-before="20260601"', False),
    ('valid-after="20260101",valid-before="202612312359Z",namespaces="g*"', True),
    ('namespaces="*,!git"', False), ('namespaces="!git,*"', False), ('namespaces="!file,*"', True)])
def test_the_options_of_a_line_are_honoured(strict, repository, allowed, tmp_path, options, good):
    key = SshKey(tmp_path, "id")
    sign(key, repository, "2")
    source = strict(sshKeys=allowed(f"ada@example.org {options} {key.public}\n"))
    if good:
        assert source.read()["signer"].startswith("ada@example.org")
    else:
        assert key.fingerprint in source.fail()[1]


@pytest.mark.parametrize("line, word", [
    ("ada@example.org cert-authority {key}", "certificate authority"), ("ada@example.org", "no key"),
    ("ada@example.org mood=good {key}", "unknown option"), ("ada@example.org ssh-ed25519 AAAA", "no key after its type"),
    ("ada@example.org valid-after=soon {key}", "valid-after"),
    ("ada@example.org valid-before=20261301 {key}", "valid-before"), ("ada@example.org valid-before=20260230 {key}", "valid-before"),
    ("ada@example.org valid-before=202601012460 {key}", "valid-before")])
def test_a_list_that_cannot_be_understood_is_no_list(strict, repository, allowed, tmp_path, line, word):
    key = SshKey(tmp_path, "id")
    sign(key, repository, "2")
    kind, text = strict(sshKeys=allowed(f"ada@example.org {key.public}\n{line.format(key=key.public)}\n")).fail()
    assert kind == "invalid" and "line 2" in text and word in text, text


def test_a_missing_list_refuses_everything(strict, repository, tmp_path):
    sign(SshKey(tmp_path, "id"), repository, "2")
    kind, text = strict(sshKeys=str(tmp_path / "none")).fail()
    assert kind == "missing" and str(tmp_path / "none") in text


def raw(repository, commit):
    return repository.git("cat-file", "commit", commit) + "\n"


def replace(repository, text, branch="main"):
    commit = repository.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=text.encode())
    repository.set_ref(f"refs/heads/{branch}", commit)
    return commit


def test_a_signature_does_not_fit_another_commit(strict, repository, allowed, tmp_path):
    key = SshKey(tmp_path, "id")
    source = strict(sshKeys=allowed(f"ada@example.org {key.public}\n"))
    signed = raw(repository, sign(key, repository, "2"))
    evil = repository.commit({"users/a.yaml": config_map("a", "evil")}, branch="evil")
    tree = repository.git("rev-parse", f"{evil}^{{tree}}")
    forged = replace(repository, f"tree {tree}\n" + signed.split("\n", 1)[1])
    kind, text = source.fail()
    assert kind == "invalid" and forged in text and "does not fit" in text and key.fingerprint in text, text


def test_a_signature_of_a_file_is_no_signature_of_a_commit(strict, repository, allowed, tmp_path):
    """The key is right, the bytes are right: the namespace is not."""
    key = SshKey(tmp_path, "id")
    source = strict(sshKeys=allowed(f"ada@example.org {key.public}\n"))
    payload = raw(repository, repository.head)
    signature = subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", "file", "-f", str(key.path)], input=payload,
                               capture_output=True, text=True, check=True).stdout
    head, message = payload.split("\n\n", 1)
    replace(repository, f"{head}\ngpgsig " + signature.strip().replace("\n", "\n ") + f"\n\n{message}")
    kind, text = source.fail()
    assert kind == "invalid" and "something else than Git" in text, text


@pytest.mark.parametrize("text", ["-----BEGIN SSH SIGNATURE-----\n!!\n-----END SSH SIGNATURE-----",
                                  "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----",
                                  "-----BEGIN SSH SIGNATURE-----", "-----BEGIN SIGNED MESSAGE-----\nx", "nothing"])
def test_a_broken_signature_is_an_error(strict, repository, allowed, tmp_path, text):
    key = SshKey(tmp_path, "id")
    source = strict(sshKeys=allowed(f"ada@example.org {key.public}\n"))
    head, message = raw(repository, repository.head).split("\n\n", 1)
    commit = replace(repository, f"{head}\ngpgsig " + text.replace("\n", "\n ") + f"\n\n{message}")
    kind, said = source.fail()
    assert kind == "invalid" and commit in said and "signature" in said, said


def test_a_short_rsa_key_is_refused(strict, repository, allowed, tmp_path):
    key = SshKey(tmp_path, "id", "rsa", "-b", "1024")
    sign(key, repository, "2")
    kind, text = strict(sshKeys=allowed(f"ada@example.org {key.public}\n")).fail()
    assert kind == "invalid" and "too short" in text, text


# ---- GPG ----


@pytest.mark.parametrize("how", ["armoured", "binary", "folder"])
def test_a_commit_signed_with_a_known_gpg_key_is_read(strict, repository, tmp_path, gpg_key, how):
    ada, bob = gpg_key("ada"), gpg_key("bob", kind="rsa2048")
    keys = tmp_path / "keys"
    if how == "folder":
        keys.mkdir()
        bob.export(keys / "bob.asc")
        ada.export(keys / "ada.gpg", armour=False)
    else:
        ada.export(keys, armour=how == "armoured")
    signed = sign(ada, repository, "2")
    source = strict(gpgKeys=str(keys))
    answer = source.read()
    assert (answer["commit"], answer["signer"]) == (signed, f"ada <ada@example.org> (GPG {ada.fingerprint})")
    assert names(answer) == ["ConfigMap a"]
    if how == "folder":
        assert sign(bob, repository, "3") == source.read()["commit"]


def test_an_unknown_gpg_key_is_named(strict, repository, tmp_path, gpg_key, allowed):
    ada, eve = gpg_key("ada"), gpg_key("eve")
    keys = ada.export(tmp_path / "keys.asc")
    signed = sign(eve, repository, "2")
    kind, text = strict(gpgKeys=str(keys)).fail()
    assert kind == "invalid" and signed in text and eve.fingerprint[-16:] in text and "not among" in text, text
    kind, text = strict(sshKeys=allowed("")).fail()
    assert kind == "invalid" and "signatures.gpgKeys" in text, text


def test_a_gpg_signature_does_not_fit_another_commit(strict, repository, tmp_path, gpg_key):
    ada = gpg_key("ada")
    source = strict(gpgKeys=str(ada.export(tmp_path / "keys.asc")))
    forged = replace(repository, raw(repository, sign(ada, repository, "2")).replace("signed", "forged"))
    kind, text = source.fail()
    assert kind == "invalid" and forged in text and "bad signature" in text, text


def test_an_expired_gpg_key_is_refused(strict, repository, tmp_path, gpg_key):
    """Made and used in 2020, when it was valid for a year."""
    then = tmp_path / "gpg-of-2020"
    then.write_text('#!/bin/sh\nexec gpg --faked-system-time=20200601T000000 "$@"\n')
    then.chmod(0o755)
    ada = gpg_key("ada", program=str(then), expire="1y")
    sign(ada, repository, "2")
    kind, text = strict(gpgKeys=str(ada.export(tmp_path / "keys.asc"))).fail()
    assert kind == "invalid" and "expired" in text, text


@pytest.mark.parametrize("content", ["", "nonsense", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA"])
def test_keys_that_are_none_refuse_everything(strict, repository, tmp_path, gpg_key, content):
    sign(gpg_key("ada"), repository, "2")
    (tmp_path / "keys").write_text(content)
    kind, text = strict(gpgKeys=str(tmp_path / "keys")).fail()
    assert kind == "invalid" and str(tmp_path / "keys") in text, text


def test_a_gpgv_that_is_missing_or_silent_is_told(strict, repository, tmp_path, gpg_key, monkeypatch):
    ada = gpg_key("ada")
    keys = str(ada.export(tmp_path / "keys.asc"))
    sign(ada, repository, "2")
    tools = tmp_path / "bin"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    kind, text = strict(gpgKeys=keys).fail()
    assert kind == "missing" and "gpgv" in text and "apt-get install gpgv" in text, text
    (tools / "gpgv").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tools / "gpgv").chmod(0o755)
    kind, text = strict(gpgKeys=keys).fail(deadline=3000)
    assert kind == "retry" and ("in time" in text or "no end within" in text), text
    (tools / "gpgv").write_text("#!/bin/sh\necho '[GNUPG:] GOODSIG 1 x'\nexit 0\n")
    kind, text = strict(gpgKeys=keys).fail()
    assert kind == "invalid" and "does not understand" in text, text
