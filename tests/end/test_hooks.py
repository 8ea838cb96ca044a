"""The Git hooks with real Git on real repositories: each row of SCENARIOS is one thing that people do."""

import json
import os
import shlex
import shutil
import stat

import pytest

from parts import agent as agents
from parts.checkout import VECTORS, Checkout

EDITOR = "sh -c 'echo message > \"$1\"' --"


def commit_users(one, **more):
    """One command: the users are sealed and committed."""
    return one.pgitops("seal", "users", "--commit", "users", **more).ok()


@pytest.fixture
def fresh(program, tmp_path):
    """A repository with the hooks and no commit yet."""
    one = Checkout(tmp_path / "repo")
    one.hook("install").ok()
    return one


@pytest.fixture
def used(fresh):
    """One with a first commit: README, alice and bob."""
    fresh.write("README", "one\n")
    fresh.edit(alice="alice-password", bob="bob-password")
    fresh.git("add", "-A").ok()
    fresh.commit("first").ok()
    assert fresh.users() == ["alice", "bob"]
    return fresh


# ---- what people do ----


def first_commit(one):
    one.git("rm", "-q", "-r", "--cached", ".")
    shutil.rmtree(one.root / ".git")
    (one.place / "users.yaml").unlink()
    (one.place / "sealed-users.yaml").unlink()
    one.git("init", "-q").ok()
    one.hook("install").ok()
    one.edit(carol="carol-password")
    one.write("README", "one\n")
    one.git("add", "-A").ok()
    one.commit("first").ok()
    assert one.users() == ["carol"]
    assert one.passwords() == {"user-carol-secret": "carol-password"}
    assert "team/edit-users.yaml" not in one.names()


def one_command_seals_and_commits(one):
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    one.write("README", "two\n")
    one.git("add", "README").ok()
    commit_users(one)
    assert one.status() == "M  README\n"  # what else was staged stays staged
    assert one.users() == ["alice", "bob", "carol"]
    assert one.names() == {"team/users.yaml", "team/sealed-users.yaml"}


def commit_with_a_message_and_other_work(one):
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    one.write("README", "two\n")
    one.git("add", "README").ok()
    one.commit("carol").ok()
    assert one.names() == {"README", "team/users.yaml", "team/sealed-users.yaml"}


def commit_with_an_editor(one):
    one.write("README", "two\n")
    one.git("add", "README").ok()
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    one.git("commit", "-q", GIT_EDITOR=EDITOR).ok()
    assert one.users() == ["alice", "bob", "carol"]
    assert one.status() == ""


def commit_with_a_message_and_nothing_else_is_said_twice(one):
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    one.commit("carol").refused("once more")
    one.commit("carol").ok()
    assert one.users() == ["alice", "bob", "carol"]


def unchanged_edit_file(one):
    before = one.sealed()
    one.write("README", "two\n")
    one.commit("readme", "-a").ok()
    assert one.names() == {"README"}
    assert one.sealed() == before


def one_user_more_changes_one_ciphertext(one):
    before = one.sealed()
    one.edit(alice="alice-password", bob="new-bob-password", carol="carol-password")
    commit_users(one)
    after = one.sealed()
    assert after["user-alice-secret"] == before["user-alice-secret"]
    assert after["user-bob-secret"] != before["user-bob-secret"]
    assert one.passwords()["user-bob-secret"] == "new-bob-password"


def removed_user_loses_the_ciphertext(one):
    one.edit(alice="alice-password")
    commit_users(one)
    assert one.users() == ["alice"]
    assert set(one.sealed()) == {"user-alice-secret"}


def renamed_user_keeps_a_password(one):
    one.edit(alice="alice-password", robert="bob-password")
    commit_users(one)
    assert one.passwords() == {"user-alice-secret": "alice-password", "user-robert-secret": "bob-password"}


def password_taken_out_of_the_edit_file_stays_sealed(one):
    before = one.sealed()
    one.edit(alice=None, bob="bob-password")
    commit_users(one)
    assert one.sealed() == before


def partial_staging(one):
    one.write("README", "".join(f"{line}\n" for line in range(30)))
    one.git("add", "README").ok()
    one.commit("lines").ok()
    one.write("README", "first\n" + "".join(f"{line}\n" for line in range(30)) + "last\n")
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    one.git("add", "-p", "README", stdin="y\nn\n").ok()
    one.commit("half").ok()
    assert one.committed("README").startswith("first\n") and not one.committed("README").endswith("last\n")
    assert one.status() == " M README\n"
    assert one.users() == ["alice", "bob", "carol"]


def commit_all(one):
    one.write("README", "two\n")
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    one.commit("all", "-a").ok()
    assert one.names() == {"README", "team/users.yaml", "team/sealed-users.yaml"}
    assert one.status() == ""


def commit_all_with_nothing_else(one):
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    one.commit("all", "-a").refused("once more")
    one.commit("all", "-a").ok()
    assert one.users() == ["alice", "bob", "carol"]
    assert one.status() == ""


def commit_of_one_path_is_about_that_path(one):
    one.write("README", "two\n")
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    one.commit("readme", "--", "README").ok()
    assert one.names() == {"README"}
    assert one.users() == ["alice", "bob"]
    assert one.status() == ""


def commit_of_the_users_path_seals(one):
    one.write("README", "two\n")
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    one.pgitops("seal", "users").ok()
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password", dave="dave-password")
    one.commit("users", "--", "team/users.yaml").ok()
    assert one.names() == {"team/users.yaml", "team/sealed-users.yaml"}
    assert one.users() == ["alice", "bob", "carol", "dave"]
    assert one.status() == " M README\n"


def amend(one):
    one.write("README", "two\n")
    one.commit("readme", "-a").ok()
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    one.git("commit", "-q", "--amend", "--no-edit").ok()
    assert one.names() == {"README", "team/users.yaml", "team/sealed-users.yaml"}
    assert one.git("rev-list", "--count", "HEAD").ok().out == "2\n"


def amend_of_a_leak(one):
    one.write("leak.yaml", one.with_plain())
    one.git("add", "-f", "leak.yaml").ok()
    one.commit("leak", "--no-verify").ok()
    one.write("README", "two\n")
    one.git("add", "README").ok()
    one.git("commit", "-q", "--amend", "--no-edit").refused("leak.yaml", "in a commit already")
    one.git("rm", "-q", "--cached", "leak.yaml").ok()
    one.git("commit", "-q", "--amend", "--no-edit").ok()
    assert "leak.yaml" not in one.names()
    one.known.discard("plain-secret-1")  # the first commit is still in the reflog


