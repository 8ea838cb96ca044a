"""YAML that the program writes is the same value to everybody: PyYAML (YAML 1.1), and the Go reader of kubectl and the API server."""

import random

import pytest
import yaml

from parts import kube, played

PIECES = [" ", "\n", ":", "#", "-", "a", '"', "'", "\\", "|", "&", "{", "]", ",", "?", "!", "0", "\t", "ë", "\u2028", "\u202e",
          "\x85", "\ufeff", "🐘", "%", "@", "=", "<", "\r", "~", "*", "e", ".", "+", "_", "word", "\n\n", "  ", "---", "x: y", "\x7f"]
WORDS = ["", "~", "null", "True", "yes", "No", "ON", "off", "y", "N", "0", "-1", "+1", "0x1F", "0o7", "010", "0b11", "1_000", "1.5", ".5",
         "1e3", "6.", ".inf", "-.Inf", "+.INF", ".nan", "12:30:45", "190:20:30.15", "2026-01-02", "2026-01-02T03:04:05Z",
         "2026-1-2t3:04:05.1 -5", "=", "<<", "---", "...", "1e100", "0x", "1__2", "._1", "-_", "+.5_e+3"]


def any_text(rng):
    if rng.random() < 0.4:
        return rng.choice(WORDS)
    return "".join(rng.choice(PIECES) for _ in range(rng.randrange(9)))


def any_value(rng, depth):
    kind = rng.randrange(9 if depth else 6)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.choice([0, 1, -1, 2**63 - 1, -2**63, rng.randrange(10**12)])
    if kind == 2:
        return rng.choice([0.1, 1e100, -2.5e-7, 1e-7, rng.random() * 10.0 ** rng.randrange(-20, 15)])
    if kind == 6:
        return [any_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind > 6:
        return {any_text(rng): any_value(rng, depth - 1) for _ in range(rng.randrange(5))}
    return any_text(rng)


@pytest.fixture
def written(tmp_path, program):
    """written(values) -> the YAML that `app manifests` prints of them, a document for each."""
    (tmp_path / "state").mkdir()
    with played.Agent(tmp_path / "state") as agent:
        def write(values):
            agent.answers["/api/v1/applications/a/manifests"] = {"revision": "r", "items": values}
            return agent.cli("app", "manifests", "a").ok().out
        yield write


def test_any_value_is_the_same_to_pyyaml(written):
    rng = random.Random(7)
    values = [{"value": any_value(rng, 4)} for _ in range(1500)]
    for wanted, found in zip(values, yaml.safe_load_all(written(values)), strict=True):
        assert found == wanted


def test_any_value_is_the_same_to_the_api_server(written, plane):
    """Sent as YAML, so that the server's reader is asked, which is kubectl's."""
    plane.admin.create_crd(kube.simple_crd("tests.pgitops.dev", "Anything", "anythings", namespaced=False))
    rng = random.Random(8)
    for part in range(10):
        wanted = {"values": [any_value(rng, 4) for _ in range(100)], "map": {any_text(rng): any_value(rng, 2) for _ in range(100)}}
        text = written([{"apiVersion": "tests.pgitops.dev/v1", "kind": "Anything", "metadata": {"name": "a"}, "spec": wanted}])
        found = plane.admin.request("POST", "/apis/tests.pgitops.dev/v1/anythings?dryRun=All", text.encode(), "application/yaml")
        for one, other in zip(wanted["values"], found["spec"]["values"], strict=True):
            assert one == other, part
        assert found["spec"]["map"] == wanted["map"]
