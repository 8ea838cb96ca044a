"""`pgitops cluster get` of a cluster whose operator has not done what its object asks for: each in a sentence, with what to do. The operator's part
is played, by objects as it makes them; who refuses is the real API server."""

import contextlib
import datetime
import subprocess

import pytest

from parts import agent as agents
from parts.kube import ApiError
from parts.patroni import pretend
from parts.process import wait_for

NAME = "acid-demo"
LABELS = {"application": "spilo", "cluster-name": NAME}
OBJECT = ("acid.zalan.do/v1", "postgresql")
ROLLING = "zalando-postgres-operator-rolling-update-required"
OPERATORS = ("name=postgres-operator", "app.kubernetes.io/name=postgres-operator")


class Place:
    """Three members, the object, and no operator."""

    def __init__(self, plane, folder):
        self.plane, self.admin, self.folder, self.namespace = plane, plane.admin, folder, plane.namespace("held")
        pretend(plane, self.namespace, NAME)
        self.admin.apply({"apiVersion": OBJECT[0], "kind": OBJECT[1], "metadata": {"name": NAME, "namespace": self.namespace}, "spec": {
            "teamId": "acid", "numberOfInstances": 3, "postgresql": {"version": "17"}, "volume": {"size": "1Gi"}}})

    def patch(self, kind, name, patch, subresource="", api_version="v1"):
        self.admin.patch(api_version, kind, self.namespace, name, patch, "postgres-operator", subresource)

    def says(self, status, minutes=0):
        """The operator's status, of so many minutes ago; the object was written an hour before that, or 20 minutes ago where it says nothing."""
        if status:
            self.patch(OBJECT[1], NAME, {"status": {"PostgresClusterStatus": status}}, "status", OBJECT[0])
        found = self.admin.get(*OBJECT, self.namespace, NAME)
        now = datetime.datetime.now(datetime.timezone.utc)
        for entry in found["metadata"]["managedFields"]:
            ago = minutes if entry.get("subresource") == "status" else minutes + 60 if status else 20
            entry["time"] = (now - datetime.timedelta(minutes=ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
        labels = found["metadata"].setdefault("labels", {})
        labels["older"] = str(int(labels.get("older", "0")) + 1)  # times alone are no change to the server
        self.admin.replace(found)

    def get(self, *more, user="admin"):
        config = self.plane.kubeconfig(user, folder=self.folder)
        return agents.run("cluster", "get", NAME, "-n", self.namespace, "--no-ask", "--kubeconfig", config, *more)

    @contextlib.contextmanager
    def watched(self):
        """Somebody watches it: shown(words) waits until a line has them."""
        command = [agents.PROGRAM, "cluster", "get", NAME, "-w", "-n", self.namespace, "--no-ask", "--kubeconfig", self.plane.kubeconfig(folder=self.folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=agents.environment()) as process:
            def shown(words):
                assert any(words in line for line in process.stdout), words

            try:
                yield shown
            finally:
                process.kill()

    def told(self, *words, user="admin"):
        """One sentence has all these words; it is returned."""
        texts = [p["text"] for p in self.get("-o", "json", user=user).ok().json["problems"]]
        found = [text for text in texts if all(word in text for word in words)]
        assert len(found) == 1, (words, texts)
        return found[0]

    def nothing(self):
        assert self.get("-o", "json").ok().json["problems"] == []


@pytest.fixture
def place(program, crds, tmp_path):
    for selector in OPERATORS:  # of tests before this one
        for pod in crds.admin.list("v1", "Pod", selector=selector):
            crds.admin.request("DELETE", crds.admin.path_of(pod | {"apiVersion": "v1", "kind": "Pod"}) + "?gracePeriodSeconds=0")
    return Place(crds, tmp_path)


def operator(place, phase):
    place.admin.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "op", "namespace": place.namespace, "labels": {"name": "postgres-operator"}},
                        "spec": {"containers": [{"name": "postgres-operator", "image": "o"}]}})
    place.patch("Pod", "op", {"status": {"phase": phase}}, "status")


def test_an_operator_that_is_absent_down_held_or_at_work_for_too_long(place):
    place.says("")
    text = place.told("has not reported since 20", "its status: none", "no Pod of it is in the cluster", "manifests/operator.md")
    # Who may not look for it is told the same, without that; and so is who uses the table.
    place.plane.allow("bob", [{"apiGroups": ["", "acid.zalan.do"], "resources": ["pods", "endpoints", "configmaps", "postgresqls", "persistentvolumeclaims"],
                               "verbs": ["list"]}], place.namespace)
    place.told("has not reported since 20", "a new value in any annotation", "pgitops doctor operator-silent", user="bob")
    config = place.plane.kubeconfig(folder=place.folder)
    listed = agents.run("cluster", "list", "-n", place.namespace, "--no-ask", "--kubeconfig", config).ok()
    assert " ".join(text.split()) in " ".join(listed.out.split())
    operator(place, "Pending")
    place.told("has not reported", f"{place.namespace}/op is its Pod and does not run")
    place.patch("Pod", "op", {"status": {"phase": "Running"}}, "status")
    other = {"apiVersion": OBJECT[0], "kind": OBJECT[1], "metadata": {"name": "acid-other", "namespace": place.namespace}}
    place.admin.create(other | {"spec": place.admin.get(*OBJECT, place.namespace, NAME)["spec"]})
    place.patch(OBJECT[1], "acid-other", {"status": {"PostgresClusterStatus": "Creating"}}, "status", OBJECT[0])
    place.told("has not reported", f"{place.namespace}/acid-other is Creating since 20", "mend that one first")
    place.says("Updating", minutes=20)
    place.told("the operator says Updating since 20", "longer than the ten minutes it gives itself", "pgitops cluster logs")
    place.says("Running")
    place.nothing()


