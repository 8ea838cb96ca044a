"""Getting in over ssh: the user's key, the server's key."""

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


def test_keys_that_cannot_work_are_told_why(reader, tmp_path):
    rsa = git.ssh_key(tmp_path / "rsa", "rsa", bits=2048)
    locked = git.ssh_key(tmp_path / "locked", passphrase="secret")
    for key, word in ((rsa, "RSA"), (locked, "passphrase")):
        kind, text = reader.fail(sshKey=key.read_text())
        assert kind == "denied" and word in text
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
