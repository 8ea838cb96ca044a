"""What the annotations of an Application itself ask for: obeyed, or told by name."""

import json

import pytest

from parts.manifests import config_map
from parts.world import PREFIX, marked

MIGRATION = PREFIX + "client-side-apply-migration-manager"
COMPARE = PREFIX + "compare-options"


def put(world, manager, name="a", **data):
    """An object as a tool of this name writes it: the whole of it, at once."""
    path = world.kube.path("v1", "ConfigMap", world.namespace)
    world.kube.request("POST", f"{path}?fieldManager={manager}", json.loads(config_map(name, namespace=world.namespace, **data)))


# ---- client-side-apply-migration-manager --------------------------------------------------------------------------------


def test_what_the_named_manager_wrote_is_taken_over_and_goes_when_git_drops_it(world):
    put(world, "spinnaker", value="old", dropped="x")
    world.push({"team/a.yaml": config_map("a", value="one", dropped="x")})
    team = world.application("team", annotations={MIGRATION: "spinnaker"})
    world.begin()
    team.synced()
    uid = world.uid("ConfigMap", "a")
    assert world.get("ConfigMap", "a")["data"] == {"value": "one", "dropped": "x"}
    team.synced(world.push({"team/a.yaml": config_map("a", value="one")}))
    assert world.get("ConfigMap", "a")["data"] == {"value": "one"} and world.uid("ConfigMap", "a") == uid
    managers = {entry["manager"] for entry in world.kube.get("v1", "ConfigMap", world.namespace, "a")["metadata"]["managedFields"]}
    assert managers == {"pgitops"}


def test_a_field_of_the_named_manager_that_git_never_had_is_a_difference_and_goes(world, cli):
    put(world, "spinnaker", value="one", extra="x")
    world.push({"team/a.yaml": config_map("a", value="one")})
    team = world.application("team", automated=False, annotations={MIGRATION: "spinnaker"})
    world.begin()
    team.sync_status("OutOfSync")
    told = world.agent.cli("app", "diff", "team", "-o", "json").is_(1).items
    fields = {field["path"]: field.get("by") for item in told for field in item["fields"]}
    assert fields["data.extra"] == "spinnaker" and "data.value" not in fields
    assert world.get("ConfigMap", "a")["data"] == {"value": "one", "extra": "x"}
    team.operate(sync={})
    team.synced()
    assert world.get("ConfigMap", "a")["data"] == {"value": "one"}


def test_without_the_annotation_another_managers_object_waits_for_a_decision(world):
    """And the annotation is that decision: a change of it is seen by itself."""
    put(world, "spinnaker", value="old")
    world.push({"team/a.yaml": config_map("a", value="one")})
    team = world.application("team")
    world.begin()
    team.condition("SyncError", "spinnaker owns .data.value")
    assert world.value("a") == "old"
    team.patch({"metadata": {"annotations": {MIGRATION: "spinnaker"}}})
    team.synced()
    assert world.value("a") == "one"


def test_fields_of_the_named_manager_stay_where_migration_is_off(world):
    put(world, "spinnaker", value="one", extra="x")
    world.push({"team/a.yaml": config_map("a", value="one")})
    team = world.application("team", annotations={MIGRATION: "spinnaker"}, options=["ClientSideApplyMigration=false"])
    world.begin()
    team.synced()
    assert world.get("ConfigMap", "a")["data"] == {"value": "one", "extra": "x"}


# ---- compare-options ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["ServerSideDiff=true", "ServerSideDiff=true,IncludeMutationWebhook=true", " IgnoreExtraneous , ServerSideDiff=true"])
def test_what_we_do_anyway_is_taken_without_a_word(world, words):
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team", annotations={COMPARE: words})
    world.begin()
    team.synced()
    assert team.conditions() == []


def test_what_we_never_do_is_told_by_name_and_holds_nothing_up(world):
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team", annotations={COMPARE: "ServerSideDiff=false"})
    world.begin()
    team.synced()
    team.condition("AnnotationWarning", COMPARE, "ServerSideDiff=false", "dry run on the server")
    team.patch({"metadata": {"annotations": {COMPARE: None}}})
    team.wait("no condition", lambda: team.conditions() == [])


def test_a_word_of_the_application_that_is_not_known_is_an_invalid_spec(world):
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team", annotations={COMPARE: "ServerSideDif=true"})
    world.begin()
    team.condition("InvalidSpecError", COMPARE, "ServerSideDif=true", "ServerSideDiff=true")
    assert world.value("a") is None and team.status["sync"]["status"] == "Unknown"
    team.patch({"metadata": {"annotations": {COMPARE: "ServerSideDiff=true"}}})
    team.synced()


def test_an_application_in_git_may_say_how_it_is_compared(world, tmp_path, cli):
    """As one object of another, where the same words on an ordinary object are a mistake."""
    child = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {
        "name": "child", "namespace": world.home, "annotations": {COMPARE: "ServerSideDiff=false"}}, "spec": {
            "project": "default", "source": {"repoURL": world.repository.url, "path": "child"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": world.namespace}}}
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "child.yaml").write_text(json.dumps(child))
    told = cli("check", checkout).is_(0)
    assert "ServerSideDiff=false" in told.out + told.err
    (checkout / "a.yaml").write_text(marked(config_map("a"), compare_options="ServerSideDiff=false"))
    cli("check", checkout).is_(1)