def test_a_rolling_update_says_who_has_the_new_template_and_who_waits(place):
    labels = {"matchLabels": {"app": "none"}}
    place.admin.create({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": NAME, "namespace": place.namespace, "labels": LABELS}, "spec": {
        "replicas": 0, "serviceName": NAME, "selector": labels, "updateStrategy": {"type": "OnDelete"}, "template": {
            "metadata": {"labels": labels["matchLabels"]}, "spec": {"containers": [{"name": "postgres", "image": "spilo"}]}}}})

    def revision():
        return place.admin.get("apps/v1", "StatefulSet", place.namespace, NAME).get("status", {}).get("updateRevision")

    new = wait_for("its controller has looked", revision)
    for index, hash in enumerate((f"{NAME}-old", new, f"{NAME}-old")):
        place.patch("Pod", f"{NAME}-{index}", {"metadata": {"labels": {"controller-revision-hash": hash}}})
    place.says("Running")
    place.nothing()  # annotations come into a template, too, and nobody is to be restarted for them
    place.says("Updating")
    place.told(f"a rolling update is under way since 20", f": {NAME}-1 has the new Pod template, {NAME}-0, {NAME}-2 wait: ", "there is nothing to do")
    with place.watched() as shown:
        shown(f"{NAME}-1 has the new Pod template, {NAME}-0, {NAME}-2 wait: ")
        place.patch("Pod", f"{NAME}-0", {"metadata": {"annotations": {ROLLING: "true"}}})
        place.patch("Pod", f"{NAME}-2", {"metadata": {"labels": {"controller-revision-hash": new}}})
        shown(f"{NAME}-1, {NAME}-2 have the new Pod template, {NAME}-0 waits: ")
    place.says("Running")
    place.told(f"{NAME}-1, {NAME}-2 have the new Pod template, {NAME}-0 waits: no Pod of it is in the cluster")
    operator(place, "Running")
    place.told(f"{NAME}-0 waits: the operator goes on with its next sync, within 30 minutes")
    place.patch("Pod", f"{NAME}-2", {"status": {"phase": "Pending"}}, "status")
    place.told(f"{NAME}-0 waits: Pod {NAME}-2 does not run yet", "pgitops doctor pod-does-not-start")


def test_a_volume_that_the_server_lets_not_grow_says_whose_word_that_is(place):
    name = f"pgdata-{NAME}-0"
    kind, fixed = "StorageClass", {"apiVersion": "storage.k8s.io/v1", "metadata": {"name": place.namespace}, "provisioner": "example.org/none"}
    place.admin.create(fixed | {"kind": kind})
    place.admin.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": place.namespace, "labels": LABELS},
                        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": place.namespace, "resources": {"requests": {"storage": "1Gi"}}}})
    place.patch("PersistentVolumeClaim", name, {"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}, "status")
    place.says("Running")
    grow = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    place.nothing()
    place.patch(OBJECT[1], NAME, {"spec": {"volume": {"size": "2Gi"}}}, api_version=OBJECT[0])
    with pytest.raises(ApiError):
        place.patch("PersistentVolumeClaim", name, grow)
    place.says("Running")
    place.told(f"volume claim {name}: its StorageClass lets no volume grow", " since 20", f'2Gi is wanted, it has 1Gi (StorageClass "{place.namespace}")',
               "allowVolumeExpansion: true")
    place.admin.patch("storage.k8s.io/v1", kind, None, place.namespace, {"allowVolumeExpansion": True})
    place.told("the operator has not asked for more, or was refused", "storage_resize_mode")
    place.patch("PersistentVolumeClaim", name, grow)
    place.told("nothing makes it grow", "resizer")
    pending = {"type": "FileSystemResizePending", "status": "True", "lastTransitionTime": "2026-01-02T03:04:05Z"}
    place.patch("PersistentVolumeClaim", name, {"status": {"conditions": [pending]}}, "status")
    place.told("its file system has not since 2026-01-02T03:04:05Z: 2Gi is wanted, it has 1Gi", "kubectl delete pod")
    place.patch("PersistentVolumeClaim", name, {"status": {"conditions": [], "capacity": {"storage": "2Gi"}}}, "status")
    place.nothing()
