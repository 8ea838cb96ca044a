"""What a repository may do between two reads, and how little a read costs."""

import shutil
import subprocess

from parts import git

from parts.source import DRIVER, config_map, names, value


def test_an_unchanged_revision_costs_one_request(source, http):
    source.read()
    assert http.commands() == ["GET /db.git/info/refs", "ls-refs", "fetch"]
    answer = source.read()
    assert answer["unchanged"] and not answer["fetched"] and answer["contents"] == []
    assert http.commands() == ["ls-refs"]


def test_a_small_change_costs_two_requests(source, http, repository):
    source.read()
    http.commands()
    second = repository.commit({"users/a.yaml": config_map("a", "2")})
    answer = source.read()
    assert answer["commit"] == second and answer["received"] < 2000
    assert http.commands() == ["ls-refs", "fetch"]


def test_a_commit_that_is_here_is_not_fetched_again(source, http, repository):
    source.read()
    first = source.known
    repository.commit({"users/a.yaml": config_map("a", "2")})
    source.read()
    http.commands()
    answer = source.read(revision=first)
    assert value(answer) == "1" and http.commands() == []


def test_both_paths_come_from_one_fetch(source, http, repository):
    repository.commit({"cluster/c.yaml": config_map("c")})
    http.commands()
    answer = source.read(paths=[{"application": "users", "path": "users"}, {"application": "cluster", "path": "cluster"}])
    assert [(c["application"], c["found"]) for c in answer["contents"]] == [("users", True), ("cluster", True)]
    assert (names(answer, 0), names(answer, 1)) == (["ConfigMap a"], ["ConfigMap c"])
    assert http.commands().count("fetch") == 1


def test_offline_reads_the_known_commit_without_a_request(source, http, repository):
    source.read()
    http.commands()
    first = source.known
    repository.commit({"users/a.yaml": config_map("a", "2")})
    answer = source.read(offline=True)
    assert answer["commit"] == first and value(answer) == "1" and not answer["unchanged"]
    assert http.commands() == []


def test_offline_without_the_commit_is_missing(source):
    assert source.fail(offline=True)[0] == "missing"
    first = source.read()["commit"]
    kind, text = source.fail(offline=True, known="1" * 40)
    assert kind == "missing" and "1" * 40 in text
    source.known = None
    assert source.read(offline=True)["commit"] == first


def test_a_force_push_is_followed_and_reported(source, repository):
    first = repository.head
    repository.commit({"users/a.yaml": config_map("a", "2")})
    source.read()
    forced = repository.commit({"users/a.yaml": config_map("a", "3")}, parent=first)
    answer = source.read()
    assert answer["commit"] == forced and value(answer) == "3"
    assert answer["rewritten"] and not answer["historyUnknown"]


def test_a_reset_to_an_older_commit_is_followed_and_reported(source, repository):
    first = repository.head
    repository.commit({"users/a.yaml": config_map("a", "2")})
    source.read()
    repository.set_ref("refs/heads/main", first)
    answer = source.read()
    assert answer["commit"] == first and value(answer) == "1" and answer["rewritten"]


def test_several_pushed_commits_are_no_rewrite(source, repository):
    source.read()
    repository.commits([({"users/a.yaml": config_map("a", str(i))}, f"change {i}") for i in range(30)])
    answer = source.read()
    assert value(answer) == "29" and not answer["rewritten"]


def test_a_merge_of_an_old_branch_is_no_rewrite(source, repository):
    first = repository.head
    for i in range(5):
        repository.commit({"users/a.yaml": config_map("a", str(i))})
    side = repository.commit({"users/b.yaml": config_map("b")}, branch="side", parent=first)
    source.read()
    tree = repository.git("merge-tree", "--write-tree", "main", "side").splitlines()[0]
    merged = repository.git("commit-tree", "-p", repository.head, "-p", side, "-m", "merge", tree)
    repository.set_ref("refs/heads/main", merged)
    answer = source.read()
    assert names(answer) == ["ConfigMap a", "ConfigMap b"] and not answer["rewritten"]


def test_a_long_gap_is_fetched_without_its_history(source, repository):
    """More commits in between than are worth fetching: the newest is enough, and what is not known is said."""
    source.read()
    repository.commits([({"users/a.yaml": config_map("a", str(i))}, f"change {i}") for i in range(3000)])
    answer = source.read()
    assert value(answer) == "2999" and answer["rewritten"] and answer["historyUnknown"]
    again = repository.commit({"users/a.yaml": config_map("a", "new")})
    answer = source.read()
    assert answer["commit"] == again and not answer["rewritten"]


