"""What a pass decides where more than one answer is possible: whose an object is, what a new wish is, what may go away.

Each of these left something wrong, stuck or silent once. None may depend on luck: where the order matters, both are tried.
"""

import base64
import json

import pytest

from parts.manifests import config_map
from parts.proxy import FaultProxy, faults
from parts.world import APPLICATION, PREFIX, job, manifest, marked, pod

OBJECT_WRITES = {"method": ("PATCH", "POST", "PUT", "DELETE"), "path": r"/configmaps(?!.*dryRun)"}


def secret(name, **fields):
    return manifest("v1", "Secret", name, **fields)


def texts(found):
    return {key: base64.b64decode(value).decode() for key, value in found.get("data", {}).items()}


# ---- 1: annotations are obeyed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", ["PreDelete", "PostDelete", "SyncFail"])
def test_a_hook_that_is_not_for_this_moment_is_not_applied(world, hook):
    head = world.push({"team/a.yaml": config_map("a"), "team/drop.yaml": marked(job("drop-database"), hook=hook)})
    team = world.application("team")
    world.begin()
    team.synced(head)
    mark = world.plane.mark()
    head = world.push({"team/a.yaml": config_map("a", value="two")})
    team.synced(head)
    world.passes()
    assert world.get("Job", "drop-database") is None
    assert world.writes(mark, resource="jobs") == []
    assert team.resource("drop-database") is None or team.resource("drop-database").get("hook"), "a hook is no drift"


def test_an_object_that_waits_for_a_confirmation_is_not_pruned(world):
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": marked(config_map("b"), sync_options="Prune=confirm")})
    team = world.application("team")
    world.begin()
    team.synced()
    uid = world.uid("ConfigMap", "b")
    head = world.push({"team/b.yaml": None, "team/c.yaml": config_map("c")})
    world.appears("ConfigMap", "c")
    team.sync_status("OutOfSync", head)
    world.passes()
    assert world.uid("ConfigMap", "b") == uid
    assert team.get()["status"]["operationState"]["phase"] == "Running"
    assert "b" in team.state["message"]


# ---- 3: what is taken out of Git goes away ------------------------------------------------------------------------------


def test_a_renamed_key_of_string_data_leaves_no_old_key(world):
    world.push({"team/s.yaml": secret("s", stringData={"old": "1", "kept": "2"})})
    team = world.application("team")
    world.begin()
    team.synced()
    assert texts(world.get("Secret", "s")) == {"old": "1", "kept": "2"}
    team.synced(world.push({"team/s.yaml": secret("s", stringData={"new": "1", "kept": "2"})}))
    assert texts(world.get("Secret", "s")) == {"new": "1", "kept": "2"}
    team.synced(world.push({"team/s.yaml": secret("s", stringData={"kept": "2"})}))
    assert texts(world.get("Secret", "s")) == {"kept": "2"}
    assert "1" not in texts(world.get("Secret", "s")).values()


def test_string_data_wins_over_data_as_the_api_server_has_it(world):
    world.push({"team/s.yaml": secret("s", data={"a": base64.b64encode(b"data").decode(), "b": ""}, stringData={"a": "text"})})
    team = world.application("team")
    world.begin()
    team.synced()
    assert texts(world.get("Secret", "s")) == {"a": "text", "b": ""}
    team.synced(world.push({"team/s.yaml": secret("s", data={"a": base64.b64encode(b"data").decode()})}))
    assert texts(world.get("Secret", "s")) == {"a": "data"}, "and a change of the form is a change of the value"
    mark = world.plane.mark()
    world.passes()
    assert world.writes(mark) == [], "no drift is left over"


def test_a_hand_edit_of_a_secret_is_healed(world):
    world.push({"team/s.yaml": secret("s", stringData={"password": "right"})})
    team = world.application("team")
    world.begin()
    team.synced()
    world.kube.patch("v1", "Secret", world.namespace, "s", {"stringData": {"password": "wrong"}}, "k9s")
    world.wait("healed", lambda: texts(world.get("Secret", "s")) == {"password": "right"})


# ---- 4: edits by any client ---------------------------------------------------------------------------------------------


