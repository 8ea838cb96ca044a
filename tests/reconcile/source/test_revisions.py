"""Which commit a revision names, over every transport."""

import hashlib

import pytest

from parts import git
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


def test_a_branch_and_a_tag_of_one_name_are_told_and_neither_is_taken(reader, repository):
    """Who may push branches must not redirect those who follow a tag, nor the other way round."""
    first = repository.head
    repository.tag("twice")
    assert reader.read(revision="twice")["ref"] == "refs/tags/twice"
    second = repository.commit({"users/a.yaml": config_map("a", "2")}, branch="twice", parent=first)
    kind, text = reader.fail(revision="twice")
    assert kind == "invalid"
    assert text.endswith('"twice" is ambiguous: the repository has refs/heads/twice and refs/tags/twice; '
                         "write refs/heads/twice or refs/tags/twice as the revision"), text
    assert reader.read(revision="refs/heads/twice")["commit"] == second
    assert reader.read(revision="refs/tags/twice")["commit"] == first


def test_a_branch_named_head_makes_the_word_ambiguous_and_not_the_default(reader, repository):
    first = repository.head
    other = repository.commit({"users/a.yaml": config_map("a", "2")}, branch="other", parent=first)
    repository.path.joinpath("refs/heads/HEAD").write_text(other + "\n")
    kind, text = reader.fail(revision="HEAD")
    assert kind == "invalid" and "refs/heads/HEAD" in text
    assert reader.read(revision="")["commit"] == first
    assert reader.read(revision="refs/heads/HEAD")["commit"] == other


def test_a_tag_that_is_a_date_and_looks_like_an_id_is_a_tag(reader, repository):
    repository.tag("20240102")
    answer = reader.read(revision="20240102")
    assert (answer["commit"], answer["ref"]) == (repository.head, "refs/tags/20240102")
    assert not reader.read(revision="20240102")["fetched"]


def test_a_branch_that_is_also_the_beginning_of_a_commit_is_told(reader, repository):
    """As far as the commits that were read tell."""
    first = repository.head
    reader.read()
    short = first[:8]
    repository.commit({"users/a.yaml": config_map("a", "2")}, branch=short, parent=first)
    kind, text = reader.fail(revision=short)
    assert kind == "invalid" and f"refs/heads/{short}" in text and first in text, text
    assert reader.read(revision=first)["commit"] == first
    # Its own commit is what everybody means.
    repository.set_ref(f"refs/heads/{short}", first)
    assert reader.read(revision=short)["commit"] == first


# ---- constraints on versions ----


def versions(repository, *tags):
    """A commit for each tag; their values are 1, 2, ..."""
    for index, tag in enumerate(tags):
        repository.commit({"users/a.yaml": config_map("a", str(index + 1))})
        repository.tag(tag, annotated=index % 2 == 1)


@pytest.mark.parametrize("revision, ref", [
    ("^1.2", "v1.10.0"), ("~1.2", "v1.2.4"), ("1.2.*", "v1.2.4"), (">=1.0 <2", "v1.10.0"), ("*", "2.0.0"),
    ("1.2 - 1.2.3", "v1.2.3"), (">=2.0.0-0", "v2.1.0-rc.1"), ("= 2", "2.0.0"), ("<1 || ~1.2", "v1.2.4"),
    ("v1.2.3", "v1.2.3"), ("2.0.0", "2.0.0")])
def test_a_constraint_is_the_newest_tag_that_matches(reader, repository, revision, ref):
    versions(repository, "v1.2.3", "v1.10.0", "v1.2.4", "2.0.0", "v2.1.0-rc.1", "other", "release-9.9.9")
    answer = reader.read(revision=revision)
    assert answer["ref"] == f"refs/tags/{ref}"
    assert answer["commit"] == repository.git("rev-parse", f"refs/tags/{ref}^{{commit}}")


def test_a_constraint_follows_new_tags(reader, repository):
    versions(repository, "v1.2.3")
    reader.read(revision="^1")
    answer = reader.read(revision="^1")
    assert answer["unchanged"] and answer["ref"] == "refs/tags/v1.2.3"
    versions(repository, "v1.3.0", "v2.0.0")
    answer = reader.read(revision="^1")
    assert (answer["ref"], value(answer)) == ("refs/tags/v1.3.0", "1")


def test_a_tag_prefix_chooses_the_tags(reader, repository):
    versions(repository, "v1.2.3", "users/v1.0.0", "users/1.1.0", "cluster/v9.0.0", "1.0.0")
    assert reader.read(revision="^1", tagPrefix="users/")["ref"] == "refs/tags/users/1.1.0"
    assert reader.read(revision="*", tagPrefix="cluster/")["ref"] == "refs/tags/cluster/v9.0.0"
    assert reader.read(revision="1.1.0", tagPrefix="users/")["ref"] == "refs/tags/users/1.1.0"
    assert reader.read(revision="main", tagPrefix="users/")["ref"] == "refs/heads/main"
    kind, text = reader.fail(revision="^1", tagPrefix="none/")
    assert kind == "missing" and "none/" in text