def merge_of_two_branches(one):
    one.git("checkout", "-q", "-b", "other").ok()
    one.write("OTHER", "x\n")
    one.git("add", "OTHER").ok()
    one.commit("other").ok()
    one.git("checkout", "-q", "main").ok()
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    commit_users(one)
    one.git("merge", "-q", "--no-edit", "other").ok()
    assert one.users() == ["alice", "bob", "carol"]
    assert one.git("log", "-1", "--format=%P").ok().out.count(" ") == 1


def merge_that_brings_a_leak(one):
    one.git("checkout", "-q", "-b", "other").ok()
    one.write("leak.yaml", one.with_plain())
    one.git("add", "leak.yaml").ok()
    one.commit("leak", "--no-verify").ok()
    one.git("checkout", "-q", "main").ok()
    one.write("README", "two\n")
    one.commit("readme", "-a").ok()
    one.git("merge", "--no-edit", "other").refused("leak.yaml:7", "merge refused")
    one.git("merge", "--abort")
    one.known.discard("plain-secret-1")  # in the other branch


def merge_with_conflict_seals_nothing(one):
    one.git("checkout", "-q", "-b", "other").ok()
    one.write("README", "other\n")
    one.commit("other", "-a").ok()
    one.git("checkout", "-q", "main").ok()
    one.write("README", "main\n")
    one.commit("main", "-a").ok()
    assert one.git("merge", "-q", "other").code != 0
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    one.write("README", "both\n")
    one.git("add", "README").ok()
    one.git("commit", "-q", "--no-edit").ok()
    assert one.users() == ["alice", "bob"]


def rebase(one):
    one.git("checkout", "-q", "-b", "topic").ok()
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    commit_users(one)
    one.git("checkout", "-q", "main").ok()
    one.write("README", "two\n")
    one.commit("readme", "-a").ok()
    one.git("checkout", "-q", "topic").ok()
    one.git("rebase", "-q", "main").ok()
    assert one.users() == ["alice", "bob", "carol"]
    assert one.names() == {"team/users.yaml", "team/sealed-users.yaml"}
    assert one.status() == ""


def cherry_pick(one):
    one.git("checkout", "-q", "-b", "topic").ok()
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    commit_users(one)
    one.git("checkout", "-q", "main").ok()
    one.git("cherry-pick", "topic").ok()
    assert one.users() == ["alice", "bob", "carol"]


def deleted_edit_file_changes_nothing(one):
    before = one.sealed()
    (one.place / "edit-users.yaml").unlink()
    one.write("README", "two\n")
    one.commit("readme", "-a").ok()
    assert one.sealed() == before and one.users() == ["alice", "bob"]


def moved_folder_keeps_every_ciphertext(one):
    before = one.sealed()
    one.git("mv", "team", "people").ok()
    if (one.root / "team").exists():
        shutil.rmtree(one.root / "team")
    one.folder = "people"
    one.edit(alice="alice-password", bob="bob-password")
    one.commit("moved", "-a").ok()
    assert one.sealed() == before


def spaces_and_unicode_in_paths(one):
    second = Checkout(one.root, folder="the team/Zürich \"1\" 'x'", init=False)
    second.edit(zoe="zoe-password")
    one.known |= second.known
    one.hook("install").ok()
    one.git("add", "-A").ok()
    one.commit("zoe", "--allow-empty").ok()
    one.commit("zoe", "--allow-empty").ok()
    assert second.users() == ["zoe"]
    assert one.git("add", "-f", f"{second.folder}/edit-users.yaml").code != 0
    one.commit("again", "--allow-empty").ok()
    second.assert_clean()


def no_certificate(one):
    (one.place / "pub-cert.pem").unlink()
    one.write("README", "two\n")
    one.commit("nothing to seal", "-a").ok()
    head = one.git("rev-parse", "HEAD").ok().out
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    one.write("README", "three\n")
    one.commit("carol", "-a").refused("carol", "no certificate", "pub-cert.pem")
    assert one.git("rev-parse", "HEAD").ok().out == head
    assert one.status() == " M README\n"


def private_key_as_certificate(one):
    shutil.copy(VECTORS / "key-a.pem", one.place / "pub-cert.pem")
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    answer = one.commit("carol", "--allow-empty").refused("PRIVATE KEY")
    body = (VECTORS / "key-a.pem").read_text().splitlines()[1]
    assert body not in answer.text
    shutil.copy(VECTORS / "cert-a.pem", one.place / "pub-cert.pem")


def edit_file_with_a_mistake_commits_nothing(one):
    before = one.git("rev-parse", "HEAD").ok().out
    (one.place / "edit-users.yaml").write_text("users:\n- username: a_b\n  password: pass-word-1\n- username: a-b\n  password: pass-word-2\n")
    one.known |= {"pass-word-1", "pass-word-2"}
    one.write("README", "two\n")
    one.commit("x", "-a").refused("team/edit-users.yaml:4:", "would share the Secret")
    assert one.git("rev-parse", "HEAD").ok().out == before
    assert one.status() == " M README\n"


def edit_file_added_by_force(one):
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    one.git("add", "-f", "team/edit-users.yaml").refused("holds plain passwords and stays out of Git")
    one.git("add", "-A").ok()
    assert one.status() == ""
    one.assert_clean(everything=True)  # it never became an object


def edit_file_that_git_tracks(one):
    """The predecessor's repositories hold one in HEAD."""
    one.hook("uninstall").ok()
    one.git("add", "-f", "team/edit-users.yaml").ok()
    one.commit("leak").ok()
    assert "its removal is staged" in one.hook("install").ok().out
    one.edit(alice="alice-password", bob="bob-password", carol="new-carol-password")
    one.commit("sealed").ok()
    assert one.users() == ["alice", "bob", "carol"]
    assert one.git("ls-files", "team").ok().out == "team/pub-cert.pem\nteam/sealed-users.yaml\nteam/users.yaml\n"
    assert (one.place / "edit-users.yaml").exists()
    one.known -= {"alice-password", "bob-password"}  # in the commit that was made past the hook


def tracked_edit_file_and_one_command(one):
    """As in the predecessor's own repository: install, and go on at once."""
    one.hook("uninstall").ok()
    one.git("add", "-f", "team/edit-users.yaml").ok()
    one.commit("leak").ok()
    one.hook("install").ok()
    one.edit(alice="alice-password", bob="bob-password", carol="new-carol-password")
    commit_users(one)
    assert one.users() == ["alice", "bob", "carol"]
    answer = one.git("add", "team/edit-users.yaml")
    assert "-f" not in answer.text
    one.commit("untracked", "--allow-empty").ok()
    assert "team/edit-users.yaml" not in one.git("ls-tree", "-r", "--name-only", "HEAD").ok().out
    assert (one.place / "edit-users.yaml").exists()
    one.known -= {"alice-password", "bob-password"}  # in the commit that was made past the hook


