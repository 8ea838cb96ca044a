"""What a path may hold, and what it may not."""

import json

import pytest

from parts import git
from parts.source import config_map, names


def mistakes(answer, path=0):
    return answer["contents"][path]["mistakes"]


def only(answer, *words):
    """The one mistake of the path, with these words."""
    found = mistakes(answer)
    assert len(found) == 1 and all(word in found[0] for word in words), found
    assert answer["contents"][0]["objects"] == []


def test_files_that_are_no_manifests_are_passed_over(source, repository):
    repository.commit({f"users/{name}": "not: [yaml" for name in
                       ("tool.py", "run.sh", "key.pem", ".gitignore", "README.md", "yaml", "x.yaml.bak")} | {"users/.#a.yaml": git.Link("ada@desk.1")})
    answer = source.read()
    assert names(answer) == ["ConfigMap a"] and mistakes(answer) == []
    assert answer["contents"][0]["files"] == 1


def test_folders_below_are_read_where_asked_for(source, repository):
    repository.commit({"users/x/y/b.yaml": config_map("b"), "users/a-b.yml": config_map("ab"),
                       "users/z.json": json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "z"}})})
    paths = [{"path": "users"}, {"path": "users", "recurse": True}, {"path": "users", "recurse": True, "include": "x/*"},
             {"path": "users", "recurse": True, "exclude": "{*.json,a*}"}, {"path": ".", "recurse": True}, {"path": ""},
             {"path": "users/x/y"}]
    answer = source.read(paths=paths)
    assert names(answer, 0) == ["ConfigMap ab", "ConfigMap a", "ConfigMap z"]
    assert names(answer, 1) == ["ConfigMap ab", "ConfigMap a", "ConfigMap b", "ConfigMap z"]
    assert names(answer, 2) == ["ConfigMap b"]
    assert names(answer, 3) == ["ConfigMap b"]
    assert names(answer, 4) == names(answer, 1)
    assert names(answer, 5) == []
    assert names(answer, 6) == ["ConfigMap b"]
    assert answer["contents"][1]["objects"][2]["file"] == "users/x/y/b.yaml"


def test_every_mistake_of_a_path_is_told_at_once(source, repository):
    repository.commit({"users/b.yaml": "a: [\n", "users/c.yaml": "kind: X\n", "users/d.yaml": config_map("d")})
    answer = source.read()
    assert any(mistake.startswith("users/b.yaml:") for mistake in mistakes(answer))
    assert any(mistake.startswith("users/c.yaml") for mistake in mistakes(answer))
    assert answer["contents"][0]["objects"] == []


def test_one_paths_mistakes_do_not_stop_the_other(source, repository):
    repository.commit({"cluster/b.yaml": "a: [\n"})
    answer = source.read(paths=[{"path": "cluster"}, {"path": "users"}])
    assert mistakes(answer, 0) and names(answer, 1) == ["ConfigMap a"]


@pytest.mark.parametrize("target", ["/etc/passwd", "../a.yaml", "a.yaml", "b.yaml", "/proc/self/environ"])
def test_a_symbolic_link_is_refused(source, repository, target):
    repository.commit({"users/b.yaml": git.Link(target)})
    only(source.read(), "users/b.yaml", "symbolic link")


def test_a_link_as_the_path_or_under_another_name_is_not_followed(source, repository):
    repository.commit({"current": git.Link("users"), "users/notes": git.Link("/etc/passwd"),
                       "users/deep": git.Link("..")})
    answer = source.read(paths=[{"path": "current"}, {"path": "users", "recurse": True}])
    assert answer["contents"][0]["found"] and "symbolic link" in mistakes(answer, 0)[0]
    assert names(answer, 1) == ["ConfigMap a"]


def test_a_submodule_is_a_warning(source, repository):
    repository.commit({"users/vendor": git.Submodule(repository.head), ".gitmodules": "[submodule]\n"})
    answer = source.read(paths=[{"path": "users", "recurse": True}])
    assert names(answer) == ["ConfigMap a"]
    assert "users/vendor" in answer["contents"][0]["warnings"][0] and "submodule" in answer["contents"][0]["warnings"][0]


