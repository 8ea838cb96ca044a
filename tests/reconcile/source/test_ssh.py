"""Getting in over ssh: the user's key, the server's key."""

import base64
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

import pytest

from parts import git
from parts.source import config_map, names, value


@pytest.fixture
def ssh(tmp_path, repository):
    with git.GitSshServer(tmp_path / "sshd") as server:
        yield server


@pytest.fixture
def reader(ssh, repository, make_source):
    return make_source(ssh.url(repository.path), sshKey=ssh.client_key.read_text(), knownHosts=ssh.known_hosts())


def test_a_key_and_a_known_host_are_enough(reader, repository):
    answer = reader.read()
    assert names(answer) == ["ConfigMap a"] and answer["commit"] == repository.head
    assert reader.read()["unchanged"]


def test_changes_and_force_pushes_are_followed(reader, repository):
    first = repository.head
    reader.read()
    repository.commit({"users/a.yaml": config_map("a", "2")})
    answer = reader.read()
    assert value(answer) == "2" and not answer["rewritten"]
    repository.commit({"users/a.yaml": config_map("a", "3")}, parent=first)
    answer = reader.read()
    assert value(answer) == "3" and answer["rewritten"] and not answer["historyUnknown"]


def test_one_read_is_one_connection(reader, ssh):
    reader.read()
    assert ssh.connections == 1


def test_the_user_may_come_from_the_credentials(ssh, repository, make_source):
    source = make_source(ssh.url(repository.path, user=False), username=ssh.user, sshKey=ssh.client_key.read_text(),
                         knownHosts=ssh.known_hosts())
    assert names(source.read()) == ["ConfigMap a"]


def test_the_user_of_the_url_comes_before_that_of_the_credentials(ssh, repository, make_source):
    """Which may stand there for https, in a template of both."""
    source = make_source(ssh.url(repository.path), username="somebody-else", sshKey=ssh.client_key.read_text(),
                         knownHosts=ssh.known_hosts())
    assert names(source.read()) == ["ConfigMap a"]


def test_an_ecdsa_key_works(ssh, repository, make_source, tmp_path):
    key = git.ssh_key(tmp_path / "ecdsa", "ecdsa")
    ssh.authorize(key)
    source = make_source(ssh.url(repository.path), sshKey=key.read_text(), knownHosts=ssh.known_hosts())
    assert names(source.read()) == ["ConfigMap a"]


def test_an_unknown_host_is_refused_with_its_fingerprint(reader, ssh):
    for known in (None, "", "other.example.org " + ssh.known_hosts().split(" ", 1)[1]):
        kind, text = reader.fail(knownHosts=known)
        assert kind == "denied" and "not in known_hosts" in text and ssh.fingerprint() in text


def test_a_changed_host_key_is_refused_loudly(reader, ssh):
    reader.read()
    before = ssh.known_hosts()
    ssh.new_host_key()
    kind, text = reader.fail(knownHosts=before)
    assert kind == "denied" and "HAS CHANGED" in text and ssh.fingerprint() in text
    assert names(reader.read(offline=True)) == ["ConfigMap a"]
    assert reader.read(knownHosts=ssh.known_hosts())["unchanged"]


def test_a_host_known_by_another_kind_of_key_is_told_so(reader, ssh):
    known = ssh.known_hosts()
    ssh.new_host_key(["ecdsa"])
    kind, text = reader.fail(knownHosts=known)
    assert kind == "denied" and "no ecdsa-sha2-nistp256 key" in text and ssh.fingerprint() in text


def test_a_key_that_the_server_does_not_know_is_refused(reader, ssh, tmp_path):
    other = git.ssh_key(tmp_path / "other")
    kind, text = reader.fail(sshKey=other.read_text())
    assert kind == "denied" and ssh.user in text


def test_a_rotated_key_is_denied_and_the_new_one_works(reader, ssh, tmp_path):
    reader.read()
    rotated = git.ssh_key(tmp_path / "rotated")
    ssh.authorize(rotated)
    assert reader.fail()[0] == "denied"
    assert reader.read(sshKey=rotated.read_text())["unchanged"]