def line_ends_as_git_converts_them(one):
    one.git("config", "core.autocrlf", "true").ok()
    one.git("rm", "-q", "-r", "--cached", ".").ok()
    one.git("reset", "-q", "--hard").ok()
    assert b"\r\n" in (one.place / "users.yaml").read_bytes()
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    commit_users(one)
    assert one.users() == ["alice", "bob", "carol"]
    one.edit(alice="alice-password", carol="carol-password")
    one.write("README", "two\n")
    one.commit("readme", "-a").ok()
    assert one.users() == ["alice", "carol"]
    text = (one.place / "edit-users.yaml").read_text()
    (one.place / "edit-users.yaml").write_bytes(text.replace("carol", "zoe").replace("\n", "\r\n").encode())
    one.known.add("zoe-password")
    commit_users(one)
    assert one.users() == ["alice", "zoe"]
    assert "\r" not in one.committed("team/users.yaml")


def links_and_modes_stay(one):
    elsewhere = one.root.parent / "elsewhere"
    elsewhere.mkdir()
    (one.place / "edit-users.yaml").rename(elsewhere / "edit.yaml")
    (one.place / "edit-users.yaml").symlink_to(elsewhere / "edit.yaml")
    (one.place / "sealed-users.yaml").chmod(0o600)
    (elsewhere / "edit.yaml").chmod(0o640)
    other = clone(one, "other")
    other.edit(alice=None, bob=None, dora="dora-password")
    one.known |= other.known
    commit_users(other)
    one.git("pull", "-q", other.root, "main").ok()
    assert (one.place / "edit-users.yaml").is_symlink() and "dora" in (elsewhere / "edit.yaml").read_text()
    assert stat.S_IMODE((elsewhere / "edit.yaml").stat().st_mode) == 0o640
    (one.place / "sealed-users.yaml").chmod(0o600)
    text = (elsewhere / "edit.yaml").read_text()
    (elsewhere / "edit.yaml").write_text(text.replace("bob-password", "newer-password"))
    one.known.add("newer-password")
    commit_users(one)
    assert one.passwords()["user-bob-secret"] == "newer-password"
    assert stat.S_IMODE((one.place / "sealed-users.yaml").stat().st_mode) == 0o600


def stash_of_everything_keeps_the_passwords(one):
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    one.write("README", "two\n")
    one.git("stash", "-q", "-a")
    assert "carol-password" in (one.place / "edit-users.yaml").read_text()


def leak_under_any_name(one):
    one.write("notes/my users.txt", "users:\n- username: x\n  password: other-password-1\n")
    one.write("k8s/secret.yaml", one.with_plain())
    one.write("deep/known.md", "the password is alice-password\n")
    one.known.add("other-password-1")
    one.git("add", "-A").ok()
    one.commit("leak").refused("notes/my users.txt:3", "k8s/secret.yaml:7", "deep/known.md:1", "commit refused")
    assert one.status() == ""
    assert (one.root / "k8s/secret.yaml").exists()


def refused_objects_stay_for_whoever_needs_them(one):
    one.git("worktree", "add", "-q", "../beside", "-b", "beside").ok()
    beside = Checkout(one.root.parent / "beside", init=False, certificate=False)
    for checkout in (one, beside):
        checkout.write("leak.yaml", one.with_plain())
        checkout.git("add", "leak.yaml").ok()
    one.commit("leak").refused("leak.yaml:7", "goes when Git prunes")
    assert "plain-secret-1" in beside.git("show", ":leak.yaml").ok().out
    assert "missing" not in one.git("fsck", "--full").ok().text
    beside.git("rm", "-q", "-f", "leak.yaml").ok()


def leak_with_commit_all(one):
    one.write("config.yaml", "a: b\n")
    one.git("add", "config.yaml").ok()
    one.commit("config").ok()
    one.write("config.yaml", one.with_plain())
    one.commit("leak", "-a").refused("config.yaml:7")
    assert one.status() == " M config.yaml\n"


def leak_with_commit_of_one_path(one):
    one.write("config.yaml", "a: b\n")
    one.git("add", "config.yaml").ok()
    one.commit("config").ok()
    one.write("config.yaml", one.with_plain())
    one.commit("leak", "config.yaml").refused("config.yaml:7")
    assert one.status() == " M config.yaml\n"


def renamed_leak(one):
    one.edit(alice="alice-password", bob="bob-password")
    shutil.copy(one.place / "edit-users.yaml", one.place / "edit-users-team2.yaml")
    one.git("add", "-A").ok()
    one.commit("copy").refused("edit-users-team2.yaml", "plain password")


def allow(one, answer):
    """Runs the command that the refusal printed."""
    command = next(line for line in answer.err.splitlines() if "--allow" in line).split("public: pgitops ")[1]
    one.pgitops(*shlex.split(command)).ok()


def allowed_by_the_repository(one):
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {password: example}\n"
    one.write("docs/example.yaml", text)
    one.write(".pgitops.yaml", "# ours\nversion: 1\nsealing:\n  users: [{edit: team/edit-users.yaml}] # the only one\n")
    one.git("add", "-A").ok()
    allow(one, one.commit("example").refused("docs/example.yaml:4"))
    layout = (one.root / ".pgitops.yaml").read_text()
    assert "# ours" in layout and "# the only one" in layout and "example.yaml" in layout
    one.git("add", "-A").ok()
    one.commit("example").ok()
    one.write("docs/example.yaml", "# more\n" + text.replace("name: x", "name: y"))
    one.commit("other lines", "-a").ok()
    one.write("docs/example.yaml", text.replace("example}", "another}"))
    one.commit("changed", "-a").refused("docs/example.yaml:4")


def entries_of_whole_files_count_no_more(one):
    file = one.write("docs/example.yaml", "kind: Secret\nstringData: {password: example}\n")
    digest = one.run("sha256sum", file).ok().out.split()[0]
    one.write(".pgitops.yaml", "version: 1\nsealing:\n  users: [{edit: team/edit-users.yaml}]\n"
              f"  allow:\n  - {{path: docs/example.yaml, sha256: '{digest}'}}\n")
    one.git("add", "-A").ok()
    allow(one, one.commit("example").refused("docs/example.yaml:2", "sha256 of the whole file, which counts no more"))
    one.git("add", "-A").ok()
    one.commit("example").ok()


