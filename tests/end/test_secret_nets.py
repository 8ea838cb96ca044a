"""What a commit and a push add, as the hooks judge it. Which texts are secrets: tests/reconcile/leak/test_corpus.py."""

import base64
import json
import shlex

import pytest

from parts.checkout import Checkout

PASSWORD = "invented-kestrel-7"


@pytest.fixture
def one(program, tmp_path):
    """A clone with hooks, a first commit and a server."""
    made = Checkout(tmp_path / "repo")
    made.hook("install").ok()
    made.write("README", "one\n")
    made.edit(bob=PASSWORD)
    made.git("add", "-A").ok()
    made.commit("first").ok()
    made.git("init", "-q", "--bare", tmp_path / "remote.git").ok()
    made.git("remote", "add", "origin", tmp_path / "remote.git").ok()
    made.git("push", "-q", "origin", "main").ok()
    return made


def plain(value="invented-value-1", more=""):
    return f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\nstringData:\n  token: {value}\n{more}"


def add(one, path, text, *arguments):
    one.write(path, text)
    one.git("add", path).ok()
    return one.commit(f"change {path}", *arguments)


def allow_command(answer):
    return shlex.split(next(line for line in answer.err.splitlines() if "--allow" in line).split("public: pgitops ")[1])


# ---- only what the commit adds ----


def test_a_secret_that_was_there_stops_no_other_commit(one):
    add(one, "leak.yaml", plain(), "--no-verify").ok()
    add(one, "README", "two\n").ok()
    add(one, "leak.yaml", "# a comment\n" + plain()).ok()
    one.git("mv", "leak.yaml", "moved.yaml").ok()
    one.commit("moved").ok()
    add(one, "moved.yaml", plain(more="  other: invented-value-2\n")).refused("moved.yaml:7", "1 plain value")
    add(one, "copy.yaml", plain()).refused("copy.yaml:6")


def test_a_renamed_and_changed_file_is_compared_with_what_it_was(one):
    add(one, "leak.yaml", "".join(f"# line {number}\n" for number in range(50)) + plain(), "--no-verify").ok()
    one.git("mv", "leak.yaml", "moved.yaml").ok()
    with (one.root / "moved.yaml").open("a") as file:
        file.write("# the end\n")
    one.git("add", "-A").ok()
    one.commit("moved and changed").ok()


def test_what_a_colleague_published_arrives_by_fast_forward_and_stops_nobody(one, tmp_path):
    other = Checkout(tmp_path / "other", certificate=False)
    other.git("pull", "-q", tmp_path / "remote.git", "main").ok()
    add(other, "leak.yaml", plain()).ok()
    other.git("push", "-q", tmp_path / "remote.git", "main").ok()
    one.git("pull", "-q", "--ff-only", "origin", "main").ok()
    add(one, "README", "two\n").ok()
    one.git("push", "-q", "origin", "main").ok()


def test_an_amended_commit_is_judged_as_a_whole_however_the_option_is_written(one):
    add(one, "leak.yaml", plain(), "--no-verify").ok()
    add(one, "README", "two\n", "--am").refused("leak.yaml:6")
    one.git("config", "alias.fix", "commit --amend --no-edit").ok()
    one.git("fix").refused("leak.yaml:6")
    one.commit("a word that is an option: --amend", "--", "README").ok()


def test_a_merge_is_judged_by_what_it_adds_itself(one):
    one.git("checkout", "-q", "-b", "topic").ok()
    add(one, "a.yaml", plain(), "--no-verify").ok()
    one.git("checkout", "-q", "main").ok()
    add(one, "README", "two\n").ok()
    one.git("merge", "-q", "--no-commit", "--no-ff", "topic")
    one.write("evil.yaml", plain("invented-value-3"))
    one.git("add", "evil.yaml").ok()
    one.commit("merge", "--no-verify").ok()
    answer = one.git("push", "origin", "main").refused("a.yaml:6", "evil.yaml:6")
    assert answer.err.count("a.yaml:6") == 1, answer.text


# ---- where nobody looks ----


