"""The operation: what is asked for by a patched `operation`, by a command or by the automation, how it ends, and what is left of it.

An operation that is killed at any of its writes is finished by the next agent: the end is right, it is in the history once, and
nothing says "Running" for ever.
"""

import contextlib
import json
import sqlite3
import threading

import pytest

from parts.manifests import config_map, postgresql
from parts.proxy import FaultProxy, faults
from parts.signers import SshKey
from parts.world import ANY_WRITE, FINISHED, PREFIX, marked, pod


def names(rows):
    return sorted(row["name"] for row in rows)


@pytest.fixture
def team(world):
    """A manual Application of the folder team/, with the objects a and b in Git."""
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": config_map("b")})
    team = world.application("team", automated=False)
    world.begin()
    team.sync_status("OutOfSync", world.head)
    return team


def manual(team, **sync):
    team.operate(sync=sync)
    return team.ended("Succeeded")


def first_ends(world, kind):
    """What the store holds in the very moment in which the newest operation of this kind has its end: seen by a thread that asks without a pause."""
    seen = {}

    def watch():
        with contextlib.closing(sqlite3.connect(f"file:{world.agent.state}/pgitops.db?mode=ro", uri=True, isolation_level=None)) as store:
            before = store.execute("SELECT coalesce(max(id), 0) FROM operation").fetchone()[0]
            ready.set()
            while not seen and not over.is_set():
                store.execute("BEGIN")
                ended = store.execute("SELECT phase FROM operation WHERE id > ? AND kind = ? AND finished", (before, kind)).fetchone()
                if ended:
                    seen.update(phase=ended[0], running=store.execute("SELECT count(*) FROM running").fetchone()[0],
                                status=json.loads(store.execute("SELECT document FROM application").fetchone()[0])["status"],
                                history=store.execute("SELECT commit_id, phase FROM revision ORDER BY id DESC").fetchone())
                store.execute("COMMIT")

    ready, over = threading.Event(), threading.Event()
    thread = threading.Thread(target=watch)
    thread.start()
    ready.wait()

    def answer():
        thread.join(20)
        over.set()
        thread.join()
        return seen

    return answer


@pytest.mark.parametrize("turn", range(5))
def test_who_has_the_answer_sees_what_came_of_it(world, team, turn):
    """A command right behind it reads outcome, status and history of this sync, not of the one before."""
    moment = first_ends(world, "sync")
    world.agent.cli("app", "sync", "team").ok()
    seen = moment()
    state = seen["status"]["operationState"]
    assert (seen["phase"], state["phase"], state["syncResult"]["revision"]) == ("Succeeded", "Succeeded", world.head)
    assert state["finishedAt"] and seen["status"]["sync"]["status"] == "Synced"
    assert seen["history"] == (world.head, "Succeeded") and seen["status"]["history"][-1]["revision"] == world.head
    assert seen["running"] == 0


def test_a_status_that_the_store_does_not_take_keeps_no_answer_back(world, team):
    with contextlib.closing(sqlite3.connect(world.agent.state / "pgitops.db", isolation_level=None, timeout=20)) as store:
        store.execute("CREATE TRIGGER refuse BEFORE UPDATE ON application BEGIN SELECT RAISE(FAIL, 'refused by the test'); END")
        store.execute("CREATE TRIGGER refuse_new BEFORE INSERT ON application BEGIN SELECT RAISE(FAIL, 'refused by the test'); END")
        try:
            world.agent.cli("app", "sync", "team").ok()
            (newest, *_) = world.agent.cli("app", "history", "team", "-o", "json").items
            assert (newest["commit"], newest["phase"]) == (world.head, "Succeeded")
            assert "the sync's end could not be recorded with its status" in world.agent.log()
            assert store.execute("SELECT count(*) FROM running").fetchone() == (0,)
            world.agent.cli("app", "refresh", "team").ok()
        finally:
            store.execute("DROP TRIGGER refuse")
            store.execute("DROP TRIGGER refuse_new")
    team.synced()
    head = world.push({"team/a.yaml": config_map("a", value="two")})
    world.agent.cli("app", "sync", "team").ok()
    assert world.agent.cli("app", "get", "team", "-o", "json").json["status"]["history"][-1]["revision"] == head


# ---- what is asked for ----------------------------------------------------------------------------------------------------