def declared_layout(one):
    one.git("mv", "team/users.yaml", "team/people.yaml").ok()
    one.git("mv", "team/sealed-users.yaml", "team/people-sealed.yaml").ok()
    one.git("mv", "team/pub-cert.pem", "certificate.pem").ok()
    (one.place / "edit-users.yaml").rename(one.root / "people.local.yaml")
    one.write(".pgitops.yaml", "version: 1\nsealing:\n  certificate: certificate.pem\n  users:\n  - edit: people.local.yaml\n"
              "    users: team/people.yaml\n    sealed: team/people-sealed.yaml\n")
    one.hook("install").ok()
    before = one.git("show", "HEAD:team/sealed-users.yaml").ok().out
    one.git("add", ".pgitops.yaml").ok()
    one.commit("declared").ok()
    assert one.git("show", "HEAD:team/people-sealed.yaml").ok().out == before
    assert one.git("add", "-f", "people.local.yaml").code != 0


def mistake_in_the_declared_layout(one):
    one.write(".pgitops.yaml", "version: 1\nsealing:\n  user: []\n")
    one.git("add", ".pgitops.yaml").ok()
    one.commit("x").refused(".pgitops.yaml:3", "unknown field \"user\"")


def users_changed_by_others_reach_the_edit_file(one):
    other = clone(one, "other")
    other.edit(alice=None, bob=None, carol="carol-password")
    commit_users(other)
    one.known |= other.known
    one.git("pull", "-q", other.root, "main").ok()
    text = (one.place / "edit-users.yaml").read_text()
    assert "carol" in text and "alice-password" in text and "carol-password" not in text
    one.edit(alice="alice-password", bob="bob-password", carol=None, dave="dave-password")
    commit_users(one)
    assert one.users() == ["alice", "bob", "carol", "dave"]
    assert one.passwords()["user-carol-secret"] == "carol-password"


def changes_on_both_sides_are_not_lost(one):
    other = clone(one, "other")
    other.edit(alice=None, bob=None, carol="carol-password")
    commit_users(other)
    one.known |= other.known
    one.edit(alice="alice-password", bob="bob-password", dave="dave-password")
    one.git("pull", "-q", other.root, "main").ok()
    text = (one.place / "edit-users.yaml").read_text()
    assert "carol" in text and "dave-password" in text
    commit_users(one)
    assert sorted(one.users()) == ["alice", "bob", "carol", "dave"]
    assert one.passwords() == {"user-alice-secret": "alice-password", "user-bob-secret": "bob-password",
                               "user-carol-secret": "carol-password", "user-dave-secret": "dave-password"}


def other_branch_has_other_users(one):
    one.git("checkout", "-q", "-b", "topic").ok()
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    commit_users(one)
    left = one.git("checkout", "-q", "main").ok().err
    assert '"carol" is not in team/users.yaml of this branch' in left
    assert "carol-password" in (one.place / "edit-users.yaml").read_text()  # what has a password is never taken out
    one.write("README", "two\n")
    one.commit("readme", "-a").ok()
    assert one.users() == ["alice", "bob"]
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password", dave="dave-password")
    assert '"carol"' in commit_users(one).err
    assert one.users() == ["alice", "bob", "dave"]
    one.git("checkout", "-q", "topic").ok()
    one.write("README", "three\n")
    one.commit("readme", "-a").ok()
    assert one.users() == ["alice", "bob", "carol"]
    one.git("merge", "-q", "--no-edit", "main")
    one.pgitops("seal", "users", "--resolve").ok()
    one.write("README", "both\n")
    one.git("add", "README").ok()
    one.git("commit", "-q", "--no-edit").ok()
    assert sorted(one.users()) == ["alice", "bob", "carol", "dave"]
    assert one.passwords()["user-carol-secret"] == "carol-password" and one.passwords()["user-dave-secret"] == "dave-password"


def first_seal_removes_nobody(one):
    other = clone(one, "other")
    (other.place / "edit-users.yaml").unlink(missing_ok=True)
    shutil.rmtree(other.root / ".git/pgitops")
    other.hook("install").ok()
    (other.root / ".git/pgitops/receipts").unlink()
    other.edit(carol="carol-password")
    one.known |= other.known
    assert "put in again" in commit_users(other).err
    assert other.users() == ["alice", "bob", "carol"]
    assert set(other.sealed()) == {"user-alice-secret", "user-bob-secret", "user-carol-secret"}
    other.edit(bob=None, carol="carol-password")
    commit_users(other)
    assert other.users() == ["bob", "carol"]


def rebase_and_seal_keeps_the_colleagues_user(one):
    """The issue's own case: no conflict, rc 0, and the colleague's user was gone."""
    one.git("init", "-q", "--bare", "../shared.git").ok()
    one.git("remote", "add", "origin", "../shared.git").ok()
    one.git("push", "-q", "-u", "origin", "main").ok()
    other = clone(one, "other")
    other.git("remote", "set-url", "origin", "../shared.git").ok()
    other.edit(alice=None, bob=None, dora="dora-password")
    one.known |= other.known
    commit_users(other)
    other.git("push", "-q", "origin", "main").ok()
    one.write("README", "mine\n")
    one.commit("mine", "-a").ok()
    one.git("pull", "-q", "--rebase").ok()
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")  # as an editor that never saw the pull
    assert "put in again" in commit_users(one).err
    assert sorted(one.users()) == ["alice", "bob", "carol", "dora"]
    assert one.passwords()["user-dora-secret"] == "dora-password"
    assert "dora" in (one.place / "edit-users.yaml").read_text()


def what_was_taken_back_is_sealed_again(one):
    def add_carol():
        one.edit(alice="alice-password", bob="new-bob-password", carol="carol-password")

    def check():
        text = (one.place / "edit-users.yaml").read_text()
        assert "carol-password" in text and "new-bob-password" in text
        one.write("README", f"{one.status()}x\n")
        one.commit("work", "-a").ok()
        assert one.users() == ["alice", "bob", "carol"]
        assert one.passwords() == {"user-alice-secret": "alice-password", "user-bob-secret": "new-bob-password",
                                   "user-carol-secret": "carol-password"}
        one.git("reset", "-q", "--hard", "HEAD~1").ok()

    add_carol()
    one.write("README", "two\n")
    assert one.git("commit", "-a", GIT_EDITOR="true").code != 0  # left without a message
    for taken_back in (["reset", "-q"], ["reset", "-q", "--hard"], ["stash", "-q"], ["checkout", "-q", "HEAD", "--", "."]):
        one.pgitops("seal", "users", "--stage").ok()
        one.git(*taken_back)
        check()
    commit_users(one)
    one.git("reset", "-q", "--hard", "HEAD~1").ok()
    check()


