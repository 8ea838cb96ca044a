"""A new commit is read against the one in force: what comes of it is the same as if everything had been read."""

import random

import pytest

from parts.manifests import config_map
from parts.world import World

PLACES = ["team/a.yaml", "team/b.yaml", "team/b/a.yaml", "team/b/x/a.yaml", "team/b-x.yaml", "team/c", "team/.d.yaml"]
FILE, FOLDER = "team/c.yaml", "team/c.yaml/a.yaml"  # "team/c" is now one and now the other
BROKEN = "apiVersion: v1\nkind: ConfigMap\n"


@pytest.fixture
def world(agent, crds, tmp_path):
    return World(agent, crds, tmp_path)


def wanted(files):
    """Of two with one name the last one in path order, as Git has it."""
    return {name: value for place in sorted(files) for name, value in files[place].items()}


def text(objects):
    return "---\n".join(config_map(name, value=value) for name, value in objects.items())


def change(rng, files, number):
    """One or two files are written or go; returns what is pushed."""
    pushed = {}
    for place in rng.sample(PLACES, rng.choice([1, 1, 2])):
        if place == "team/c":
            place, other = rng.sample([FILE, FOLDER], 2)
            if files.pop(other, None):
                pushed[other] = None
        if place in files and rng.random() < 0.4:
            del files[place]
            pushed[place] = None
        else:
            names = rng.sample("kmnopqrs", rng.choice([1, 1, 1, 2]))
            files[place] = {name: f"{number}-{name}" for name in names}
            pushed[place] = text(files[place])
    return pushed


@pytest.mark.parametrize("seed", range(3))
def test_what_is_wanted_does_not_depend_on_what_was_read_before(world, seed):
    rng = random.Random(seed)
    files = {"team/z.yaml": {"z": "1"}}
    world.push({"team/z.yaml": text(files["team/z.yaml"])})
    team = world.application("team", source={"directory": {"recurse": True}})
    world.begin()
    team.synced(world.head)
    for number in range(20):
        if number % 7 == 3:  # a commit that is of no use comes in between
            world.push({"team/z.yaml": BROKEN})
            team.annotate(refresh="normal")
            team.condition("ComparisonError", "team/z.yaml")
            world.push({"team/z.yaml": text(files["team/z.yaml"])} | change(rng, files, number))
        else:
            world.push(change(rng, files, number))
        if number == 12:
            world.restart()
        team.annotate(refresh="normal")
        team.synced(world.head)
        # What was deleted goes when the garbage collector has seen that nothing hangs on it.
        found = {item["metadata"]["name"]: item["data"].get("value") for item in world.kube.list("v1", "ConfigMap", world.namespace)
                 if "deletionTimestamp" not in item["metadata"]}
        found.pop("kube-root-ca.crt", None)
        assert found == wanted(files), f"after commit {number} of seed {seed}"
