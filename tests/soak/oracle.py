"""What must be true at a calm point, computed from the commits alone; it knows nothing of how the agent works.

The repository is kept as a dict file -> text. Each Application wants the objects of its folder; while a folder is broken, its last good
content is what counts.
"""

import base64
import json

HOOK = "argocd.argoproj.io/hook"


class Oracle:
    def __init__(self, namespace, applications):
        self.namespace = namespace
        self.files = {}  # of the newest commit
        self.good = {name: {} for name in applications}  # the last content of each folder that could be read
        self.good_at = dict.fromkeys(applications)  # and its commit
        self.broken = set()

    def commit(self, revision, files):
        self.files = files
        for name, _ in self.good.items():
            folder = {file: text for file, text in files.items() if file.startswith(f"{name}/")}
            if any(file.endswith("/broken.yaml") for file in folder):
                self.broken.add(name)
            else:
                self.broken.discard(name)
                self.good[name], self.good_at[name] = folder, revision

    def wanted(self):
        """(kind, name) -> (Application, {key: value})"""
        found = {}
        for application, folder in self.good.items():
            for text in folder.values():
                document = json.loads(text)
                if HOOK in document["metadata"].get("annotations", {}):
                    continue  # it has run and is deleted at a calm point
                data = dict(document.get("data", {})) | dict(document.get("stringData", {}))
                found[document["kind"], document["metadata"]["name"]] = (application, data)
        return found

    def of(self, application):
        return {key for key, (owner, _) in self.wanted().items() if owner == application}

    def disagreements(self, kube, applications, told):
        """Every sentence that is not true yet; `applications` are the objects of the cluster, `told` what `app get` shows."""
        return [*self._cluster(kube), *(line for name in self.good for line in self._application(name, applications.get(name), told(name)))]

    def _cluster(self, kube):
        wanted, live = self.wanted(), {}
        for kind in ("ConfigMap", "Secret"):
            for found in kube.list("v1", kind, self.namespace):
                if found["metadata"]["name"] != "kube-root-ca.crt":
                    live[kind, found["metadata"]["name"]] = found
        for key in sorted(wanted.keys() - live.keys()):
            yield f"{key} of {wanted[key][0]} is missing"
        for key in sorted(live.keys() - wanted.keys()):
            yield f"{key} is left over: {live[key]['metadata'].get('annotations')}"
        for (kind, name), (owner, data) in wanted.items():
            found = live.get((kind, name))
            if not found:
                continue
            have = {k: base64.b64decode(v).decode() if kind == "Secret" else v for k, v in found.get("data", {}).items()}
            if {k: v for k, v in have.items() if k != "foreign"} != data:
                yield f"{kind} {name}: {have} instead of {data}"
            tracking = found["metadata"].get("annotations", {}).get("argocd.argoproj.io/tracking-id")
            if tracking != f"{owner}:/{kind}:{self.namespace}/{name}":
                yield f"{kind} {name} is marked {tracking}, and belongs to {owner}"
            if found["metadata"].get("deletionTimestamp"):
                yield f"{kind} {name} is going away"

    def _application(self, name, document, told):
        if document is None:
            yield f"{name} is not in the cluster"
            return
        status = document.get("status") or {}
        sync = status.get("sync") or {}
        if name in self.broken:
            if not any(c["type"] == "ComparisonError" and "broken.yaml" in c["message"] for c in status.get("conditions") or []):
                yield f"{name}: no ComparisonError about its broken file: {status.get('conditions')}"
        else:
            if (sync.get("status"), sync.get("revision")) != ("Synced", self.good_at[name]):
                yield f"{name} is {sync.get('status')} at {sync.get('revision')} instead of Synced at {self.good_at[name]}"
            if status.get("conditions"):
                yield f"{name} still has conditions: {status['conditions']}"
            rows = {(row["kind"], row["name"]): row["status"] for row in status.get("resources") or []}
            if rows != dict.fromkeys(self.of(name), "Synced"):
                yield f"{name}: its rows are {rows} instead of {self.of(name)}"
            if (status.get("health") or {}).get("status") != "Healthy":
                yield f"{name} is {status.get('health')}"
        if "operation" in document or (status.get("operationState") or {}).get("phase") in ("Running", "Terminating"):
            yield f"{name} is at work: {(status.get('operationState') or {}).get('message')}"
        ids = [entry["id"] for entry in status.get("history") or []]
        if ids != sorted(set(ids)):
            yield f"{name}: the ids of its history are {ids}"
        shown = (told or {}).get("status") or {}
        for part in ("sync", "health", "conditions"):
            ours, theirs = shown.get(part) or {}, status.get(part) or {}
            if part != "conditions":
                ours, theirs = [(d.get("status"), d.get("revision")) for d in (ours, theirs)]
            if ours != theirs:
                yield f"{name}: `app get` shows {part} {ours}, the cluster {theirs}"