def a_client_with_its_own_index_loses_nobody(one):
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    own = one.root / ".git/client-index"
    one.git("read-tree", "HEAD", GIT_INDEX_FILE=own).ok()
    one.write("README", "two\n")
    one.git("add", "README", GIT_INDEX_FILE=own).ok()
    one.commit("from a client", GIT_INDEX_FILE=own).ok()
    assert one.users() == ["alice", "bob", "carol"]
    one.git("add", "README").ok()
    one.write("README", "three\n")
    one.commit("from here", "-a").ok()
    assert one.users() == ["alice", "bob", "carol"]
    assert "carol-password" in (one.place / "edit-users.yaml").read_text()


def conflicts_are_shown_and_nothing_is_guessed(one):
    other = clone(one, "other")
    other.edit(alice="others-password", bob=None)
    one.known |= other.known
    commit_users(other)
    one.edit(alice="my-password", bob="bob-password")
    answer = one.git("pull", "-q", other.root, "main").ok()
    assert "conflict: team/edit-users.yaml" in answer.err and "another password here" in answer.err
    head, text = one.git("rev-parse", "HEAD").ok().out, (one.place / "edit-users.yaml").read_text()
    one.commit("x", "--allow-empty").refused("alice", "--resolve")
    one.pgitops("seal", "users").refused("alice", "--resolve")
    assert one.git("rev-parse", "HEAD").ok().out == head and (one.place / "edit-users.yaml").read_text() == text
    assert one.passwords()["user-alice-secret"] == "others-password"
    one.pgitops("seal", "users", "--resolve", "--commit", "mine").ok()
    assert one.passwords() == {"user-alice-secret": "my-password", "user-bob-secret": "bob-password"}


def a_colleagues_new_password_is_not_taken_back(one):
    other = clone(one, "other")
    other.edit(alice="others-password", bob=None)
    one.known |= other.known
    commit_users(other)
    assert "not the one that is sealed" in one.git("pull", "-q", other.root, "main").ok().err
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    commit_users(one)
    assert one.passwords()["user-alice-secret"] == "others-password"


def half_a_merge_is_not_committed(one):
    sealed = (one.place / "sealed-users.yaml").read_text()
    users = (one.place / "users.yaml").read_text()
    marked = users.replace("      - username: bob", "<<<<<<< HEAD\n      - username: bob").replace("kind:", "=======\n>>>>>>> x\nkind:")
    for path, text, words in (("users.yaml", marked, "conflict markers"), ("sealed-users.yaml", sealed + "---\n" + sealed, "stands there twice"),
                              ("users.yaml", users.replace("kind:", users[users.index("      - "):users.index("kind:")] + "kind:"), "twice")):
        (one.place / path).write_text(text)
        one.git("add", "team").ok()
        one.commit("x").refused(words, "pgitops seal users --resolve")
        one.pgitops("seal", "users", "--resolve", "--stage").ok()
        one.commit("mended", "--allow-empty").ok()
        assert one.users() == ["alice", "bob"]
        assert one.passwords() == {"user-alice-secret": "alice-password", "user-bob-secret": "bob-password"}
    (one.place / "users.yaml").write_text(marked)  # what a colleague pushed from the web
    one.git("add", "team").ok()
    one.commit("half", "--no-verify").ok()
    one.pgitops("seal", "users", "--resolve", "--commit", "mended").ok()
    assert one.users() == ["alice", "bob"]


def two_who_add_a_user_each(one):
    other = clone(one, "other")
    other.edit(alice=None, bob=None, dora="dora-password")
    one.known |= other.known
    commit_users(other)
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    commit_users(one)
    assert one.git("pull", "-q", "--no-rebase", "--no-edit", other.root, "main").code != 0
    one.commit("x").refused()
    one.pgitops("seal", "users", "--resolve").ok()
    one.git("commit", "-q", "--no-edit").ok()
    assert sorted(one.users()) == ["alice", "bob", "carol", "dora"]
    assert one.passwords()["user-carol-secret"] == "carol-password" and one.passwords()["user-dora-secret"] == "dora-password"
    assert "dora" in (one.place / "edit-users.yaml").read_text()


def linked_worktree(one):
    one.git("worktree", "add", "-q", "../linked", "-b", "linked").ok()
    linked = Checkout(one.root.parent / "linked", init=False, certificate=False)
    linked.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    one.known |= linked.known
    commit_users(linked)
    assert linked.users() == ["alice", "bob", "carol"]
    assert one.users() == ["alice", "bob"]
    linked.write("leak.yaml", one.with_plain())
    linked.git("add", "-A").ok()
    linked.commit("leak").refused("leak.yaml:7")
    linked.assert_clean()


def submodule(one):
    outer = Checkout(one.root.parent / "outer", certificate=False)
    outer.git("submodule", "add", "-q", one.root, "inner").ok()
    outer.commit("inner").ok()
    inner = Checkout(outer.root / "inner", init=False, certificate=False)
    inner.hook("install").ok()
    inner.edit(alice=None, bob=None, carol="carol-password")
    commit_users(inner)
    assert inner.users() == ["alice", "bob", "carol"]
    inner.assert_clean("carol-password")


def an_empty_list_and_back(one):
    one.edit({})
    commit_users(one)
    assert one.users() == [] and one.sealed() == {}
    one.edit(dave="dave-password")
    commit_users(one)
    assert one.passwords() == {"user-dave-secret": "dave-password"}
    other = Checkout(one.root.parent / "empty")
    other.hook("install").ok()
    other.edit({})
    commit_users(other)
    assert other.users() == []


def offline(one):
    kubeconfig = one.home / "kubeconfig"
    kubeconfig.write_text("apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
                          "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\nusers: [{name: u, user: {token: t}}]\n")
    one.environment["KUBECONFIG"] = str(kubeconfig)
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    commit_users(one)
    assert one.users() == ["alice", "bob", "carol"]


def two_edit_files_for_one_secret(one):
    second = Checkout(one.root, folder="other", init=False)
    second.edit(bob="another-password")
    one.known |= second.known
    one.write("README", "two\n")
    one.commit("x", "-a").refused("other/edit-users.yaml:5", "team/edit-users.yaml:", "would share the Secret postgres/user-bob-secret")


def repository_with_sha256(one):
    other = Checkout(one.root.parent / "sha256", init=False)
    other.git("init", "-q", "--object-format=sha256").ok()
    other.hook("install").ok()
    other.edit(carol="carol-password")
    commit_users(other)
    assert other.passwords() == {"user-carol-secret": "carol-password"}
    other.write("leak.yaml", other.with_plain())
    other.git("add", "-A").ok()
    other.commit("leak").refused("leak.yaml:7", "goes when Git prunes")
    other.assert_clean()