def test_an_lfs_pointer_is_a_mistake(source, repository):
    repository.commit({"users/b.yaml": "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n"})
    only(source.read(), "users/b.yaml", "LFS")


@pytest.mark.parametrize("files, path, words", [
    ({"main.jsonnet": "{}", "lib.libsonnet": "{}"}, {}, ["lib.libsonnet, main.jsonnet", "*.yaml, *.yml and *.json"]),
    ({"x/a.yaml": config_map("a")}, {}, ["x/ is passed over", "directory.recurse"]),
    ({"a.yaml": config_map("a")}, {"include": "*.yml"}, ["a.yaml is passed over", "directory.include"]),
    ({"a.yaml": config_map("a")}, {"exclude": "*"}, ["a.yaml is passed over", "directory.exclude"]),
    ({"x/b.jsonnet": "{}"}, {"recurse": True}, ["x/b.jsonnet"]),
    ({"a.tmpl": "x"}, {"anyName": True}, ["a.tmpl", "apiVersion:"])])
def test_a_path_of_which_nothing_is_read_is_a_mistake(source, repository, files, path, words):
    repository.commit({f"odd/{name}": content for name, content in files.items()})
    answer = source.read(paths=[{"path": "odd", **path}])
    only(answer, "odd: holds no manifest", *words)
    assert answer["contents"][0]["found"]


def test_a_path_with_only_a_submodule_is_a_mistake(source, repository):
    repository.commit({"odd/vendor": git.Submodule(repository.head), ".gitmodules": "[submodule]\n"})
    only(source.read(paths=[{"path": "odd"}]), "vendor is passed over", "submodules")


@pytest.mark.parametrize("file, warnings", [(".gitkeep", 0), ("README.md", 1)])
def test_a_path_that_holds_nothing_wants_nothing(source, repository, file, warnings):
    repository.commit({f"empty/{file}": "", "empty/.github/x.png": ""})
    answer = source.read(paths=[{"path": "empty", "recurse": True}])
    content = answer["contents"][0]
    assert content["found"] and content["objects"] == [] and content["mistakes"] == []
    assert len(content["warnings"]) == warnings


def test_without_the_extension_filter_texts_decide(source, repository):
    """directory.disableExtensionFilter."""
    repository.commit({"users/b.yaml.sealed": config_map("b"), "users/README.md": "read: [me", "users/run.sh": "kind of",
                       "users/c": config_map("c"), "users/blob": b"\0\1\2", "users/.gitignore": "x",
                       "users/lfs.bin": "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n"})
    assert names(source.read()) == ["ConfigMap a"]
    answer = source.read(known=None, paths=[{"path": "users", "anyName": True}])
    assert names(answer) == ["ConfigMap a", "ConfigMap b", "ConfigMap c"]
    assert answer["contents"][0]["files"] == 3


def test_a_yaml_file_that_is_no_manifest_is_told_how_to_leave_it_out(source, repository):
    """Argo CD passes it over: then a manifest whose head was lost would be pruned."""
    repository.commit({"users/values.yaml": "replicas: 1\n"})
    only(source.read(), "users/values.yaml:1:1", "spec.source.directory.exclude")
    repository.commit({"users/values.yaml": "# +argocd:skip-file-rendering\nreplicas: [1\n"})
    assert names(source.read()) == ["ConfigMap a"]


@pytest.mark.parametrize("file, tool", [("Chart.yaml", "Helm"), ("kustomization.yaml", "Kustomize"),
                                        ("Kustomization", "Kustomize"), (".argocd-source.yaml", "spec.source"),
                                        (".argocd-source-team.yaml", "spec.source")])
def test_directories_of_other_tools_are_told(source, repository, file, tool):
    repository.commit({f"users/{file}": "resources: []\n", "users/a.yaml": None})
    only(source.read(), f"users/{file}", tool)


def test_a_large_file_is_refused_unread(source, repository):
    repository.commit({"users/b.yaml": "# " + "x" * 10_000_000 + "\n", "users/big.bin": "x" * 5_000_000})
    only(source.read(), "users/b.yaml", "10.0 MB", "3 MiB")


