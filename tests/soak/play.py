"""A seeded random world against the running agent, on the real parts: commits, hands, kills, silence, a restored etcd.

    play.py --minutes 10 --seed 3        (through tests/soak/run.sh)

A round is a handful of actions without a wait between them; then everything that was broken on the way is mended and the world is calm: the
oracle, the cluster, the status of each Application, the store and `app list` must agree, and nothing is written any more.
"""

import argparse
import http.client
import json
import pathlib
import random
import shutil
import sys
import tempfile
import time

import yaml

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))

from oracle import Oracle  # noqa: E402
from parts.agent import PROGRAM, Agent  # noqa: E402
from parts.git import Fault, GitHttpServer, Repository  # noqa: E402
from parts.kube import ApiError, ControlPlane  # noqa: E402
from parts.manifests import config_map, secret  # noqa: E402
from parts.proxy import FaultProxy, faults  # noqa: E402
from parts.world import APPLICATION, FINALIZER, WRITES, marked  # noqa: E402

APPLICATIONS = ("alpha", "beta", "gamma")
MANAGERS = ("kubectl-edit", "k9s", "a-script", "Mozilla")
MOST = 5  # objects of a folder beside the one that stays: no commit removes more than needs no confirmation
CALM = 90  # seconds until all must agree: an API server that comes back takes its time
MEBI = 1024 * 1024


class Disagreement(AssertionError):
    pass


