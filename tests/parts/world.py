"""Applications as objects of the cluster, a repository behind them, and the hands of a test on both.

    world = World(agent, crds, tmp_path)
    team = world.application("team")                       # follows the folder team/, automated with prune
    head = world.push({"team/a.yaml": config_map("a")})
    team.synced(head)
    team.operate(sync={"prune": True}); team.ended("Succeeded")

Nothing runs Pods here, and no operator is there: the test says how a Pod ends and what the status of an object is.
"""

import json

from parts.git import Repository
from parts.process import wait_for

APPLICATION = ("argoproj.io/v1alpha1", "Application")
PREFIX = "argocd.argoproj.io/"
FINALIZER = "resources-finalizer.argocd.argoproj.io"
ANY_WRITE = {"method": ("PATCH", "POST", "PUT", "DELETE"), "path": r"^(?!.*(dryRun|/events))"}  # but no dry run and no Event
WRITES = ("create", "update", "patch", "delete", "deletecollection")
FINISHED = ("Succeeded", "Failed", "Error")
ENDS = {True: "Succeeded", False: "Failed"}


# ---- manifests ----------------------------------------------------------------------------------------------------------


def marked(text, finalizers=None, labels=None, **marks):
    """A manifest (JSON) with Argo CD's annotations: marked(config_map("a"), sync_wave=1, hook="PreSync")."""
    document = json.loads(text)
    meta = document["metadata"]
    annotations = meta.setdefault("annotations", {})
    annotations |= {name if "/" in name else PREFIX + name.replace("_", "-"): str(value) for name, value in marks.items()}
    if finalizers:
        meta["finalizers"] = finalizers
    if labels:
        meta["labels"] = labels
    return json.dumps(document, indent=1) + "\n"


def manifest(api_version, kind, name, **fields):
    return json.dumps({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}} | fields, indent=1) + "\n"


