"""Whose roles they are: what is not ours is listed and left, `user adopt` takes it over, and one database has one agent."""

import shutil

import pytest

from parts.agent import Agent, wait_for
from parts.git import Repository
from parts.manifests import users


@pytest.fixture
def world(agent, server, tmp_path):
    """A repository with alice and bob; bob was there before, made by hand."""
    server.run("CREATE DATABASE app", "CREATE ROLE bob LOGIN PASSWORD 'his'", "CREATE ROLE by_hand LOGIN", "CREATE ROLE robot_zmon")
    repository = Repository(tmp_path / "db.git")
    repository.commit({"users/users.yaml": users(alice=[], bob=[])})
    prepare(agent, server, repository)
    return agent, server, repository


def prepare(agent, server, repository):
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    for name in ("alice", "bob"):
        agent.secret("postgres", f"user-{name}-secret", f"pw-{name}")


def statuses(agent):
    return {item["name"]: item["status"] for item in agent.items("user", "list")}


def test_a_role_made_by_hand_is_listed_and_becomes_ours_by_a_command(world):
    agent, server, _ = world
    agent.begin()
    wait_for("both are known", lambda: statuses(agent) == {"alice": "Synced", "bob": "Refused"})
    assert server.can_login("bob", "his")
    listed = agent.items("user", "list", "--unmanaged")
    assert [(role["name"], role["referenced"], role["database"]) for role in listed] == [("bob", True, "main"), ("by_hand", False, "main")]
    table = agent.cli("user", "list", "--unmanaged").ok().out
    assert "by_hand" in table and "made by somebody else" in table and "robot_zmon" not in table
    assert "2 in main: bob, by_hand" in agent.cli("status").out
    assert agent.get("/api/v1/users/unmanaged").json["count"] == 2

    plan = agent.cli("user", "adopt", "--dry-run", "bob").is_(1)
    assert 'COMMENT ON ROLE "bob"' in plan.out and "pw-bob" not in plan.out and server.can_login("bob", "his")
    assert "users.yaml does not list it" in agent.cli("user", "adopt", "by_hand").is_(1).err
    assert "there is no such role" in agent.cli("user", "adopt", "nobody").is_(1).err
    agent.cli("user", "adopt", "bob").ok()
    assert server.can_login("bob", "pw-bob") and statuses(agent) == {"alice": "Synced", "bob": "Synced"}
    assert [role["name"] for role in agent.items("user", "list", "--unmanaged")] == ["by_hand"]
    agent.cli("user", "adopt").is_(2)


def test_a_renamed_role_is_drift_that_is_told_and_not_healed(world):
    agent, server, repository = world
    agent.begin()
    wait_for("alice", lambda: statuses(agent).get("alice") == "Synced")
    server.run("ALTER ROLE alice RENAME TO alice_old")
    wait_for("it is told", lambda: statuses(agent).get("alice") == "Degraded")
    drift = agent.items("drift", "list", "--user", "alice")
    assert [(item["field"], item["wanted"], item["found"], item["healed"]) for item in drift] == [("name", "alice", "alice_old", None)]
    repository.commit({"users/users.yaml": users(bob=[])})
    wait_for("it is not removed", lambda: statuses(agent).get("alice") == "Refused")
    answer = agent.cli("user", "sync").is_(1)
    assert 'renamed by hand to "alice_old"' in answer.err + answer.out
    assert server.can_login("alice_old", "pw-alice")


