"""Sync options and annotations, on both levels: each is obeyed, or refused by name with its place."""

import json
import subprocess

import pytest

from parts.manifests import config_map
from parts.world import FINALIZER, deployment, job, manifest, marked, pod


def approve(app):
    """The time from which deletions are confirmed, as Argo CD's page writes it."""
    stamp = subprocess.run(["date", "-u", "-d", "+1 second", "+%Y-%m-%dT%H:%M:%SZ"], capture_output=True, text=True, check=True)
    app.annotate(deletion_approved=stamp.stdout.strip())


def levels(option):
    """(options of the Application, marks of the object) on either level."""
    return pytest.mark.parametrize("options, marks", [([option], {}), ([], {"sync_options": option})], ids=["application", "object"])


# ---- Prune ----------------------------------------------------------------------------------------------------------------------


@levels("Prune=false")
def test_what_may_not_be_pruned_stays_and_is_said(world, options, marks):
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": marked(config_map("b"), **marks)})
    team = world.application("team", options=options)
    world.begin()
    team.synced()
    head = world.push({"team/b.yaml": None, "team/a.yaml": config_map("a", value="two")})
    team.ended("Succeeded", head)
    row = team.row("b")
    assert row["status"] == "PruneSkipped" and row["message"].startswith("ignored (no prune)")
    team.sync_status("OutOfSync", head)
    world.passes()
    assert world.value("b") == "one" and team.resource("b")["requiresPruning"] is True


def test_the_word_of_the_object_counts_more_than_the_applications(world):
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": marked(config_map("b"), sync_options="Prune=true"), "team/c.yaml": config_map("c")})
    team = world.application("team", options=["Prune=false"])
    world.begin()
    team.synced()
    world.push({"team/b.yaml": None, "team/c.yaml": None})
    world.vanishes("ConfigMap", "b")
    world.passes()
    assert world.value("c") == "one"


@levels("Prune=confirm")
def test_a_prune_waits_for_its_confirmation(world, options, marks):
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": marked(config_map("b"), **marks)})
    team = world.application("team", options=options, annotations={"argocd.argoproj.io/deletion-approved": "2020-01-01T00:00:00Z"})
    world.begin()
    team.synced()
    head = world.push({"team/b.yaml": None, "team/a.yaml": config_map("a", value="two")})
    state = team.running("pruning confirmation")
    assert "/b" in state["message"]
    world.passes()
    assert world.value("b") == "one" and team.state["phase"] == "Running", "an old approval confirms nothing new"
    assert team.resource("b")["requiresDeletionConfirmation"] is True
    world.restart()
    team.running("pruning confirmation")
    approve(team)
    team.ended("Succeeded", head)
    team.synced(head)
    assert world.value("b") is None and world.value("a") == "two"


@pytest.mark.parametrize("policy, stays", [("orphan", True), ("background", False), ("foreground", False)])
def test_the_propagation_of_a_prune_is_chosen(world, policy, stays):
    world.push({"team/a.yaml": config_map("a"), "team/d.yaml": deployment("d")})
    team = world.application("team", options=[f"PrunePropagationPolicy={policy}"])
    world.begin()
    team.synced()

    def sets():
        return world.kube.list("apps/v1", "ReplicaSet", world.namespace)
    world.wait("its ReplicaSet", sets)
    head = world.push({"team/d.yaml": None})
    world.vanishes("Deployment", "d")
    team.synced(head)
    if stays:
        assert sets() and not sets()[0]["metadata"].get("ownerReferences")
    else:
        world.wait("its ReplicaSet is gone", lambda: not sets())


# ---- CreateNamespace -----------------------------------------------------------------------------------------------------------------


def labels(world, name):
    return world.get("Namespace", name)["metadata"].get("labels", {})


def test_the_namespace_is_made_first_and_belongs_to_nobody(world):
    fresh = f"{world.namespace}-new"
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team", namespace=fresh, options=["CreateNamespace=true"])
    world.begin()
    team.synced()
    assert "argocd.argoproj.io/tracking-id" not in world.get("Namespace", fresh)["metadata"].get("annotations", {})
    assert team.resource(fresh) is None and world.get("ConfigMap", "a", namespace=fresh)


def test_a_refused_object_is_said_beside_the_namespace_that_was_made(world):
    fresh = f"{world.namespace}-new"
    head = world.push({"team/a.yaml": config_map("a"), "team/bad.yaml": marked(config_map("bad"), finalizers=["no domain"])})
    team = world.application("team", namespace=fresh, options=["CreateNamespace=true"])
    world.begin()
    team.ended("Failed", head)
    assert team.row("bad")["status"] == "SyncFailed" and "no domain" in team.row("bad")["message"]
    assert world.get("ConfigMap", "a", namespace=fresh) is None


