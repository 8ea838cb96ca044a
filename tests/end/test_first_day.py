"""docs/first-day.md, as somebody goes through it: each block of commands in its order, and what the text says that is seen."""

import http.client
import os
import pathlib
import re
import subprocess
import sys

import pytest

from end.test_readme import fences
from parts import agent as agents
from parts import kube, kubeseal
from parts.argocd import ApplicationController
from parts.before import CLUSTER, LABEL, DayPatroni, InstalledAgent, Operator, Pods, UserController
from parts.checkout import users_text
from parts.git import Repository
from parts.manifests import postgresql
from parts.process import die_with_parent, free_port, private, wait_for
from parts.world import APPLICATION

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/first-day.md"
ARGO_CD, USER_CONTROLLER = ("argocd", "argocd-application-controller"), ("postgres", "user-controller")
KEPT = [APPLICATION + ("argocd",), ("v1", "ConfigMap", "postgres"), ("v1", "Secret", "postgres"), ("bitnami.com/v1alpha1", "SealedSecret", "postgres"),
        CLUSTER[:3]]

# The hook of before: everybody's password is sealed anew by kubeseal, what is left of the edit file goes into Git.
HOOK = f"""#!{sys.executable}
import subprocess, yaml
document = yaml.safe_load(open("team/edit-users.yaml"))
users = yaml.safe_load(document["data"]["users.yaml"])
sealed = []
for user in users["users"]:
    secret = {{"apiVersion": "v1", "kind": "Secret", "metadata": {{"name": f"user-{{user['username']}}-secret", "namespace": "postgres"}},
              "stringData": {{"password": user.pop("password")}}}}
    sealed.append(subprocess.run(["kubeseal", "--cert", "team/pub-cert.pem", "--format", "yaml"], input=yaml.safe_dump(secret), check=True,
                                 stdout=subprocess.PIPE, text=True).stdout)
document["data"]["users.yaml"] = yaml.safe_dump(users)
open("team/users.yaml", "w").write(yaml.safe_dump(document))
open("team/sealed-users.yaml", "w").write("".join(sealed))
subprocess.run(["git", "add", "team/users.yaml", "team/sealed-users.yaml"], check=True)
"""


def workload(kind, namespace, name):
    labels = {LABEL: name}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
        "terminationGracePeriodSeconds": 0, "containers": [{"name": "main", "image": "example.org/main:1"}]}}}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"namespace": namespace, "name": name, "labels": labels},
            "spec": spec | ({"serviceName": name} if kind == "StatefulSet" else {})}


