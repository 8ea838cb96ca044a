"""From Argo CD to this agent and back: whose an object is, what changes when it is taken over, what is left when it is given back."""

import json
import time

import pytest

from parts.argocd import INSTALLATION, TRACKING, ArgoCD
from parts.manifests import config_map
from parts.world import FINALIZER, PREFIX, deployment, manifest, marked, pod

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

    def rows():
        return {row["status"] for row in team.status.get("resources") or [] if row["name"] != "left"}

    team.wait("everything is compared", lambda: team.status.get("sync", {}).get("revision") == world.head and rows() == {"Synced"})
    world.passes()
    assert objects() == before
    assert rows() == {"Synced"}, team.told()
    for api_version, kind, name in keys[:-1]:
        assert world.tracking(kind, name) == f"team:{api_version.rpartition('/')[0]}/{kind}:{world.namespace}/{name}"
    # And back: the agent goes, Argo CD finds what it had.
    assert world.agent.stop() == 0
    for text in wanted:
        assert argo.wants(text) == [], text
    argo.sync(*wanted)
    assert objects() == before


# ---- what the doctor says before ----------------------------------------------------------------------------------------


class Report:
    """What `pgitops doctor` says of a takeover, while no agent runs."""

    def __init__(self, world):
        world.agent.write()
        self.mark = world.plane.mark()
        self.result = world.agent.cli("doctor", "-o", "json")
        self.world = world
        self.items = [item for item in self.result.items if item["check"] == "takeover"]

    def one(self, status, *words):
        found = [item for item in self.items if item["status"] == status and all(word in item["detail"] for word in words)]
        assert len(found) == 1, f"{status} {words}: {found}\n{json.dumps(self.items, indent=1)}"
        return found[0]

    def none(self, *words):
        assert not [item for item in self.items if all(word in item["detail"] for word in words)], self.items

    def wrote_nothing(self):
        """Dry runs and questions about rights; and nothing is left of its own store."""
        harmless = lambda e: "dryRun=All" in e["requestURI"] or e["objectRef"]["resource"] == "selfsubjectaccessreviews"  # noqa: E731
        assert [e for e in self.world.plane.requests(self.mark) if e["verb"] not in ("get", "list", "watch") and not harmless(e)] == []
        assert not self.world.agent.state.exists()


