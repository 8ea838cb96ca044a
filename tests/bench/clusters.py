#!/usr/bin/env python3
"""What `cluster list` of 20 clusters costs, and watching them; how far a drill's own clock is from the servers'.

    tests/.cache/venv/bin/python tests/bench/clusters.py [--drills 3] [--watch 60]      with PGITOPS_TEST_PROGRAM

The clusters of three members are what Patroni leaves of them in a real API server; the drills are on a real Patroni. Beside the list
stands kubectl, which prints the Pods alone. Exit code 1 where a limit does not hold.
"""

import argparse
import collections
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

import yaml  # noqa: E402

from parts import agent as agents, kube  # noqa: E402
from parts.patroni import Patroni, pretend  # noqa: E402
from run import cpu_seconds, limited, memory, row, verdict  # noqa: E402

RUNS = 20


def timed(command, environment):
    """Seconds until it ends, and of the processor."""
    begun, used = time.monotonic(), os.times()
    subprocess.run(command, env=environment, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    return time.monotonic() - begun, after.children_user + after.children_system - used.children_user - used.children_system


def milliseconds(seconds):
    return f"{seconds * 1000:.0f} ms"


def some(command, environment):
    """Median of some runs, and a note of the others."""
    timed(command, environment)
    found = [timed(command, environment) for _ in range(RUNS)]
    took, cpu = statistics.median(one[0] for one in found), statistics.median(one[1] for one in found)
    return took, f"worst {milliseconds(max(one[0] for one in found))}, {milliseconds(cpu)} CPU, of {RUNS}"


def watched(command, seconds):
    """Share of a core and private bytes while it watches."""
    with subprocess.Popen(command, env=agents.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(5)
        begun, used = time.monotonic(), cpu_seconds(process.pid)
        time.sleep(seconds)
        share = (cpu_seconds(process.pid) - used) / (time.monotonic() - begun)
        private = memory(process.pid)[1]
        process.kill()
    return share, private


def lists(plane, config, seconds):
    namespace, empty = plane.namespace("bench"), plane.namespace("empty")
    for index in range(20):
        pretend(plane, namespace, f"acid-{index:02}", endpoints=index % 2 == 0)
    program = [str(agents.PROGRAM), "cluster", "list", "--kubeconfig", str(config)]
    mark = plane.mark()
    timed([*program, "-n", namespace], agents.environment())
    asked = plane.requests(mark)
    kinds = collections.Counter(request["objectRef"]["resource"] for request in asked if "objectRef" in request)
    limited("requests for one kind, 20 clusters of 3", max(kinds.values()), 1, str, f"{len(asked)} requests, {len(kinds)} kinds", below=False)
    ours, note = some([*program, "-n", namespace], agents.environment())
    limited("cluster list, 20 clusters of 3", ours, 0.2, milliseconds, note)
    theirs, note = some([*kube.binaries()["kubectl"], "--kubeconfig", str(config), "get", "pods", "-n", namespace, "-o", "wide"], agents.environment())
    row("kubectl get pods, the same namespace", milliseconds(theirs), "", note)
    row("ratio", f"{ours / theirs:.2f}", "", "ours to kubectl's")
    share, private = watched([*program, "-w", "-n", namespace], seconds)
    _, bare = watched([*program, "-w", "-n", empty], 5)
    limited("watching 20 clusters, of a core", share, 0.01, "{:.2%}".format, f"over {seconds} s")
    limited("memory of that", (private - bare) / 2**20, 2, "{:.1f} MiB".format, f"private, over {bare / 2**20:.1f} MiB that watching nothing has", below=False)


def drills(plane, folder, count):
    patroni = Patroni(plane, plane.namespace("drill"), name="acid-bench").start()
    agent = agents.Agent(folder)
    password = folder / "password"
    password.write_text(patroni.password)
    password.chmod(0o600)
    agent.config["databases"] = [{
        "name": "main", "connection": "dbname=postgres user=postgres", "passwordFrom": {"file": "./password"},
        "users": {"application": "postgres-users"}, "patroni": [f"http://127.0.0.1:{m.rest_port}" for m in patroni.members.values()]}]
    agent.write()
    errors = []
    for _ in range(count):
        patroni.wait_healthy(60)
        times = agent.cli("cluster", "failover-drill", patroni.name, "--yes", "--again", "-o", "json", timeout=180).ok().json["seconds"]
        errors.append(abs(times["withoutWrites"] - times["withoutWritesByServers"]))
        print(f"    without a write {times['withoutWrites']:.3f} s, by the servers' clocks {times['withoutWritesByServers']:.3f} s", flush=True)
    row("a drill's measuring error", milliseconds(statistics.median(errors)), "", f"worst {milliseconds(max(errors))}, of {count}")
    patroni.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--drills", type=int, default=3)
    parser.add_argument("--watch", type=int, default=60)
    asked = parser.parse_args()
    plane = kube.shared()
    for file in (*sorted((TESTS.parent / "manifests/crds").glob("*.yaml")), TESTS / "end/data/postgresql-crd.yaml"):
        for document in yaml.safe_load_all(file.read_text()):
            plane.admin.create_crd(document)
    with tempfile.TemporaryDirectory(prefix="pgitops-bench-") as folder:
        config = plane.kubeconfig("admin", folder=pathlib.Path(folder))
        lists(plane, config, asked.watch)
        if asked.drills:
            drills(plane, pathlib.Path(folder), asked.drills)
    plane.stop()
    return verdict()


if __name__ == "__main__":
    sys.exit(main())