def test_a_constraint_that_nothing_matches_says_what_there_is(reader, repository):
    kind, text = reader.fail(revision="^1.2")
    assert kind == "missing" and '"^1.2"' in text
    versions(repository, "v1.2.3", "v3.0.0-rc.1")
    kind, text = reader.fail(revision=">=3")
    assert kind == "missing" and "2 versions" in text and "v3.0.0-rc.1" in text and ">=1.0.0-0" in text, text


def test_a_branch_that_looks_like_a_constraint_is_told(reader, repository):
    branch = repository.commit({"users/a.yaml": config_map("a", "9")}, branch="1.x", parent=repository.head)
    assert reader.read(revision="1.x")["commit"] == branch
    versions(repository, "v1.2.3")
    kind, text = reader.fail(revision="1.x")
    assert kind == "invalid" and "refs/heads/1.x" in text and "refs/tags/v1.2.3" in text and '"= 1.x"' in text, text
    assert reader.read(revision="= 1.x")["ref"] == "refs/tags/v1.2.3"
    assert reader.read(revision="refs/heads/1.x")["commit"] == branch


def test_two_tags_of_one_version_are_told_unless_they_are_one_commit(reader, repository):
    versions(repository, "v1.2.3")
    repository.tag("1.2.3")
    assert reader.read(revision="^1")["commit"] == repository.head
    versions(repository, "1.2.3+other")
    kind, text = reader.fail(revision="^1")
    assert kind == "invalid" and "refs/tags/1.2.3+other" in text, text


# ---- a commit by its id ----


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


@pytest.mark.parametrize("revision", ["--upload-pack=x", "a..b", "a b", "a\nb", "a~1", "x:y", "a*", "a@{1}", "HEAD^"])
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


# ---- another commit than the one that is followed: rollback, a pinned sync, a comparison ----


def history(repository, length=6):
    return [repository.head] + [repository.commit({"users/a.yaml": config_map("a", str(i + 2))})
                                for i in range(length - 1)]


def test_a_commit_that_was_read_is_read_again_from_the_disk(reader, repository, http):
    commits = history(repository, 1)
    reader.read(revision="main")
    commits.append(repository.commit({"users/a.yaml": config_map("a", "2")}))
    reader.read(revision="main")
    http.commands()
    for index, commit in enumerate(commits):
        answer = reader.read(revision=commit, known=None)
        assert (answer["commit"], value(answer), answer["ref"]) == (commit, str(index + 1), "")
        assert reader.read(revision=commit, known=None, offline=True)["commit"] == commit
        assert reader.read(revision=commit[:10], known=None, offline=True)["commit"] == commit
    assert http.commands() == []
    assert value(reader.read(revision="main", known=None, offline=True)) == "2"


def test_a_commit_that_no_ref_points_to_is_fetched(reader, repository):
    commits = history(repository)
    reader.read(revision="main")
    for commit in commits[1], commits[3]:
        answer = reader.read(revision=commit, known=None)
        assert (answer["commit"], value(answer)) == (commit, str(commits.index(commit) + 1))
    # The branch goes on as before.
    newest = repository.commit({"users/a.yaml": config_map("a", "next")})
    answer = reader.read(revision="main", known=commits[-1])
    assert (answer["commit"], value(answer)) == (newest, "next") and not answer["rewritten"]


def test_offline_asks_nobody(reader, repository, http):
    commits = history(repository)
    reader.read(revision="main")
    http.commands()
    missing = commits[2]
    if reader.repository().joinpath("shallow").exists():
        kind, text = reader.fail(revision=missing, known=None, offline=True)
        assert kind == "missing" and missing in text
    kind, text = reader.fail(revision="f" * 40, known=None, offline=True)
    assert kind == "missing" and "f" * 40 in text
    kind, text = reader.fail(revision="other", known=None, offline=True)
    assert kind == "missing" and '"other"' in text
    assert http.commands() == []


def test_a_commit_that_was_rewritten_away_is_read_while_it_is_here(reader, repository):
    base = repository.head
    lost = repository.commit({"users/a.yaml": config_map("a", "lost")})
    reader.read(revision="main")
    repository.commit({"users/a.yaml": config_map("a", "new")}, parent=base)
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("gc", "--quiet", "--prune=now")
    reader.read(revision="main")
    assert value(reader.read(revision=lost, known=None)) == "lost"


def test_a_commit_that_is_gone_from_the_server_is_told(reader, repository):
    base = repository.head
    lost = repository.commit({"users/a.yaml": config_map("a", "lost")})
    repository.commit({"users/a.yaml": config_map("a", "new")}, parent=base)
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("gc", "--quiet", "--prune=now")
    for _ in range(2):
        kind, text = reader.fail(revision=lost, known=None)
        assert kind == "missing" and lost in text and "rewritten or deleted" in text, text


def test_a_server_that_gives_out_only_what_refs_point_to_is_asked_for_its_history(repository, http, make_source):
    source = make_source(http.url("db.git"))
    commits = history(repository)
    source.read(revision="main")
    refusal = f"ERR upload-pack: not our ref {commits[2]}\n".encode()
    http.fault = git.Fault("answer", command="fetch", times=1, content=b"%04x" % (len(refusal) + 4) + refusal)
    answer = source.read(revision=commits[2], known=None)
    assert (answer["commit"], value(answer)) == (commits[2], "3")
    # All of it is here now.
    http.commands()
    assert value(source.read(revision=commits[1], known=None)) == "2"
    assert http.commands() == []