def edit(world, how, manager):
    """The value of a, by this client: an update, a patch, or a server-side apply that takes the field."""
    changed = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": world.namespace},
               "data": {"value": "by hand"}}
    if how == "apply":
        world.kube.apply(changed, manager, force=True)
    elif how == "patch":
        world.kube.patch("v1", "ConfigMap", world.namespace, "a", {"data": {"value": "by hand"}}, manager)
    else:
        found = world.get("ConfigMap", "a")
        found["data"]["value"] = "by hand"
        path = world.kube.path("v1", "ConfigMap", world.namespace, "a")
        world.kube.request("PUT", f"{path}?fieldManager={manager}", found)


@pytest.mark.parametrize("how", ["patch", "apply", "update"])
@pytest.mark.parametrize("manager", ["k9s", "kubectl-edit", "a-script", "argocd-controller"])
def test_an_edit_by_any_client_is_healed_and_holds_nothing_up(world, how, manager):
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": config_map("b")})
    team = world.application("team")
    world.begin()
    team.synced()
    edit(world, how, manager)
    world.wait("healed", lambda: world.value("a") == "one")
    team.synced(world.push({"team/b.yaml": config_map("b", value="two"), "team/a.yaml": config_map("a", value="two")}))
    assert (world.value("a"), world.value("b")) == ("two", "two")
    found = [item["by"] for item in world.agent.items("drift", "list", "--app", "team") if item["field"] == "data.value"]
    assert manager in found


def test_an_edit_while_the_agent_is_away_is_healed_too(world):
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team")
    world.begin()
    team.synced()
    world.agent.kill()
    edit(world, "apply", "k9s")
    head = world.push({"team/b.yaml": config_map("b")})
    world.agent.begin()
    team.synced(head)
    world.wait("healed", lambda: world.value("a") == "one" and world.value("b") == "one")


def test_an_edit_is_reported_where_nothing_heals_it_and_a_new_commit_is_written(world):
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": config_map("b")})
    team = world.application("team", heal=False)
    world.begin()
    team.synced()
    edit(world, "patch", "k9s")
    team.sync_status("OutOfSync")
    world.passes()
    assert world.value("a") == "by hand"
    team.synced(world.push({"team/b.yaml": config_map("b", value="two")}))
    assert (world.value("a"), world.value("b")) == ("one", "two")


def test_a_conflict_at_first_adoption_refuses_that_object_alone(world):
    theirs = json.loads(config_map("b", namespace=world.namespace, value="theirs"))
    world.kube.apply(theirs, "somebody")
    head = world.push({"team/a.yaml": config_map("a"), "team/b.yaml": config_map("b"), "team/c.yaml": config_map("c")})
    team = world.application("team")
    world.begin()
    condition = team.condition("SyncError", "team/b.yaml", "somebody")
    world.wait("the others", lambda: world.value("a") == "one" and world.value("c") == "one")
    assert world.value("b") == "theirs" and world.tracking("ConfigMap", "b") is None
    team.sync_status("OutOfSync", head)

    # A new commit is not held up, and the option that is named exists.
    world.push({"team/a.yaml": config_map("a", value="two")})
    world.wait("a new commit", lambda: world.value("a") == "two")
    assert "ForceConflicts=true" in condition["message"]
    team.patch({"spec": {"syncPolicy": {"syncOptions": ["ForceConflicts=true"]}}})
    team.synced()
    assert world.value("b") == "one"


# ---- 5: whose an object is --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source, target", [("alpha", "omega"), ("omega", "alpha")])
def test_an_object_moves_from_one_application_to_another(world, source, target):
    world.push({f"{source}/a.yaml": config_map("a"), f"{source}/b.yaml": config_map("b"),
                f"{target}/z.yaml": config_map("z")})
    apps = [world.application(name) for name in ("alpha", "omega")]
    world.begin()
    for app in apps:
        app.synced()
    uid, mark = world.uid("ConfigMap", "b"), world.plane.mark()
    head = world.push({f"{source}/b.yaml": None, f"{target}/b.yaml": config_map("b", value="moved")})
    for app in apps:
        app.synced(head)
    world.wait("it has a new owner", lambda: world.tracking("ConfigMap", "b") == f"{target}:/ConfigMap:{world.namespace}/b")
    assert world.uid("ConfigMap", "b") == uid and world.value("b") == "moved"
    assert world.deleted(mark) == []
    assert world.apps[target].resource("b")
    world.wait("its old one forgets it", lambda: world.apps[source].resource("b") is None)
    # Its new Application really owns it.
    head = world.push({f"{target}/b.yaml": None})
    world.apps[target].synced(head)
    world.vanishes("ConfigMap", "b")


