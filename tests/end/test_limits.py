"""Sizes that a small team meets by accident: whatever grows with them stays within what the parts around the agent take."""

import pytest

from parts.agent import free_port, wait_for
from parts.git import Repository
from parts.manifests import config_map, users

APPLICATION = "argoproj.io/v1alpha1"
OBJECTS, IN_ONE_FILE = 6000, 1000


def files(count):
    """Objects with names as long as generated ones are."""
    names = [f"a-name-that-some-generator-made-of-everything-it-knew-about-the-object-and-then-a-number-{number:05}"
             for number in range(count)]
    return {f"app/part{first // IN_ONE_FILE}.yaml": "---\n".join(config_map(name) for name in names[first:first + IN_ONE_FILE])
            for first in range(0, count, IN_ONE_FILE)}


@pytest.mark.timeout(600)
def test_thousands_of_objects_come_and_go(agent, crds, tmp_path):
    """Their status is written although etcd could not take the whole, and a commit that takes them away kills nobody."""
    namespace, home = crds.namespace(), crds.namespace()
    repository = Repository(tmp_path / "db.git")
    kept = {"app/kept.yaml": config_map("kept")}
    repository.commit(files(OBJECTS) | kept)
    agent.kubernetes(crds, namespace=home, objects=True)
    crds.admin.create(agent.application("many", repository.url, "app", namespace))
    agent.start(seconds=60)

    def status():
        return crds.admin.get(APPLICATION, "Application", home, "many").get("status", {})
    wait_for("all are there", lambda: status().get("sync", {}).get("status") == "Synced", 240, 1)
    said = wait_for("the status says that it is not the whole", lambda: [
        item["message"] for item in status().get("conditions", []) if item["type"] == "ShortenedStatusWarning"], 60)
    assert f"of {OBJECTS + 1} objects" in said[0]
    shown = status()
    assert 1000 < len(shown["resources"]) < OBJECTS and shown["operationState"]["phase"] == "Succeeded"
    assert len(agent.app("many")["status"]["resources"]) == OBJECTS + 1, "the store has all"

    head = repository.commit({name: None for name in files(OBJECTS)} | {"app/kept.yaml": config_map("kept", value="two")})
    app = agent.wait_app("many", "OutOfSync", head, 120)
    gone = [row for row in app["status"]["resources"] if row.get("requiresPruning")]
    assert len(gone) == OBJECTS and f"{OBJECTS} of {OBJECTS + 1} objects would be pruned" in gone[0]["message"]
    assert wait_for("the cluster shows them first", lambda: [
        row for row in status().get("resources", []) if row.get("requiresPruning")], 60)
    agent.kill()
    agent.start(seconds=60)
    agent.wait_app("many", "OutOfSync", head, 120)
    assert agent.alive() and len(crds.admin.list("v1", "ConfigMap", namespace)) >= OBJECTS


def closed_database(agent, name="main", application="users"):
    """A database of the agent file where nobody listens."""
    agent.config.setdefault("databases", []).append({
        "name": name, "connection": f"host=127.0.0.1 port={free_port()} user=postgres dbname=postgres connect_timeout=2",
        "users": {"application": application, "configMap": "postgres-users-config", "key": "users.yaml"}})


def test_what_the_configuration_no_longer_names_leaves_the_status(agent, tmp_path):
    repository = Repository(tmp_path / "db.git")
    repository.commit({"app/a.yaml": config_map("a"), "users/users.yaml": users(alice=[])})
    agent.application("kept", repository.url, "app", "default")
    agent.application("users", repository.url, "users", "default")
    closed_database(agent, "old")
    agent.begin()
    agent.wait_app("users")
    wait_for("the database is known", lambda: "old" in agent.cli("status").out)
    assert agent.stop() == 0
    (agent.folder / "applications" / "users.yaml").unlink()
    agent.config.pop("databases")
    agent.start()
    agent.wait_app("kept")
    assert agent.app("users") is None and "old" not in agent.cli("status").out
    assert agent.get("/api/v1/databases").json["items"] == []


def test_a_change_that_fails_again_and_again_is_one_row(agent, server, tmp_path):
    """The server refuses it each time, and each pass tries."""
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    repository.commit({"users/users.yaml": users(alice=[])})
    agent.secret("postgres", "user-alice-secret", "wonderland")
    agent.application("postgres-users", repository.url, "users", "postgres")
    agent.database(server)
    agent.start()
    wait_for("alice", lambda: server.can_login("alice", "wonderland", "app"))
    server.run("CREATE TABLE hers ()", "ALTER TABLE hers OWNER TO alice", database="app")
    blocker = server.connect("app")
    blocker.execute("BEGIN")
    blocker.execute("LOCK TABLE hers")
    repository.commit({"users/users.yaml": users("{username: alice, ensure: absent}")})

    def passes():
        return agent.metrics()["pgitops_user_passes_total"]

    def failures():
        return [item for item in agent.items("user", "history", "alice") if item.get("outcome") not in ("done", None)]
    before = passes()
    wait_for("five passes, and three that failed", lambda: passes() >= before + 5 and any(item["times"] >= 3 for item in failures()), 120)
    blocker.close()
    failed = failures()
    assert len({(item["action"], item["statement"]) for item in failed}) == len(failed) > 0, failed


