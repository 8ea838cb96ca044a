"""Which commit a revision names, over every transport."""

import hashlib

import pytest

from parts.source import config_map, names, value


@pytest.fixture(params=["http", "http-v0", "file"])
def reader(request, repository, http, make_source):
    """The same questions, whoever carries them."""
    if request.param == "file":
        return make_source(repository.url)
    http.version_2 = request.param == "http"
    return make_source(http.url("db.git"))


def test_an_empty_revision_is_the_default_branch(reader, repository):
    answer = reader.read()
    assert answer["commit"] == repository.head
    assert names(answer) == ["ConfigMap a"]
    assert (answer["author"], answer["message"]) == ("Ada <ada@example.org>", "add a")
    assert answer["fetched"] and answer["received"] > 0 and not answer["rewritten"]


def test_a_branch_is_followed(reader, repository):
    reader.read(revision="main")
    second = repository.commit({"users/a.yaml": config_map("a", "2")})
    answer = reader.read(revision="main")
    assert answer["commit"] == second and value(answer) == "2"
    assert not answer["rewritten"] and not answer["historyUnknown"]


def test_a_branch_name_with_slashes_is_one_name(reader, repository):
    other = repository.commit({"users/a.yaml": config_map("a", "9")}, branch="team/one", parent=repository.head)
    assert reader.read(revision="team/one")["commit"] == other


def test_tags_of_both_kinds_are_followed_to_their_commit(reader, repository):
    first = repository.head
    repository.tag("v1")
    repository.tag("v2", annotated=True)
    repository.commit({"users/a.yaml": config_map("a", "2")})
    for tag in ("v1", "v2", "refs/tags/v2"):
        assert reader.read(revision=tag)["commit"] == first
    assert not reader.read(revision="v2")["fetched"]


def test_a_tag_of_a_tag_is_followed_to_the_commit(reader, repository):
    repository.tag("inner", annotated=True)
    repository.tag("outer", repository.git("rev-parse", "refs/tags/inner"), annotated=True)
    assert reader.read(revision="outer")["commit"] == repository.head


def test_a_tag_of_a_tree_is_refused(reader, repository):
    repository.tag("tree", repository.git("rev-parse", "main^{tree}"))
    kind, text = reader.fail(revision="tree")
    assert kind in ("invalid", "missing") and '"tree"' in text


def test_a_branch_comes_before_a_tag_of_the_same_name(reader, repository):
    first = repository.head
    repository.tag("twice")
    second = repository.commit({"users/a.yaml": config_map("a", "2")}, branch="twice", parent=first)
    assert reader.read(revision="twice")["commit"] == second


def test_a_full_id_is_fetched_by_itself(reader, repository):
    first = repository.head
    for i in range(3):
        repository.commit({"users/a.yaml": config_map("a", str(i + 2))})
    answer = reader.read(revision=first)
    assert answer["commit"] == first and value(answer) == "1"
    # The id is known now, and nobody needs to be asked.
    assert not reader.read(revision=first)["fetched"]


def test_a_short_id_is_found_in_the_history(reader, repository):
    reader.read()
    first = repository.head
    for i in range(20):
        repository.commit({"users/a.yaml": config_map("a", str(i + 2))})
    fifth = repository.git("rev-parse", "main~15")
    answer = reader.read(revision=fifth[:9])
    assert answer["commit"] == fifth and value(answer) == "6"
    assert reader.read(revision=first[:7])["commit"] == first


def test_any_full_ref_name_is_taken(reader, repository):
    hidden = repository.commit({"users/a.yaml": config_map("a", "7")}, branch="gone", parent=repository.head)
    repository.set_ref("refs/pull/7/head", hidden)
    repository.delete_branch("gone")
    assert reader.read(revision="refs/pull/7/head")["commit"] == hidden
    assert reader.read(revision="refs/heads/main")["commit"] == repository.head


def test_a_missing_revision_is_named_with_similar_ones(reader, repository):
    repository.set_ref("refs/heads/release-1.2", repository.head)
    kind, text = reader.fail(revision="relaese-1.2")
    assert kind == "missing"
    assert '"relaese-1.2"' in text and "release-1.2" in text


@pytest.mark.parametrize("revision", ["deadbeef", "f" * 40, "refs/heads/nope", "nope"])
def test_what_does_not_exist_is_missing(reader, revision):
    kind, text = reader.fail(revision=revision)
    assert kind == "missing" and revision in text, text


@pytest.mark.parametrize("revision", ["--upload-pack=x", "a..b", "a b", "a\nb", "a~1", "x:y", "*", "a@{1}", "HEAD^"])
def test_what_no_ref_can_be_called_is_refused(reader, revision):
    kind, text = reader.fail(revision=revision)
    assert kind == "invalid" and "\n" not in text


def test_a_repository_on_this_machine_that_is_not_there_is_missing(reader, tmp_path):
    kind, text = reader.fail(url=f"file://{tmp_path}/nowhere.git")
    assert kind == "missing" and f"{tmp_path}/nowhere.git" in text, text


def test_an_empty_repository_is_an_error_and_not_an_empty_set(reader, repository):
    repository.delete_branch("main")
    kind, text = reader.fail()
    assert kind == "missing" and "HEAD" in text
    kind, text = reader.fail(revision="main")
    assert kind == "missing"


def twins(repository):
    """Two commits whose ids begin with the same seven digits, found by trying."""
    tree = repository.git("rev-parse", "main^{tree}")
    seen = {}
    for i in range(1_000_000):
        text = f"tree {tree}\nauthor A <a> {i} +0000\ncommitter A <a> {i} +0000\n\ntwin\n".encode()
        oid = hashlib.sha1(b"commit %d\0" % len(text) + text).hexdigest()
        if oid[:7] in seen:
            return [repository.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=found)
                    for found in (seen[oid[:7]], text)]
        seen[oid[:7]] = text
    raise AssertionError("no twins")


def test_ambiguous_short_ids_are_refused(reader, repository):
    one, other = twins(repository)
    repository.set_ref("refs/heads/one", one)
    repository.set_ref("refs/heads/other", other)
    kind, text = reader.fail(revision=one[:7])
    assert kind == "invalid" and "several commits" in text
    assert reader.read(revision=one[:20])["commit"] == one


def test_six_digits_are_no_id(reader, repository):
    assert reader.fail(revision=repository.head[:6])[0] == "missing"


def test_a_default_branch_that_changes_is_followed(reader, repository):
    reader.read()
    other = repository.commit({"users/a.yaml": config_map("a", "3")}, branch="trunk", parent=repository.head)
    repository.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    assert reader.read()["commit"] == other