def from_a_folder_below(one):
    below = one.root / "some/where"
    below.mkdir(parents=True)
    one.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    commit_users(one, cwd=below)
    assert one.users() == ["alice", "bob", "carol"]


SCENARIOS = [
    first_commit,
    one_command_seals_and_commits,
    commit_with_an_editor,
    commit_with_a_message_and_other_work,
    commit_with_a_message_and_nothing_else_is_said_twice,
    unchanged_edit_file,
    one_user_more_changes_one_ciphertext,
    removed_user_loses_the_ciphertext,
    renamed_user_keeps_a_password,
    password_taken_out_of_the_edit_file_stays_sealed,
    partial_staging,
    commit_all,
    commit_all_with_nothing_else,
    commit_of_one_path_is_about_that_path,
    commit_of_the_users_path_seals,
    amend,
    amend_of_a_leak,
    merge_of_two_branches,
    merge_that_brings_a_leak,
    merge_with_conflict_seals_nothing,
    rebase,
    cherry_pick,
    deleted_edit_file_changes_nothing,
    moved_folder_keeps_every_ciphertext,
    spaces_and_unicode_in_paths,
    no_certificate,
    private_key_as_certificate,
    edit_file_with_a_mistake_commits_nothing,
    edit_file_added_by_force,
    edit_file_that_git_tracks,
    tracked_edit_file_and_one_command,
    line_ends_as_git_converts_them,
    links_and_modes_stay,
    stash_of_everything_keeps_the_passwords,
    leak_under_any_name,
    refused_objects_stay_for_whoever_needs_them,
    leak_with_commit_all,
    leak_with_commit_of_one_path,
    renamed_leak,
    allowed_by_the_repository,
    entries_of_whole_files_count_no_more,
    declared_layout,
    mistake_in_the_declared_layout,
    users_changed_by_others_reach_the_edit_file,
    changes_on_both_sides_are_not_lost,
    other_branch_has_other_users,
    first_seal_removes_nobody,
    rebase_and_seal_keeps_the_colleagues_user,
    what_was_taken_back_is_sealed_again,
    a_client_with_its_own_index_loses_nobody,
    conflicts_are_shown_and_nothing_is_guessed,
    a_colleagues_new_password_is_not_taken_back,
    half_a_merge_is_not_committed,
    two_who_add_a_user_each,
    linked_worktree,
    submodule,
    an_empty_list_and_back,
    offline,
    two_edit_files_for_one_secret,
    repository_with_sha256,
    from_a_folder_below,
]


def clone(one, name):
    """A clone with the hooks; its missing edit file is made by them."""
    one.git("clone", "-q", one.root, one.root.parent / name).ok()
    made = Checkout(one.root.parent / name, init=False, certificate=False)
    made.hook("install").ok()
    assert (made.place / "edit-users.yaml").exists()
    return made


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_commit_is_safe_and_leaves_the_index_as_expected(used, scenario):
    scenario(used)
    used.assert_clean()


# ---- pushing ----


@pytest.fixture
def remote(used, tmp_path):
    used.git("init", "-q", "--bare", tmp_path / "remote.git").ok()
    used.git("remote", "add", "origin", tmp_path / "remote.git").ok()
    used.git("push", "-q", "origin", "main").ok()
    return used


def leak(one, path, *arguments):
    one.write(path, one.with_plain())
    one.git("add", path).ok()
    one.commit("leak", "--no-verify", *arguments).ok()


def test_a_push_with_a_plain_password_in_any_commit_is_refused(remote):
    leak(remote, "leak.yaml")
    commit = remote.git("rev-parse", "HEAD").ok().out[:12]
    remote.git("rm", "-q", "leak.yaml").ok()
    remote.commit("gone again").ok()
    remote.git("push", "origin", "main").refused("leak.yaml:7", commit, "push refused")
    remote.git("push", "origin", "HEAD:refs/heads/new-branch").refused("leak.yaml:7")
    remote.git("tag", "v1").ok()
    remote.git("push", "origin", "v1").refused("leak.yaml:7")


def test_a_push_of_a_renamed_leak_is_refused(remote):
    leak(remote, "notes.txt")
    remote.git("mv", "notes.txt", "other.md").ok()
    remote.commit("renamed", "--no-verify").ok()
    remote.git("push", "origin", "main").refused("notes.txt:7", "1 plain value")


def test_what_was_pushed_long_ago_does_not_block_everybody(remote):
    leak(remote, "leak.yaml")
    remote.git("push", "-q", "--no-verify", "origin", "main").ok()
    remote.git("rm", "-q", "leak.yaml").ok()
    remote.commit("gone again").ok()
    remote.git("push", "-q", "origin", "main").ok()


def test_a_merge_of_what_a_server_has_already_is_warned_of_and_passes(remote):
    remote.git("checkout", "-q", "-b", "other").ok()
    leak(remote, "leak.yaml")
    remote.git("push", "-q", "--no-verify", "origin", "other").ok()
    remote.git("checkout", "-q", "main").ok()
    remote.write("README", "two\n")
    remote.commit("readme", "-a").ok()
    assert "on a server already" in remote.git("merge", "--no-edit", "other").ok().err


def test_a_clean_push_and_a_deleted_branch_pass(remote):
    remote.write("README", "two\n")
    remote.commit("readme", "-a").ok()
    remote.git("push", "-q", "origin", "main", "main:topic").ok()
    remote.git("push", "-q", "origin", ":topic").ok()


def test_the_server_refuses_in_pre_receive(remote, tmp_path):
    hook = tmp_path / "remote.git/hooks/pre-receive"
    hook.write_text(f"#!/bin/sh\nexec '{agents.PROGRAM}' check --secrets --pre-receive\n")
    hook.chmod(0o755)
    leak(remote, "leak.yaml")
    remote.git("push", "--no-verify", "origin", "main").refused("leak.yaml:7", "pre-receive hook declined")
    remote.git("reset", "-q", "--hard", "HEAD^").ok()
    remote.write("README", "two\n")
    remote.commit("readme", "-a").ok()
    remote.git("push", "-q", "--no-verify", "origin", "main").ok()


def test_the_server_honours_what_the_repository_allows(remote, tmp_path):
    hook = tmp_path / "remote.git/hooks/pre-receive"
    hook.write_text(f"#!/bin/sh\nexec '{agents.PROGRAM}' check --secrets --pre-receive\n")
    hook.chmod(0o755)
    remote.write("docs/example.yaml", "kind: Secret\nstringData: {password: example}\n")
    remote.git("add", "-A").ok()
    remote.commit("example", "--no-verify").ok()
    allow(remote, remote.git("push", "--no-verify", "origin", "main").refused("docs/example.yaml:2"))
    remote.git("add", "-A").ok()
    remote.commit("allowed").ok()
    remote.git("push", "-q", "origin", "main").ok()