def test_the_metadata_of_the_namespace_follows_the_application(world):
    fresh = f"{world.namespace}-new"
    world.push({"team/a.yaml": config_map("a")})
    wanted = {"labels": {"team": "db", "old": "x"}, "annotations": {"example.org/note": "one"}}
    team = world.application("team", namespace=fresh, policy={
        "syncOptions": ["CreateNamespace=true"], "managedNamespaceMetadata": wanted})
    world.begin()
    team.synced()
    world.wait("the labels", lambda: labels(world, fresh).get("team") == "db" and labels(world, fresh).get("old") == "x")
    assert world.get("Namespace", fresh)["metadata"]["annotations"]["example.org/note"] == "one"
    world.kube.patch("v1", "Namespace", None, fresh, {"metadata": {"labels": {"foreign": "kept"}}})
    team.patch({"spec": {"syncPolicy": {"managedNamespaceMetadata": {"labels": {"team": "sql", "old": None}}}}})
    world.wait("the change", lambda: labels(world, fresh).get("team") == "sql")
    world.wait("what is not wanted any more is gone", lambda: "old" not in labels(world, fresh))
    assert labels(world, fresh)["foreign"] == "kept"


def test_the_metadata_of_a_namespace_that_was_there(world):
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team", policy={
        "syncOptions": ["CreateNamespace=true"], "managedNamespaceMetadata": {"labels": {"team": "db"}}})
    world.begin()
    team.synced()
    world.wait("the label", lambda: labels(world, world.namespace).get("team") == "db")


def test_a_namespace_that_is_not_to_be_made_is_missed(world):
    fresh = f"{world.namespace}-new"
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team", namespace=fresh)
    world.begin()
    team.condition("SyncError", fresh, "CreateNamespace=true")
    assert world.get("Namespace", fresh) is None


# ---- how an object is written ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option, rows", [("ApplyOutOfSyncOnly=true", ["b"]), (None, ["a", "b", "c"])])
def test_only_what_is_out_of_sync_is_applied_when_that_is_asked(world, option, rows):
    world.push({f"team/{name}.yaml": config_map(name) for name in "abc"})
    team = world.application("team", options=[option] if option else [])
    world.begin()
    team.synced()
    head = world.push({"team/b.yaml": config_map("b", value="two")})
    team.ended("Succeeded", head)
    assert sorted(row["name"] for row in team.rows()) == rows


@levels("Replace=true")
def test_replaced_objects_keep_nothing_of_others(world, options, marks):
    world.push({"team/a.yaml": marked(config_map("a"), **marks)})
    team = world.application("team", options=options)
    world.begin()
    team.synced()
    uid = world.uid("ConfigMap", "a")
    world.kube.patch("v1", "ConfigMap", world.namespace, "a", {"data": {"foreign": "x"}}, "somebody")
    head = world.push({"team/a.yaml": marked(config_map("a", value="two"), **marks)})
    team.ended("Succeeded", head)
    assert "replaced" in team.row("a")["message"]
    assert world.get("ConfigMap", "a")["data"] == {"value": "two"} and world.uid("ConfigMap", "a") == uid
    assert world.tracking("ConfigMap", "a")
    mark = world.plane.mark()
    team.synced(head)
    world.passes()
    assert world.writes(mark) == [], "it is not replaced again and again"


def test_an_immutable_object_is_made_anew_by_force(world):
    world.push({"team/j.yaml": job("j")})
    team = world.application("team")
    world.begin()
    team.synced()
    uid = world.uid("Job", "j")
    world.push({"team/j.yaml": job("j", image="example.org/pause:2")})
    team.condition("SyncError", "immutable")
    assert world.uid("Job", "j") == uid
    head = world.push({"team/j.yaml": marked(job("j", image="example.org/pause:2"), sync_options="Force=true")})
    team.synced(head)
    assert world.uid("Job", "j") != uid
    assert world.get("Job", "j")["spec"]["template"]["spec"]["containers"][0]["image"] == "example.org/pause:2"
    # Force is for what cannot be changed; what can be is changed.
    uid = world.uid("Job", "j")
    head = world.push({"team/j.yaml": marked(job("j", image="example.org/pause:2"), sync_options="Force=true", **{"example.org/x": "y"})})
    team.synced(head)
    assert world.uid("Job", "j") == uid


def test_a_manual_sync_may_force(world):
    world.push({"team/j.yaml": job("j")})
    team = world.application("team", automated=False)
    world.begin()
    team.operate(sync={}).ended("Succeeded")
    uid = world.uid("Job", "j")
    head = world.push({"team/j.yaml": job("j", image="example.org/pause:2")})
    team.sync_status("OutOfSync", head)
    team.operate(sync={"syncStrategy": {"hook": {"force": True}}})
    team.ended("Succeeded", head)
    assert world.uid("Job", "j") != uid


