"""The hooks run the small program beside pgitops where it is as new as that; an older one, or none, changes nothing but the time."""

import os
import pathlib
import shlex
import shutil
import subprocess

import pytest

from parts import agent as agents
from parts.checkout import Checkout

SMALL = pathlib.Path(f"{agents.PROGRAM}-hook")


@pytest.fixture
def one(program, tmp_path):
    """A clone whose hooks were put in by a copy of pgitops; `ran` has the hooks that its neighbour ran."""
    folder = tmp_path / "bin"
    folder.mkdir()
    shutil.copy(agents.PROGRAM, folder / "pgitops")
    made = Checkout(tmp_path / "repo")
    made.program, made.small, made.ran = folder / "pgitops", folder / "pgitops-hook", tmp_path / "ran"
    made.small.write_text(f"#!/bin/sh\necho \"$3\" >>{shlex.quote(str(made.ran))}\nexec {shlex.quote(str(SMALL))} \"$@\"\n")
    made.small.chmod(0o755)
    made.run(made.program, "hook", "install").ok()
    return made


def stamp(file, seconds):
    os.utime(file, (seconds, seconds))


def commit_both(one):
    """One commit that is sealed, and one that is refused."""
    one.edit(alice="alice-password")
    one.write("README", f"{one.small.exists()} {one.small.exists() and one.small.stat().st_mtime}\n")
    one.git("add", "README").ok()
    one.commit("sealed").ok()
    assert one.passwords() == {"user-alice-secret": "alice-password"}
    one.write("plain.yaml", one.with_plain())
    one.git("add", "plain.yaml").ok()
    one.commit("plain").refused("plain.yaml:7")


def test_a_neighbour_of_the_same_age_runs_the_hooks(one):
    stamp(one.program, 1_000_000_000)
    stamp(one.small, 1_000_000_000)
    commit_both(one)
    assert one.ran.read_text().split() == ["pre-commit", "commit-msg", "post-commit", "pre-commit"]


def test_an_older_one_is_passed_over_and_a_missing_one_is_not_missed(one):
    stamp(one.small, 1_000_000_000)
    commit_both(one)
    one.small.unlink()
    one.git("rm", "-q", "--cached", "--ignore-unmatch", "plain.yaml").ok()
    commit_both(one)
    assert not one.ran.exists()


def test_it_does_nothing_else(program):
    for words in ([], ["seal", "users"], ["hook", "install"], ["hook", "run", "pre-commit"]):
        done = subprocess.run([SMALL, *words], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 2 and done.stdout == "" and "pgitops hook install" in done.stderr
