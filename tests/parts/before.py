"""What works in a cluster before pgitops comes: Argo CD, a user controller, the operator with its database cluster. The first two work while the Pod
is there that Kubernetes makes of their workload, and so does the installed agent.

    pods = Pods(plane, {("postgres", "user-controller"): lambda pod: UserController(plane, patroni)})
    with pods.at_work(operator): ...
"""

import base64
import contextlib
import threading
import traceback

import psycopg
import yaml
from psycopg import sql

from parts import agent as agents
from parts import installed, kube, kubelet
from parts.patroni_operated import OperatedPatroni
from parts.process import private

LABEL = "app.kubernetes.io/name"
CLUSTER = ("acid.zalan.do/v1", "postgresql", "default", "acid-minimal-cluster")
READY = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


class Pods:
    """Those of some workloads, by namespace and name label. A program has ready(), step() and end()."""

    def __init__(self, plane, programs):
        self.plane, self.programs = plane, programs
        self.running, self.trouble, self.over = {}, None, threading.Event()

    @contextlib.contextmanager
    def at_work(self, *always):
        thread = threading.Thread(target=self._work, args=always, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.over.set()
            thread.join()

    def _work(self, *always):
        try:
            while not self.over.wait(0.15):
                self._look()
                for one in (*always, *self.running.values()):
                    one.step()
        except Exception:  # noqa: BLE001  of a thread: whoever waits for its work tells it
            self.trouble = traceback.format_exc()
        for one in self.running.values():
            one.end()

    def _look(self):
        there = set()
        for (namespace, name), program in self.programs.items():
            for pod in self.plane.admin.list("v1", "Pod", namespace, f"{LABEL}={name}"):
                uid, going = pod["metadata"]["uid"], pod["metadata"].get("deletionTimestamp")
                if going:
                    self._end(uid)
                    with contextlib.suppress(kube.ApiError):  # without a node it goes by itself
                        path = self.plane.admin.path("v1", "Pod", namespace, pod["metadata"]["name"])
                        self.plane.admin.request("DELETE", f"{path}?gracePeriodSeconds=0")
                    continue
                there.add(uid)
                if uid not in self.running:
                    self.running[uid] = program(pod)
                if pod.get("status", {}).get("phase") != "Running" and self.running[uid].ready():
                    with contextlib.suppress(kube.ApiError):  # it is gone meanwhile
                        self.plane.admin.patch("v1", "Pod", namespace, pod["metadata"]["name"], {"status": READY}, "kubelet", "status")
        for uid in set(self.running) - there:
            self._end(uid)

    def _end(self, uid):
        if uid in self.running:
            self.running.pop(uid).end()


class InstalledAgent:
    """The program in the Pod of its Deployment: account, agent file and token are what the Pod names."""

    def __init__(self, plane, pod, folder):
        spec = pod["spec"]
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        assert spec["serviceAccountName"] == volumes["config"]["configMap"]["name"] == volumes["secrets"]["secret"]["secretName"] == "pgitops"
        assert spec["containers"][0]["args"] == ["agent", "--config", "/etc/pgitops/agent.yaml"]
        folder.mkdir()
        self.agent = agents.Agent(folder)
        installed.own(plane, self.agent, folder)
        token = plane.admin.get("v1", "Secret", "argocd", "pgitops")["data"]["token"]
        private(folder / "token", base64.b64decode(token).decode())
        self.agent.start(ready=False)
        self.name = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        kubelet.shared().pod(*self.name, self.agent.log_path, {8080: self.agent.port})

    def ready(self):
        return self.agent.ready()

    def step(self):
        self.agent.alive()

    def end(self):
        kubelet.shared().gone(*self.name)
        assert self.agent.stop() == 0, self.agent.log()[-3000:]
        self.agent.close()


class UserController:
    """Who is new against what it remembers is created with the password of the Secret, or taken as he is; who is gone is dropped. It remembers while
    its Pod is there."""

    def __init__(self, plane, patroni):
        self.plane, self.patroni, self.known = plane, patroni, {}

    def ready(self):
        return True

    def end(self):
        pass

    def step(self):
        found = self.plane.admin.get("v1", "ConfigMap", "postgres", "postgres-users-config")
        users = yaml.safe_load(found["data"]["users.yaml"])["users"] if found else []
        wanted = {user["username"]: user for user in users or []}
        if wanted == self.known:
            return
        with self.patroni.session() as session:
            for name, user in wanted.items():
                if self.known.get(name) != user and self._has(session, name, user):
                    self.known[name] = user
            for name in set(self.known) - set(wanted):
                for words in ("REASSIGN OWNED BY {} TO postgres", "DROP OWNED BY {}", "DROP USER {}"):
                    session.execute(sql.SQL(words).format(sql.Identifier(name)))
                del self.known[name]

    def _has(self, session, name, user):
        there = {row[0] for row in session.execute("SELECT rolname FROM pg_roles").fetchall()}
        found = self.plane.admin.get("v1", "Secret", "postgres", f"user-{name}-secret")
        if name not in there and not found:
            return False  # not unsealed yet
        if name not in there:
            password = base64.b64decode(found["data"]["password"]).decode()
            session.execute(sql.SQL("CREATE USER {} PASSWORD {}").format(sql.Identifier(name), sql.Literal(password)))
        session.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(user["database"]), sql.Identifier(name)))
        for role in user.get("roles", []):
            if role not in there:
                session.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
            session.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(name)))
        return True