def test_messages_are_judged_at_commit_and_at_push(one):
    one.commit(f"password of bob is {PASSWORD}", "--allow-empty").refused("message:1", "bob", "COMMIT_EDITMSG")
    one.commit("in base64: " + base64.b64encode(b"xx" + PASSWORD.encode()).decode(), "--allow-empty").refused("message:1", "base64")
    one.commit("subject\n\n" + plain(), "--allow-empty").refused("message:8", "Secret")
    one.commit("the password: of a Secret, and users: with `password: x`", "--allow-empty").ok()
    one.commit(f"x\n\n{PASSWORD}", "--allow-empty", "--no-verify").ok()
    answer = one.git("push", "origin", "main").refused("message:3 in commit", "push refused")
    assert PASSWORD not in answer.err


def test_the_changes_below_the_scissors_are_no_message(one):
    editor = one.write("editor", f"#!/bin/sh\nprintf 'subject\\n# ------------------------ >8 ------------------------\\n{PASSWORD}\\n' > \"$1\"\n")
    editor.chmod(0o755)
    one.git("commit", "-q", "-v", "--allow-empty", GIT_EDITOR=editor).ok()


def test_an_author_with_a_password_for_a_name_is_found(one):
    one.commit("x", "--allow-empty", GIT_AUTHOR_NAME=PASSWORD).ok()
    one.git("push", "origin", "main").refused("author in commit")


@pytest.mark.parametrize("kind", ["blob", "tree", "commit", "tag"])
def test_tags_on_anything_are_judged_with_their_messages(one, kind):
    add(one, "leak.yaml", plain(), "--no-verify").ok()
    target = one.git("rev-parse", {"blob": "HEAD:leak.yaml", "tree": "HEAD^{tree}", "commit": "HEAD", "tag": "HEAD"}[kind]).ok().out.strip()
    if kind == "tag":
        one.git("tag", "-a", "-m", "inner", "inner", target).ok()
        target = "inner"
    one.git("tag", "light", target).ok()
    one.git("tag", "-a", "-m", f"it is\n{PASSWORD}", "annotated", target).ok()
    one.git("push", "origin", "light").refused(":6", "push refused")
    answer = one.git("push", "origin", "annotated").refused("message:2 in tag annotated", ":6")
    assert PASSWORD not in answer.err


def test_names_of_files_and_of_refs_are_judged_and_not_shown(one):
    answer = add(one, f"a {PASSWORD}.txt", "x\n").refused("a ***.txt: the name holds")
    assert PASSWORD not in answer.err and "--allow" not in answer.err
    one.git("rm", "-q", "-f", "--cached", f"a {PASSWORD}.txt")
    answer = one.git("push", "origin", f"main:refs/heads/x-{PASSWORD}").refused("ref: holds")
    assert f"pgitops: {PASSWORD}" not in answer.err


def test_a_new_branch_without_anything_new_and_a_deleted_tag_pass(one):
    one.git("push", "-q", "origin", "main:topic", "main:refs/tags/v1").ok()
    one.git("push", "-q", "origin", ":topic", ":v1").ok()


def test_other_worktrees_and_comments_of_the_edit_file_are_known(one, tmp_path):
    one.git("worktree", "add", "-q", tmp_path / "beside", "-b", "beside").ok()
    (tmp_path / "beside/team").mkdir(exist_ok=True)
    (tmp_path / "beside/team/edit-users.yaml").write_text("users:\n  - username: eve\n    database: postgres\n    password: invented-falcon-5\n")
    edit = one.place / "edit-users.yaml"
    edit.write_text(edit.read_text().replace("        roles:", "        # old: invented-heron-3\n        roles:", 1))
    add(one, "a.txt", "invented-falcon-5\n").refused("a.txt:1", "eve")
    add(one, "b.txt", "invented-heron-3\n").refused("b.txt:1", "comment")
    one.pgitops("seal", "users").ok()
    assert "invented-heron-3" not in (one.place / "users.yaml").read_text()


def test_a_word_that_everybody_guesses_is_told_and_stops_nothing(one):
    one.edit(bob="postgres", amy="abc")
    add(one, "a.txt", "postgres abc\n").ok()
    status = one.hook("status")
    assert 'that of "bob" is too short or too common' in status.out and 'that of "amy"' in status.out, status.text


# ---- allowed ----