@pytest.mark.parametrize("form", ["RFC4716", "PEM", "PKCS8"])
def test_an_rsa_key_works(ssh, reader, tmp_path, form):
    """Signed by SHA-2: sshd of today takes no other."""
    key = git.ssh_key(tmp_path / "rsa", "rsa", bits=2048, form=form)
    ssh.authorize(key)
    assert names(reader.read(sshKey=key.read_text())) == ["ConfigMap a"]


def test_an_ed25519_key_in_pkcs8_works_with_and_without_its_lines(ssh, reader, tmp_path):
    """As `openssl genpkey` and Terraform write it: libssh reads it, cannot sign with it, and ssh-keygen before 9.6 does not convert it."""
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout[-32:]
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + public
    key.with_name("key.pem.pub").write_text(f"ssh-ed25519 {base64.b64encode(blob).decode()}\n")
    ssh.authorize(key)
    assert names(reader.read(sshKey=key.read_text())) == ["ConfigMap a"]
    assert reader.read(sshKey=key.read_text().replace("\n", " "))["unchanged"]


def test_the_lines_of_a_pem_may_be_joined_and_indented(ssh, reader, tmp_path):
    """A Secret that was written with `>`, a variable of an environment: OpenSSL takes none of these."""
    key = git.ssh_key(tmp_path / "rsa", "rsa", bits=2048, form="PEM")
    ssh.authorize(key)
    assert names(reader.read(sshKey=key.read_text().replace("\n", " "))) == ["ConfigMap a"]
    assert reader.read(sshKey=key.read_text().replace("\n", "\r\n    "))["unchanged"]


def test_what_stands_in_the_comment_of_a_key_does_not_count(ssh, reader, tmp_path):
    key = git.ssh_key(tmp_path / "named", comment="ssh-rsa of ada, ENCRYPTED")
    ssh.authorize(key)
    assert names(reader.read(sshKey=key.read_text())) == ["ConfigMap a"]


def test_a_server_with_an_rsa_host_key_alone_is_read(reader, ssh):
    ssh.new_host_key(["rsa"])
    assert names(reader.read(knownHosts=ssh.known_hosts())) == ["ConfigMap a"]


@pytest.mark.parametrize("known", ["rsa", "ecdsa", "ed25519"])
def test_of_several_host_keys_the_server_is_asked_for_the_one_that_is_known(tmp_path, repository, make_source, known):
    kinds = ["ed25519", "ecdsa", "rsa"]
    with git.GitSshServer(tmp_path / "several", kinds) as server:
        line = server.known_hosts().splitlines(keepends=True)[kinds.index(known)]
        source = make_source(server.url(repository.path), sshKey=server.client_key.read_text(), knownHosts=line)
        assert names(source.read()) == ["ConfigMap a"]


def test_a_plain_host_line_counts_for_another_port(reader, ssh):
    assert names(reader.read(knownHosts=ssh.known_hosts("127.0.0.1"))) == ["ConfigMap a"]
    before = ssh.known_hosts("127.0.0.1")
    ssh.new_host_key()
    kind, text = reader.fail(knownHosts=before)
    assert kind == "denied" and ssh.fingerprint() in text


def test_a_path_from_the_home_of_the_user(ssh, repository, make_source):
    home = pathlib.Path(pwd.getpwuid(os.geteuid()).pw_dir)
    with tempfile.TemporaryDirectory(dir=home, prefix=".pgitops-test-") as folder:
        shutil.copytree(repository.path, pathlib.Path(folder) / "db.git")
        below = pathlib.Path(folder).name + "/db.git"
        credentials = {"sshKey": ssh.client_key.read_text(), "knownHosts": ssh.known_hosts()}
        assert names(make_source(ssh.url(f"/~/{below}"), **credentials).read()) == ["ConfigMap a"]
        assert make_source(ssh.url(f"/{below}"), **credentials).fail()[0] == "missing"
        try:
            server = git.GitSshServer(ssh.folder / "at22", address=("127.22.0.22", 22))
        except PermissionError:
            pytest.skip("host:path means port 22, and nobody but root may listen there")
        with server:
            credentials = {"sshKey": server.client_key.read_text(), "knownHosts": server.known_hosts()}
            source = make_source(f"{server.user}@127.22.0.22:{below}", **credentials)
            assert names(source.read()) == ["ConfigMap a"]
            absolute = make_source(f"{server.user}@127.22.0.22:{repository.path}", **credentials)
            assert names(absolute.read()) == ["ConfigMap a"]


