"""docs/first-day.md, as somebody goes through it: each block of commands in its order, and what the text says that is seen."""

import json
import os
import pathlib
import re
import subprocess

import pytest
import yaml

from end.test_readme import fences
from end.test_takeover import ArgoCD
from parts import agent as agents
from parts import kube
from parts.checkout import VECTORS, users_text
from parts.git import Repository
from parts.manifests import postgresql
from parts.process import die_with_parent, free_port, private

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "docs/first-day.md"
OTHERS = [("StatefulSet", "argocd", "argocd-application-controller"), ("Deployment", "postgres", "user-controller")]


def workload(kind, namespace, name):
    """One of the programs of before: nothing of it runs here, it can be scaled."""
    labels = {"app": name}
    spec = {"replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "example.org/main:1"}]}}}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"namespace": namespace, "name": name},
            "spec": spec | ({"serviceName": name} if kind == "StatefulSet" else {})}


def secret(namespace, name, labels=None, kind="Opaque", **texts):
    return {"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": {"namespace": namespace, "name": name, "labels": labels or {}},
            "stringData": texts}


class Day:
    """Where the text begins: a cluster with the three programs of before, and a checkout of the repository."""

    def __init__(self, folder, plane, server):
        self.folder, self.plane, self.kube, self.server = folder, plane, plane.admin, server
        self.checkout, self.agent = folder / "checkout", None
        self.exports, self.made, self.port = [], [], free_port()
        self.bin = folder / "bin"
        self.bin.mkdir()
        for name in ("pgitops", "pgitops-hook"):
            (self.bin / name).symlink_to(agents.PROGRAM.parent / name)
        (self.bin / "kubectl").write_text(f'#!/bin/sh\nexec {" ".join(kube.binaries()["kubectl"])} "$@"\n')
        (self.bin / "kubectl").chmod(0o755)
        self.environment = agents.environment(
            PATH=f"{self.bin}:{os.environ['PATH']}", HOME=folder, KUBECONFIG=str(plane.kubeconfig("admin", folder=folder)),
            GIT_AUTHOR_NAME="Ann", GIT_AUTHOR_EMAIL="ann@example.org", GIT_COMMITTER_NAME="Ann", GIT_COMMITTER_EMAIL="ann@example.org")

    def make(self, document):
        metadata = document["metadata"]
        self.kube.apply(document, manager="before", force=True)
        self.made.append((document["apiVersion"], document["kind"], metadata.get("namespace"), metadata["name"]))

    def begin(self):
        for namespace in ("argocd", "postgres"):
            self.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, manager="before")
        for one in OTHERS:
            self.make(workload(*one))
        self.make(secret("default", "postgres.acid-minimal-cluster.credentials.postgresql.acid.zalan.do", password=self.server.password))
        self.make(secret("kube-system", "sealed-secrets-key1", {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"}, "kubernetes.io/tls",
                         **{"tls.crt": (VECTORS / "cert-a.pem").read_text(), "tls.key": (VECTORS / "key-a.pem").read_text()}))
        self.server.run("CREATE DATABASE app", "CREATE ROLE readers", *(f"CREATE USER {name} PASSWORD 'password of {name}'" for name in ("alice", "bob")),
                        "GRANT readers TO alice, bob", "GRANT CONNECT ON DATABASE app TO alice, bob")

    def run(self, *words):
        return subprocess.run([str(word) for word in words], cwd=self.checkout, env=self.environment, check=True, capture_output=True, text=True).stdout

    def repository(self):
        """What is in Git, and in the cluster as Argo CD has applied it."""
        bare = Repository(self.folder / "db.git")
        bare.commit({"cluster/postgres-cluster.yaml": postgresql("acid-minimal-cluster"), "team/pub-cert.pem": (VECTORS / "cert-a.pem").read_text()})
        subprocess.run(["git", "clone", "-q", bare.path, self.checkout], env=self.environment, check=True)
        private(self.checkout / "team/edit-users.yaml", users_text({name: f"password of {name}" for name in ("alice", "bob")})
                .replace("database: postgres", "database: app").replace("- read\n", "- readers\n"))
        self.run("pgitops", "seal", "users", "--commit", "the first users")
        self.run("git", "push", "-q")
        self.cluster = ("acid.zalan.do/v1", "postgresql", "default", "acid-minimal-cluster")
        for name, path, namespace in (("postgres-cluster", "cluster", "default"), ("postgres-users", "team", "postgres")):
            argocd = ArgoCD(self, name)
            self.namespace = namespace
            for file in sorted((self.checkout / path).glob("*.yaml")):
                if file.name != "edit-users.yaml":
                    for document in filter(None, yaml.safe_load_all(file.read_text())):
                        argocd.sync(json.dumps(document))
                        self.note(document, namespace)
            self.make({
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"namespace": "argocd", "name": name},
                "spec": {"project": "default", "source": {"repoURL": bare.url, "targetRevision": "main", "path": path},
                         "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
                         "syncPolicy": {"automated": {"prune": True, "selfHeal": True}}}})

        self.kube.patch(*self.cluster, {"status": {"PostgresClusterStatus": "Running"}}, "postgres-operator", "status")

    def note(self, document, namespace):
        metadata = document["metadata"]
        self.made.append((document["apiVersion"], document["kind"], metadata.get("namespace", namespace), metadata["name"]))

    # What the text says

    def here(self, text):
        """The names of a real installation are those of this machine."""
        names = {
            "host=acid-minimal-cluster.default.svc port=5432": f"host=127.0.0.1 port={self.server.port}",
            " sslmode=verify-full sslrootcert=ca.crt": "",
            "poll: 2s\n": f"poll: 2s\nlisten: 127.0.0.1:{self.port}\n",
            "/home/you/.kube/config": self.environment["KUBECONFIG"],
        }
        for written, here in names.items():
            assert written in text, written
            text = text.replace(written, here)
        return text

    def do(self, block):
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", "\n".join(self.exports) + "\n" + block], cwd=self.checkout, env=self.environment,
                              capture_output=True, text=True, timeout=150, check=False)
        log = (self.folder / "agent.log").read_text()[-3000:] if self.agent else ""
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}\n{log}"
        self.exports += re.findall(r"(?m)^export .*", block)
        return done.stdout + done.stderr

    def second_terminal(self, block):
        self.stop()
        with open(self.folder / "agent.log", "ab") as log:
            self.agent = subprocess.Popen(["bash", "-c", "\n".join(self.exports) + "\nexec " + block], cwd=self.checkout, env=self.environment,
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)

    def stop(self):
        if self.agent:
            self.agent.terminate()
            assert self.agent.wait(30) == 0
            self.agent = None

    def end(self):
        self.stop()
        sealed = ("bitnami.com/v1alpha1", "SealedSecret", "postgres")
        for one in [*reversed(self.made), *((*sealed, found["metadata"]["name"]) for found in self.kube.list(*sealed))]:
            self.kube.delete(*one)

    def specs(self):
        return {one: self.kube.get(*one).get("spec") for one in self.made if self.kube.get(*one)}


