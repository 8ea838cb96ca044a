"""A `postgresql` object beside its operator, whose part the test plays: what would do damage is refused before it is written."""

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
    allowed = '  name: db\n  annotations: {pgitops.dev/allow: "upgrade-version, remove-user, remove-database"}\n'
    world.push({"team/pg.yaml": text.replace("  name: db\n", allowed)})
    team.synced(world.head)
    assert world.get("postgresql", "db")["spec"]["postgresql"]["version"] == "18"
