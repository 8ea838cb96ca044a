"""Rounds of the property, so that what it found once stays found, and one that is new each day. `tests/property/run.sh` plays on."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from parts import postgres  # noqa: E402
from rounds import Property, today  # noqa: E402

ROUNDS = 10


@pytest.mark.timeout(600)
@pytest.mark.parametrize("major", postgres.MAJORS)
def test_one_pass_brings_any_list_about_and_touches_nothing_else(major):
    playing = Property(major)
    try:
        playing.run([*range(ROUNDS), today() * 100 + major], shrink=False)
    finally:
        playing.close()
