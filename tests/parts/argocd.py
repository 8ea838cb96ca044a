"""Argo CD, as it writes objects, and as its application controller works: played, for it is not to be had as one program (controller, repository
server and Redis, each of an image of its own)."""

import copy
import json
import types

import yaml

from parts.git import git
from parts.world import APPLICATION, PREFIX

INSTALLATION = PREFIX + "installation-id"
TRACKING = PREFIX + "tracking-id"
LABEL = "app.kubernetes.io/instance"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MANAGERS = {"client": "argocd-controller", "server": "argocd-controller", "before-2.5": "argocd-application-controller"}


class ArgoCD:
    """Writes objects of a namespace as its application controller does; nothing of it runs here.

    `apply`: client side (kubectl's three-way merge, its own text beside it) or server side, always with force. `tracking`: by label
    (the default of 2.x), by annotation (of 3.x), or both. Before 2.5 it had no name of its own as a field manager.
    """

    def __init__(self, world, application, apply="client", tracking="annotation", installation=None):
        self.world, self.application, self.apply_as, self.manager = world, application, apply, MANAGERS[apply]
        self.tracking, self.installation = tracking, installation

    def marked(self, text):
        obj = json.loads(text)
        meta = obj["metadata"]
        meta.setdefault("namespace", self.world.namespace)
        group = obj["apiVersion"].rpartition("/")[0]
        if "label" in self.tracking:
            meta.setdefault("labels", {})[LABEL] = self.application
        if "annotation" in self.tracking:
            meta.setdefault("annotations", {})[TRACKING] = (
                f"{self.application}:{group}/{obj['kind']}:{meta['namespace']}/{meta['name']}")
        if self.installation:
            meta.setdefault("annotations", {})[INSTALLATION] = self.installation
        return obj

    def sync(self, *texts):
        for text in texts:
            obj = self.marked(text)
            meta = obj["metadata"]
            if self.apply_as == "server":
                self.world.kube.apply(obj, manager=self.manager, force=True)
                continue
            plain = copy.deepcopy(obj)
            plain["metadata"].setdefault("annotations", {})
            meta.setdefault("annotations", {})[LAST_APPLIED] = json.dumps(plain) + "\n"
            path = self.world.kube.path(obj["apiVersion"], obj["kind"], meta["namespace"])
            live = self.world.kube.get(obj["apiVersion"], obj["kind"], meta["namespace"], meta["name"])
            if live:
                self.world.kube.patch(obj["apiVersion"], obj["kind"], meta["namespace"], meta["name"], obj, manager=self.manager)
            else:
                self.world.kube.request("POST", f"{path}?fieldManager={self.manager}", obj)

    def wants(self, text):
        """What its next sync would change: nothing, or the fields. By the server's word, as its server-side diff has it."""
        obj = self.marked(text)
        meta = obj["metadata"]
        path = self.world.kube.path(obj["apiVersion"], obj["kind"], meta["namespace"], meta["name"])
        live = self.world.kube.request("GET", path)
        dry = self.world.kube.request("PATCH", f"{path}?fieldManager={self.manager}&force=true&dryRun=All", obj,
                                      content_type="application/apply-patch+yaml")
        for found in (live, dry):
            for field in ("managedFields", "resourceVersion", "generation"):
                found["metadata"].pop(field, None)
        return [key for key in sorted(set(live) | set(dry)) if live.get(key) != dry.get(key)]


class ApplicationController:
    """Compares when it starts, and at each commit: writes what differs, prunes what it tracks and Git does not have. `written` is what it changed, by commit."""

    KINDS = (("v1", "ConfigMap"), ("bitnami.com/v1alpha1", "SealedSecret"), ("acid.zalan.do/v1", "postgresql"))

    def __init__(self, plane, repository, written, home="argocd"):
        self.plane, self.repository, self.written, self.home = plane, repository, written, home
        self.seen = {}

    def ready(self):
        return bool(self.seen)

    def step(self):
        head = self.repository.head
        for application in self.plane.admin.list(*APPLICATION, self.home):
            name = application["metadata"]["name"]
            if self.seen.get(name) != head and application["spec"]["source"]["repoURL"] == self.repository.url:
                self._sync(name, application["spec"], head)
                self.seen[name] = head

    def end(self):
        pass

    def _documents(self, folder, head):
        for file in git(self.repository.path, "ls-tree", "--name-only", head, f"{folder}/").split():
            if file.endswith(".yaml"):
                yield from filter(None, yaml.safe_load_all(git(self.repository.path, "show", f"{head}:{file}")))

    def _sync(self, name, spec, head):
        kube, namespace = self.plane.admin, spec["destination"]["namespace"]
        argocd, tracked = ArgoCD(types.SimpleNamespace(kube=kube, namespace=namespace), name), set()
        for document in self._documents(spec["source"]["path"], head):
            text, named = json.dumps(document), document["metadata"]["name"]
            tracked.add((document["kind"], named))
            if not kube.get(document["apiVersion"], document["kind"], namespace, named) or argocd.wants(text):
                argocd.sync(text)
                self.written.append((head, document["kind"], named))
        for kind in self.KINDS:
            for found in kube.list(*kind, namespace):
                key = (kind[1], found["metadata"]["name"])
                if found["metadata"].get("annotations", {}).get(TRACKING, "").startswith(f"{name}:") and key not in tracked:
                    kube.delete(*kind, namespace, key[1])
                    self.written.append((head, f"no {key[0]}", key[1]))
        kube.patch(*APPLICATION, self.home, name, {"status": {
            "sync": {"status": "Synced", "revision": head}, "health": {"status": "Healthy"}, "controllerNamespace": self.home}}, manager=MANAGERS["server"])