def test_too_much_in_all_is_refused(source, repository):
    repository.commit({f"users/b{i:02}.yaml": config_map(f"b{i}") + "#" * 2_900_000 for i in range(12)})
    only(source.read(), "users/b11.yaml", "32 MiB")


def test_too_many_files_are_refused(source, repository):
    repository.commit({f"users/f{i}.txt": "" for i in range(10_001)})
    only(source.read(), "10000 files")


def test_folders_too_deep_are_refused(source, repository):
    repository.commit({"users/" + "d/" * 40 + "b.yaml": config_map("b")})
    only(source.read(paths=[{"path": "users", "recurse": True}]), "32 folders deep")


def test_a_path_that_is_a_file_is_a_mistake(source, repository):
    answer = source.read(paths=[{"path": "users/a.yaml"}])
    assert answer["contents"][0]["found"]
    only(answer, "users/a.yaml", "is a file")


@pytest.mark.parametrize("path", ["..", "users/../users", ".git", "users/.GIT/x", "a\nb"])
def test_a_path_that_leaves_the_tree_is_a_mistake(source, path):
    answer = source.read(paths=[{"path": path}])
    assert len(mistakes(answer)) == 1 and "\n" not in mistakes(answer)[0]


@pytest.mark.parametrize("name", ["..", ".", ".git", ".GIT", "git~1", "a/b.yaml", "x" * 300])
def test_names_that_git_would_not_make_are_refused(source, repository, name):
    """Written as raw trees: libgit2 reads them without a word."""
    blob = repository.blob(config_map("evil"))
    users = repository.raw_tree([("100644", name, blob)])
    repository.commit_tree(repository.raw_tree([("40000", "users", users)]))
    answer = source.read()
    assert len(mistakes(answer)) == 1 and "users" in mistakes(answer)[0]
    assert all(ord(character) >= 32 for character in mistakes(answer)[0])


def test_a_folder_of_endless_entries_is_refused_before_it_is_taken_apart(source, repository):
    blob = repository.blob("x")
    huge = repository.raw_tree([("100644", f"{i:040}", blob) for i in range(150_000)])
    users = repository.raw_tree([("100644", "a.yaml", repository.blob(config_map("a"))), ("40000", "huge", huge)])
    repository.commit_tree(repository.raw_tree([("40000", "users", users)]))
    assert names(source.read()) == ["ConfigMap a"]
    answer = source.read(known=None, paths=[{"path": "users", "recurse": True}, {"path": "users/huge"},
                                            {"path": "users/huge/x"}])
    for content in answer["contents"]:
        assert len(content["mistakes"]) == 1 and "8 MiB" in content["mistakes"][0]


def test_a_tree_that_contains_a_missing_object_is_no_empty_path(source, repository):
    users = repository.raw_tree([("100644", "a.yaml", "1" * 40)])
    repository.commit_tree(repository.raw_tree([("40000", "users", users)]))
    assert source.fail()[0] == "retry"


def test_a_commit_message_and_author_of_any_bytes_can_be_told(source, repository):
    repository.commit({"users/a.yaml": config_map("a", "2")}, message=b"caf\xe9 \x1b[31m\n\nmore",
                      author=b"Andr\xe9 <a@b>")
    answer = source.read()
    assert answer["message"].startswith("caf") and "\n" not in answer["message"]
    for character in "é€😀":
        repository.commit({"users/a.yaml": config_map("a", character)}, message=character * 300)
        message = source.read()["message"]
        assert 196 < len(message.encode()) <= 200 and set(message) == {character}


@pytest.mark.parametrize("seconds", ["9223372036854775807", "-1"])
def test_a_commit_may_claim_any_time(source, repository, seconds):
    tree = repository.git("rev-parse", "main^{tree}")
    text = f"tree {tree}\nauthor A <a> {seconds} +0000\ncommitter A <a> {seconds} +0000\n\nodd\n"
    commit = repository.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=text.encode())
    repository.path.joinpath("refs/heads/main").write_text(commit + "\n")
    answer = source.read()
    assert answer["commit"] == commit and answer["authorTime"] == 0 and names(answer) == ["ConfigMap a"]


