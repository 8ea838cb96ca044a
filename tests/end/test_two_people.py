"""Sealing never loses work: two people, random sequences, an oracle (tests/parts/two_people.py).

    tests/end/two_people.sh --sequences 10000 --seed 1      the long run; a failing sequence is shrunk and printed
"""

import os

import pytest

from parts import two_people

SEED = int(os.environ.get("PGITOPS_SEED", "1"))
SEQUENCES = int(os.environ.get("PGITOPS_SEQUENCES", "4"))
LENGTH = int(os.environ.get("PGITOPS_LENGTH", "12"))


FOUND = [190]  # a user whom one took out and the other changed: the sealed document had gone with the removal


@pytest.mark.parametrize("seed", [*range(SEED, SEED + SEQUENCES), *(FOUND if "PGITOPS_SEED" not in os.environ else [])])
def test_no_password_and_no_user_is_ever_lost(program, tmp_path_factory, seed):
    world = tmp_path_factory.getbasetemp() / "world"  # one place for all of a process: how they begin is made once
    steps = two_people.steps_of(seed, LENGTH)
    lost = two_people.play(world, steps, seed)
    if lost:
        fewer = two_people.shrink(world, steps)
        raise AssertionError(f"{two_people.play(world, fewer, seed) or lost}\n\nsteps: {fewer}")


GIVEN_UP = [(0, "add", 485362430), (0, "commit_abort", 1023846022), (0, "change_password", 932032570), (0, "commit_with_own_index", 204226003),
            (0, "seal_commit", 1056080124)]


def test_what_a_given_up_commit_had_staged_takes_no_newer_password_back(program, tmp_path_factory):
    """It stays in the index, behind a commit that was made from an index of its own: as if others had changed the password."""
    lost = two_people.play(tmp_path_factory.getbasetemp() / "world", GIVEN_UP)
    assert not lost, lost
