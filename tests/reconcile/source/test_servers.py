"""Servers as people have them: old ones, repositories that were renamed, repositories with SHA-256 ids."""

import pytest

from parts import git
from parts.source import config_map, names, value

OLD = ("object-format", "agent", "server-option", "object-info")


@pytest.fixture
def old_server(repository):
    """Offers what git 2.18 to 2.27 offer over protocol v2, and ends a command that brings anything else."""
    with git.GitHttpServer(repository.path.parent, hidden=("object-format",)) as server:
        yield server


def test_a_server_without_object_format_is_read(old_server, repository, make_source):
    source = make_source(old_server.url("db.git"))
    answer = source.read()
    assert names(answer) == ["ConfigMap a"] and answer["commit"] == repository.head
    assert old_server.commands() == ["GET /db.git/info/refs", "ls-refs", "fetch"]
    repository.commit({"users/a.yaml": config_map("a", "2")})
    assert value(source.read()) == "2"
    assert old_server.commands() == ["ls-refs", "fetch"]


def test_nothing_is_sent_that_was_not_offered(repository, make_source):
    with git.GitHttpServer(repository.path.parent, hidden=OLD) as server:
        assert names(make_source(server.url("db.git")).read()) == ["ConfigMap a"]
        sent = b"".join(request.body for request in server.requests)
        assert b"agent=" not in sent and b"object-format=" not in sent and b"server-option=" not in sent


def test_a_server_that_was_replaced_by_an_older_one_is_asked_anew(http, repository, source):
    source.read()
    http.hidden = OLD
    repository.commit({"users/a.yaml": config_map("a", "2")})
    assert value(source.read()) == "2"


def test_a_pinned_commit_of_a_renamed_repository_is_fetched(http, repository, source):
    source.read()
    newer = repository.commit({"users/a.yaml": config_map("a", "2")})
    repository.path.rename(repository.path.with_name("new.git"))
    http.fault = git.Fault("redirect", path="/db.git/", location=http.url("new.git") +
                           "/info/refs?service=git-upload-pack")
    assert value(source.read(revision=newer)) == "2"


def test_a_renamed_repository_on_a_server_without_version_2_is_followed(http, repository, source):
    http.version_2 = False
    repository.path.rename(repository.path.with_name("new.git"))
    http.fault = git.Fault("redirect", path="/db.git/", location=http.url("new.git") +
                           "/info/refs?service=git-upload-pack")
    assert names(source.read()) == ["ConfigMap a"]
    moved = git.git(repository.path.with_name("new.git"), "rev-parse", "refs/heads/main")
    assert source.known == moved
    assert source.read()["unchanged"]


def test_no_credentials_follow_a_redirect_of_a_server_without_version_2(repository, make_source):
    with git.GitHttpServer(repository.path.parent) as thief, \
         git.GitHttpServer(repository.path.parent, user="ci", password="canary", version_2=False) as server:
        server.fault = git.Fault("redirect", location=thief.url("db.git") + "/info/refs?service=git-upload-pack")
        kind, text = make_source(server.url("db.git"), username="ci", password="canary").fail()
        assert kind == "invalid" and "redirects to" in text and thief.requests == []


@pytest.fixture
def sha256(tmp_path):
    made = git.Repository(tmp_path / "sha256" / "db.git", object_format="sha256")
    made.commit({"users/a.yaml": config_map("a")})
    return made


# Without protocol v2 git says nothing at all of an empty repository, so that one is not in the list.
@pytest.mark.parametrize("transport, empty", [("http v2", False), ("http v2", True), ("http v0", False),
                                              ("file", False), ("file", True)])
def test_a_repository_with_sha256_ids_is_refused_in_the_same_words(sha256, make_source, transport, empty):
    if empty:
        sha256.delete_branch("main")
    version_2 = transport == "http v2"
    with git.GitHttpServer(sha256.path.parent, version_2=version_2) as server:
        source = make_source(sha256.url if transport == "file" else server.url("db.git"))
        kind, text = source.fail()
        assert kind == "invalid" and "SHA-256" in text and "SHA-1" in text


def test_a_repository_that_became_one_with_sha256_ids_is_told(http, repository, source, sha256):
    source.read()
    http.root = sha256.path.parent
    kind, text = source.fail()
    assert kind == "invalid" and "SHA-256" in text
    assert names(source.read(offline=True)) == ["ConfigMap a"]