def test_an_object_with_many_escapes_arrives_whole(source, repository):
    text = '\\"\\\\' * 100_000
    repository.commit({"users/a.yaml": f'apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{v: "{text}"}}\n'})
    answer = source.read()
    assert json.loads(answer["contents"][0]["objects"][0]["json"])["data"]["v"] == '"\\' * 100_000


def test_thousands_of_objects_arrive_in_order(source, repository):
    for part in range(5):
        repository.commit({f"users/p{part}.yaml": "---\n".join(config_map(f"p{part}-{i:03}") for i in range(1000))})
    answer = source.read()
    assert names(answer)[1:] == [f"ConfigMap p{part}-{i:03}" for part in range(5) for i in range(1000)]


def test_a_commit_that_cannot_be_understood_is_an_error(source, repository):
    commit = repository.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=b"no commit\n")
    repository.path.joinpath("refs/heads/main").write_text(commit + "\n")
    assert source.fail()[0] in ("retry", "missing")


def test_an_object_keeps_its_place(source, repository):
    repository.commit({"users/a.yaml": "# one\n---\n" + config_map("a").replace('value: "1"', "users.yaml: |\n    users: []")})
    found = source.read()["contents"][0]["objects"][0]
    assert (found["file"], found["line"], found["textLine"]) == ("users/a.yaml", 3, 9)


def based(source, repository, files, paths=({"path": "users", "recurse": True},)):
    """What is read of a commit with these files against the commit before it: (changed names, keys of objects), by path."""
    base = source.read()["commit"]
    repository.commit(files)
    answer = source.read(paths=[path | {"base": base} for path in paths])
    assert all(content["based"] and not content["mistakes"] for content in answer["contents"]), answer
    return [(content["changed"], [item["key"] for item in content["objects"]]) for content in answer["contents"]]


def test_only_files_that_differ_from_the_base_are_read(source, repository):
    repository.commit({"users/b.yaml": config_map("b"), "users/x/y/c.yaml": config_map("c"), "users/x/d.yaml": config_map("d")})
    assert names(source.read(paths=[{"path": "users", "recurse": True}])) == [f"ConfigMap {name}" for name in "abdc"]
    assert based(source, repository, {"README.md": "elsewhere\n"}) == [([], [])]
    assert based(source, repository, {"users/b.yaml": config_map("b", "2")}) == [(["users/b.yaml"], ["ConfigMap b"])]
    assert based(source, repository, {"users/x/e.yaml": config_map("e")}) == [([], ["ConfigMap e"])]
    assert based(source, repository, {"users/x/y/c.yaml": None, "users/a.yaml": None}) == [(["users/x/y", "users/a.yaml"], [])]
    assert based(source, repository, {"users/x/d.yaml": None, "users/f.yaml": config_map("d")}) == [(["users/x/d.yaml"], ["ConfigMap d"])]


def test_a_folder_may_take_the_place_of_a_file_and_back(source, repository):
    assert based(source, repository, {"users/a.yaml": None, "users/a.yaml/b.yaml": config_map("b")}) == \
        [(["users/a.yaml"], ["ConfigMap b"])]
    assert based(source, repository, {"users/a.yaml/b.yaml": None, "users/a.yaml": config_map("a")}) == \
        [(["users/a.yaml"], ["ConfigMap a"])]
    assert based(source, repository, {"users/a.yaml": None, "users/a.yaml/b.yaml": config_map("b")}) == \
        [(["users/a.yaml"], ["ConfigMap b"])]
    assert based(source, repository, {"users/a.yaml/b.yaml": None, "users/a.yaml": git.Submodule(repository.head), "users/c.yaml": config_map("c")}) == \
        [(["users/a.yaml"], ["ConfigMap c"])]


