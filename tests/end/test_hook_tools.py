"""Our hooks inside husky, lefthook and pre-commit.

The tools are played by scripts of a few lines that do what the real ones were seen to do (husky 9.1, lefthook 2.2, pre-commit 4.7): which
files they give to Git, what they read, what a hook of theirs gets, and that each `install` puts their own hooks back.
"""

import pathlib
import sys

import pytest

from parts import agent as agents
from parts.checkout import Checkout

HOOKS = ["pre-commit", "pre-merge-commit", "commit-msg", "post-commit", "post-checkout", "post-merge", "post-rewrite", "pre-push"]

RUN = '''#!{python}
# {mark}
import os, subprocess, sys, yaml
name, arguments = {name!r}, sys.argv[1:]
'''
LEFTHOOK = RUN + '''
hook = yaml.safe_load(open("lefthook.yml")).get(name) or dict()
for command in [*(hook.get("commands") or dict()).values(), *(hook.get("jobs") or [])]:
    run = command["run"].replace("{{0}}", " ".join(arguments))
    if subprocess.run(run, shell=True, stdin=subprocess.DEVNULL).returncode:
        sys.exit(1)
'''
PRE_COMMIT = RUN + '''
os.environ["PRE_COMMIT"] = "1"
if name == "post-checkout":
    os.environ["PRE_COMMIT_CHECKOUT_TYPE"] = arguments[2]
if name == "post-rewrite":
    os.environ["PRE_COMMIT_REWRITE_COMMAND"] = arguments[0]
if name == "pre-push":
    os.environ["PRE_COMMIT_REMOTE_NAME"] = arguments[0]
legacy = os.path.join(os.path.dirname(sys.argv[0]), name + ".legacy")
if os.path.exists(legacy) and subprocess.run([legacy, *arguments]).returncode:
    sys.exit(1)
for repo in yaml.safe_load(open(".pre-commit-config.yaml"))["repos"]:
    for hook in repo["hooks"]:
        if name not in hook.get("stages", [name]):
            continue
        files = arguments[:1] if name == "commit-msg" and hook.get("pass_filenames", True) else []
        if subprocess.run([*hook["entry"].split(), *files], stdin=subprocess.DEVNULL).returncode:
            sys.exit(1)
'''


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


class Husky:
    FILE, BEFORE = ".husky/pre-commit", "#!/bin/sh\n\n# ours\necho theirs >> ran\n"
    MINE = ".husky/post-merge"

    def install(self, one):
        """What `npm install` runs."""
        script(one.root / ".husky/_/h", "")
        for name in HOOKS:
            script(one.root / ".husky/_" / name, f'#!/bin/sh\n[ -f .husky/{name} ] || exit 0\nsh -e .husky/{name} "$@"\n')
        (one.root / ".husky/_/.gitignore").write_text("*\n")
        one.git("config", "core.hooksPath", ".husky/_").ok()


class Lefthook:
    FILE = "lefthook.yml"
    BEFORE = ("# what we run\npre-commit:\n  # in turn\n  parallel: false\n  commands:\n    lint:   # keep\n      run: echo theirs >> ran\n"
              "post-merge:\n  jobs:\n    - run: \"true\"\n")

    def install(self, one):
        for name in HOOKS:
            file = one.root / ".git/hooks" / name
            if file.exists() and "call_lefthook" not in file.read_text():
                file.rename(f"{file}.old")
            script(file, LEFTHOOK.format(python=sys.executable, mark="call_lefthook", name=name))


class PreCommit:
    FILE = ".pre-commit-config.yaml"
    BEFORE = ("# what we run\nrepos:\n# first\n- repo: local\n  hooks:\n    - id: lint   # keep\n      name: lint\n      language: system\n"
              "      entry: sh lint.sh\n      stages: [pre-commit]\n")

    def install(self, one):
        one.write("lint.sh", "echo theirs >> ran\n")
        for name in HOOKS:
            file = one.root / ".git/hooks" / name
            if file.exists() and "pre-commit.com" not in file.read_text():
                file.rename(f"{file}.legacy")
            script(file, PRE_COMMIT.format(python=sys.executable, mark="pre-commit.com", name=name))


@pytest.fixture(params=[Husky, Lefthook, PreCommit])
def tool(request):
    return request.param()


@pytest.fixture
def one(program, tmp_path, tool):
    """A repository with the tool in use, and then our hooks; `pgitops` is found by name."""
    one = Checkout(tmp_path / "repo")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "pgitops").symlink_to(pathlib.Path(agents.PROGRAM).resolve())
    one.environment["PATH"] = f"{folder}:{one.environment['PATH']}"
    one.write(tool.FILE, tool.BEFORE)
    one.write("README", "one\n")
    tool.install(one)
    one.hook("install").ok()
    tool.install(one)
    return one