def test_check_secrets_answers_for_a_range_and_for_the_checkout(remote):
    remote.pgitops("check", "--secrets").ok()
    remote.pgitops("check", "--secrets", "HEAD").ok()
    leak(remote, "leak.yaml")
    assert remote.pgitops("check", "--secrets", "origin/main..HEAD").code == 1
    assert remote.pgitops("check", "--secrets").code == 1
    assert remote.pgitops("check", "--secrets", "HEAD~1").code == 0
    assert remote.pgitops("check", "--secrets", "nowhere..HEAD").code == 2


# ---- installing ----


def hooks_of(one):
    return {file.name: file.read_text() for file in (one.root / ".git/hooks").iterdir() if not file.name.endswith(".sample")}


def test_install_and_uninstall_leave_no_trace(program, tmp_path):
    one = Checkout(tmp_path / "repo")
    config, exclude = (one.root / ".git/config").read_text(), (one.root / ".git/info/exclude").read_text()
    mine = one.root / ".git/hooks/pre-commit"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("#!/bin/sh\necho mine >> ran\n")
    mine.chmod(0o755)
    before = hooks_of(one)
    one.hook("status").refused()
    one.hook("install").ok()
    one.hook("install").ok()
    assert hooks_of(one).keys() == {"pre-commit", "pre-commit.before-pgitops", "pre-merge-commit", "commit-msg", "post-commit", "post-checkout",
                                    "post-merge", "post-rewrite", "pre-push"}
    assert one.hook("status").ok().out.count("runs") == 8
    one.commit("x", "--allow-empty").ok()
    assert (one.root / "ran").read_text() == "mine\n"
    one.hook("uninstall").ok()
    assert hooks_of(one) == before
    assert (one.root / ".git/config").read_text() == config
    assert (one.root / ".git/info/exclude").read_text() == exclude
    one.hook("uninstall").ok()


def test_a_hook_that_was_there_can_still_refuse(used):
    used.hook("uninstall").ok()
    for name in ("pre-commit", "pre-push"):
        mine = used.root / f".git/hooks/{name}"
        mine.write_text("#!/bin/sh\ncat > stdin-of-hook\nexit 7\n")
        mine.chmod(0o755)
    used.hook("install").ok()
    used.commit("x", "--allow-empty", stdin="").refused()
    used.git("init", "-q", "--bare", used.root.parent / "remote.git").ok()
    used.git("push", used.root.parent / "remote.git", "main").refused()
    assert "refs/heads/main" in (used.root / "stdin-of-hook").read_text()


def test_husky_and_others_with_core_hooks_path_keep_running(program, tmp_path):
    one = Checkout(tmp_path / "repo")
    for name in ("pre-commit", "commit-msg"):
        hook = one.write(f".husky/_/{name}", f"#!/bin/sh\necho {name} >> ran\n")
        hook.chmod(0o755)
    one.git("config", "core.hooksPath", ".husky/_").ok()
    config = (one.root / ".git/config").read_text()
    one.hook("install").ok()
    one.hook("install").ok()
    one.hook("status").ok()
    assert sorted(os.listdir(one.root / ".husky/_")) == ["commit-msg", "pre-commit"]
    one.edit(carol="carol-password")
    one.git("commit", "-q", "--allow-empty", GIT_EDITOR=EDITOR).ok()
    assert (one.root / "ran").read_text() == "pre-commit\ncommit-msg\n"
    assert one.users() == ["carol"]
    one.hook("uninstall").ok()
    assert (one.root / ".git/config").read_text() == config
    one.assert_clean()


def test_a_hooks_path_of_the_whole_company_is_followed_and_restored(program, tmp_path):
    one = Checkout(tmp_path / "repo")
    folder = tmp_path / "company"
    folder.mkdir()
    (folder / "pre-commit").write_text("#!/bin/sh\necho company >> ran\n")
    (folder / "pre-commit").chmod(0o755)
    one.git("config", "--global", "core.hooksPath", folder).ok()
    one.hook("install").ok()
    one.commit("x", "--allow-empty").ok()
    assert (one.root / "ran").read_text() == "company\n"
    one.hook("uninstall").ok()
    assert one.git("config", "--get", "core.hooksPath").ok().out.strip() == str(folder)
    assert one.git("config", "--local", "--get", "core.hooksPath").code == 1


def test_status_sees_hooks_that_git_does_not_run(used):
    used.hook("status").ok()
    (used.root / ".git/hooks/pre-commit").chmod(0o644)
    assert "not executable" in used.hook("status").refused().out
    used.git("config", "core.hooksPath", ".elsewhere").ok()
    assert "not installed" in used.hook("status").refused().out


def test_every_command_that_seals_says_when_git_runs_no_hooks(used):
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: team}\nstringData: {token: t}\n"
    seal = ("seal", "--cert", used.place / "pub-cert.pem", "-o", "yaml")
    assert "hook" not in used.pgitops("seal", "users").ok().err + used.pgitops(*seal, stdin=secret).ok().err
    used.git("config", "core.hooksPath", ".husky/_").ok()  # as each `npm install` with husky does
    for command in (("seal", "users"), seal):
        err = used.pgitops(*command, stdin=secret).ok().err
        assert "pre-commit is not installed in .husky/_" in err and "core.hooksPath" in err and "pgitops hook install" in err
    used.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    commit_users(used)  # and it works without them
    assert used.users() == ["alice", "bob", "carol"]
    used.hook("install").ok()
    assert "hook" not in used.pgitops("seal", "users").ok().err


def test_pre_commit_com_moves_the_hook_and_it_still_runs(used):
    """pre-commit renames a hook that it finds to NAME.legacy and runs it first."""
    hooks = used.root / ".git/hooks"
    (hooks / "pre-commit").rename(hooks / "pre-commit.legacy")
    (hooks / "pre-commit").write_text("#!/bin/sh\n\"$(dirname \"$0\")/pre-commit.legacy\" \"$@\" || exit\necho framework >> ran\n")
    (hooks / "pre-commit").chmod(0o755)
    assert "behind another hook" in used.hook("status").ok().out
    used.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    commit_users(used)
    assert used.users() == ["alice", "bob", "carol"]
    assert (used.root / "ran").read_text() == "framework\n"