def argo_status(world, app, resources=(), age=7200, phase="Succeeded"):
    """The status as Argo CD's controller leaves it."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - age))
    world.kube.patch("argoproj.io/v1alpha1", "Application", world.home, app.name, {"status": {
        "sync": {"status": "Synced", "revision": world.head, "comparedTo": {"destination": {"namespace": world.namespace}}},
        "health": {"status": "Healthy"}, "reconciledAt": stamp, "controllerNamespace": world.home,
        "resources": [{"version": "v1", "kind": kind, "namespace": world.namespace, "name": name, "status": "Synced"}
                      for kind, name in resources],
        "operationState": {"phase": phase, "startedAt": stamp, "operation": {"sync": {}}},
    }}, manager="argocd-application-controller")


@pytest.fixture
def controller(world):
    """Argo CD's application controller, as its manifests name it; no container of it runs here."""
    made = []

    def make(replicas=1, namespace=None, name="argocd-application-controller"):
        labels = {"app.kubernetes.io/name": "argocd-application-controller"}
        world.kube.create({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {
            "name": name, "namespace": namespace or world.home, "labels": labels}, "spec": {
                "replicas": replicas, "serviceName": "", "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "example.org/argocd:1"}]}}}})
        made.append((namespace or world.home, name))

    yield make
    for namespace, name in made:
        world.kube.delete("apps/v1", "StatefulSet", namespace, name)


@pytest.mark.parametrize("tracking", ["annotation", "label"])
def test_the_doctor_says_before_a_takeover_what_would_change(world, tracking):
    argo = ArgoCD(world, "team", tracking=tracking)
    token = json.loads(secret())
    argo.sync(config_map("same"), config_map("edited", value="one"), json.dumps(token), config_map("gone"), config_map("kept"))
    world.kube.patch("v1", "ConfigMap", world.namespace, "edited", {"data": {"value": "by hand"}})
    token["data"]["key"] = "c2VjcmV0LXZhbHVl"
    world.push({"team/same.yaml": config_map("same"), "team/edited.yaml": config_map("edited", value="one"),
                "team/token.yaml": json.dumps(token), "team/new.yaml": config_map("new")})
    team = world.application("team", heal=False)
    argo_status(world, team, [("ConfigMap", n) for n in ("same", "edited", "gone", "kept")])
    world.kube.patch("v1", "ConfigMap", world.namespace, "kept", {"metadata": {"annotations": {PREFIX + "sync-options": "Prune=false"}}})
    report = Report(world)
    assert report.result.code == 0
    summary = report.one("ok", "team: synced by itself at the start (prune on, self-heal off)")["detail"]
    assert report.one("ok", "team: compared by argocd-application-controller, last 2 h ago")
    assert "data.value (by kubectl-edit)" in report.one("warning", "ConfigMap", "/edited would be changed")["detail"]
    changed = report.one("warning", "Secret", "/token would be changed")
    assert "data.key" in changed["detail"] and "c2VjcmV0" not in report.result.out and "secret-value" not in report.result.out
    assert report.one("warning", "ConfigMap", "/new is not there and would be created")
    if tracking == "annotation":
        assert summary.endswith("1 as Git has them, 2 changed, 1 created, 1 pruned, 1 left though not in Git")
        assert "Prune=false" in report.one("warning", "/gone is not in Git and would be pruned by the first sync of the next commit")["remedy"]
        assert report.one("ok", "/kept is not in Git and would be left", "Prune=false")
    else:
        assert summary.endswith("1 only marked as ours, 2 changed, 1 created")
        for name in ("gone", "kept"):
            assert report.one("warning", f"/{name} is in Argo CD's list and not in Git", "does not know it")
    assert report.one("ok", "team: here every apply is server-side")
    report.none("/same")
    report.wrote_nothing()
    # And so it comes.
    world.begin()
    world.wait("the sync", lambda: world.value("new") == "one" and world.value("edited") == "one")
    world.passes()
    assert world.value("gone") == "one"
    world.push({"team/new.yaml": config_map("new", value="two")})
    world.wait("the next sync", lambda: world.value("new") == "two")
    if tracking == "annotation":
        world.vanishes("ConfigMap", "gone")
    world.passes()
    assert world.value("kept") == "one" and (tracking == "annotation" or world.value("gone") == "one")


def test_a_clean_takeover_has_no_warning_and_what_is_ours_is_no_takeover(world):
    ArgoCD(world, "team").sync(config_map("a"))
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team")
    argo_status(world, team, [("ConfigMap", "a")])
    report = Report(world)
    assert report.result.code == 0 and {item["status"] for item in report.items} == {"ok"}, report.items
    assert report.one("ok", "no argocd-application-controller runs in sight", "to give back")
    assert report.one("ok", "team: synced by itself", "1 as Git has them")
    report.wrote_nothing()
    world.begin()
    team.wait("a status of ours", lambda: [e for e in team.get()["metadata"]["managedFields"]
                                           if e["manager"] == "pgitops" and "f:status" in e["fieldsV1"]])
    team.synced()
    assert world.agent.stop() == 0
    assert [item for item in world.agent.cli("doctor", "-o", "json").items if item["check"] == "takeover"] == []


@pytest.mark.parametrize("policy, told", [
    ({"syncOptions": ["ServerSideApply=true"], "automated": {}}, None),
    ({"syncOptions": ["ServerSideApply=true"], "automated": {}, "retry": {"limit": 3}}, "here a retry takes the newest commit"),
    ({"syncOptions": ["ServerSideApply=true"], "automated": {"selfHeal": True}, "retry": {"limit": 3, "refresh": True}}, "here self-heal tries again what has failed"),
], ids=["nothing", "retry", "heal"])
def test_what_is_decided_otherwise_here_is_told_where_it_is_asked_for(world, policy, told):
    ArgoCD(world, "team", "server").sync(config_map("a"))
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team", policy=policy)
    argo_status(world, team, [("ConfigMap", "a")])
    report = Report(world)
    if told:
        assert report.one("ok", f"team: {told}")["detail"].count(";") == 0
    else:
        report.none("team: here")


def test_a_prune_of_many_waits_for_a_confirmation_after_a_takeover_too(world):
    """What the guard will hold back is said as left, with its reason."""
    argo = ArgoCD(world, "team")
    argo.sync(config_map("a"), *(config_map(f"old{number}") for number in range(7)))
    world.push({"team/a.yaml": config_map("a")})
    argo_status(world, world.application("team"))
    report = Report(world)
    assert report.one("ok", "team: synced by itself", "1 as Git has them, 7 left though not in Git")
    assert report.one("ok", "/old3 is not in Git and would be left", "7 of 8 objects would be pruned: confirm")
    report.none("would be pruned right after")


def test_a_first_sync_of_nobodys_application_is_counted_only(world):
    world.push({f"team/{n}.yaml": config_map(f"c{n}") for n in range(3)} | {"team/hook.yaml": marked(pod("hook"), hook="PreSync")})
    world.application("team", automated=False)
    report = Report(world)
    assert report.one("ok", "team: nobody has synced it yet")
    assert report.one("ok", "team: synced when somebody asks: 3 created; 1 hook would run")
    report.none("would be created")
    assert report.result.code == 0


def test_a_controller_that_is_at_work_is_named_with_the_way_to_stop_it(world, controller):
    ArgoCD(world, "team").sync(config_map("a"))
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team")
    controller()
    elsewhere = world.plane.namespace("elsewhere")
    controller(namespace=elsewhere)
    controller(replicas=0, name="stopped")
    argo_status(world, team, age=40, phase="Running")  # at last: it is asked for forty-odd seconds
    report = Report(world)
    item = report.one("warning", f"statefulset {world.home}/argocd-application-controller runs (replicas: 1)", "fight")
    assert f"kubectl scale statefulset argocd-application-controller -n {world.home} --replicas=0" in item["remedy"]
    assert "to give back" in item["remedy"] and "to 1 again" in item["remedy"]
    assert report.one("ok", f"statefulset {elsewhere}/argocd-application-controller runs", "application.namespaces")
    report.none("stopped")
    assert report.one("warning", "team: compared by argocd-application-controller 4", "at work on it")
    assert report.one("warning", "team: an operation is Running since")
    # Both at once is a failure, whoever has written the status just now.
    world.agent.begin()
    result = world.agent.cli("doctor", "-o", "json").is_(1)
    told = [item for item in result.items if item["check"] == "takeover" and item["status"] == "failed"]
    assert [item["detail"] for item in told] == ["this agent runs, too"], result


def test_what_the_next_controller_would_begin_is_told(world):
    """An operation that nobody has begun, and a deletion that nobody has ended, wait in the object for whoever comes."""
    ArgoCD(world, "team").sync(config_map("a"))
    world.push({"team/a.yaml": config_map("a"), "old/b.yaml": config_map("b")})
    team, old = world.application("team"), world.application("old", finalizers=[FINALIZER])
    for app in (team, old):
        argo_status(world, app)
    team.operate(sync={"prune": True})
    old.delete()
    report = Report(world)
    assert "operation" in report.one("warning", "team: an operation is asked for")["remedy"]
    assert "finalizer" in report.one("warning", "old: it is being deleted with its objects")["remedy"]
    report.none("old: synced by itself")
    report.wrote_nothing()


def test_what_is_refused_is_a_failure_with_its_reason(world):
    """A foreign manager's fields, another installation's object, a project that is not there, a field of the spec, a kind nobody has."""
    world.kube.apply(json.loads(config_map("theirs", namespace=world.namespace, value="x")), manager="operator-x")
    ArgoCD(world, "team", installation="east").sync(config_map("east"))
    world.push({"team/a.yaml": config_map("theirs", value="one"), "team/b.yaml": config_map("east", value="one"),
                "lost/a.yaml": config_map("lost"), "chart/a.yaml": config_map("chart")})
    team = world.application("team")
    argo_status(world, team)
    world.application("lost", project="payments")
    world.application("chart", source={"plugin": {"name": "x"}})
    report = Report(world)
    assert report.result.code == 1
    assert report.one("failed", "ConfigMap", "/theirs would be refused", "operator-x owns .data.value")
    assert report.one("failed", "ConfigMap", "/east would be refused", "installationID: east")
    assert report.one("failed", 'lost: spec.project: there is no AppProject "payments"')
    assert [item for item in report.result.items if item["check"] == "application" and "plugin" in item["detail"]]
    report.none("lost/")
    report.wrote_nothing()


def test_settings_of_argo_cd_that_are_not_read_here_are_named(world):
    ArgoCD(world, "team", installation="east", tracking="annotation+label").sync(config_map("a"))
    world.push({"team/a.yaml": config_map("a")})
    argo_status(world, world.application("team"))
    world.kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": world.home}, "data": {
        "installationID": "east", "application.resourceTrackingMethod": "label", "url": "https://argocd.example.org",
        "resource.customizations.health.example.org_Thing": "hs = {}", "resource.exclusions": "- kinds: [Event]\n"}})
    report = Report(world)
    item = report.one("failed", "argocd-cm has installationID east")
    assert item["remedy"].startswith("installationID: east in ")
    assert "ignoreDifferences" in report.one("warning", "argocd-cm sets resource.customizations.health.example.org_Thing")["remedy"]
    assert report.one("warning", "argocd-cm sets resource.exclusions")
    assert report.one("ok", "Argo CD tracks by label", "the label stays")
    report.none("argocd-cm sets url")
    world.agent.config["installationID"] = "east"
    report = Report(world)
    report.none("installationID")
    assert report.one("ok", "team: synced by itself", "1 as Git has them")


