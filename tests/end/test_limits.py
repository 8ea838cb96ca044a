"""Sizes that a small team meets by accident: whatever grows with them stays within what the parts around the agent take."""

from parts.agent import wait_for
from parts.git import Repository
from parts.manifests import config_map

APPLICATION = "argoproj.io/v1alpha1"
OBJECTS, IN_ONE_FILE = 6000, 1000


def files(count):
    """Objects with names as long as generated ones are."""
    names = [f"a-name-that-some-generator-made-of-everything-it-knew-about-the-object-and-then-a-number-{number:05}"
             for number in range(count)]
    return {f"app/part{first // IN_ONE_FILE}.yaml": "---\n".join(config_map(name) for name in names[first:first + IN_ONE_FILE])
            for first in range(0, count, IN_ONE_FILE)}


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