def test_a_lost_comment_is_drift_and_hides_nobody_from_removal(world):
    agent, server, repository = world
    agent.begin()
    wait_for("alice", lambda: statuses(agent).get("alice") == "Synced")
    server.run("COMMENT ON ROLE alice IS 'finance'")
    drift = wait_for("it is healed", lambda: [item for item in agent.items("drift", "list", "--user", "alice") if item["healed"]])
    assert drift[0]["field"] == "comment" and drift[0]["found"] == "finance"
    repository.commit({"users/users.yaml": users(bob=[])})
    wait_for("alice is gone", lambda: not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'alice'"))


def test_a_second_agent_is_refused_until_it_takes_over(world, tmp_path):
    agent, server, _ = world
    agent.begin()
    wait_for("alice", lambda: statuses(agent).get("alice") == "Synced")
    name = (agent.state / "manager").read_text().strip()
    theirs = Repository(tmp_path / "theirs.git")
    theirs.commit({"users/users.yaml": users(carol=[])})
    other = Agent(tmp_path / "other", installationID="east")
    try:
        prepare(other, server, theirs)
        other.secret("postgres", "user-carol-secret", "pw-carol")
        other.begin()

        def refused(one, by):
            items = one.get("/api/v1/databases", over="socket").json["items"]
            return next((item["reason"] for item in items if item["status"] == "Failed" and f'"{by}", since 20' in item["reason"]), None)
        reason = wait_for("the second agent is refused", lambda: refused(other, name))
        assert f"user adopt --database main --from {name}" in reason and '"east"' in reason
        assert server.can_login("alice", "pw-alice") and not server.query("SELECT 1 FROM pg_roles WHERE rolname = 'carol'")
        plan = other.cli("user", "adopt", "--from", name, "--dry-run").is_(1)
        assert "UPDATE pgitops.managed_role SET manager = 'east'" in plan.out and "removes: alice" in plan.out
        taken = other.cli("user", "adopt", "--database", "main", "--from", name).ok()
        assert "are this agent's now; not in users.yaml, and so to be removed by a later pass: alice" in taken.out
        assert '"nobody" has no roles here' in other.cli("user", "adopt", "--from", "nobody").is_(1).err
        wait_for("its users are in force", lambda: server.can_login("carol", "pw-carol"))
        wait_for("the first one stops", lambda: refused(agent, "east"))
    finally:
        other.close()


@pytest.mark.parametrize("way", ["adopt", "installationID"])
def test_with_another_state_folder_the_agent_is_told_who_it_was(world, way):
    agent, server, _ = world
    agent.begin()
    wait_for("alice", lambda: statuses(agent).get("alice") == "Synced")
    name = (agent.state / "manager").read_text().strip()
    assert agent.stop() == 0
    shutil.rmtree(agent.state)
    if way == "installationID":
        agent.config["installationID"] = name
        agent.write()
    agent.begin()
    if way == "adopt":
        wait_for("it is refused", lambda: any(
            name in item["reason"] for item in agent.get("/api/v1/databases", over="socket").json["items"]))
        agent.cli("user", "adopt", "--from", name)
    wait_for("alice is ours again", lambda: statuses(agent).get("alice") == "Synced")
    assert server.value("SELECT count(*) FROM pgitops.managed_role") == 1


def test_on_a_server_of_an_earlier_version_the_store_says_who_was_ours(world):
    """Marks and no table: who left Git meanwhile is removed, for the store knows her; who is only marked is left."""
    agent, server, repository = world
    repository.commit({"users/users.yaml": users(alice=["readers"], bob=["spare"])})
    agent.begin()
    agent.cli("user", "adopt", "bob").ok()
    wait_for("both", lambda: statuses(agent) == {"alice": "Synced", "bob": "Synced"})
    assert agent.stop() == 0
    server.run("DROP SCHEMA pgitops CASCADE", "COMMENT ON ROLE by_hand IS 'managed by pgitops (main)'")
    repository.commit({"users/users.yaml": users(alice=["readers"])})
    agent.begin()
    wait_for("bob and his group are gone", lambda: not server.query("SELECT 1 FROM pg_roles WHERE rolname IN ('bob', 'spare')"))
    assert server.query("SELECT name::text, state FROM pgitops.managed_role ORDER BY 1") == [("alice", "user"), ("readers", "group")]
    assert server.query("SELECT 1 FROM pg_roles WHERE rolname = 'by_hand'") and server.can_login("alice", "pw-alice")