def test_one_command_allows_what_was_refused_and_nothing_else(one):
    text = plain() + "---\n" + plain("invented-value-2").replace("name: x", "name: y")
    answer = add(one, "docs/it's.yaml", text).refused("it's.yaml:6", "it's.yaml:13", "2 plain values")
    command = allow_command(answer)
    assert len(command) == 5 and "invented-value" not in answer.err
    one.pgitops(*command).ok()
    layout = (one.root / ".pgitops.yaml").read_text()
    assert "invented-value" not in layout
    one.git("add", "-A").ok()
    one.commit("allowed").ok()
    assert one.pgitops("check", "--secrets").code == 0
    one.pgitops(*command).ok()
    assert (one.root / ".pgitops.yaml").read_text() == layout
    add(one, "docs/other.yaml", plain()).refused("other.yaml:6")
    one.git("rm", "-q", "-f", "--cached", "docs/other.yaml")
    add(one, "docs/it's.yaml", text + "  more: invented-value-4\n").refused("it's.yaml:14", "1 plain value")


@pytest.mark.parametrize("layout", [
    None, "version: 1\n", "version: 1\nsealing: {users: [{edit: team/edit-users.yaml}]}\n", "version: 1\nsealing:\n    allow: []\n",
    "version: 1\nsealing:\n  allow:\n  # why\n  - {path: a.yaml, rule: secret, fingerprint: '00000'}\n",
    "version: 1\nsealing:\n    allow: [{path: a.yaml, rule: secret, fingerprint: '00000'}] # why\n",
    "version: 1\nsealing:\n    certificate: x.pem\n    allow:\n        - path: a.yaml\n          rule: secret\n          fingerprint: '00000'\n",
])
def test_entries_go_into_any_layout(one, layout):
    if layout:
        one.write(".pgitops.yaml", layout)
    one.pgitops("check", "--secrets", "--allow", "b.yaml:users:12345", "c:d.yaml:sealed:abcde").ok()
    text = (one.root / ".pgitops.yaml").read_text()
    assert "'b.yaml', rule: users" in text and "'c:d.yaml', rule: sealed" in text and ("# why" in text) == ("# why" in (layout or ""))
    one.hook("status")
    add(one, ".pgitops.yaml", text).ok()


def test_a_known_password_is_allowed_in_this_clone_alone(one):
    answer = add(one, "a.txt", PASSWORD + "\n").refused("a.txt:1")
    one.pgitops(*allow_command(answer)).ok()
    assert not (one.root / ".pgitops.yaml").exists()
    add(one, "a.txt", PASSWORD + "\n").ok()
    one.known.clear()


def test_wrong_words_of_allow_are_refused(one):
    for word in ("a.yaml", "a.yaml:secret:zzzzz", "a.yaml:nothing:12345", ":secret:12345"):
        one.pgitops("check", "--secrets", "--allow", word).refused("PATH:RULE:FINGERPRINT")
    one.pgitops("check", "--secrets", "--allow").refused("--allow takes")


# ---- answers ----


def test_what_only_looks_like_a_secret_is_a_warning(one):
    answer = add(one, "app.py", "PASSWORD = 'invented-value-5'\n").ok()
    assert "warning: app.py:1" in answer.err and "invented-value-5" not in answer.err
    assert one.pgitops("check", "--secrets").ok().err.count("warning: ") == 1


def test_the_answer_of_check_is_a_document_too(one):
    add(one, "leak.yaml", plain(), "--no-verify").ok()
    answer = one.pgitops("check", "--secrets", "-o", "json", "HEAD~1..HEAD")
    assert answer.code == 1
    item, = json.loads(answer.out)["items"]
    assert (item["path"], item["line"], item["rule"], item["severity"]) == ("leak.yaml", 6, "secret", "refused")
    assert item["commit"] == one.git("rev-parse", "HEAD").ok().out.strip() and item["allow"].startswith("leak.yaml:secret:")
    assert json.loads(one.pgitops("check", "--secrets", "-o", "json", "HEAD~1").ok().out) == {"items": []}


def test_a_file_larger_than_memory_should_be_is_read_to_its_end(one):
    with (one.root / "large.log").open("w") as file:
        file.writelines(f"line {number}: nothing but filler\n" for number in range(150000))
        file.write(PASSWORD + "\n")
    one.git("add", "large.log").ok()
    one.commit("large").refused("large.log:150001")