def test_the_doctor_without_rights_says_what_it_cannot_see(world):
    ArgoCD(world, "team").sync(config_map("a"))
    world.push({"team/a.yaml": config_map("a")})
    argo_status(world, world.application("team"))
    world.kube.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "looker", "namespace": world.home}})
    token = world.kube.request("POST", world.kube.path("v1", "ServiceAccount", world.home, "looker") + "/token", {
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}})["status"]["token"]
    world.plane.allow(f"system:serviceaccount:{world.home}:looker", [{"apiGroups": ["argoproj.io"], "resources": ["applications", "appprojects"], "verbs": ["get", "list", "watch"]}],
                      world.home)
    world.agent.config["kubernetes"] = {"kubeconfig": str(world.plane.kubeconfig("looker", token=token, folder=world.agent.folder))}
    report = Report(world)
    assert report.one("warning", "whether Argo CD's controller runs cannot be seen from here")["remedy"].startswith("kubectl get statefulsets")
    assert report.one("ok", "argocd-cm) cannot be seen")
    assert report.one("warning", "team: what would change is not known", "configmaps")


def test_applications_of_a_folder_are_looked_at_as_well(world):
    """Argo CD's own objects may be elsewhere; what counts is what they have applied."""
    ArgoCD(world, "team").sync(config_map("a"), config_map("b", value="old"))
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": config_map("b", value="new")})
    world.agent.config |= {"applications": "./applications"}
    world.agent.application("team", world.repository.url, "team", world.namespace)
    report = Report(world)
    assert report.one("ok", "team: nobody has synced it yet")
    assert report.one("warning", "ConfigMap", "/b would be changed: data.value (by argocd-controller)")
    assert report.one("ok", "team: synced by itself at the start", "1 as Git has them, 1 changed")
    report.wrote_nothing()


def test_the_lines_for_people_are_aligned(world):
    ArgoCD(world, "team").sync(config_map("a", value="old"))
    world.push({"team/a.yaml": config_map("a")})
    argo_status(world, world.application("team"))
    world.agent.write()
    lines = [line for line in world.agent.cli("doctor").ok().out.splitlines() if "takeover" in line]
    assert lines and all(line[9:22] == "takeover     " for line in lines), lines
