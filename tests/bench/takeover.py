#!/usr/bin/env python3
"""How long nobody is at work when the agent that holds the lease ends: after a kill, and after SIGTERM. Median and worst.

    tests/.cache/venv/bin/python tests/bench/takeover.py [--count 20] [--kills 20]      with PGITOPS_TEST_PROGRAM

From the signal to the moment at which the other agent holds the lease and may write. Exit code 1 where the worst is over its limit.
"""

import argparse
import pathlib
import random
import statistics
import sys
import tempfile
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

import yaml  # noqa: E402

from parts import agent as agents, kube, postgres  # noqa: E402
from parts.pair import Pair  # noqa: E402
from parts.process import wait_for  # noqa: E402
from run import limited, verdict  # noqa: E402


def once(pair, end):
    """Seconds of one takeover; afterwards both run again."""
    old = pair.leader()
    new = pair.agents[pair.other(old)]
    wait_for("it stands by", lambda: new.ready() and "stands by" in new.post("/api/v1/users/sync", {}, over="socket").body)
    time.sleep(random.uniform(0, 2))  # anywhere between two renewals
    begun = time.monotonic()
    end(pair.agents[old])
    wait_for("the other one leads", lambda: pair.leads(new), 60, 0.005)
    seconds = time.monotonic() - begun
    pair.agents[old].close()
    pair.begin(old)
    return seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--kills", type=int, default=20)
    asked = parser.parse_args()
    plane, server = kube.shared(), postgres.shared(17)
    for file in sorted((TESTS.parent / "manifests/crds").glob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            plane.admin.create_crd(document)
    with tempfile.TemporaryDirectory(prefix="pgitops-bench-") as folder:
        folder = pathlib.Path(folder)
        pair = Pair(lambda name, **config: agents.Agent(folder / name, **config), plane, folder, server)
        pair.start()
        pair.converged()
        for what, count, limit, end in (("SIGTERM", asked.count, 2, lambda agent: agent.signal(15)), ("kill -9", asked.kills, 15, lambda agent: agent.kill())):
            found = [once(pair, end) for _ in range(count)]
            if found:
                limited(f"takeover after {what}, the worst", max(found), limit, "{:.2f} s".format, f"median {statistics.median(found):.2f} s, of {count}")
        for agent in pair.agents.values():
            agent.close()
    server.close()
    plane.stop()
    return verdict()


if __name__ == "__main__":
    sys.exit(main())