def test_an_empty_sync_takes_the_newest_commit(world, team):
    assert world.value("a") is None
    state = manual(team)
    assert state["syncResult"]["revision"] == world.head
    team.synced()
    assert (world.value("a"), world.value("b")) == ("one", "one")
    assert team.history[-1]["revision"] == world.head and team.history[-1]["id"] == 0
    assert {row["status"] for row in team.rows()} == {"Synced"} and names(team.rows()) == ["a", "b"]
    # The newest commit is asked for, whatever the agent knew.
    world.agent.config["poll"] = "1h"
    world.agent.stop()
    world.agent.begin()
    team.synced()
    head = world.push({"team/a.yaml": config_map("a", value="two")})
    assert manual(team)["syncResult"]["revision"] == head
    assert world.value("a") == "two"


def test_a_stale_revision_of_the_last_operation_is_not_used_again(world, team):
    first = world.head
    manual(team, revision=first)
    world.push({"team/bad.yaml": marked(config_map("bad"), finalizers=["no domain"])})
    head = world.head
    team.operate(sync={})
    state = team.ended()
    assert state["syncResult"]["revision"] == head and state["phase"] in ("Failed", "Error")
    assert "revision" not in state["operation"]["sync"]


@pytest.mark.parametrize("operation", [{}, {"initiatedBy": {"username": "me"}}, {"info": [{"name": "why", "value": "a test"}]}])
def test_an_operation_without_a_sync_is_an_error(world, team, operation):
    mark = world.plane.mark()
    team.operate(**operation)
    state = team.ended("Error")
    assert "sync" in state["message"]
    assert world.writes(mark) == [] and team.history == []
    manual(team)


@pytest.mark.parametrize("field, value", [
    ("manifests", ["apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"]),
    ("replace", True), ("syncStrategy", {"canary": {}})])
def test_what_an_operation_may_not_ask_is_named(world, team, field, value):
    mark = world.plane.mark()
    team.operate(sync={field: value})
    state = team.ended("Error")
    named = list(value)[0] if isinstance(value, dict) else field
    assert named in state["message"]
    assert world.writes(mark) == []


def test_who_asked_and_what_for_is_kept(world, team):
    team.operate(sync={"prune": True}, initiatedBy={"username": "ada"}, info=[{"name": "reason", "value": "release 7"}])
    operation = team.ended("Succeeded")["operation"]
    assert operation["initiatedBy"]["username"] == "ada" and not operation["initiatedBy"].get("automated")
    assert operation["info"] == [{"name": "reason", "value": "release 7"}] and operation["sync"]["prune"] is True
    assert team.history[-1]["initiatedBy"]["username"] == "ada"


def test_only_the_named_resources_are_synced(world, team):
    team.operate(sync={"resources": [{"group": "", "kind": "ConfigMap", "name": "a"}]})
    state = team.ended("Succeeded")
    assert names(team.rows()) == ["a"] and state["syncResult"]["revision"] == world.head
    assert world.value("a") == "one" and world.value("b") is None
    team.sync_status("OutOfSync", world.head)
    assert (team.resource("a")["status"], team.resource("b")["status"]) == ("Synced", "OutOfSync")
    assert team.history == [], "a part is no state to go back to"


def test_resources_may_be_named_with_their_namespace(world, team):
    other = world.plane.namespace()
    world.push({"team/c.yaml": config_map("a", namespace=other)})
    team.sync_status("OutOfSync", world.head)
    team.operate(sync={"resources": [{"kind": "ConfigMap", "name": "a", "namespace": other}]})
    team.ended("Succeeded")
    assert world.get("ConfigMap", "a", namespace=other) and world.value("a") is None


def test_a_named_resource_that_is_not_there_is_said(world, team):
    team.operate(sync={"resources": [{"kind": "ConfigMap", "name": "nobody"}]})
    state = team.ended()
    assert state["phase"] != "Succeeded" and "nobody" in state["message"]
    assert world.value("a") is None


def test_a_partial_prune_takes_only_what_is_named(world, team):
    manual(team)
    world.push({"team/a.yaml": None, "team/b.yaml": None, "team/c.yaml": config_map("c")})
    team.sync_status("OutOfSync", world.head)
    team.operate(sync={"prune": True, "resources": [{"kind": "ConfigMap", "name": "b"}]})
    team.ended("Succeeded")
    assert (world.value("a"), world.value("b"), world.value("c")) == ("one", None, None)