def test_two_objects_change_places(world):
    world.push({"one/x.yaml": config_map("x"), "one/keep.yaml": config_map("k1"),
                "two/y.yaml": config_map("y"), "two/keep.yaml": config_map("k2")})
    apps = [world.application(name) for name in ("one", "two")]
    world.begin()
    for app in apps:
        app.synced()
    uids = [world.uid("ConfigMap", name) for name in "xy"]
    head = world.push({"one/x.yaml": None, "two/x.yaml": config_map("x"), "two/y.yaml": None, "one/y.yaml": config_map("y")})
    for app in apps:
        app.synced(head)
    assert [world.uid("ConfigMap", name) for name in "xy"] == uids


def test_an_object_moves_while_the_agent_is_killed_between_the_two(world, tmp_path):
    proxy = FaultProxy(world.plane.port, tmp_path)
    world.through(proxy)
    world.push({"alpha/b.yaml": config_map("b"), "alpha/a.yaml": config_map("a"), "omega/z.yaml": config_map("z")})
    apps = [world.application(name) for name in ("alpha", "omega")]
    world.begin()
    for app in apps:
        app.synced()
    uid = world.uid("ConfigMap", "b")
    rule = proxy.add(faults.lose_answer(), times=1, **OBJECT_WRITES)
    head = world.push({"alpha/b.yaml": None, "omega/b.yaml": config_map("b", value="moved")})
    world.wait("the first write", lambda: rule.hits)
    world.restart()
    for app in apps:
        app.synced(head)
    assert world.uid("ConfigMap", "b") == uid and world.value("b") == "moved"
    proxy.close()


def test_an_application_that_is_renamed_keeps_its_objects(world):
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": config_map("b")})
    old = world.application("old", path="team")
    world.begin()
    old.synced()
    uids = [world.uid("ConfigMap", name) for name in "ab"]
    new = world.application("new", path="team")
    old.delete()
    old.gone()
    new.synced()
    world.wait("the new name", lambda: world.tracking("ConfigMap", "a") == f"new:/ConfigMap:{world.namespace}/a")
    assert [world.uid("ConfigMap", name) for name in "ab"] == uids
    assert not new.conditions("SharedResourceWarning")


def test_an_object_in_two_applications_is_written_by_one_and_said_by_a_warning(world):
    world.push({"one/s.yaml": config_map("s", value="of one"), "one/a.yaml": config_map("a"),
                "two/s.yaml": config_map("s", value="of two"), "two/b.yaml": config_map("b")})
    one, two = world.application("one"), world.application("two")
    world.begin()
    said = world.wait("a SharedResourceWarning", lambda: [
        c["message"] for app in (one, two) for c in app.conditions("SharedResourceWarning")])
    assert all("ConfigMap" in message and f"{world.namespace}/s" in message for message in said)
    world.wait("what is nobody else's, and s", lambda: world.value("a") == "one" and world.value("b") == "one" and world.value("s"))
    owner = world.tracking("ConfigMap", "s").split(":")[0]
    assert world.value("s") == f"of {owner}"
    mark = world.plane.mark()
    world.passes(6)
    assert [write for write in world.writes(mark) if write[2] == "s"] == [], "nobody fights"
    assert world.value("s") == f"of {owner}" and world.tracking("ConfigMap", "s").split(":")[0] == owner

    # The owner lets go: the other has it, without a moment in which it is missing.
    other, uid = {"one": two, "two": one}[owner], world.uid("ConfigMap", "s")
    head = world.push({f"{owner}/s.yaml": None})
    for app in (one, two):
        app.synced(head)
    assert world.value("s") == f"of {other.name}" and world.uid("ConfigMap", "s") == uid
    world.wait("no warning any more", lambda: not one.conditions("SharedResourceWarning")
               and not two.conditions("SharedResourceWarning"))


def test_the_one_that_wanted_it_first_keeps_it_over_a_restart(world):
    world.push({"zulu/s.yaml": config_map("s", value="first"), "alpha/a.yaml": config_map("a")})
    zulu, alpha = world.application("zulu"), world.application("alpha")
    world.begin()
    for app in (zulu, alpha):
        app.synced()
    world.push({"alpha/s.yaml": config_map("s", value="second")})
    alpha.condition("SharedResourceWarning", "zulu")
    world.restart()
    world.passes(6)
    assert world.value("s") == "first"
    alpha.condition("SharedResourceWarning", "zulu")