def test_the_tool_runs_our_hooks_from_its_own_file_however_often_it_is_installed(one, tool):
    for _ in range(2):
        status = one.hook("status").ok().out
        assert status.count(tool.FILE.split("/")[0]) >= len(HOOKS), status
        tool.install(one)
    one.edit(alice="alice-password")
    one.git("add", "-A").ok()
    one.commit("first").ok()
    assert one.users() == ["alice"] and one.passwords() == {"user-alice-secret": "alice-password"}
    assert "theirs" in (one.root / "ran").read_text()
    one.write("secret.yaml", one.with_plain())
    one.git("add", "secret.yaml").ok()
    one.commit("leak").refused("commit refused")
    one.git("rm", "-q", "--cached", "--ignore-unmatch", "secret.yaml").ok()
    (one.root / "secret.yaml").unlink()
    one.git("commit", "-q", "--allow-empty", "-m", "alice has alice-password").refused("commit refused")
    one.assert_clean()


def test_a_push_is_judged_without_the_list_of_refs(one, tmp_path):
    one.edit(alice="alice-password")
    one.git("add", "-A").ok()
    one.commit("first").ok()
    one.git("init", "-q", "--bare", tmp_path / "remote.git").ok()
    one.git("remote", "add", "origin", tmp_path / "remote.git").ok()
    one.git("push", "-q", "origin", "HEAD").ok()
    one.git("push", "origin", "HEAD").ok()
    one.write("secret.yaml", one.with_plain())
    one.git("add", "-A").ok()
    one.commit("leak", "--no-verify").ok()
    one.git("push", "origin", "HEAD").refused("push refused")


def test_the_edit_file_follows_a_checkout_and_a_rebase_inside_of_the_tool(one):
    one.edit(alice="alice-password")
    one.git("add", "-A").ok()
    one.commit("first").ok()
    one.git("checkout", "-q", "-b", "other").ok()
    one.edit(alice="alice-password", bob="bob-password")
    one.commit("bob", "--allow-empty").ok()
    one.git("checkout", "-q", "main").ok()
    one.write("README", "two\n")
    one.commit("readme", "README").ok()
    one.git("checkout", "-q", "other").ok()
    one.git("rebase", "-q", "main").ok()
    assert one.users() == ["alice", "bob"]
    one.write("README", "three\n")
    one.commit("nothing to seal", "-a").ok()
    assert one.users() == ["alice", "bob"]


def test_all_other_bytes_stay_and_uninstall_takes_every_trace_out(one, tool):
    now = (one.root / tool.FILE).read_text()
    lines = iter(now.splitlines(keepends=True))
    assert all(line in lines for line in tool.BEFORE.splitlines(keepends=True)) and now != tool.BEFORE
    one.hook("install").ok()
    assert (one.root / tool.FILE).read_text() == now  # once is enough
    one.hook("uninstall").ok()
    assert (one.root / tool.FILE).read_text() == tool.BEFORE
    left = [path for path in one.root.rglob("*") if path.is_file() and ".git/objects" not in str(path) and "lint.sh" not in path.name
            and b"pgitops hook" in path.read_bytes()]
    assert not left
    if isinstance(tool, Husky):
        assert not (one.root / tool.MINE).exists()
        assert one.git("config", "core.hooksPath").ok().out.strip() == ".husky/_"


def test_husky_that_came_before_gets_core_hooks_path_back(program, tmp_path):
    """An install that did not know husky put its own folder there."""
    one = Checkout(tmp_path / "repo")
    script(one.root / ".husky/_/pre-commit", "#!/bin/sh\n")
    one.git("config", "core.hooksPath", ".husky/_").ok()
    one.hook("install").ok()
    assert "pgitops" in one.git("config", "core.hooksPath").ok().out
    script(one.root / ".husky/_/h", "")
    one.hook("install").ok()
    assert one.git("config", "core.hooksPath").ok().out.strip() == ".husky/_"
    assert "pgitops hook run pre-commit" in (one.root / ".husky/pre-commit").read_text()


# A layout that the rules for lines do not understand, and what is said of it. The file stays as it is.
REFUSED = {
    "lefthook.yml": [("pre-commit: {commands: {lint: {run: x}}}\n", "in braces"), ("pre-commit:\n", "in braces or is empty"),
                     ("- a\n", "not one document with keys"), ("pre-commit: [\n", "lefthook.yml:"),
                     ("# pgitops begin\npre-push:\n", "without")],
    ".pre-commit-config.yaml": [("repos: []\n", "missing, empty or in brackets"), ("repos: [{repo: local, hooks: []}]\n", "brackets"),
                                ("x: 1\n", "missing"), ("repos:\n- a: &x 1\n  a: 2\n", ".pre-commit-config.yaml:")],
}


@pytest.mark.parametrize("file, text, said", [(file, text, said) for file, rows in REFUSED.items() for text, said in rows])
def test_a_layout_that_is_not_understood_is_refused_and_stays(program, tmp_path, file, text, said):
    one = Checkout(tmp_path / "repo")
    one.write(file, text)
    one.hook("install").refused(said)
    assert (one.root / file).read_text() == text
    one.write("secret.yaml", one.with_plain())  # the hooks stand beside it
    one.git("add", "secret.yaml").ok()
    one.commit("leak").refused("commit refused")