def pod(name, image="example.org/pause:1", **spec):
    """Progressing until the test says how it ended."""
    return manifest("v1", "Pod", name, spec={
        "restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [{"name": "main", "image": image}]} | spec)


def job(name, image="example.org/pause:1"):
    return manifest("batch/v1", "Job", name, spec={"backoffLimit": 0, "template": {"spec": {
        "restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [{"name": "main", "image": image}]}}})


def deployment(name, deadline=600):
    return manifest("apps/v1", "Deployment", name, spec={
        "replicas": 1, "progressDeadlineSeconds": deadline, "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {
            "automountServiceAccountToken": False, "containers": [{"name": "main", "image": "example.org/pause:1"}]}}})


def commits(document):
    """The commit of spec.source, or the list of those of spec.sources."""
    return document.get("revisions") or document.get("revision")


# ---- the world ----------------------------------------------------------------------------------------------------------


class App:
    """One Application, as kubectl and the repository see it."""

    def __init__(self, world, document):
        self.world, self.kube, self.document = world, world.kube, document
        self.name = document["metadata"]["name"]
        self.namespace = document["spec"]["destination"].get("namespace")
        self.address = (*APPLICATION, world.home, self.name)

    def create(self):
        self.kube.create(self.document)
        return self

    def get(self):
        return self.kube.get(*self.address)

    @property
    def status(self):
        return (self.get() or {}).get("status") or {}

    @property
    def state(self):
        """status.operationState, {} before the first one."""
        return self.status.get("operationState") or {}

    @property
    def history(self):
        return self.status.get("history") or []

    @property
    def health(self):
        return self.status.get("health", {}).get("status")

    def rows(self):
        """The rows of the last operation, in their order."""
        return (self.state.get("syncResult") or {}).get("resources") or []

    def row(self, name, kind=None):
        return next((row for row in self.rows() if row["name"] == name and kind in (None, row["kind"])), None)

    def resource(self, name, kind=None):
        """What status.resources says of an object."""
        rows = self.status.get("resources") or []
        return next((row for row in rows if row["name"] == name and kind in (None, row["kind"])), None)

    def conditions(self, kind=None):
        return [c for c in self.status.get("conditions") or [] if kind in (None, c["type"])]

    # What is done to it

    def patch(self, patch):
        return self.kube.patch(*self.address, patch)

    def annotate(self, **marks):
        self.patch({"metadata": {"annotations": {PREFIX + name.replace("_", "-"): value for name, value in marks.items()}}})

    def operate(self, **operation):
        """`kubectl patch --type merge` of `operation`."""
        self.patch({"operation": operation})
        return self

    def terminate(self):
        """As Argo CD's API server and people with kubectl do it."""
        self.patch({"status": {"operationState": {"phase": "Terminating"}}})

    def delete(self):
        self.kube.delete(*self.address)

    # What is waited for

    def wait(self, what, question, seconds=None):
        try:
            return wait_for(f"{self.name}: {what}", question, seconds, 0.05)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.told()}\n{self.world.agent.log()[-4000:]}") from None

    def told(self):
        found = self.get()
        if found:
            found["metadata"].pop("managedFields", None)
        return json.dumps(found, indent=1)

    def synced(self, revision=None, seconds=None):
        """Compared and equal at the revision (the newest commit; a list for several sources), and no operation at work any more."""
        revision = revision or self.world.head

        def there():
            found = self.get() or {}
            status = found.get("status") or {}
            sync, state = status.get("sync") or {}, status.get("operationState") or {}
            return sync.get("status") == "Synced" and commits(sync) == revision and "operation" not in found and \
                state.get("phase") not in ("Running", "Terminating")

        self.wait(f"Synced at {revision}", there, seconds)
        return self

    def sync_status(self, wanted, revision=None):
        def there():
            sync = self.status.get("sync") or {}
            return sync.get("status") == wanted and revision in (None, commits(sync))

        self.wait(f"{wanted} at {revision or 'any revision'}", there)
        return self

    def healthy(self, wanted="Healthy"):
        self.wait(wanted, lambda: self.health == wanted)
        return self

    def ended(self, phase=None, revision=None):
        """The end of the operation that was asked for, or of the one of this revision; returns operationState."""
        def there():
            found = self.get() or {}
            state = (found.get("status") or {}).get("operationState") or {}
            if "operation" in found or state.get("phase") not in FINISHED or not state.get("finishedAt"):
                return None
            return state if revision in (None, commits(state.get("syncResult") or {})) else None

        state = self.wait(f"the end of the operation{f' at {revision}' if revision else ''}", there)
        assert phase in (None, state["phase"]), self.told()
        return state

    def running(self, text=""):
        """An operation is at work, and says that it waits for this."""
        def there():
            state = self.state
            return state if state.get("phase") == "Running" and text in state.get("message", "") else None

        return self.wait(f"a running operation that says {text!r}", there)

    def condition(self, kind, *texts):
        """A condition of this type whose message holds all the texts."""
        def there():
            return next((c for c in self.conditions(kind) if all(text in c["message"] for text in texts)), None)

        return self.wait(f"{kind} with {texts}", there)

    def gone(self):
        self.wait("gone", lambda: self.get() is None)


class World:
    """A namespace for Applications, one for their objects, one repository with a folder for each Application."""

    def __init__(self, agent, plane, folder, poll="1s"):
        self.agent, self.plane, self.kube = agent, plane, plane.admin
        self.home, self.namespace = plane.namespace("home"), plane.namespace()
        self.repository = Repository(folder / "db.git")
        self.repository.commit({"README.md": "a team's cluster\n"})
        self.apps = {}
        agent.config["poll"] = poll
        agent.kubernetes(plane, namespace=self.home, objects=True)

    @property
    def head(self):
        return self.repository.head

    def through(self, proxy):
        """The agent reaches the API server through this proxy."""
        self.agent.config["kubernetes"]["kubeconfig"] = str(proxy.kubeconfig(self.plane))

    def application(self, name, path=None, namespace=None, prune=True, heal=True, automated=True, options=(), finalizers=(),
                    annotations=None, create=True, policy=None, source=None, **spec):
        """An Application of the folder `path` (its name); created at once. It tries once, so that a failure is an end."""
        automation = {"automated": {"prune": prune, "selfHeal": heal}} if automated else {}
        document = {
            "apiVersion": APPLICATION[0], "kind": APPLICATION[1],
            "metadata": {"name": name, "namespace": self.home, "annotations": annotations or {},
                         "finalizers": list(finalizers)},
            "spec": {
                "project": "default",
                "source": {"repoURL": self.repository.url, "path": path or name, "targetRevision": "main"} | (source or {}),
                "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace or self.namespace},
                "syncPolicy": automation | {"syncOptions": list(options), "retry": {"limit": 0}} | (policy or {}),
            } | spec,
        }
        if "sources" in spec and not source:
            del document["spec"]["source"]
        app = self.apps[name] = App(self, document)
        return app.create() if create else app

    def push(self, files, message="change"):
        return self.repository.commit(files, message)

    def begin(self):
        self.agent.begin()
        return self

    def restart(self):
        """kill -9, and on again."""
        self.agent.kill()
        self.agent.begin()

    # Objects

    def get(self, kind, name, namespace=None, api_version=None):
        api_version = api_version or {"Pod": "v1", "ConfigMap": "v1", "Secret": "v1", "Service": "v1", "Job": "batch/v1",
                                      "Deployment": "apps/v1", "postgresql": "acid.zalan.do/v1", "Namespace": "v1"}[kind]
        return self.kube.get(api_version, kind, None if kind == "Namespace" else namespace or self.namespace, name)

    def value(self, name, key="value"):
        """A ConfigMap's value, None while there is no such object."""
        found = self.get("ConfigMap", name)
        return found and found.get("data", {}).get(key)

    def uid(self, kind, name):
        found = self.get(kind, name)
        return found and found["metadata"]["uid"]

    def tracking(self, kind, name):
        found = self.get(kind, name)
        return found and found["metadata"].get("annotations", {}).get(PREFIX + "tracking-id")

    def appears(self, kind, name, **more):
        return self.wait(f"{kind} {name}", lambda: self.get(kind, name, **more))

    def vanishes(self, kind, name, **more):
        return self.wait(f"{kind} {name} is gone", lambda: self.get(kind, name, **more) is None)

    def wait(self, what, question):
        try:
            return wait_for(what, question)
        except TimeoutError as error:
            told = "\n".join(app.told() for app in self.apps.values())
            raise AssertionError(f"{error}\n{told}\n{self.agent.log()[-4000:]}") from None

    def pods(self, prefix=""):
        return [found for found in self.kube.list("v1", "Pod", self.namespace) if found["metadata"]["name"].startswith(prefix)]

    def end_pod(self, name, succeeded=True, message="exit code 1"):
        """What the kubelet says when the containers of a Pod have ended."""
        self.appears("Pod", name)
        state = {"terminated": {"exitCode": 0 if succeeded else 1, "reason": "Completed" if succeeded else "Error",
                                "message": "" if succeeded else message}}
        status = {"phase": ENDS[succeeded], "message": "" if succeeded else message, "containerStatuses": [
            {"name": "main", "image": "example.org/pause:1", "imageID": "", "ready": False, "restartCount": 0, "state": state}]}
        self.kube.patch("v1", "Pod", self.namespace, name, {"status": status}, "kubelet", "status")

    def end_job(self, name, succeeded=True):
        """The kubelet's word on the Pod that the Job controller made."""
        def made():
            return [p for p in self.pods(f"{name}-") if p["metadata"].get("labels", {}).get("job-name") == name]

        for found in self.wait(f"a Pod of the Job {name}", made):
            self.end_pod(found["metadata"]["name"], succeeded)

    def set_status(self, kind, name, status, api_version="acid.zalan.do/v1", manager="postgres-operator"):
        self.kube.patch(api_version, kind, self.namespace, name, {"status": status}, manager, "status")

    def cluster_status(self, name, word):
        """What the operator says of a postgresql."""
        self.set_status("postgresql", name, {"PostgresClusterStatus": word})

    # What was asked of the API server

    def writes(self, since, resource=None, namespace=None, dry=False):
        """[(verb, resource, name)] in the order of the server's answers; of Applications only when asked for."""
        found = []
        for event in self.plane.requests(since, namespace=namespace or self.namespace, resource=resource):
            if event["verb"] in WRITES and ("dryRun" in event["requestURI"]) == dry and \
                    event["responseStatus"].get("code", 500) < 300:
                found.append((event["verb"], event["objectRef"]["resource"], event["objectRef"].get("name", "")))
        return found

    def written(self, since, **more):
        """Names of objects in the order of their first write."""
        return list(dict.fromkeys(name for verb, _, name in self.writes(since, **more) if verb != "delete"))

    def deleted(self, since, **more):
        return [name for verb, _, name in self.writes(since, **more) if verb == "delete"]

    def passes(self, count=3):
        """So many passes later: what would have happened by itself has happened."""
        self.wait(f"{count} passes", self.agent.after_passes(self.apps, count))