def test_fields_are_validated_unless_that_is_turned_off(world):
    typo = manifest("v1", "Service", "s", spec={"ports": [{"port": 80}], "selector": {"a": "b"}, "selektor": {"a": "b"}})
    world.push({"team/a.yaml": config_map("a"), "team/s.yaml": typo})
    team = world.application("team")
    world.begin()
    team.condition("SyncError", "selektor", "team/s.yaml:1")
    assert world.value("a") is None
    head = world.push({"team/s.yaml": marked(typo, sync_options="Validate=false")})
    team.ended("Succeeded", head)
    assert world.get("Service", "s")
    other = world.application("other", path="other", options=["Validate=false"])
    head = world.push({"other/s.yaml": json.dumps(json.loads(typo) | {"metadata": {"name": "t"}})})
    other.ended("Succeeded", head)
    assert world.get("Service", "t")


def test_a_kind_that_may_be_missing_at_first(world):
    group = f"{world.namespace}.example.org"
    toy = marked(manifest(f"{group}/v1", "Toy", "bear"), sync_wave=1)
    world.push({"team/a.yaml": config_map("a"), "team/t.yaml": toy})
    team = world.application("team")
    world.begin()
    team.condition("SyncError", "Toy", group)
    assert world.value("a") is None
    world.push({"team/t.yaml": marked(toy, sync_options="SkipDryRunOnMissingResource=true")})
    world.appears("ConfigMap", "a")
    assert team.ended("Failed", world.head)
    assert "Toy" in team.row("bear")["message"]


# ---- whose it is, and what is compared ------------------------------------------------------------------------------------------------------


def test_a_shared_resource_fails_the_sync_when_that_is_asked(world):
    world.push({"one/s.yaml": config_map("s", value="of one"), "two/s.yaml": config_map("s", value="of two"), "two/b.yaml": config_map("b")})
    one = world.application("one")
    world.begin()
    one.synced()
    two = world.application("two", options=["FailOnSharedResource=true"])
    two.condition("SharedResourceWarning", "one")
    state = two.ended("Failed")
    assert "s" in state["message"] and world.value("b") is None and world.value("s") == "of one"


@pytest.mark.parametrize("respected", [True, False])
def test_ignored_fields_are_written_unless_they_are_respected(world, respected):
    world.push({"team/a.yaml": config_map("a", value="ours", other="x")})
    team = world.application("team", options=["RespectIgnoreDifferences=true"] if respected else [],
                             ignoreDifferences=[{"kind": "ConfigMap", "name": "a", "jsonPointers": ["/data/value"]}])
    world.begin()
    team.synced()
    world.kube.patch("v1", "ConfigMap", world.namespace, "a", {"data": {"value": "theirs"}}, "somebody")
    world.passes()
    assert team.status["sync"]["status"] == "Synced" and world.value("a") == "theirs"
    head = world.push({"team/a.yaml": config_map("a", value="ours", other="y")})
    team.synced(head)
    assert world.value("a", "other") == "y" and world.value("a") == ("theirs" if respected else "ours")


def test_an_extra_object_may_be_no_drift(world):
    world.push({"team/a.yaml": config_map("a"), "team/x.yaml": marked(config_map("x"), compare_options="IgnoreExtraneous")})
    team = world.application("team", prune=False)
    world.begin()
    team.synced()
    head = world.push({"team/x.yaml": None, "team/a.yaml": config_map("a", value="two")})
    team.synced(head)
    assert team.resource("x")["status"] == "OutOfSync" and world.value("x") == "one"
    team.operate(sync={}).ended("Succeeded")
    team.synced(head)


def test_a_health_that_is_not_to_be_looked_at(world):
    world.push({"team/p.yaml": marked(pod("p"), ignore_healthcheck="true"), "team/q.yaml": pod("q")})
    team = world.application("team")
    world.begin()
    world.end_pod("p", False)
    world.end_pod("q")
    team.synced().healthy()
    team.synced(world.push({"team/p.yaml": pod("p")}))
    team.healthy("Degraded")


def test_a_file_that_is_not_to_be_read(world):
    world.push({"team/a.yaml": config_map("a"), "team/x.yaml": "# +argocd:skip-file-rendering\n{{ not yaml: [\n"})
    team = world.application("team")
    world.begin()
    team.synced()
    assert world.value("a") == "one"


