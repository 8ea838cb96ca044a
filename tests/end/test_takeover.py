"""From Argo CD to this agent and back: whose an object is, what changes when it is taken over, what is left when it is given back."""

import copy
import json

import pytest

from parts.manifests import config_map
from parts.world import PREFIX, deployment, manifest

INSTALLATION = PREFIX + "installation-id"
TRACKING = PREFIX + "tracking-id"
LABEL = "app.kubernetes.io/instance"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MANAGERS = {"client": "argocd-controller", "server": "argocd-controller", "before-2.5": "argocd-application-controller"}


class ArgoCD:
    """Writes objects as its application controller does; nothing of it runs here.

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


# ---- installation-id ----------------------------------------------------------------------------------------------------


def test_an_object_of_another_installation_is_not_ours(world):
    """Two installations with an Application of one name: neither touches what the other has."""
    other = ArgoCD(world, "team", installation="east")
    other.sync(config_map("theirs", value="theirs"), config_map("shared", value="theirs"))
    world.push({"team/a.yaml": config_map("a"), "team/shared.yaml": config_map("shared", value="git")})
    team = world.application("team")
    world.begin()
    team.condition("SharedResourceWarning", "shared", 'installation id "east"', "installationID: east")
    world.passes()
    assert world.value("a") == "one" and world.value("shared") == "theirs" and world.value("theirs") == "theirs"
    assert team.resource("theirs") is None and team.resource("shared")["status"] == "OutOfSync"
    # What was ours and is now theirs is let go, not deleted.
    other.sync(config_map("a", value="theirs"))
    world.push({"team/a.yaml": None, "team/b.yaml": config_map("b")})
    world.appears("ConfigMap", "b")
    world.passes()
    assert world.value("a") == "theirs" and team.resource("a") is None


def test_objects_of_our_installation_are_taken_over_and_new_ones_get_its_id(world):
    world.agent.config["installationID"] = "east"
    ArgoCD(world, "team", installation="east").sync(config_map("a"), config_map("old"))
    ArgoCD(world, "team").sync(config_map("without"))
    ArgoCD(world, "team", installation="west").sync(config_map("foreign"))
    head = world.push({"team/a.yaml": config_map("a"), "team/b.yaml": config_map("b")})
    team = world.application("team")
    mark = world.plane.mark()
    world.begin()
    world.vanishes("ConfigMap", "old")
    team.synced(head)
    assert world.get("ConfigMap", "b")["metadata"]["annotations"][INSTALLATION] == "east"
    assert world.written(mark) == ["b"], "taking over changes nothing"
    assert world.value("without") == "one" and world.value("foreign") == "one"
    assert team.resource("without") is None and team.resource("foreign") is None


def test_an_id_that_is_given_later_is_written_to_what_is_ours(world):
    head = world.push({"team/a.yaml": config_map("a")})
    team = world.application("team")
    world.begin()
    team.synced(head)
    uid = world.uid("ConfigMap", "a")
    world.agent.config["installationID"] = "east"
    assert world.agent.stop() == 0
    world.agent.write()
    world.begin()
    world.wait("the id", lambda: world.get("ConfigMap", "a")["metadata"]["annotations"].get(INSTALLATION) == "east")
    team.synced(head)
    assert world.uid("ConfigMap", "a") == uid


def test_an_id_that_stands_in_git_is_not_taken(world):
    """As a manifest that was saved from a cluster has it: it would make the object another's."""
    text = json.loads(config_map("a"))
    text["metadata"]["annotations"] = {INSTALLATION: "east", "note": "kept"}
    world.push({"team/a.yaml": json.dumps(text)})
    team = world.application("team")
    world.begin()
    team.synced()
    assert world.get("ConfigMap", "a")["metadata"]["annotations"] == {"note": "kept", TRACKING: f"team:/ConfigMap:{world.namespace}/a"}


# ---- there and back -----------------------------------------------------------------------------------------------------

WAYS = [(apply, tracking) for apply in ("client", "server", "before-2.5") for tracking in ("label", "annotation", "annotation+label")]


def cluster():
    return manifest("acid.zalan.do/v1", "postgresql", "acid-main", spec={
        "teamId": "acid", "numberOfInstances": 2, "postgresql": {"version": "17"}, "volume": {"size": "1Gi"}})


def secret():
    return manifest("v1", "Secret", "token", type="Opaque", data={"key": "dmFsdWU="})


@pytest.mark.parametrize("apply, tracking", WAYS, ids=["-".join(way) for way in WAYS])
def test_taking_over_and_giving_back_changes_no_spec_and_prunes_nothing(world, apply, tracking):
    wanted = [config_map("a", value="one", more="two"), secret(), deployment("web"), cluster()]
    argo = ArgoCD(world, "team", apply, tracking)
    argo.sync(*wanted, config_map("left"))
    keys = [(json.loads(text)["apiVersion"], json.loads(text)["kind"], json.loads(text)["metadata"]["name"]) for text in wanted]
    keys.append(("v1", "ConfigMap", "left"))

    def objects():
        found = {}
        for api_version, kind, name in keys:
            obj = world.kube.get(api_version, kind, world.namespace, name)
            meta = obj["metadata"]
            # A Deployment's generation follows its annotations, too.
            found[kind, name] = {"uid": meta["uid"], "generation": kind != "Deployment" and meta.get("generation"),
                                 "labels": meta.get("labels"), **{k: v for k, v in obj.items() if k not in ("metadata", "status")}}
        return found

    before = objects()
    world.push({f"team/{number}.yaml": text for number, text in enumerate(wanted)})
    # Tracked by Argo CD and taken out of Git: left where it is, until a prune is asked for.
    team = world.application("team", prune=False)
    world.begin()
    team.wait("everything is compared", lambda: team.status.get("sync", {}).get("revision") == world.head)
    world.passes()
    assert objects() == before
    wanted_rows = [row for row in team.status["resources"] if row["name"] != "left"]
    assert {row["status"] for row in wanted_rows} == {"Synced"}, team.told()
    for api_version, kind, name in keys[:-1]:
        assert world.tracking(kind, name) == f"team:{api_version.rpartition('/')[0]}/{kind}:{world.namespace}/{name}"
    # And back: the agent goes, Argo CD finds what it had.
    assert world.agent.stop() == 0
    for text in wanted:
        assert argo.wants(text) == [], text
    argo.sync(*wanted)
    assert objects() == before