@pytest.mark.parametrize("how", ["operation", "cli", "automated"])
def test_what_an_application_left_behind_can_be_pruned_when_it_is_made_again(world, how):
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": config_map("b")})
    team = world.application("team", automated=how == "automated")
    world.begin()
    if how != "automated":
        team.operate(sync={}).ended("Succeeded")
    team.synced()
    team.delete()
    team.gone()
    head = world.push({"team/b.yaml": None})
    assert world.value("b") == "one"
    team = world.application("team", automated=how == "automated")
    if how != "automated":
        team.sync_status("OutOfSync", head)
        assert team.resource("b")["requiresPruning"] is True
        if how == "cli":
            world.agent.cli("app", "sync", "team", "--prune").ok()
        else:
            team.operate(sync={"prune": True}).ended("Succeeded")
    world.vanishes("ConfigMap", "b")
    team.synced(head)
    assert world.value("a") == "one"


# ---- 6: killed during the first sync -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lose_answer", "hang"])
@pytest.mark.parametrize("skip", [0, 1, 2])
def test_what_a_killed_first_sync_wrote_is_ours(world, tmp_path, fault, skip):
    proxy = FaultProxy(world.plane.port, tmp_path)
    world.through(proxy)
    world.push({f"team/{name}.yaml": config_map(name) for name in "abcd"})
    team = world.application("team")
    rule = proxy.add(getattr(faults, fault)(), times=1, skip=skip, **OBJECT_WRITES)
    world.begin()
    world.wait("the write on which it is killed", lambda: rule.hits)
    world.agent.kill()
    proxy.clear()
    head = world.push({"team/a.yaml": None, "team/b.yaml": None})
    world.agent.begin()
    team.synced(head)
    assert [world.value(name) for name in "abcd"] == [None, None, "one", "one"]
    revisions = [entry["revision"] for entry in team.history]
    assert revisions[-1] == head and len(revisions) == len(set(revisions)), "one entry for each wish"
    proxy.close()


# ---- 7: a new wish ------------------------------------------------------------------------------------------------------


def made_again(world, backup):
    """With all that it said of itself, and a uid of its own."""
    for name in ("resourceVersion", "uid", "creationTimestamp", "managedFields"):
        backup["metadata"].pop(name, None)
    world.kube.create(backup)


def test_an_object_that_comes_back_of_a_kind_that_nobody_wants_any_more_is_pruned_again(world):
    """As a backup of etcd brings it back: nothing in Git, and nothing in the inventory, names a Secret by then."""
    world.push({"team/a.yaml": config_map("a"), "team/s.yaml": secret("s")})
    team = world.application("team")
    world.begin()
    team.synced(world.head)
    backup = world.get("Secret", "s")
    world.push({"team/s.yaml": None})
    world.vanishes("Secret", "s")
    team.synced(world.head)
    world.push({"team/a.yaml": config_map("a", value="two")})  # another pass, which names no Secret
    team.synced(world.head)
    made_again(world, backup)
    world.vanishes("Secret", "s")


def test_what_a_backup_brings_back_while_the_agent_is_away_is_pruned_again(world):
    """Of its kind nothing is wanted, and no process has seen any of it: only the status that came back with it names it."""
    world.push({"team/a.yaml": config_map("a"), "team/s.yaml": secret("s")})
    team = world.application("team")
    world.begin()
    team.synced(world.head)
    secret_then, status_then = world.get("Secret", "s"), team.status
    world.push({"team/s.yaml": None})
    world.vanishes("Secret", "s")
    team.synced(world.head)
    world.push({"team/a.yaml": config_map("a", value="2")})  # a pass that has seen it gone
    team.synced(world.head)
    world.agent.stop()
    made_again(world, secret_then)
    team.patch({"status": status_then})
    world.agent.start()
    world.vanishes("Secret", "s")
    team.synced(world.head)


def test_an_object_that_was_made_anew_with_our_mark_is_pruned_when_nobody_wants_it(world):
    """As a backup of etcd brings back an older one, with another uid than the inventory has."""
    world.push({"team/a.yaml": config_map("a"), "team/s.yaml": secret("s")})
    team = world.application("team")
    world.begin()
    team.synced(world.head)
    then = world.get("Secret", "s")
    world.agent.stop()
    world.kube.delete("v1", "Secret", world.namespace, "s")
    made_again(world, then)
    world.push({"team/s.yaml": None})
    world.agent.start()
    world.vanishes("Secret", "s")
    team.synced(world.head)