class DayPatroni(OperatedPatroni):
    """The cluster of the object that is in Git: one member, and one more when it says so."""

    def __init__(self, plane):
        super().__init__(plane, CLUSTER[2], name=CLUSTER[3], members=1)
        self.more = [self.member(1)]
        self.ports = ",".join(str(member.port) for member in (*self.members.values(), *self.more))
        self.hosts = ",".join(["127.0.0.1"] * 2)

    def ask(self):
        """Its object comes from elsewhere."""

    def session(self, user="postgres", password=None, database="postgres"):
        return psycopg.connect(host=self.hosts, port=self.ports, user=user, password=password or self.password, dbname=database,
                               target_session_attrs="read-write", autocommit=True, connect_timeout=10)

    def grow(self):
        member = self.more.pop()
        self.members[member.name] = member
        member.prepare()
        self.make_pod(member)
        member.start()
        self.plane.admin.patch("v1", "Endpoints", self.namespace, self.name, {"subsets": self.subsets()})

    def close(self):
        super().close()
        for kind in ("Pod", "ConfigMap", "Endpoints", "Service"):
            for found in self.plane.admin.list("v1", kind, self.namespace):
                if found["metadata"]["name"].startswith(self.name):
                    self.plane.admin.delete("v1", kind, self.namespace, found["metadata"]["name"])
        self.plane.admin.delete("v1", "Secret", self.namespace, self.secret)


class Operator:
    """The operator's part: members and parameters as the object says, and its status of what was asked last."""

    def __init__(self, plane, patroni):
        self.plane, self.patroni, self.generation, self.busy = plane, patroni, None, False

    def _says(self, status):
        self.plane.admin.patch(*CLUSTER, {"status": {"PostgresClusterStatus": status}}, "postgres-operator", "status")

    def step(self):
        found = self.plane.admin.get(*CLUSTER)
        if not found:
            return
        if found["metadata"]["generation"] != self.generation:
            self._says("Updating" if self.generation else "Creating")
            self.generation, self.busy = found["metadata"]["generation"], True
            self.parameters = found["spec"]["postgresql"].get("parameters", {})
            if self.parameters:
                self.patroni.configure(postgresql={"parameters": self.parameters})
            if found["spec"]["numberOfInstances"] > len(self.patroni.members):
                self.patroni.grow()
        elif self.busy and not self.patroni.ailing() and self._parameters_are_there():
            self._says("Running")
            self.busy = False

    def _parameters_are_there(self):
        with self.patroni.session() as session:
            return all(session.execute(sql.SQL("SHOW {}").format(sql.Identifier(name))).fetchone() == (value,) for name, value in self.parameters.items())