# ---- objects that other tools wrote ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manager", ["kubectl-client-side-apply", "argocd-controller"])
def test_fields_that_another_tool_applied_go_away_when_git_drops_them(world, manager):
    before = json.loads(config_map("a", namespace=world.namespace, value="one", dropped="x"))
    plain = dict(before, metadata=dict(before["metadata"], annotations={}))
    before["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(plain) + "\n"}
    path = world.kube.path("v1", "ConfigMap", world.namespace)
    world.kube.request("POST", f"{path}?fieldManager={manager}", before)
    world.push({"team/a.yaml": config_map("a", value="one", dropped="x")})
    team = world.application("team")
    world.begin()
    team.synced()
    uid = world.uid("ConfigMap", "a")
    team.synced(world.push({"team/a.yaml": config_map("a", value="one")}))
    assert world.get("ConfigMap", "a")["data"] == {"value": "one"} and world.uid("ConfigMap", "a") == uid


# ---- words ------------------------------------------------------------------------------------------------------------------------------------


ACCEPTED = ["Validate=false", "SkipDryRunOnMissingResource=true", "PruneLast=true", "PrunePropagationPolicy=background", "ApplyOutOfSyncOnly=true",
            "CreateNamespace=true", "Replace=true", "ServerSideApply=true", "ClientSideApplyMigration=false", "RespectIgnoreDifferences=true",
            "FailOnSharedResource=true", "Prune=false", "Delete=false", "Prune=confirm", "Delete=confirm"]


def test_every_option_of_an_application_is_known(world):
    head = world.push({f"p{number}/a.yaml": config_map(f"a{number}") for number, _ in enumerate(ACCEPTED)})
    apps = [world.application(f"app{number}", path=f"p{number}", options=[option]) for number, option in enumerate(ACCEPTED)]
    world.begin()
    for app in apps:
        app.synced(head)
        assert app.conditions() == [], app.document["spec"]["syncPolicy"]


@pytest.mark.parametrize("option", ["CreateNamespaces=true", "Prune=yes", "PrunePropagationPolicy=slow", "createnamespace=true", "Replace"])
def test_an_option_of_an_application_that_is_not_known_is_named(world, option):
    world.push({"team/a.yaml": config_map("a"), "other/x.yaml": config_map("x")})
    team, other = world.application("team", options=[option]), world.application("other")
    world.begin()
    other.synced()
    team.condition("InvalidSpecError", option)
    world.passes()
    assert world.value("a") is None and team.status["sync"]["status"] == "Unknown"
    team.patch({"spec": {"syncPolicy": {"syncOptions": []}}})
    team.synced()
    assert not team.conditions("InvalidSpecError")


WRONG = [
    ({"hook": "BeforeSync"}, "BeforeSync"), ({"hook": "PreSync,Later"}, "Later"), ({"hook_delete_policy": "Never", "hook": "PreSync"}, "Never"),
    ({"sync_wave": "first"}, "first"), ({"sync_wave": "1.5"}, "1.5"), ({"sync_wave": "99999999999999999999"}, "99999999999999999999"),
    ({"sync_options": "Prune=no"}, "Prune=no"), ({"sync_options": "Prune=false,Delet=false"}, "Delet=false"),
    ({"compare_options": "IgnoreExtra"}, "IgnoreExtra"),
]


@pytest.mark.parametrize("marks, word", WRONG, ids=[word for _, word in WRONG])
def test_a_word_that_is_not_known_is_refused_with_its_place(world, tmp_path, cli, marks, word):
    text = marked(config_map("w"), **marks)
    line = 1 + next(number for number, content in enumerate(text.splitlines()) if word in content)
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "w.yaml").write_text(text)
    told = cli("check", checkout).is_(1)
    assert f"w.yaml:{line}" in told.out + told.err

    good = world.push({"team/a.yaml": config_map("a")})
    team = world.application("team")
    world.begin()
    team.synced(good)
    world.push({"team/w.yaml": text, "team/a.yaml": config_map("a", value="two")})
    team.condition("ComparisonError", f"team/w.yaml:{line}")
    assert world.value("a") == "one" and world.get("ConfigMap", "w") is None


# ---- nothing by halves ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", [None, "ApplyOutOfSyncOnly=true", "PruneLast=true"])
def test_nothing_is_written_when_one_object_is_refused(world, option):
    world.push({f"team/{name}.yaml": config_map(name) for name in ("a", "old", "keep")})
    team = world.application("team", options=[option] if option else [], finalizers=[FINALIZER])
    world.begin()
    team.synced()
    mark = world.plane.mark()
    head = world.push({"team/a.yaml": config_map("a", value="two"), "team/old.yaml": None, "team/new.yaml": config_map("new"),
                       "team/pre.yaml": marked(config_map("pre"), hook="PreSync"),
                       "team/bad.yaml": marked(config_map("bad"), finalizers=["no domain"], sync_wave=9)})
    team.ended("Failed", head)
    assert world.writes(mark) == []
    assert team.row("bad")["status"] == "SyncFailed"
    team.condition("SyncError", "team/bad.yaml:1", "no domain")
    head = world.push({"team/bad.yaml": None})
    team.synced(head)
    assert (world.value("a"), world.value("old"), world.value("new"), world.value("pre")) == ("two", None, "one", "one")