class Day:
    """Where the text begins: a cluster with the programs of before at work, and a checkout of the repository."""

    def __init__(self, folder, plane, patroni, sealer):
        self.folder, self.plane, self.kube, self.patroni, self.sealer = folder, plane, plane.admin, patroni, sealer
        self.checkout, self.terminal, self.exports, self.made, self.written = folder / "checkout", None, [], [], []
        self.port, self.forwarded, self.installed = free_port(), free_port(), []
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in ("pgitops", "pgitops-hook"):
            (self.bin / name).symlink_to(agents.PROGRAM.parent / name)
        (self.bin / "kubeseal").symlink_to(kubeseal.binary())
        (self.bin / "kubectl").write_text(f'#!/bin/sh\nexec {" ".join(kube.binaries()["kubectl"])} "$@"\n')
        (self.bin / "kubectl").chmod(0o755)
        (folder / "pgitops").symlink_to(agents.TOP)
        self.environment = agents.environment(
            PATH=f"{self.bin}:{os.environ['PATH']}", HOME=folder, KUBECONFIG=str(plane.kubeconfig("admin", folder=folder)),
            PGTARGETSESSIONATTRS="read-write", PGCONNECT_TIMEOUT="10",
            GIT_AUTHOR_NAME="Ann", GIT_AUTHOR_EMAIL="ann@example.org", GIT_COMMITTER_NAME="Ann", GIT_COMMITTER_EMAIL="ann@example.org")

    def make(self, document):
        metadata = document["metadata"]
        self.kube.apply(document, manager="before", force=True)
        self.made.append((document["apiVersion"], document["kind"], metadata["namespace"], metadata["name"]))

    def run(self, *words):
        return subprocess.run([str(word) for word in words], cwd=self.checkout, env=self.environment, check=True, capture_output=True, text=True).stdout

    def repository(self):
        """What is in Git, and the Applications of it."""
        self.bare = bare = Repository(self.folder / "db.git")
        bare.commit({"cluster/postgres-cluster.yaml": postgresql("acid-minimal-cluster", instances=1),
                     "team/pub-cert.pem": self.sealer.ask("GET", "/v1/cert.pem").read().decode()})
        subprocess.run(["git", "clone", "-q", bare.path, self.checkout], env=self.environment, check=True)
        private(self.checkout / "team/edit-users.yaml", users_text({name: f"password of {name}" for name in ("alice", "bob")})
                .replace("database: postgres", "database: app").replace("- read\n", "- readers\n"))
        private(self.checkout / ".git/hooks/pre-commit", HOOK)
        (self.checkout / ".git/hooks/pre-commit").chmod(0o700)
        self.run("git", "commit", "-q", "--allow-empty", "-m", "the first users")
        self.run("git", "push", "-q")
        for name, path, namespace in (("postgres-cluster", "cluster", "default"), ("postgres-users", "team", "postgres")):
            self.make({
                "apiVersion": APPLICATION[0], "kind": APPLICATION[1], "metadata": {"namespace": "argocd", "name": name},
                "spec": {"project": "default", "source": {"repoURL": bare.url, "targetRevision": "main", "path": path},
                         "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
                         "syncPolicy": {"automated": {"prune": True, "selfHeal": True}}}})

    def pods(self):
        def argo_cd(pod):
            return ApplicationController(self.plane, self.bare, self.written)

        def installed(pod):
            self.installed.append(InstalledAgent(self.plane, pod, self.folder / "installed"))
            return self.installed[-1]

        return Pods(self.plane, {ARGO_CD: argo_cd, USER_CONTROLLER: lambda pod: UserController(self.plane, self.patroni), ("argocd", "pgitops"): installed})

    def begin(self):
        for kind, place in (("StatefulSet", ARGO_CD), ("Deployment", USER_CONTROLLER)):
            self.make(workload(kind, *place))
        self.patroni.wait_healthy()
        with self.patroni.session() as session:
            session.execute("CREATE DATABASE app")

    def verifiers(self):
        with self.patroni.session() as session:
            return dict(session.execute("SELECT rolname, rolpassword FROM pg_authid WHERE rolname IN ('alice', 'bob')").fetchall())

    def uids(self):
        return {(*kind[1:], found["metadata"]["name"]): found["metadata"]["uid"] for kind in KEPT for found in self.kube.list(*kind)}

    # What the text says

    def here(self, text):
        """The names of a real installation are those of this machine."""
        names = {
            "host=acid-minimal-cluster.default.svc port=5432": f"host={self.patroni.hosts} port={self.patroni.ports}",
            " sslmode=verify-full sslrootcert=ca.crt": "",
            "poll: 2s\n": f"poll: 1s\nlisten: 127.0.0.1:{self.port}\n",
            "/home/you/.kube/config": self.environment["KUBECONFIG"],
            "127.0.0.1:8080": f"127.0.0.1:{self.forwarded}",
            " 8080:8080": f" {self.forwarded}:8080",
        }
        for written, here in names.items():
            assert written in text, written
            text = text.replace(written, here)
        return text

    def do(self, block):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", "\n".join(self.exports) + "\n" + block], cwd=self.checkout, env=self.environment,
                              capture_output=True, text=True, timeout=150, check=False)
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}\n{self.told()}"
        self.exports += re.findall(r"(?m)^export .*", block)
        return done.stdout + done.stderr

    def told(self):
        files = [self.folder / "terminal.log", *(one.agent.log_path for one in self.installed)]
        return "\n".join(f"{file.name}: {file.read_text()[-3000:]}" for file in files if file.exists())

    def second_terminal(self, block):
        self.stop()
        if block.startswith("# Ctrl-C"):
            return
        with open(self.folder / "terminal.log", "ab") as log:
            self.terminal = subprocess.Popen(["bash", "-c", "\n".join(self.exports) + "\nexec " + block], cwd=self.checkout, env=self.environment,
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
        if "port-forward" in block:
            wait_for("ports are forwarded", lambda: "Forwarding from" in self.told())
        else:  # the commands that follow would not wait for it, nor for its first look at the users
            wait_for("the agent is ready", self.ready)

    def ready(self):
        assert self.terminal.poll() is None, self.told()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self):
        if self.terminal:
            self.terminal.terminate()
            code, self.terminal = self.terminal.wait(30), None
            assert code in (0, -15), self.told()

    def end(self):
        self.stop()
        if self.kube.get("apps/v1", "Deployment", "argocd", "pgitops"):  # the day has not come to its end
            self.run("kubectl", "delete", "--ignore-not-found", "-f", self.folder / "install.yaml")
        for kind in ("PersistentVolumeClaim", "Secret"):
            self.kube.delete("v1", kind, "argocd", "pgitops")
        for one in reversed(self.made):
            self.kube.delete(*one)
        for kind in KEPT[1:]:
            for found in self.kube.list(*kind):
                if found["metadata"].get("annotations", {}).get("argocd.argoproj.io/tracking-id", "").startswith("postgres-"):
                    self.kube.delete(*kind, found["metadata"]["name"])