@pytest.mark.parametrize("form", ["full", "short", "tag", "branch"])
def test_a_pinned_revision_is_what_the_cluster_gets(world, team, form):
    first = world.head
    world.repository.tag("v1", first)
    world.repository.set_ref("refs/heads/release", first)
    head = world.push({"team/a.yaml": config_map("a", value="two")})
    manual(team)
    team.synced(head)
    state = manual(team, revision={"full": first, "short": first[:10], "tag": "v1", "branch": "release"}[form])
    assert state["syncResult"]["revision"] == first
    assert world.value("a") == "one"
    team.sync_status("OutOfSync", head)
    assert team.resource("a")["status"] == "OutOfSync"
    assert [entry["revision"] for entry in team.history] == [head, first]
    world.passes()
    assert world.value("a") == "one", "nobody asked for the newest again"


@pytest.mark.parametrize("known", [True, False], ids=["a good one is in force", "none was ever read"])
def test_another_revision_may_be_asked_for_while_the_newest_is_broken(world, team, known):
    good = world.push({"late/c.yaml": config_map("c")})
    late = world.application("late", automated=False, create=known)
    if known:
        manual(late)
    world.push({"late/c.yaml": config_map("c", value="two")})
    bad = world.push({"late/d.yaml": "d: [1\n"})
    if not known:
        late.create()
    late.condition("ComparisonError", bad[:12])
    newest = world.agent.cli("app", "sync", "late").is_(1)
    assert bad[:12] in newest.err and "late/d.yaml:2" in newest.err
    missing = world.agent.cli("app", "sync", "late", "--revision", "nope").is_(1)
    assert '"nope"' in missing.err and bad[:12] not in missing.err
    world.agent.cli("app", "sync", "late", "--revision", good).ok()
    assert world.value("c") == "one"
    world.agent.cli("app", "rollback", "late", "0").ok()
    late.condition("ComparisonError", bad[:12])  # the mistake stays said


def test_a_revision_that_is_not_there_is_named(world, team):
    team.operate(sync={"revision": "no-such-branch"})
    state = team.ended()
    assert state["phase"] in ("Failed", "Error") and "no-such-branch" in state["message"]
    assert world.value("a") is None


@pytest.mark.parametrize("form", ["full", "branch"])
def test_another_revision_is_no_way_around_the_signatures(world, tmp_path, form):
    key = SshKey(tmp_path, "id")
    (tmp_path / "signers").write_text(f"ada@example.org {key.public}\n")
    world.agent.config["repositories"] = [{"url": world.repository.url, "signatures": {
        "required": True, "sshKeys": str(tmp_path / "signers")}}]
    world.push({"team/a.yaml": config_map("a")})
    good = key.sign(world.repository, world.head)
    evil = world.repository.commit({"team/a.yaml": config_map("a", value="evil")}, branch="evil", parent=good)
    team = world.application("team", automated=False)
    world.begin()
    assert manual(team)["syncResult"]["revision"] == good
    team.operate(sync={"revision": {"full": evil, "branch": "evil"}[form]})
    state = team.ended()
    assert state["phase"] in ("Failed", "Error") and "is not signed" in state["message"] and evil in state["message"]
    assert world.value("a") == "one"


def test_an_automated_application_goes_back_to_its_revision(world, team):
    first = world.head
    head = world.push({"team/a.yaml": config_map("a", value="two")})
    team.patch({"spec": {"syncPolicy": {"automated": {"prune": True}}}})
    team.synced(head)
    mark = world.plane.mark()
    team.operate(sync={"revision": first})
    world.wait("the pinned commit, and the newest after it", lambda: len(
        [write for write in world.writes(mark) if write[2] == "a"]) >= 2)
    team.synced(head)
    assert world.value("a") == "two"
    assert [entry["revision"] for entry in team.history][-3:] == [head, first, head]