@pytest.fixture
def day(crds, server, tmp_path):
    made = Day(tmp_path, crds, server)
    try:
        made.begin()
        made.repository()
        yield made
    finally:
        made.end()


def test_the_first_day_goes_as_it_is_written(day):
    before, said = day.specs(), ""
    passwords = [f"password of {name}" for name in ("alice", "bob")] + ["first-day-of-carol", day.server.password]
    counts = {"sh": 0, "text": 0}
    for language, content, line in fences(day.here(DOCUMENT.read_text())):
        if language == "yaml":
            private(day.folder / "agent.yaml", content)
        elif language == "sh agent":
            day.second_terminal(content)
        elif language == "sh":
            said = day.do(content)
            assert not [password for password in passwords if password in said], said
        elif language == "text":
            missing = [words for words in content.splitlines() if words not in said]
            assert not missing, f"{DOCUMENT.name}:{line}: {missing} is not in\n{said}"
        else:
            raise AssertionError(f"{DOCUMENT.name}:{line}: what is a block of {language!r}?")
        counts[language.split()[0]] = counts.get(language.split()[0], 0) + 1
    assert counts["sh"] > 10 and counts["text"] > 5, counts
    day.stop()
    assert day.server.can_login("alice", "password of alice") and day.server.can_login("carol", "first-day-of-carol", "app")
    after = day.specs()
    changed = [one for one in before if one in after and after[one] != before[one]]
    assert [one[3] for one in changed] == ["acid-minimal-cluster"], changed