def test_a_port_in_brackets_is_one_and_a_number_of_a_path_is_told(ssh, repository, make_source):
    """As git reads both; who writes git@host:2222/team/db.git mostly means the port."""
    credentials = {"sshKey": ssh.client_key.read_text(), "knownHosts": ssh.known_hosts()}
    assert names(make_source(f"[{ssh.user}@127.0.0.1:{ssh.port}]:{repository.path}", **credentials).read()) == ["ConfigMap a"]
    kind, text = make_source(f"[{ssh.user}@127.0.0.1:{ssh.port}]:2222/team/db.git", **credentials).fail()
    assert kind == "missing" and f"ssh://{ssh.user}@127.0.0.1:2222/team/db.git" in text
    kind, text = make_source(f"ssh://{ssh.user}@127.0.0.1:team/db.git", **credentials).fail()
    assert kind == "invalid" and f"({ssh.user}@127.0.0.1:PATH)" in text


def test_a_space_in_a_url_is_decoded(ssh, repository, make_source):
    repository.path.rename(repository.path.with_name("my db.git"))
    source = make_source(ssh.url(repository.path.with_name("my%20db.git")), sshKey=ssh.client_key.read_text(),
                         knownHosts=ssh.known_hosts())
    assert names(source.read()) == ["ConfigMap a"]


def test_what_the_server_says_on_its_way_out_is_passed_on(ssh, reader):
    ssh.settings = ['ForceCommand echo "ERROR: Repository not found." >&2; exit 1']
    ssh.new_host_key()
    kind, text = reader.fail(knownHosts=ssh.known_hosts())
    assert kind == "missing" and "ERROR: Repository not found." in text
    ssh.settings = ['ForceCommand echo "no access for this key" >&2; exit 1']
    ssh.new_host_key()
    kind, text = reader.fail(knownHosts=ssh.known_hosts())
    assert kind == "denied" and "no access for this key" in text


def test_a_second_proof_is_told(ssh, reader):
    ssh.settings = ["PasswordAuthentication yes", "AuthenticationMethods publickey,password"]
    ssh.new_host_key()
    kind, text = reader.fail(knownHosts=ssh.known_hosts())
    assert kind == "denied" and "second proof" in text


def test_a_repository_with_sha256_ids_is_refused(ssh, reader, tmp_path):
    made = git.Repository(tmp_path / "sha256.git", object_format="sha256")
    made.commit({"users/a.yaml": config_map("a")})
    kind, text = reader.fail(url=ssh.url(made.path))
    assert kind == "invalid" and "SHA-256" in text and "SHA-1" in text


def test_keys_that_cannot_work_are_told_why(reader, tmp_path):
    locked = git.ssh_key(tmp_path / "locked", passphrase="secret")
    old = git.ssh_key(tmp_path / "old", "rsa", passphrase="secret", bits=2048, form="PEM")
    for key in (locked, old):
        kind, text = reader.fail(sshKey=key.read_text())
        assert kind == "denied" and "passphrase" in text
    kind, text = reader.fail(sshKey=locked.read_text()[:120] + "\n-----END OPENSSH PRIVATE KEY-----\n")
    assert kind == "denied" and "key" in text
    kind, text = reader.fail(sshKey=None)
    assert kind == "denied" and "none is configured" in text


def test_a_missing_repository_is_told(ssh, make_source, tmp_path):
    source = make_source(ssh.url(tmp_path / "nowhere.git"), sshKey=ssh.client_key.read_text(),
                         knownHosts=ssh.known_hosts())
    kind, text = source.fail()
    assert kind == "missing", text


def test_short_ids_and_tags_work(reader, repository):
    first = repository.head
    repository.tag("v1", annotated=True)
    repository.commit({"users/a.yaml": config_map("a", "2")})
    assert reader.read(revision=first[:8])["commit"] == first
    assert reader.read(revision="v1")["commit"] == first
    assert reader.fail(revision="v2")[0] == "missing"


def test_a_proxy_is_not_passed_by_silently(reader, ssh):
    kind, text = reader.fail(proxy="http://127.0.0.1:1")
    assert kind == "invalid" and "proxy" in text and ssh.connections == 0