def test_an_operation_brings_options_of_its_own(world, team):
    fresh = world.namespace + "-new"
    other = world.application("other", path="team", namespace=fresh, automated=False)
    other.operate(sync={})
    state = other.ended("Failed")
    assert fresh in state["message"] or any(fresh in row["message"] for row in other.rows()) or \
        any(fresh in condition["message"] for condition in other.conditions())
    other.operate(sync={"syncOptions": ["CreateNamespace=true"]})
    other.ended("Succeeded")
    assert world.get("ConfigMap", "a", namespace=fresh)


def test_an_option_that_an_operation_misspells_is_named(world, team):
    team.operate(sync={"syncOptions": ["CreateNamespaces=true"]})
    state = team.ended("Error")
    assert "CreateNamespaces=true" in state["message"] and world.value("a") is None


def test_a_dry_run_writes_nothing_and_says_what_it_would(world, team):
    mark = world.plane.mark()
    state = manual(team, dryRun=True, prune=True)
    assert state["operation"]["sync"]["dryRun"] is True
    assert world.writes(mark) == [] and team.history == []
    assert names(team.rows()) == ["a", "b"]
    team.sync_status("OutOfSync")
    world.push({"team/bad.yaml": marked(config_map("bad"), finalizers=["no domain"])})
    team.sync_status("OutOfSync", world.head)
    team.operate(sync={"dryRun": True})
    assert team.ended()["phase"] in ("Failed", "Error")


def test_what_needs_pruning_is_counted_and_left(world, team):
    manual(team)
    head = world.push({"team/b.yaml": None})
    team.sync_status("OutOfSync", head)
    assert team.resource("b")["requiresPruning"] is True
    state = manual(team)
    row = team.row("b")
    assert row["status"] == "PruneSkipped" and row["message"].startswith("ignored (requires pruning)"), state
    team.sync_status("OutOfSync", head)
    told = world.agent.cli("app", "sync", "team").is_(1)
    assert "prun" in told.out + told.err
    assert world.value("b") == "one"
    world.agent.cli("app", "sync", "team", "--prune").ok()
    team.synced(head)
    assert world.value("b") is None and team.row("b")["status"] == "Pruned" and team.row("b")["hookPhase"] == "Succeeded"


def test_an_operation_on_what_cannot_be_read_is_an_error_with_the_reason(world, team):
    manual(team)
    world.push({"team/broken.yaml": "a: [1\n"})
    team.condition("ComparisonError", "team/broken.yaml:")
    team.operate(sync={})
    assert "team/broken.yaml:" in team.ended("Error")["message"]


# ---- commands -------------------------------------------------------------------------------------------------------------


def test_the_commands_ask_for_the_same(world, team):
    first = world.head
    cli = world.agent.cli
    cli("app", "sync", "team", "--resource", f":ConfigMap:{world.namespace}/a").ok()
    assert world.value("a") == "one" and world.value("b") is None
    cli("app", "sync", "team").ok()
    head = world.push({"team/a.yaml": config_map("a", value="two")})
    team.sync_status("OutOfSync", head)
    cli("app", "sync", "team", "--dry-run").ok()
    assert world.value("a") == "one"
    cli("app", "sync", "team").ok()
    assert world.value("a") == "two"
    cli("app", "sync", "team", "--revision", first).ok()
    assert world.value("a") == "one"
    # A command has its answer before the object has its status.
    team.wait("all three in the history", lambda: [entry["revision"] for entry in team.history] == [first, head, first])


def test_a_rollback_names_an_entry_of_the_history(world, team):
    first = world.head
    manual(team)
    head = world.push({"team/a.yaml": config_map("a", value="two"), "team/h.yaml": marked(config_map("h"), hook="PreSync")})
    manual(team)
    shown = [str(entry["id"]) for entry in team.history]
    assert shown == ["0", "1"]
    history = world.agent.cli("app", "history", "team").ok().out
    assert first[:7] in history and head[:7] in history
    hook = world.uid("ConfigMap", "h")
    world.agent.cli("app", "rollback", "team", "0").ok()
    assert world.value("a") == "one" and world.uid("ConfigMap", "h") == hook, "a rollback runs no hooks"
    team.wait("all three in the history", lambda: [(entry["id"], entry["revision"]) for entry in team.history] == [
        (0, first), (1, head), (2, first)])
    team.sync_status("OutOfSync", head)
    told = world.agent.cli("app", "rollback", "team", "77").is_(1)
    assert "77" in told.err
    team.patch({"spec": {"syncPolicy": {"automated": {}}}})
    team.synced(head)
    told = world.agent.cli("app", "rollback", "team", "0").is_(1)
    assert "auto" in told.err and world.value("a") == "two"