def test_a_hook_that_was_chained_runs_behind_pre_commit_com_too(used):
    used.hook("uninstall").ok()
    hooks = used.root / ".git/hooks"
    (hooks / "pre-commit").write_text("#!/bin/sh\necho mine >> ran\n")
    (hooks / "pre-commit").chmod(0o755)
    used.hook("install").ok()
    (hooks / "pre-commit").rename(hooks / "pre-commit.legacy")
    (hooks / "pre-commit").write_text("#!/bin/sh\n\"$(dirname \"$0\")/pre-commit.legacy\" \"$@\" || exit\necho framework >> ran\n")
    (hooks / "pre-commit").chmod(0o755)
    used.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    commit_users(used)
    assert used.users() == ["alice", "bob", "carol"]
    assert (used.root / "ran").read_text() == "mine\nframework\n"


def test_a_push_of_nothing_feeds_a_chained_hook_nothing(remote):
    remote.hook("uninstall").ok()
    mine = remote.root / ".git/hooks/pre-push"
    mine.write_text("#!/bin/sh\ncat > fed\n")
    mine.chmod(0o755)
    remote.hook("install").ok()
    remote.git("push", "-q", "origin", "main").ok()
    assert (remote.root / "fed").read_bytes() == b""
    remote.write("README", "two\n")
    remote.commit("readme", "-a").ok()
    remote.git("push", "-q", "origin", "main").ok()
    fed = (remote.root / "fed").read_text()
    assert fed.count("\n") == 1 and fed.startswith("refs/heads/main ")


def test_without_the_program_nothing_is_committed(used, tmp_path):
    hook = used.root / ".git/hooks/pre-commit"
    text = hook.read_text()
    hook.write_text(text.replace(str(agents.PROGRAM.resolve()), str(tmp_path / "gone")))
    assert hook.read_text() != text
    used.commit("x", "--allow-empty", PATH="/usr/bin:/bin").refused("the program is gone")


def test_an_edit_file_is_readable_for_its_owner_only(used):
    other = clone(used, "other")
    assert stat.S_IMODE((other.place / "edit-users.yaml").stat().st_mode) == 0o600
    assert stat.S_IMODE((other.root / ".git/pgitops/receipts").stat().st_mode) == 0o600
    used.assert_clean()


# ---- what nobody changed costs nothing ----


def git_processes(one, tmp_path, *arguments):
    """The git processes that hooks start for this git command, as Git itself counts them."""
    trace = tmp_path / "trace"
    trace.unlink(missing_ok=True)
    one.git(*arguments, GIT_TRACE2_EVENT=trace).ok()
    events = [json.loads(line) for line in trace.read_text().splitlines()]
    started = [event["argv"][1:] for event in events if event["event"] == "start"]
    return [words for words in started[1:] if words[:1] != ["maintenance"] and words[:1] != ["gc"]]


def test_a_commit_with_nothing_to_seal_asks_git_nine_things(used, tmp_path):
    used.write("README", "two\n")
    used.git("add", "-A").ok()
    used.commit("settles what the first commit left").ok()
    used.write("README", "three\n")
    used.git("add", "-A").ok()
    asked = git_processes(used, tmp_path, "commit", "-q", "-m", "nothing to seal")
    assert len(asked) <= 9, asked  # one of them for the message
    used.edit(alice="alice-password", bob="another-password")  # and what is changed is still seen
    used.commit("bob", "--allow-empty").ok()
    assert used.passwords()["user-bob-secret"] == "another-password"


def test_a_commit_that_seals_asks_git_for_both_files_of_a_commit_at_once(used, tmp_path):
    used.write("README", "two\n")
    used.git("add", "-A").ok()
    used.commit("settles what the first commit left").ok()
    used.edit(alice="alice-password", bob="another-password")
    used.write("README", "three\n")
    used.git("add", "README").ok()
    asked = git_processes(used, tmp_path, "commit", "-q", "-m", "bob")
    assert len(asked) <= 25 and not [words for words in asked if words[:2] == ["cat-file", "blob"] and ":team" in words[2][1:]], asked
    assert used.passwords()["user-bob-secret"] == "another-password"


def test_a_user_pulled_before_such_a_commit_can_be_taken_out_after_it(used, tmp_path):
    """The commit is what makes them one of this edit file: only then its lack of them means removal."""
    other = Checkout(tmp_path / "other", init=False, certificate=False)
    shutil.rmtree(other.root)
    used.git("clone", "-q", used.root, other.root).ok()
    other.hook("install").ok()
    other.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    other.commit("carol", "--allow-empty").ok()
    used.git("pull", "-q", "--ff-only", other.root, "main").ok()
    used.write("README", "two\n")
    used.commit("nothing to seal", "-a").ok()
    used.write("README", "three\n")
    used.commit("nor here", "-a").ok()
    assert used.users() == ["alice", "bob", "carol"]
    used.edit(alice="alice-password", bob="bob-password")
    used.commit("without carol", "--allow-empty").ok()
    assert used.users() == ["alice", "bob"]


def test_sealing_once_more_says_the_same_and_reads_no_commit(used, tmp_path):
    first = used.pgitops("seal", "users").ok()
    again = used.pgitops("seal", "users", GIT_TRACE2_EVENT=tmp_path / "trace").ok()
    assert first.out == again.out and "2 unchanged (nothing to write)" in again.out
    asked = [json.loads(line)["argv"] for line in (tmp_path / "trace").read_text().splitlines() if '"start"' in line]
    # The index's two files are one question; a commit's would be another, or names it.
    assert len([words for words in asked if "--batch" in words]) <= 1 and not [words for words in asked if "HEAD" in " ".join(words)], asked
    (used.place / "edit-users.yaml").write_text((used.place / "edit-users.yaml").read_text() + "# a note\n")
    used.pgitops("seal", "users").ok()
    assert "# a note" in (used.place / "users.yaml").read_text()


def test_whatever_sealing_reads_makes_it_read_again(program, tmp_path):
    """Outside of a repository: each of the files, the certificate, the options."""
    one = Checkout(tmp_path / "plain", folder=".", init=False)
    one.edit(alice="alice-password", bob="bob-password")
    one.pgitops("seal", "users").ok()
    for _ in range(2):
        assert "2 unchanged (nothing to write)" in one.pgitops("seal", "users").ok().out
    sealed = (one.root / "sealed-users.yaml").read_text()
    assert "sealed alice, bob" in one.pgitops("seal", "users", "--all").ok().out
    assert (one.root / "sealed-users.yaml").read_text() != sealed
    (one.root / "sealed-users.yaml").unlink()
    assert "sealed alice, bob" in one.pgitops("seal", "users").ok().out
    one.edit(alice="alice-password")
    assert "removed user-bob-secret" in one.pgitops("seal", "users").ok().out
    one.edit(alice="changed-password")
    assert "sealed alice" in one.pgitops("seal", "users").ok().out