def test_a_file_that_counts_by_its_text_is_read_each_time(source, repository):
    repository.commit({"users/.hidden.yaml": config_map("h"), "users/text": config_map("t")})
    both = [{"path": "users", "recurse": True}, {"path": "users", "anyName": True}]
    assert based(source, repository, {"users/b.yaml": config_map("b")}, both) == \
        [(["users/.hidden.yaml"], ["ConfigMap h", "ConfigMap b"]),
         (["users/.hidden.yaml", "users/a.yaml", "users/text"], ["ConfigMap h", "ConfigMap a", "ConfigMap b", "ConfigMap t"])]


@pytest.mark.parametrize("base", ["0" * 40, "main", "", None])
def test_without_the_base_everything_is_read(source, repository, base):
    answer = source.read(paths=[{"path": "users", "base": base}])
    assert names(answer) == ["ConfigMap a"] and not answer["contents"][0]["based"]


def test_a_path_that_the_base_did_not_have_is_read_whole(source, repository):
    base = source.read()["commit"]
    repository.commit({"cluster/a.yaml": config_map("a"), "users/b.yaml": config_map("b")})
    answer = source.read(paths=[{"path": "cluster", "base": base}, {"path": "users", "base": base}])
    assert [content["based"] for content in answer["contents"]] == [False, True]
    assert names(answer, 0) == ["ConfigMap a"] and names(answer, 1) == ["ConfigMap b"]


@pytest.mark.parametrize("name", ["a\nb.yaml", "\x1b[2J.yaml", b"caf\xe9.yaml"])
def test_a_name_that_could_harm_a_terminal_is_shown_escaped(source, repository, name):
    users = repository.raw_tree([("100644", name, repository.blob("kind: x\n"))])
    repository.commit_tree(repository.raw_tree([("40000", "users", users)]))
    found = mistakes(source.read())
    assert "\\x" in found[0] and all(32 <= ord(character) < 127 for character in found[0])


def test_names_that_cannot_be_shown_block_nobody(source, repository):
    """Icon\\r of a Mac, a name and a folder in Latin-1; what is a manifest among them is read."""
    picture = repository.blob(b"\x89PNG")
    folder = repository.raw_tree([("100644", b"b.yaml", repository.blob(config_map("b")))])
    users = repository.raw_tree([
        ("100644", b"Icon\r", picture), ("100644", b"a.yaml", repository.blob(config_map("a"))),
        ("40000", b"gr\xfcn", folder), ("100644", b"\xfcber.png", picture),
        ("100644", b"\xfcber.yaml", repository.blob(config_map("c")))])
    repository.commit_tree(repository.raw_tree([("40000", "users", users)]))
    answer = source.read(paths=[{"path": "users", "recurse": True}])
    assert names(answer) == ["ConfigMap a", "ConfigMap b", "ConfigMap c"]
    assert not answer["contents"][0]["mistakes"]
    assert [item["file"] for item in answer["contents"][0]["objects"]] == [
        "users/a.yaml", "users/gr\\xfcn/b.yaml", "users/\\xfcber.yaml"]
    wrong = repository.raw_tree([("100644", b"\xfcber.yaml", repository.blob("kind: x\n"))])
    repository.commit_tree(repository.raw_tree([("40000", "users", wrong)]))
    assert "users/\\xfcber.yaml:1" in source.read()["contents"][0]["mistakes"][0]


def test_what_kubectl_reads_is_read(source, repository):
    """The end of a block scalar is a Secret's value; a BOM, a comment or nothing between two documents."""
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"
    block = head % "block" + "data:\n  value: |\n    x"
    several = head % "one" + "---# comment\n\ufeff" + head % "two"
    objects = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s"}}'
    repository.commit({"users/a.yaml": block, "users/b.yaml": several,
                       "users/c.json": objects % "three" + objects % "four" + "\n" + objects % "five"})
    answer = source.read()
    found = {item["key"].split()[1]: json.loads(item["json"]) for item in answer["contents"][0]["objects"]}
    assert not answer["contents"][0]["mistakes"]
    assert set(found) == {"block", "one", "two", "three", "four", "five"}
    assert found["block"]["data"]["value"] == "x\n"