@pytest.mark.parametrize("limit, kept", [(None, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]), (1, [11]), (3, [9, 10, 11]), (0, [])])
def test_the_history_is_as_long_as_it_may_be(world, limit, kept):
    world.push({"team/a.yaml": config_map("a")})
    team = world.application("team", automated=False, **({} if limit is None else {"revisionHistoryLimit": limit}))
    world.begin()
    for _ in range(12):
        team.operate(sync={})
        team.ended("Succeeded")
    assert [entry["id"] for entry in team.history] == kept


# ---- failures and retries -------------------------------------------------------------------------------------------------


BAD = marked(config_map("bad"), finalizers=["no domain"])


def test_a_failure_is_tried_again_as_often_as_asked(world, team):
    head = world.push({"team/bad.yaml": BAD})
    team.operate(sync={}, retry={"limit": 2, "backoff": {"duration": "1s", "factor": 1}})
    team.wait("the first retry", lambda: team.state.get("retryCount"))
    state = team.ended("Failed", head)
    assert state["retryCount"] == 2 and "retried 2 times" in state["message"]
    assert world.value("a") is None


def test_between_two_tries_the_operation_says_so(world, team):
    world.push({"team/bad.yaml": BAD})
    team.operate(sync={}, retry={"limit": 3, "backoff": {"duration": "10m"}})
    state = team.wait("it waits for its retry", lambda: team.state if team.state.get("retryCount") == 1 else None)
    assert state["phase"] == "Running" and state["finishedAt"] and "operation" in team.get()
    team.terminate()
    team.ended("Failed")


def test_the_automation_retries_by_its_policy_and_takes_the_newest_commit(world):
    world.push({"team/a.yaml": config_map("a"), "team/bad.yaml": BAD})
    team = world.application("team", policy={"retry": {"limit": -1, "refresh": True, "backoff": {"duration": "1s", "factor": 1}}})
    world.begin()
    team.wait("a retry", lambda: (team.state.get("retryCount") or 0) >= 1)
    started = team.state["startedAt"]
    head = world.push({"team/bad.yaml": None})
    state = team.ended("Succeeded", head)
    assert state["startedAt"] == started and state["retryCount"] >= 1, "inside the same operation"
    team.synced(head)


def test_a_wait_for_a_retry_survives_a_kill(world, team):
    head = world.push({"team/bad.yaml": BAD})
    team.operate(sync={}, retry={"limit": 1, "backoff": {"duration": "2s"}})
    team.wait("it waits for its retry", lambda: team.state.get("retryCount") == 1)
    world.restart()
    state = team.ended("Failed", head)
    assert state["retryCount"] == 1 and "retried 1 times" in state["message"]


def test_an_unchanged_failure_is_one_row_and_a_wish_that_waits_is_one_row(world):
    world.push({"team/a.yaml": config_map("a"), "team/bad.yaml": BAD, "busy/pg.yaml": postgresql("db")})
    team, busy = world.application("team"), world.application("busy", automated=False)
    world.begin()
    team.condition("SyncError", "team/bad.yaml")
    busy.operate(sync={}).ended("Succeeded")
    world.cluster_status("db", "Creating")
    busy.healthy("Progressing")

    def rows(app):
        return len(world.agent.items("app", "history", app.name))

    world.push({"busy/pg.yaml": postgresql("db", instances=3)})
    busy.sync_status("OutOfSync", world.head)
    before = rows(team), rows(busy)
    busy.operate(sync={})
    world.passes(8)
    assert rows(team) <= before[0] + 1 and rows(busy) <= before[1] + 1
    after = rows(team), rows(busy)
    world.passes(8)
    assert (rows(team), rows(busy)) == after
    world.cluster_status("db", "Running")
    world.wait("it is done then", lambda: world.get("postgresql", "db")["spec"]["numberOfInstances"] == 3)
    busy.ended("Succeeded")


# ---- two at once, none at all, the wrong moment -----------------------------------------------------------------------------


def hooked(world):
    world.push({"team/h.yaml": marked(pod("h"), hook="PreSync")})