def test_another_path_is_a_new_wish(world):
    world.push({"one/a.yaml": config_map("a"), "two/b.yaml": config_map("b"), "two/a.yaml": config_map("a", value="two")})
    team = world.application("team", path="one", heal=False)
    world.begin()
    team.synced()
    team.patch({"spec": {"source": {"path": "two"}}})
    world.wait("the other path", lambda: world.value("b") == "one" and world.value("a") == "two")
    # The commit is the same: that it is Synced may still be said of the path before.
    team.wait("both in the history", lambda: [entry["source"]["path"] for entry in team.history] == ["one", "two"])
    team.synced()
    assert [entry["id"] for entry in team.history] == [0, 1]
    assert team.status["sync"]["comparedTo"]["source"]["path"] == "two"


def test_a_rollback_to_another_path_is_no_sync_of_the_newest(world):
    world.push({"one/a.yaml": config_map("a"), "two/a.yaml": config_map("a", value="two")})
    team = world.application("team", path="one", automated=False)
    world.begin()
    team.sync_status("OutOfSync")
    world.agent.cli("app", "sync", "team").ok()
    team.patch({"spec": {"source": {"path": "two"}}})
    team.wait("the other path is compared", lambda: (sync := team.status["sync"])["status"] == "OutOfSync" and
              sync["comparedTo"]["source"]["path"] == "two")
    world.agent.cli("app", "sync", "team").ok()
    world.agent.cli("app", "rollback", "team", "0").ok()  # the same commit, the path before
    assert world.value("a") == "one"
    # No self-heal: what is synced now is what has not been synced since.
    team.patch({"spec": {"syncPolicy": {"automated": {"selfHeal": False}}}})
    world.wait("the newest", lambda: world.value("a") == "two")
    team.synced()


def test_another_include_is_a_new_wish(world):
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": config_map("b")})
    team = world.application("team", heal=False, source={"directory": {"include": "a.yaml"}})
    world.begin()
    team.synced()
    assert world.value("b") is None
    team.patch({"spec": {"source": {"directory": {"include": "*.yaml"}}}})
    world.appears("ConfigMap", "b")
    team.wait("an entry of the history", lambda: len(team.history) == 2)
    team.patch({"spec": {"source": {"directory": {"include": "b.yaml"}}}})
    world.vanishes("ConfigMap", "a")
    team.wait("an entry of the history", lambda: len(team.history) == 3)
    assert world.value("b") == "one"


def drifted(world, team):
    world.kube.patch("v1", "ConfigMap", world.namespace, "a", {"data": {"value": "mine"}})
    team.sync_status("OutOfSync")
    world.passes()
    assert world.value("a") == "mine"


def test_another_revision_of_the_same_commit_is_a_new_wish(world):
    world.push({"team/a.yaml": config_map("a")})
    world.repository.tag("v1")
    team = world.application("team", heal=False)
    world.begin()
    team.synced()
    drifted(world, team)
    team.patch({"spec": {"source": {"targetRevision": "v1"}}})
    world.wait("what the new wish says", lambda: world.value("a") == "one")
    team.synced()
    assert [entry["source"]["targetRevision"] for entry in team.history] == ["main", "v1"]


def test_an_application_made_again_is_a_new_wish(world):
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team", heal=False)
    world.begin()
    team.synced()
    drifted(world, team)
    team.delete()
    team.gone()
    team = world.application("team", heal=False)
    world.wait("what it says", lambda: world.value("a") == "one")
    team.synced()
    assert len(team.history) == 1


def test_a_self_heal_is_no_wish_and_leaves_no_history(world):
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team")
    world.begin()
    team.synced()
    world.kube.patch("v1", "ConfigMap", world.namespace, "a", {"data": {"value": "mine"}})
    world.wait("healed", lambda: world.value("a") == "one")
    world.passes()
    team.synced()
    assert len(team.history) == 1


# ---- 8: what is not known is not well -------------------------------------------------------------------------------------


def test_an_application_that_was_never_read_is_not_healthy(world):
    team = world.application("team", path="nowhere")
    world.begin()
    team.condition("ComparisonError", "nowhere")
    team.sync_status("Unknown")
    assert team.health not in ("Healthy", "Progressing")
    world.agent.cli("app", "wait", "team", "--health", "--timeout", "2s").is_(1)
    world.agent.cli("app", "wait", "team", "--sync", "--timeout", "2s").is_(1)
    # It comes true when it can be read.
    world.push({"nowhere/a.yaml": config_map("a")})
    team.synced().healthy()
    world.agent.cli("app", "wait", "team", "--health", "--timeout", "10s").ok()