def test_one_pass_ends_when_every_part_has_its_answer(agent, tmp_path):
    """A repository that is not there, a commit that cannot be used, an Application that waits for a hand, users without a commit."""
    repository = Repository(tmp_path / "db.git")
    repository.commit({"broken/a.yaml": "a: [1\n", "manual/a.yaml": config_map("a"), "users/users.yaml": users(alice=[])})
    agent.application("nowhere", f"file://{tmp_path}/nowhere.git", "app", "default")
    agent.application("broken", repository.url, "broken", "default")
    agent.application("manual", repository.url, "manual", "default", automated=False)
    agent.application("users", repository.url, "users", "default", automated=False)
    closed_database(agent, "waits", application="users")
    closed_database(agent, "unread", application="broken")
    closed_database(agent, "orphan", application="not-there")
    result = agent.once(timeout=60).is_(1)
    for reason in ("application nowhere is Unknown: ComparisonError", "application broken is Unknown: ComparisonError",
                   "application manual is OutOfSync", "broken/a.yaml:2", "database waits: no users are in force",
                   "database unread: no users are in force", "database orphan: no users are in force: there is no application not-there"):
        assert reason in result.err, f"{reason} is not in:\n{result.err}"


def test_one_pass_tells_what_a_database_said(agent, tmp_path):
    repository = Repository(tmp_path / "db.git")
    repository.commit({"users/users.yaml": users(alice=[])})
    agent.application("users", repository.url, "users", "default")
    closed_database(agent)
    assert "database main: " in agent.once(timeout=60).is_(1).err


@pytest.mark.parametrize("what", ["removed", "replaced"])
def test_an_agent_whose_state_folder_is_taken_away_ends(agent, make_agent, tmp_path, what):
    """Two agents on one folder would undo each other."""
    repository = Repository(tmp_path / "db.git")
    repository.commit({"app/a.yaml": config_map("a")})
    agent.application("one", repository.url, "app", "default")
    agent.start()
    agent.wait_app("one")
    agent.state.rename(tmp_path / "aside")
    if what == "replaced":
        second = make_agent("second", state=str(agent.state))
        second.application("one", repository.url, "app", "default")
        second.start()
        assert agent.process.wait(20) == 2
        assert second.cli("app", "list").ok() and second.stop() == 0
    else:
        assert agent.process.wait(20) == 2
    assert agent.lines(level="error", msg="the agent ends") and "state folder was removed or replaced" in agent.log()
    agent.process = None


def test_names_in_another_encoding_kill_nobody(agent, server, tmp_path):
    """A catalog keeps bytes: what a Latin-1 client named is no UTF-8, and JSON takes nothing else."""
    server.run("CREATE DATABASE app", "CREATE DATABASE old ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    repository = Repository(tmp_path / "db.git")
    repository.commit({"users/users.yaml": users(alice=[])})
    agent.secret("postgres", "user-alice-secret", "wonderland")
    agent.application("postgres-users", repository.url, "users", "postgres")
    agent.database(server)
    agent.start()
    wait_for("alice", lambda: server.can_login("alice", "wonderland", "app"))
    with server.connect("old") as session:
        session.execute("SET client_encoding = 'SQL_ASCII'")
        session.execute(b'CREATE ROLE "j\xe9r"')
        session.execute(b'GRANT "j\xe9r" TO alice')
        session.execute(b"COMMENT ON ROLE \"j\xe9r\" IS 'managed by pgitops (main)'")

    def passes():
        return agent.metrics()["pgitops_user_passes_total"]
    before = passes()
    wait_for("three passes", lambda: passes() >= before + 3, 60)
    assert agent.alive() and agent.items("user", "list") and agent.cli("drift", "list", "-o", "json").ok().json
    assert agent.get("/api/v1/users").json["items"] and agent.cli("status").out
    with server.connect("old") as session:
        session.execute("SET client_encoding = 'SQL_ASCII'")
        session.execute(b'DROP ROLE IF EXISTS "j\xe9r"')


@pytest.mark.timeout(600)
def test_where_even_the_bounded_status_is_too_large_a_minimal_one_says_why(agent, crds, tmp_path):
    """The Application itself fills what etcd takes for one object."""
    namespace, home = crds.namespace(), crds.namespace()
    repository = Repository(tmp_path / "db.git")
    repository.commit({"app/many.yaml": "---\n".join(config_map(f"{'n' * 230}-{number:05}") for number in range(1200))})
    agent.kubernetes(crds, namespace=home, objects=True)
    document = agent.application("large", repository.url, "app", namespace)
    document["spec"]["info"] = [{"name": f"n{number}", "value": "v" * 1000} for number in range(1150)]
    crds.admin.create(document)
    agent.start(seconds=60)

    def status():
        return crds.admin.get(APPLICATION, "Application", home, "large").get("status", {})
    said = wait_for("the status says why", lambda: [
        item["message"] for item in status().get("conditions", []) if item["type"] == "UnknownError"], 120, 0.5)
    assert "too large" in said[0] and "pgitops app get" in said[0], said
    assert wait_for("it goes on", lambda: status().get("sync", {}).get("status") == "Synced", 120, 0.5)
    assert len(agent.app("large")["status"]["resources"]) == 1200


def test_an_application_deleted_while_the_agent_was_away_leaves_the_status(agent, crds, tmp_path):
    """Of the objects of a cluster, only the first list says that one is gone."""
    namespace, home = crds.namespace(), crds.namespace()
    repository = Repository(tmp_path / "db.git")
    repository.commit({"app/a.yaml": config_map("a")})
    agent.kubernetes(crds, namespace=home, objects=True)
    for name in ("kept", "gone"):
        crds.admin.create(agent.application(name, repository.url, "app", namespace if name == "kept" else crds.namespace()))
    agent.start()
    agent.wait_app("kept")
    agent.wait_app("gone")
    assert agent.stop() == 0
    crds.admin.delete(APPLICATION, "Application", home, "gone")
    agent.start()
    wait_for("it is forgotten", lambda: agent.app("gone") is None)
    assert [item["metadata"]["name"] for item in agent.items("app", "list")] == ["kept"]