def test_a_second_operation_does_not_disturb_the_first(world, team):
    hooked(world)
    team.sync_status("OutOfSync", world.head)
    team.operate(sync={}, info=[{"name": "which", "value": "first"}])
    world.appears("Pod", "h")
    team.running("/h")
    uid = world.uid("Pod", "h")
    told = world.agent.cli("app", "sync", "team", timeout=20).is_(1)
    assert "operation" in told.err
    team.operate(info=[{"name": "which", "value": "second"}], sync={"resources": [{"kind": "ConfigMap", "name": "a"}]})
    world.passes()
    assert world.uid("Pod", "h") == uid and world.value("a") is None
    world.end_pod("h")
    team.wait("all is done", lambda: "operation" not in team.get() and team.state["phase"] in FINISHED)
    assert (world.value("a"), world.value("b")) == ("one", "one")
    world.passes()
    assert "operation" not in team.get() and team.state["phase"] == "Succeeded"
    assert len(team.history) == 1


def test_other_applications_go_on_while_one_waits(world, team):
    hooked(world)
    world.push({"other/x.yaml": config_map("x")})
    team.operate(sync={})
    world.appears("Pod", "h")
    other = world.application("other")
    other.synced()
    for number in range(3):
        head = world.push({"other/x.yaml": config_map("x", value=str(number))})
        other.synced(head)
    world.kube.patch("v1", "ConfigMap", world.namespace, "x", {"data": {"value": "mine"}})
    world.wait("healed", lambda: world.value("x") == "2")
    team.running("/h")
    world.end_pod("h")
    team.ended("Succeeded")


MANY = 1500


def many(prefix="big"):
    """One wave of as many objects."""
    return {"big/all.yaml": "---\n".join(config_map(f"{prefix}{number:04}") for number in range(MANY))}


def made(world):
    return sum(item["metadata"]["name"].startswith("big") for item in world.kube.list("v1", "ConfigMap", world.namespace))


def patched(world, mark):
    """Names in the order in which the agent has written them."""
    events = world.plane.requests(mark, verb="patch", resource="configmaps", namespace=world.namespace)
    return [event["objectRef"]["name"] for event in events if "dryRun" not in event["requestURI"]]


@pytest.mark.timeout(600)
def test_a_wave_of_thousands_lets_others_in(world, team):
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": None} | many())
    team.operate(sync={})
    team.ended("Succeeded")
    team.patch({"spec": {"syncPolicy": {"automated": {"selfHeal": True}}}})
    team.synced()
    mark = world.plane.mark()
    big = world.application("big")
    world.wait("the wave has begun", lambda: made(world) > 100)
    world.kube.patch("v1", "ConfigMap", world.namespace, "a", {"data": {"value": "mine"}})
    world.wait("healed", lambda: world.value("a") == "one")
    big.synced(seconds=120)
    order = patched(world, mark)
    assert order.index("a") < len(order) - 1, "before the wave was done"
    assert len(order) == MANY + 1, "nothing was written twice"
    assert len(big.history) == 1 and made(world) == MANY
    assert not [row for row in world.agent.items("app", "resources", "big") if row["status"] != "Synced"]


@pytest.mark.timeout(600)
def test_a_comparison_of_thousands_lets_others_in(world, team):
    world.push({"team/a.yaml": config_map("a"), "team/b.yaml": None} | many())
    team.operate(sync={})
    team.ended("Succeeded")
    team.patch({"spec": {"syncPolicy": {"automated": {"selfHeal": True}}}})
    team.synced()
    big = world.application("big")
    big.synced(seconds=120)
    mark = world.plane.mark()
    world.push({"big/all.yaml": many()["big/all.yaml"].replace('"one"', '"two"')})
    world.wait("the comparison has begun", lambda: len(world.plane.requests(mark, verb="patch", resource="configmaps")) > 50)
    world.kube.patch("v1", "ConfigMap", world.namespace, "a", {"data": {"value": "mine"}})
    big.synced(seconds=120)
    world.wait("healed", lambda: world.value("a") == "one")
    events = world.plane.requests(mark, verb="patch", resource="configmaps", namespace=world.namespace)
    asked = [event["objectRef"]["name"] for event in events if "dryRun" in event["requestURI"]]
    written = [event["objectRef"]["name"] for event in events if "dryRun" not in event["requestURI"]]
    assert written[0] == "a", "before the comparison was done, and so before the first write that followed from it"
    assert len(asked) < MANY + 20 and len(written) == MANY + 1, "nothing was asked about or written twice"