def test_an_application_whose_repository_cannot_be_reached_is_not_healthy(world):
    team = world.application("team", source={"repoURL": "http://127.0.0.1:1/db.git"})
    world.begin()
    team.condition("ComparisonError")
    assert team.health != "Healthy"
    world.agent.cli("app", "wait", "team", "--health", "--timeout", "2s").is_(1)


# ---- 9: nothing is silent -----------------------------------------------------------------------------------------------


def test_a_branch_with_the_name_of_the_followed_tag_does_not_win_silently(world):
    tagged = world.push({"team/a.yaml": config_map("a", value="tagged")})
    world.repository.tag("v1")
    team = world.application("team", source={"targetRevision": "v1"})
    world.begin()
    team.synced(tagged)
    world.repository.commit({"team/a.yaml": config_map("a", value="branch")}, branch="v1")
    team.condition("ComparisonError", "refs/heads/v1", "refs/tags/v1")
    assert world.value("a") == "tagged", "it is not guessed"
    branch = world.repository.tip("v1")
    team.patch({"spec": {"source": {"targetRevision": "refs/heads/v1"}}})
    team.synced(branch)
    assert world.value("a") == "branch"
    team.patch({"spec": {"source": {"targetRevision": "refs/tags/v1"}}})
    team.synced(tagged)
    assert world.value("a") == "tagged"


def test_a_folder_of_what_cannot_be_read_is_not_synced(world):
    world.push({"team/a.jsonnet": "{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'a'}}\n"})
    team = world.application("team")
    world.begin()
    team.wait("a condition that names the file", lambda: [c for c in team.conditions() if "jsonnet" in c["message"]])
    assert team.status["sync"]["status"] != "Synced"


def test_an_immutable_field_is_refused_with_its_reason_and_a_remedy(world):
    world.push({"team/j.yaml": job("j"), "team/a.yaml": config_map("a")})
    team = world.application("team")
    world.begin()
    team.synced()
    world.push({"team/j.yaml": job("j", image="example.org/pause:2"), "team/a.yaml": config_map("a", value="two")})
    condition = team.condition("SyncError", "field is immutable", "team/j.yaml:1")
    assert "Force=true" in condition["message"] or "Replace=true" in condition["message"]
    assert world.value("a") == "one", "nothing of that operation is written"


@pytest.mark.parametrize("kind", ["ConfigMap", "Pod"])
def test_a_pruned_object_that_its_finalizer_holds_stays_visible_until_it_is_gone(world, kind):
    held = {"ConfigMap": config_map("held"), "Pod": pod("held")}[kind]
    world.push({"team/held.yaml": marked(held, finalizers=["example.org/hold"]), "team/a.yaml": config_map("a")})
    team = world.application("team")
    world.begin()
    world.appears(kind, "held")
    team.synced()
    head = world.push({"team/held.yaml": None})
    world.wait("it is asked to go", lambda: world.get(kind, "held")["metadata"].get("deletionTimestamp"))
    world.passes()
    assert team.resource("held"), "it is still there, and seen"
    assert team.status["sync"]["status"] == "OutOfSync" or team.state["phase"] == "Running"
    mark = world.plane.mark()
    world.passes()
    assert world.deleted(mark) == [], "and is asked once"
    world.kube.patch("v1", kind, world.namespace, "held", {"metadata": {"finalizers": None}})
    world.vanishes(kind, "held")
    team.synced(head)
    assert team.resource("held") is None


def test_tracking_ids_that_do_not_name_their_object_are_nobodys(world):
    """An operator copies annotations onto what it makes."""
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team")
    world.begin()
    team.synced()
    copied = json.loads(config_map("copy", namespace=world.namespace))
    copied["metadata"]["annotations"] = {PREFIX + "tracking-id": f"team:/ConfigMap:{world.namespace}/a"}
    world.kube.create(copied)
    head = world.push({"team/b.yaml": config_map("b")})
    team.synced(head)
    world.passes()
    assert world.value("copy") == "one" and team.resource("copy") is None


def test_an_application_that_is_not_there_yet_is_not_guessed(world):
    """The project `default` is accepted without an AppProject; nothing else is needed for a first sync."""
    world.push({"team/a.yaml": config_map("a")})
    world.begin()
    assert world.kube.list(*APPLICATION, world.home) == []
    team = world.application("team")
    team.synced().healthy()
    assert team.state["operation"]["initiatedBy"]["automated"] is True
