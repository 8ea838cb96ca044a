"""The cluster room alone, through tests/reconcile/kubernetes/kube_driver.c."""

import json
import os
import pathlib
import subprocess
import time

from parts import agent as agents

DRIVER = pathlib.Path(os.environ.get("PGITOPS_TEST_KUBE_DRIVER")
                      or agents.PROGRAM.parent / "tests/reconcile/kubernetes/kube_driver")
TRACKING = "argocd.argoproj.io/tracking-id"


def key(kind, namespace, name, group=""):
    return {"group": group, "kind": kind, "namespace": namespace, "name": name}


def key_of(obj):
    group = obj["apiVersion"].split("/")[0] if "/" in obj["apiVersion"] else ""
    return key(obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"], group)


def config_map(namespace, name, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def tracking(obj, application="app", namespace=None):
    k = key_of(obj)
    return f'{application}:{k["group"]}/{k["kind"]}:{k["namespace"] or namespace}/{k["name"]}'


class Cluster:
    """cluster.do("track", keys=[...]) -> the answer; raises when ok is false unless asked not to."""

    def __init__(self, kubeconfig, **more):
        if not DRIVER.exists():
            raise FileNotFoundError(f"{DRIVER} is not built: use tests/run.sh")
        env = dict(os.environ, **more.pop("env", {}))
        self.process = subprocess.Popen([DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        self.heard = []
        self.opened = self.ask("open", **({"kubeconfig": str(kubeconfig)} if kubeconfig else {}), **more)

    def ask(self, what, **arguments):
        self.process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"kube_driver ended with {self.process.wait()} at {what}"
        return json.loads(line)

    def do(self, what, **arguments):
        """The answer, which must be a good one. A first list that takes its time on a busy machine is asked for again, as a pass is."""
        end = time.monotonic() + 60
        answer = self.ask(what, **arguments)
        while "still being listed" in answer.get("error", "") and time.monotonic() < end:
            answer = self.ask(what, **arguments)
        assert answer["ok"], answer
        return answer

    def track(self, *objects):
        return self.do("track", keys=[key_of(o) if "metadata" in o else o for o in objects])

    def live(self, obj):
        """The live facts, or None."""
        found = self.do("live", key=key_of(obj) if "metadata" in obj else obj)
        return found if found["uid"] is not None else None

    def write(self, *objects, kind="apply", application="app", **more):
        writes = [{"kind": kind, "object": o, "tracking": tracking(o, application), **more} for o in objects]
        return self.do("write", writes=writes)["results"]

    def write_one(self, obj, **more):
        return self.write(obj, **more)[0]

    def delete(self, obj, uid=None, **more):
        write = {"kind": "delete", "key": key_of(obj), **({"uid": uid} if uid else {}), **more}
        return self.do("write", writes=[write])["results"][0]

    def wait_kind(self, group, kind):
        self.wait(f"the kind {kind}", lambda: self.ask("kind_ready", group=group, kind=kind)["ok"])

    def release(self, obj):
        return self.do("write", writes=[{"kind": "release", "key": key_of(obj)}])["results"][0]

    def events(self):
        """All events so far."""
        self.heard += self.do("events")["events"]
        return self.heard

    def forget(self):
        self.events()
        self.heard = []

    def wait(self, what, question, seconds=20):
        """Asks until the answer is true; the events are read before each question."""
        end = time.monotonic() + seconds
        while True:
            self.events()
            answer = question()
            if answer:
                return answer
            assert time.monotonic() < end, f"{what}: not within {seconds} s; events: {self.heard[-10:]}"
            time.sleep(0.02)

    def saw(self, event, **fields):
        return [e for e in self.heard if e["event"] == event and all(e[k] == v for k, v in fields.items())]

    def memory(self):
        """Resident bytes."""
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def close(self):
        """Ends it; its sanitizers must have nothing to say."""
        if self.process.poll() is None:
            self.process.stdin.close()
            assert self.process.wait(20) == 0