def test_a_deleted_branch_is_missing_and_its_successor_is_found(source, repository):
    repository.commit({"users/a.yaml": config_map("a", "2")}, branch="work", parent=repository.head)
    source.read(revision="work")
    repository.delete_branch("work")
    kind, text = source.fail(revision="work")
    assert kind == "missing" and '"work"' in text and "main" in text
    assert value(source.read(offline=True, revision="work")) == "2"
    again = repository.commit({"users/a.yaml": config_map("a", "5")}, branch="work", orphan=True)
    answer = source.read(revision="work")
    assert answer["commit"] == again and value(answer) == "5" and answer["rewritten"]


def test_a_deleted_repository_is_missing_and_its_successor_is_found(source, repository):
    source.read()
    known = source.known
    shutil.rmtree(repository.path)
    kind, text = source.fail()
    assert kind == "missing" and "404" in text
    assert source.read(offline=True)["commit"] == known
    repository.init()
    repository.commit({"users/z.yaml": config_map("z")}, "begin anew")
    answer = source.read()
    assert names(answer) == ["ConfigMap z"] and answer["rewritten"]


def test_a_missing_path_is_not_an_empty_one(source, repository):
    repository.commit({"empty/notes.txt": "nothing\n"})
    answer = source.read(paths=[{"path": "nowhere"}, {"path": "users/deeper"}, {"path": "empty"}])
    assert [content["found"] for content in answer["contents"]] == [False, False, True]
    assert all(content["objects"] == [] and content["mistakes"] == [] for content in answer["contents"])


def test_two_reads_at_once_wait_for_each_other(source, repository):
    repository.commit({"users/b.yaml": config_map("b")}, branch="other", parent=repository.head)
    runs = [source.start(revision=revision) for revision in ("main", "other", "main", "other")]
    answers = [source.finish(run) for run in runs]
    assert [len(names(answer)) for answer in answers] == [1, 2, 1, 2]


def test_a_worn_repository_is_replaced_and_remembers_enough(source, repository):
    """Each fetch leaves a pack; libgit2 never packs anew."""
    source.read()
    for i in range(60):
        repository.commit({"users/a.yaml": config_map("a", str(i))})
        answer = source.read()
        assert value(answer) == str(i) and not answer["rewritten"]
    packs = list((source.repository() / "objects/pack").glob("*.pack"))
    assert len(packs) < 50
    assert not (source.place() / "fresh.git").exists()


def leftovers(source):
    pack = source.repository() / "objects/pack"
    files = [pack / "pack_git2_x1", source.repository() / "refs/revisions/abc.lock", source.place() / "shallow.A"]
    for file in files:
        file.write_bytes(b"x" * 100)
    (source.place() / "fresh.git").mkdir()
    return [*files, source.place() / "fresh.git"]


def test_leftovers_of_killed_children_are_swept(source, repository):
    source.read()
    files = leftovers(source)
    subprocess.run([str(DRIVER), "sweep", str(source.folder)], check=True)
    assert not any(file.exists() for file in files)
    files = leftovers(source)
    repository.commit({"users/a.yaml": config_map("a", "2")})
    source.read()
    assert not any(file.exists() for file in files)


def test_a_damaged_repository_is_made_anew(source, repository):
    source.read()
    for kind in ("pack", "idx"):
        for file in (source.repository() / "objects/pack").glob(f"*.{kind}"):
            file.chmod(0o600)
            content = file.read_bytes()
            file.write_bytes(content[:20] + b"\xff" * (len(content) - 20))
        answer = source.read(known=None)
        assert names(answer) == ["ConfigMap a"] and answer["fetched"]


def test_a_repository_that_is_no_repository_is_made_anew(source):
    source.read()
    shutil.rmtree(source.repository())
    source.repository().write_text("not a folder")
    assert names(source.read(known=None)) == ["ConfigMap a"]


def test_a_moved_repository_is_followed_on_its_own_server(source, http, repository):
    source.read()
    repository.path.rename(repository.path.with_name("new.git"))
    http.fault = git.Fault("redirect", path="/db.git/", location=http.url("new.git") +
                           "/info/refs?service=git-upload-pack")
    http.commands()
    assert source.read()["unchanged"]
    assert http.commands() == ["ls-refs", "GET /db.git/info/refs", "GET /new.git/info/refs", "ls-refs"]
    assert source.read()["unchanged"]
    assert http.commands() == ["ls-refs"]