@pytest.mark.timeout(600)
def test_a_wave_of_thousands_goes_on_where_it_was_killed(world, team):
    world.push(many())
    big = world.application("big")
    mark = world.plane.mark()
    world.wait("the wave is under way", lambda: made(world) > 700)
    world.agent.kill()
    left = made(world)
    assert left < MANY
    world.agent.begin()
    big.synced(seconds=120)
    assert made(world) == MANY and len(big.history) == 1
    assert big.state["phase"] == "Succeeded"
    assert len(patched(world, mark)) < MANY + 600, "but for those that were not recorded yet, none is written again"
    phases = {item.get("phase") for item in world.agent.items("app", "history", "big")}
    assert phases == {"Succeeded"}


@pytest.mark.timeout(600)
def test_a_confirmed_prune_of_thousands_is_confirmed_to_its_end(world, team):
    world.push(many())
    big = world.application("big", options=["PrunePropagationPolicy=background"])
    big.synced(seconds=120)
    world.push({"big/all.yaml": config_map("big-kept")})
    said = world.agent.wait_condition("big", "SyncError", "--confirm")["message"]
    confirm = said.split("--confirm ")[1].split()[0].strip("`.;")
    world.agent.cli("app", "sync", "big", "--prune", "--confirm", confirm, "--async").ok()
    while made(world) > 500:  # somebody always waits for a turn
        world.agent.cli("app", "refresh", "team", "--async").ok()
    big.synced(seconds=120)
    assert [item["metadata"]["name"] for item in world.kube.list("v1", "ConfigMap", world.namespace)
            if item["metadata"]["name"].startswith("big")] == ["big-kept"]


def test_an_application_that_is_not_reconciled_takes_no_operation(world, team):
    world.push({"other/x.yaml": config_map("x")})
    world.application("other").synced()
    team.annotate(skip_reconcile="true")
    team.operate(sync={})
    world.passes(4)
    assert "operation" in team.get() and world.value("a") is None
    team.annotate(skip_reconcile="perhaps")
    team.ended("Succeeded")
    assert world.value("a") == "one"


def test_an_operation_that_was_asked_for_while_no_agent_ran_is_done(world, team):
    world.agent.kill()
    team.operate(sync={}, initiatedBy={"username": "ada"})
    world.agent.begin()
    assert team.ended("Succeeded")["operation"]["initiatedBy"]["username"] == "ada"
    assert world.value("a") == "one"


def test_terminate_without_an_operation_is_refused(world, team):
    assert "no operation" in world.agent.cli("app", "terminate", "team").is_(1).err.lower()
    ended = manual(team)
    team.terminate()
    # It has ended already, and how it ended is said again.
    team.wait("its end stands there again", lambda: team.state == ended)
    manual(team)


def test_a_status_written_by_somebody_else_is_no_operation(world, team):
    """A state without an operation, as a restored backup leaves it: it ends, and the next one is taken."""
    team.patch({"status": {"operationState": {"phase": "Running", "startedAt": "2026-01-01T00:00:00Z",
                                              "operation": {"sync": {}}}}})
    team.wait("it is ended", lambda: team.state.get("phase") in (None, *FINISHED))
    manual(team)
    assert world.value("a") == "one"


def test_what_a_waiting_client_looks_for_is_there(world, team):
    """Argo CD's `app wait` ends when the operation is gone, it has an end, and the Application was looked at after it."""
    state = manual(team)
    team.wait("looked at after its end", lambda: team.status["reconciledAt"] >= state["finishedAt"])
    assert state["startedAt"] <= state["finishedAt"]
    entry = team.history[-1]
    assert entry["deployedAt"] and entry["source"]["path"] == "team"


# ---- kill -9 ------------------------------------------------------------------------------------------------------------------


def story(world, number):
    """A commit that changes two waves, runs hooks that are done at once, and prunes."""
    value = f"v{number}"
    return world.push({
        "team/a.yaml": config_map("a", value=value), "team/b.yaml": config_map("b", value=value),
        "team/c.yaml": marked(config_map("c", value=value), sync_wave=1),
        "team/pre.yaml": marked(config_map("pre", value=value), hook="PreSync"),
        "team/post.yaml": marked(config_map("post", value=value), hook="PostSync", hook_delete_policy="HookSucceeded"),
        f"team/old{number}.yaml": config_map(f"old{number}"), f"team/old{number - 1}.yaml": None}), value


