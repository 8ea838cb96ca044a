"""A `postgresql` object beside its operator, whose part the test plays: what would do damage is refused before it is written."""

import datetime
import time

from parts.manifests import postgresql


def runs(world, team):
    """The operator has taken it up, in a later second than the one in which it was written: an earlier report says nothing."""
    start = time.time()
    world.wait("a later second", lambda: time.time() > start + 1)
    world.cluster_status("db", "Running")
    team.healthy("Healthy")


def pushed(world, extra=""):
    return world.push({"team/pg.yaml": postgresql("db", extra=extra)})


USERS = "  users: {app: [], old: []}\n  databases: {shop: app}\n"


def test_a_refusal_has_its_diff_and_its_row_and_goes_when_git_is_mended(world):
    pushed(world, USERS)
    team = world.application("team")
    world.begin()
    team.synced()
    runs(world, team)
    pushed(world, "  users: {app: []}\n  databases: {store: app}\n")
    team.condition("SyncError", "team/pg.yaml:1", "spec.users loses old", 'pgitops.dev/allow: "remove-user"',
                   "spec.databases loses shop", 'pgitops.dev/allow: "remove-database"')
    diff = world.agent.cli("app", "diff", "team")
    assert diff.code == 1 and "store" in diff.out and "remove-database" in diff.out
    row = world.wait("a row", lambda: [row for row in world.agent.items("app", "history", "team") if row["commit"] == world.head])[0]
    assert row["phase"] == "Failed" and "remove-database" in row["text"]
    assert "remove-database" in world.agent.cli("status").out
    assert set(world.get("postgresql", "db")["spec"]["databases"]) == {"shop"}
    pushed(world, USERS + "  enableShmVolume: true\n")
    team.synced(world.head)
    assert not team.conditions("SyncError") and "remove-database" not in world.agent.cli("status").out


def test_a_word_in_the_object_allows_it(world):
    pushed(world, USERS)
    team = world.application("team")
    world.begin()
    team.synced()
    runs(world, team)
    text = postgresql("db", extra="  users: {app: []}\n").replace('"17"', '"18"')
    world.push({"team/pg.yaml": text})
    team.condition("SyncError", "there is no way back", "loses old", "loses shop")
    for mode, words in (("off", "the operator will not upgrade: its major_version_upgrade_mode is off"), ("manual", "is manual: ConfigMap")):
        world.kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": world.namespace, "name": "postgres-operator"},
                          "data": {"major_version_upgrade_mode": mode}})
        world.push({"team/pg.yaml": f"{text}  podPriorityClassName: class-{mode}\n"})
        team.condition("SyncError", words, f"ConfigMap {world.namespace}/postgres-operator")
    allowed = '  name: db\n  annotations: {pgitops.dev/allow: "upgrade-version, remove-user, remove-database"}\n'
    world.push({"team/pg.yaml": text.replace("  name: db\n", allowed)})
    team.synced(world.head)
    assert world.get("postgresql", "db")["spec"]["postgresql"]["version"] == "18"


def make_older(world, minutes):
    """As if the spec had been written so long ago, and the operator had reported before that: by the times of managedFields, which are all there is."""
    found = world.get("postgresql", "db")
    for entry in found["metadata"]["managedFields"]:
        ago = minutes + (60 if entry.get("subresource") == "status" else 0)
        time_then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=ago)
        entry["time"] = time_then.strftime("%Y-%m-%dT%H:%M:%SZ")
    found["metadata"].setdefault("labels", {})["older"] = "yes"  # times alone are no change to the server
    world.kube.replace(found)


def nudged(world):
    return world.get("postgresql", "db")["metadata"].get("annotations", {}).get("pgitops.dev/nudge")


def test_an_operator_that_missed_a_change_is_made_to_look_again_once(world):
    pushed(world, USERS)
    team = world.application("team")
    world.begin()
    team.synced()
    runs(world, team)
    assert not nudged(world)
    world.agent.kill()
    make_older(world, 10)
    generation = world.get("postgresql", "db")["metadata"]["generation"]
    world.begin()
    first = world.wait("it is nudged", lambda: nudged(world))
    world.wait("it is told", lambda: [e for e in world.kube.list("v1", "Event", world.namespace) if e["reason"] == "Nudged"])
    # Another process, another look: in its period it stays at the one.
    world.restart()
    team.synced()
    assert nudged(world) == first and world.get("postgresql", "db")["metadata"]["generation"] == generation
    assert team.status["sync"]["status"] == "Synced"
    # A word of Git's turns it off.
    world.push({"team/pg.yaml": postgresql("db", extra=USERS).replace("  name: db\n", '  name: db\n  annotations: {pgitops.dev/nudge: "off"}\n')})
    team.synced(world.head)
    assert nudged(world) == "off" and len([e for e in world.kube.list("v1", "Event", world.namespace) if e["reason"] == "Nudged"]) == 1
