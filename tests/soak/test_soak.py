"""A few seeds of the soak, so that it stays playable and what it found once stays found. `tests/soak/run.sh` plays on."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from soak import Soak  # noqa: E402

SEEDS = (1, 2, 3)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_after_whatever_happened_all_agree(program, seed):
    assert Soak(seed).play(rounds=5) == 5