@pytest.fixture
def day(crds, program, tmp_path):
    for namespace in ("argocd", "postgres"):
        crds.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, manager="before")
    patroni, sealer = DayPatroni(crds), kubeseal.Controller(crds, tmp_path)
    made = Day(tmp_path, crds, patroni, sealer)
    try:
        patroni.begin()
        sealer.start("--all-namespaces=false", "--additional-namespaces=postgres", "--rate-limit", "1000", "--rate-limit-burst", "1000")
        made.repository()
        made.begin()
        with made.pods().at_work(Operator(crds, patroni)) as pods:
            made.working = pods
            wait_for("the users of the morning", lambda: pods.trouble or len(made.verifiers()) == 2)
            yield made
            assert not pods.trouble, pods.trouble
    finally:
        made.end()
        sealer.close()
        patroni.close()


def pattern(words):
    """`...` is whatever stands there on that day."""
    return re.compile(".*".join(re.escape(part.strip()) for part in words.split(" ... ")))


@pytest.mark.timeout(600)
def test_the_first_day_goes_as_it_is_written(day):
    uids, verifiers, mark, said = day.uids(), day.verifiers(), day.plane.mark(), ""
    passwords = [f"password of {name}" for name in ("alice", "bob")] + ["first-day-of-carol", "first-day-of-dave", day.patroni.password]
    counts = {"sh": 0, "text": 0}
    written = len(day.written)
    for language, content, line in fences(day.here(DOCUMENT.read_text())):
        assert not day.working.trouble, day.working.trouble
        if language.startswith("yaml"):
            private(day.folder / (language.split()[1:] or ["agent.yaml"])[0], content)
        elif language == "sh agent":
            day.second_terminal(content)
        elif language == "sh":
            said = day.do(content)
            assert not [password for password in passwords if password in said], said
        elif language == "text":
            missing = [words for words in content.splitlines() if not pattern(words).search(said)]
            assert not missing, f"{DOCUMENT.name}:{line}: {missing} is not in\n{said}"
        else:
            raise AssertionError(f"{DOCUMENT.name}:{line}: what is a block of {language!r}?")
        counts[language.split()[0]] = counts.get(language.split()[0], 0) + 1
    assert counts["sh"] > 15 and counts["text"] > 10, counts
    # Nobody's password was set anew, nothing but bob was made anew or taken away, and Argo CD had nothing to do until dave came.
    assert day.verifiers() == {"alice": verifiers["alice"]}
    after = day.uids()
    assert {one for one in uids if after.get(one) != uids[one]} == {("SealedSecret", "postgres", "user-bob-secret"), ("Secret", "postgres", "user-bob-secret")}
    assert {revision for revision, *_ in day.written[written:]} == {day.bare.head} and (day.bare.head, "SealedSecret", "user-dave-secret") in day.written
    account = "system:serviceaccount:argocd:pgitops"
    asked = [event for event in day.plane.requests(mark) if event["user"]["username"] == account]
    assert asked and not [event["requestURI"] for event in asked if event.get("responseStatus", {}).get("code") in (401, 403)]
