"""A few seeds of the soak, so that it stays playable and what it found once stays found. `tests/soak/run.sh` plays on."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from play import Soak  # noqa: E402

SEEDS = (2, 3)
FOUND = {  # rounds of actions after which they did not agree once
    "etcd restored while the agent is away": [["add", "add"], ["save", "add", "change", "remove"], ["kill", "restore"]],
    "a person asks after etcd was restored": [["save"], ["add"] * 6 + ["change"] * 6 + ["edit"] * 4, ["ask"] * 6, ["restore"], ["ask"] * 6],
    "an Application made again behind a cut watch": [["cut", "forget"], ["forget", "cut", "kill"]],
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_after_whatever_happened_all_agree(program, seed):
    assert Soak(seed).play(rounds=5) == 5


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_once(program, name):
    assert Soak(7).play(script=FOUND[name]) == len(FOUND[name])