def check(world, team, number, head, value):
    team.synced(head)
    assert [world.value(name) for name in ("a", "b", "c", "pre")] == [value] * 4
    assert world.get("ConfigMap", f"old{number}") and not world.get("ConfigMap", f"old{number - 1}")
    world.vanishes("ConfigMap", "post")
    assert [entry["revision"] for entry in team.history].count(head) == 1
    assert team.history[-1]["revision"] == head
    ids = [entry["id"] for entry in team.history]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert team.state["phase"] == "Succeeded" and team.state["finishedAt"]
    phases = {item.get("phase") for item in world.agent.items("app", "history", "team")}
    assert "Running" not in phases, "no row of the killed agent is left behind"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("manually, first, then", [(True, "lose_answer", "hang"), (False, "hang", "lose_answer")])
def test_an_operation_killed_at_any_of_its_writes_ends_as_if_it_had_not_been(world, tmp_path, manually, first, then):
    """At every other write the answer is lost, at the others the request hangs; of one's own and of an automated sync the other way about."""
    proxy = FaultProxy(world.plane.port, tmp_path)
    world.through(proxy)
    team = world.application("team", automated=not manually)
    head, value = story(world, 0)
    world.begin()
    if manually:
        team.operate(sync={"prune": True})
    check(world, team, 0, head, value)
    killed = 0
    for number in range(1, 15):
        proxy.clear()
        fault = first if number % 2 else then
        rule = proxy.add(getattr(faults, fault)(), times=1, skip=number - 1, **ANY_WRITE)
        head, value = story(world, number)
        if manually:
            team.operate(sync={"prune": True})
        team.wait("killed, or done before that", lambda rule=rule, head=head: rule.hits or (
            "operation" not in team.get() and team.status["sync"].get("revision") == head
            and team.status["sync"]["status"] == "Synced"))
        killed += rule.hits > 0
        world.agent.kill()
        proxy.clear()
        world.agent.begin()
        check(world, team, number, head, value)
    assert killed >= 8, "the moments were met"
    proxy.close()


@pytest.mark.parametrize("moment", ["before the first pass", "while a wave waits", "twice in a row"])
def test_an_agent_killed_at_other_moments_goes_on(world, team, moment):
    world.push({"team/p.yaml": pod("p"), "team/late.yaml": marked(config_map("late"), sync_wave=2)})
    if moment == "before the first pass":
        world.agent.kill()
        team.operate(sync={})
        world.agent.start(ready=False)
        world.agent.kill()
        world.agent.begin()
    else:
        team.operate(sync={})
    world.appears("Pod", "p")
    team.running("/p")
    world.restart()
    team.running("/p")
    if moment == "twice in a row":
        world.restart()
        team.running("/p")
    assert world.value("late") is None
    world.end_pod("p")
    team.ended("Succeeded", world.head)
    assert world.value("late") == "one" and len(team.history) == 1


def test_an_agent_without_its_store_does_not_begin_the_operation_again(world, team):
    """The state folder is a cache: the operation is in the Application."""
    world.push({"team/h.yaml": marked(pod("h"), hook="PreSync")})
    team.operate(sync={})
    world.appears("Pod", "h")
    team.running("/h")
    uid = world.uid("Pod", "h")
    world.agent.kill()
    for file in world.agent.state.glob("pgitops.db*"):
        file.unlink()
    world.agent.begin()
    world.end_pod("h")
    team.ended("Succeeded", world.head)
    assert world.uid("Pod", "h") == uid and len(team.history) == 1
    assert world.value("a") == "one"


def test_a_refresh_is_consumed_while_an_operation_waits(world, team):
    hooked(world)
    team.operate(sync={})
    world.appears("Pod", "h")
    team.annotate(refresh="hard")
    team.wait("the annotation is gone", lambda: PREFIX + "refresh" not in team.get()["metadata"].get("annotations", {}))
    team.running("/h")
    world.end_pod("h")
    team.ended("Succeeded")