class Soak:
    def __init__(self, seed, say=print):
        self.random = random.Random(seed)
        self.seed, self.say = seed, say
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"pgitops-soak-{seed}-"))
        self.plane = ControlPlane().start()
        for document in yaml.safe_load_all((TOP / "manifests/crds/application.yaml").read_text()):
            self.plane.admin.create_crd(document)
        self.proxy = FaultProxy(self.plane.port, self.folder)
        self.repository = Repository(self.folder / "git" / "db.git")
        self.git = GitHttpServer(self.folder / "git")
        self.home, self.namespace = self.plane.namespace("home"), self.plane.namespace()
        self.oracle = Oracle(self.namespace, APPLICATIONS)
        self.past = []  # (files) that may come back by a force-push
        self.counter = 0
        self.snapshot = None
        self.deleted = {}
        self.figures = []
        self.commit({f"{name}/keep.yaml": config_map(f"keep-{name}") for name in APPLICATIONS}, "begin")
        self.agent = Agent(self.folder / "agent", poll="1s")
        self.agent.kubernetes(self.plane, namespace=self.home, objects=True)
        self.agent.config["kubernetes"]["kubeconfig"] = str(self.proxy.kubeconfig(self.plane))
        for name in APPLICATIONS:
            self.make(name)
        self.agent.begin()

    @property
    def kube(self):
        return self.plane.admin

    def close(self, keep=False):
        self.agent.close()
        self.proxy.close()
        self.git.close()
        self.plane.stop()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    # ---- Git -----------------------------------------------------------------------------------------------------------

    def commit(self, changes, message, parent=None):
        files = {name: text for name, text in (self.oracle.files | changes).items() if text is not None}
        known = self.oracle.files if parent is None else {}
        head = self.repository.commit({name: text for name, text in files.items() if known.get(name) != text}
                                      | {name: None for name in known.keys() - files.keys()}, message, parent=parent, orphan=bool(parent))
        self.oracle.commit(head, files)

    def value(self):
        self.counter += 1
        return f"v{self.counter}"

    def folders(self, least=0, most=MOST):
        """Applications whose folder can be read and has that many objects beside the one that stays."""
        def count(name):
            return len([file for file in self.oracle.files if file.startswith(f"{name}/")]) - 1
        return [name for name in APPLICATIONS if name not in self.oracle.broken and least <= count(name) <= most]

    def files(self, name):
        return [file for file in self.oracle.files if file.startswith(f"{name}/") and "/keep" not in file]

    def pick(self, choices):
        """One of them, or None: the action is not possible now."""
        choices = sorted(choices)
        return self.random.choice(choices) if choices else None

    def document(self, name):
        """s: a Secret, c: a ConfigMap, h: a hook that is done at once and then deleted; each in any wave."""
        text = secret(name, value=self.value()) if name.startswith("s") else config_map(name, value=self.value())
        marks = {"sync_wave": self.random.randint(-2, 2)}
        if name.startswith("h"):
            marks |= {"hook": self.random.choice(("PreSync", "Sync", "PostSync", "PreSync,PostSync")),
                      "hook_delete_policy": self.random.choice(("HookSucceeded", "HookSucceeded,BeforeHookCreation"))}
        return marked(text, **marks)

    def add(self):
        name = self.pick(self.folders(most=MOST - 1))
        if name:
            self.counter += 1
            made = f"{self.random.choice('ccsh')}{self.counter}"
            self.commit({f"{name}/{made}.yaml": self.document(made)}, f"add {made} to {name}")
        return name

    def change(self):
        name = self.pick(self.folders(least=1))
        file = name and self.pick(self.files(name))
        if file:
            self.commit({file: self.document(pathlib.Path(file).stem)}, f"change {file}")
        return file

    def remove(self):
        name = self.pick(self.folders(least=1))
        file = name and self.pick(self.files(name))
        if file:
            self.commit({file: None}, f"remove {file}")
        return file

    def move(self):
        source, target = self.pick(self.folders(least=1)), self.pick(self.folders(most=MOST - 1))
        file = source and target != source and target and self.pick(self.files(source))
        if file:
            text = self.oracle.files[file]
            self.commit({file: None, f"{target}/{pathlib.Path(file).name}": text}, f"move {file} to {target}")
        return file

    def rename(self):
        name = self.pick(self.folders(least=1))
        file = name and self.pick(self.files(name))
        if file:
            self.counter += 1
            made = f"{pathlib.Path(file).stem[0]}{self.counter}"
            self.commit({file: None, f"{name}/{made}.yaml": self.document(made)}, f"rename {file} to {made}")
        return file

    def break_it(self):
        """Only from a calm point: what the last good content is must not depend on who was faster."""
        name = self.first and self.pick(self.folders())
        if name:
            self.commit({f"{name}/broken.yaml": "a: [1\n"}, f"break {name}")
        return name

    def mend(self):
        name = self.pick(self.oracle.broken)
        if name:
            self.commit({f"{name}/broken.yaml": None}, f"mend {name}")
        return name

    def force_push(self):
        if not self.past or self.oracle.broken:
            return None
        self.oracle.files = self.random.choice(self.past)
        self.commit({}, "force-push", parent=self.repository.git("rev-list", "--max-parents=0", "main").splitlines()[0])
        return True

    # ---- hands ---------------------------------------------------------------------------------------------------------

    def thing(self):
        return self.pick(self.oracle.wanted())

    def edit(self):
        kind, name = self.thing()
        field = "stringData" if kind == "Secret" else "data"
        return self.hand(lambda: self.kube.patch("v1", kind, self.namespace, name, {field: {"value": "by hand"}},
                                                 self.random.choice(MANAGERS)), f"{kind} {name}")

    def take(self):
        kind, name = self.thing()
        document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": self.namespace}}
        document["stringData" if kind == "Secret" else "data"] = {"value": "taken"}
        if not self.kube.get("v1", kind, self.namespace, name):
            return None  # an apply would make it, and it would be theirs
        return self.hand(lambda: self.kube.apply(document, self.random.choice(MANAGERS), force=True), f"{kind} {name}")

    def foreign(self):
        kind, name = self.thing()
        field = "stringData" if kind == "Secret" else "data"
        return self.hand(lambda: self.kube.patch("v1", kind, self.namespace, name, {field: {"foreign": "x"}}, "a-script"), f"{kind} {name}")

    def delete(self):
        kind, name = self.thing()
        return self.hand(lambda: self.kube.delete("v1", kind, self.namespace, name), f"{kind} {name}")

    @staticmethod
    def hand(act, what):
        try:
            act()
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            return None
        return what

    def make(self, name):
        self.kube.create({
            "apiVersion": APPLICATION[0], "kind": APPLICATION[1], "metadata": {"name": name, "namespace": self.home,
                                                                               "finalizers": self.deleted.pop(name, [])},
            "spec": {"project": "default", "source": {"repoURL": self.git.url("db.git"), "path": name, "targetRevision": "main"},
                     "destination": {"server": "https://kubernetes.default.svc", "namespace": self.namespace},
                     "syncPolicy": {"automated": {"prune": True, "selfHeal": True},
                                    "retry": {"limit": -1, "refresh": True, "backoff": {"duration": "1s", "factor": 1}}}}})

    def forget(self):
        name = self.pick(set(APPLICATIONS) - set(self.deleted) - self.oracle.broken)
        if name:
            self.kube.delete(*APPLICATION, self.home, name)
            self.deleted[name] = [FINALIZER] if self.random.random() < 0.5 else []
        return name

    def make_again(self):
        name = self.pick(self.deleted)
        if name and self.kube.get(*APPLICATION, self.home, name) is None:
            self.make(name)
            return name
        return None

    def ask(self):
        """People press the button."""
        name = self.pick(set(APPLICATIONS) - set(self.deleted))
        return name and self.hand(lambda: self.kube.patch(*APPLICATION, self.home, name, {"operation": {"sync": {"prune": True}}}), name)

    # ---- what breaks -----------------------------------------------------------------------------------------------------

    def kill(self):
        self.agent.kill()
        self.agent.start(ready=False)
        return True

    def kill_server(self):
        self.plane.restart_apiserver()
        return True

    def silence(self):
        self.plane.pause()
        self.nap(2)
        self.plane.resume()
        return True

    def fault(self):
        fault = self.random.choice((faults.drop(), faults.hang(5), faults.lose_answer(), faults.delay(1), faults.garble(),
                                    faults.status(500), faults.status(429, {"Retry-After": "1"}), faults.status(503)))
        self.proxy.add(fault, method=self.random.choice((None, "PATCH", "GET", "DELETE")), times=self.random.randint(1, 6))
        return fault.kind

    def cut(self):
        self.proxy.cut_all()
        return True

    def git_fault(self):
        self.git.fault = Fault(self.random.choice(("silent", "stall", "cut", "garbage", 503, 404)), times=self.random.randint(1, 4))
        return self.git.fault.what

    def save(self):
        """etcd as it is now, with the API server away for a moment."""
        if not self.first:
            return None
        self.plane.save_etcd()
        self.snapshot = True
        return True

    def restore(self):
        """Versions go backwards, and so does everything that was written since."""
        if not self.snapshot or self.deleted:
            return None
        if self.oracle.broken:
            return None  # while the newest commit cannot be read nothing is pruned, and one that is made anew has no good one
        self.plane.restore_etcd()
        return True

    def nap(self, most=0.5):
        time.sleep(self.random.random() * most)
        return True

    ACTIONS = {
        "add": 12, "change": 12, "remove": 8, "move": 8, "rename": 5, "break_it": 2, "mend": 4, "force_push": 3,
        "edit": 8, "take": 4, "foreign": 3, "delete": 6, "forget": 3, "make_again": 6, "ask": 4,
        "kill": 5, "kill_server": 1, "silence": 2, "fault": 8, "cut": 4, "git_fault": 3, "save": 3, "restore": 2, "nap": 10,
    }

    # ---- rounds --------------------------------------------------------------------------------------------------------

    def round(self, number):
        names = self.random.choices(list(self.ACTIONS), list(self.ACTIONS.values()), k=self.random.randint(2, 7))
        self.say(f"round {number}: {', '.join(self.act(names))}")

    def act(self, names):
        """These actions, as many of them as are possible, and the calm after them; returns what was done."""
        self.first, done = True, []
        for name in names:
            what = getattr(self, name)()
            if what:
                done.append(name if what is True else f"{name} {what}")
            self.first = self.first and name == "nap"
            self.agent_lives()
        try:
            self.calm()
        except AssertionError:
            self.say(f"not calm after: {', '.join(done)}")
            raise
        if not self.oracle.broken:
            self.past = (self.past + [dict(self.oracle.files)])[-4:]
        return done

    def agent_lives(self):
        code = self.agent.process.poll()
        if code is not None:
            raise Disagreement(f"the agent ended with {code}")

    def calm(self):
        self.proxy.clear()
        self.git.fault = None
        end = time.monotonic() + CALM
        left = ["not asked yet"]
        while left:
            self.agent_lives()
            self.make_again()
            try:
                left = list(self.differences())
            except (ApiError, OSError, http.client.HTTPException) as error:
                left = [f"the API server: {error}"]
            if left and time.monotonic() > end:
                raise Disagreement("\n".join(left))
            time.sleep(0.1 if left else 0)
        self.quiet()
        self.measure()

    def differences(self):
        if self.deleted:
            return [f"{name} is not deleted yet: {self.kube.get(*APPLICATION, self.home, name)}" for name in self.deleted]
        if not self.agent.ready():
            return ["the agent is not ready"]
        found = {document["metadata"]["name"]: document for document in self.kube.list(*APPLICATION, self.home)}
        return self.oracle.disagreements(self.kube, found, self.told)

    def told(self, name):
        answer = self.agent.get(f"/api/v1/applications/{name}", over="socket")
        return answer.json if answer.status == 200 else None

    def quiet(self):
        """Who agrees comes to rest and writes nothing; the commands say the same, from the store."""
        end = time.monotonic() + CALM
        while written := self.written():
            if time.monotonic() > end:
                raise Disagreement(f"all agreed, and still it writes: {written}")
        listed = {item["metadata"]["name"]: item["status"]["sync"]["status"] for item in self.agent.items("app", "list")}
        if listed.keys() != set(APPLICATIONS) or any(listed[name] != "Synced" for name in APPLICATIONS if name not in self.oracle.broken):
            raise Disagreement(f"app list: {listed}")
        for name in APPLICATIONS:
            running = [row for row in self.agent.items("app", "history", name) if row.get("phase") == "Running"]
            if running:
                raise Disagreement(f"rows of {name} that never end: {running}")

    def written(self):
        """What is written during a pass over each Application."""
        mark, end = self.plane.mark(), time.monotonic() + CALM
        before = self.agent.metrics()["pgitops_passes_total"]
        while self.agent.metrics()["pgitops_passes_total"] < before + len(APPLICATIONS):
            if time.monotonic() > end:
                raise Disagreement(f"no pass over each Application within {CALM} s")
            time.sleep(0.1)
        return [f"{event['verb']} {event['requestURI']}" for event in self.plane.requests(mark) if event["verb"] in WRITES]

    def measure(self):
        """Resident memory, descriptors, threads, size of the store; none may grow without a bound."""
        process = pathlib.Path(f"/proc/{self.agent.process.pid}")
        figures = {"memory": self.agent.memory() / MEBI, "descriptors": len(list((process / "fd").iterdir())),
                   "threads": len(list((process / "task").iterdir())),
                   "store": sum(file.stat().st_size for file in self.agent.state.glob("pgitops.db*")) / MEBI}
        self.figures.append(figures)
        bounds = {"memory": 800 if b"__asan_init" in PROGRAM.read_bytes() else 64, "descriptors": 80, "threads": 24, "store": 32}
        over = {name: figures[name] for name, bound in bounds.items() if figures[name] > bound}
        if over:
            raise Disagreement(f"more than the bounds {bounds}: {over}")

    def play(self, minutes=None, rounds=None, script=None):
        """Rounds of chance for so long or so many, or of the actions that a script names."""
        end = time.monotonic() + minutes * 60 if minutes else None
        number = 0
        try:
            self.calm()
            for names in script or ():
                number += 1
                self.act(names)
            while script is None and (rounds is None or number < rounds) and (end is None or time.monotonic() < end):
                number += 1
                self.round(number)
            code = self.agent.stop()
            if code != 0:
                raise Disagreement(f"the agent ended with {code} after SIGTERM")
        except Exception:
            self.say(f"seed {self.seed}, round {number}, in {self.folder}: the log of the agent ends with\n{self.agent.log()[-6000:]}")
            self.close(keep=True)
            raise
        self.say(f"seed {self.seed}: {number} rounds. " + self.summary())
        self.close()
        return number

    def summary(self):
        return ", ".join(f"{name} {self.figures[0][name]:.0f} .. {max(row[name] for row in self.figures):.0f}"
                         for name in self.figures[0]) + " (first .. most; MiB, numbers, numbers, MiB)"


def main():
    arguments = argparse.ArgumentParser(prog="tests/soak/run.sh")
    arguments.add_argument("--minutes", type=float)
    arguments.add_argument("--rounds", type=int)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    arguments.add_argument("--seeds", type=int, default=1)
    options = arguments.parse_args()
    minutes = None if options.rounds else (options.minutes or 10)
    for seed in range(options.seed, options.seed + options.seeds):
        print(f"seed {seed}", flush=True)
        try:
            Soak(seed, lambda text: print(text, flush=True)).play(minutes, options.rounds)
        except AssertionError as error:
            print(f"seed {seed} FAILED: {type(error).__name__}: {error}", flush=True)
            print(json.dumps({"again": f"tests/soak/run.sh --seed {seed}"}))
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
