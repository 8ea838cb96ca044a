"""Several agents that share one lease: the same agent file, each with a state folder, an address and a user of the API server of its own.

    pair = Pair(make_agent, plane, tmp_path, server, duration="3s")
    pair.start()
    leader = pair.leader()
"""

import hashlib
import hmac
import json
import time

from parts.git import Repository
from parts.plain import PASSWORD, install
from parts.process import wait_for
from parts.users import version_2

LEASES = ("coordination.k8s.io/v1", "Lease")
EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


class Pair:
    """Two agents, one Application with objects and one with users. The API server's audit log knows them by their user, PostgreSQL's log by the
    way they come: the first over TCP, the second over the Unix socket."""

    def __init__(self, make_agent, plane, folder, server, duration="12s", kubeconfigs=None):
        self.plane, self.kube, self.server, self.make = plane, plane.admin, server, make_agent
        self.home, self.namespace = plane.namespace("home"), plane.namespace()
        self.repository = Repository(folder / "db.git")
        self.users = ("first-of-two", "second-of-two")
        self.count = 0
        self.entries = ("ada", "ben")
        self.sockets = {"first-of-two": "127.0.0.1", "second-of-two": str(server.folder)}
        install(server)
        server.run("CREATE DATABASE app")
        server.run("GRANT CONNECT ON DATABASE app TO pgitops WITH GRANT OPTION", database="app")
        self.push()
        for name in ("objects", "postgres-users"):
            self._application(name)
        for name in ("ada", "ben"):
            self.kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"user-{name}-secret", "namespace": self.namespace},
                              "stringData": {"password": f"geheim-{name}"}})
        self.agents = {user: self._agent(user, duration, (kubeconfigs or {}).get(user)) for user in self.users}

    def _application(self, name):
        self.kube.create({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": name, "namespace": self.home},
            "spec": {"project": "default", "source": {"repoURL": self.repository.url, "path": name, "targetRevision": "main"},
                     "destination": {"server": "https://kubernetes.default.svc", "namespace": self.namespace},
                     "syncPolicy": {"automated": {"prune": True, "selfHeal": True}, "retry": {"limit": 0}}}})

    def _agent(self, user, duration, kubeconfig):
        agent = self.make(user, poll="250ms", lease={"duration": duration})
        self.plane.allow(user, EVERYTHING)
        agent.kubernetes(self.plane, user, namespace=self.home, objects=True)
        if kubeconfig is not None:
            agent.config["kubernetes"]["kubeconfig"] = str(kubeconfig)
        info = f"host={self.sockets[user]} port={self.server.port} dbname=postgres user=pgitops"
        agent.database(self.server, connection=info, config_map="postgres-users-config")
        (agent.folder / "password-main").write_text(PASSWORD)
        return agent

    def push(self):
        """The next commit: each object and each user is another."""
        self.count += 1
        maps = {f"objects/{name}.yaml": json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name},
                                                    "data": {"value": str(self.count)}}) + "\n" for name in ("a", "b", "c")}
        text = version_2(*(f"{{username: {name}, connectionLimit: {self.count % 1000}}}" for name in self.entries))
        users = {"postgres-users/users.yaml": text.replace(", namespace: postgres}", "}")}
        return self.repository.commit(maps | users, f"change {self.count}")

    # Who leads

    def start(self):
        for user in self.users:
            self.begin(user)

    def begin(self, user):
        self.agents[user].begin()

    def lease(self):
        return self.kube.get(*LEASES, self.home, "pgitops")

    def leads(self, agent):
        try:
            return agent.process is not None and agent.process.poll() is None and agent.metrics().get("pgitops_leader") == 1
        except OSError:
            return False

    def leader(self, seconds=None):
        """The user whose agent leads."""
        return wait_for("an agent leads", lambda: next((u for u, agent in self.agents.items() if self.leads(agent)), None), seconds)

    def other(self, user):
        return next(u for u in self.users if u != user)

    def announce(self, agent, secret):
        """What GitHub says of a push."""
        body = json.dumps({"ref": "refs/heads/main", "repository": {"clone_url": self.repository.url}}).encode()
        mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return agent.request("POST", "/api/webhook", body, {"Content-Type": "application/json", "X-GitHub-Event": "push",
                                                            "X-Hub-Signature-256": f"sha256={mac}"})

    def applied(self):
        """Both Applications are as the newest commit says."""
        found = self.kube.get("v1", "ConfigMap", self.namespace, "a")
        limits = self.server.query("SELECT rolconnlimit FROM pg_roles WHERE rolname = ANY(%s)", [list(self.entries)])
        return found is not None and found["data"]["value"] == str(self.count) and limits == [(self.count % 1000,)] * len(self.entries)

    def converged(self, seconds=60):
        try:
            wait_for("the newest commit is applied", self.applied, seconds, 0.1)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n" + "\n".join(a.log()[-3000:] for a in self.agents.values())) from None

    # What was written

    def kube_writes(self, since):
        """[(time, user, verb, resource)] that the API server was asked for, in its order; dry runs are none."""
        found = []
        for event in self.plane.requests(since):
            if event["verb"] in ("create", "update", "patch", "delete") and "dryRun" not in event["requestURI"] \
                    and event["user"]["username"] in self.users and event["objectRef"]["resource"] != "selfsubjectaccessreviews":
                moment = event["requestReceivedTimestamp"].rstrip("Z")
                seconds = time.mktime(time.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone + float("0" + moment[19:])
                ref = event["objectRef"]
                found.append((seconds, event["user"]["username"], event["responseStatus"]["code"], ref["resource"], ref.get("namespace")))
        return sorted(found)

    def sql_writes(self, since):
        """[(time, user)] of PostgreSQL's log, whose prefix is "%n %h %u "."""
        found = []
        for line in self.server.log_since(since).splitlines():
            parts = line.split(" ", 3)
            if len(parts) == 4 and parts[2] == "pgitops" and "LOG:  statement:" in parts[3]:
                found.append((float(parts[0]), "second-of-two" if parts[1] == "[local]" else "first-of-two"))
        return found
