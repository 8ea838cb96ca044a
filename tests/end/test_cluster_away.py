"""An API server that is down or silent is said within seconds wherever somebody looks, and so is its return."""

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.kube import ControlPlane
from parts.manifests import config_map


@pytest.fixture(scope="module")
def own_plane():
    made = ControlPlane(controllers=False)
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("how", ["down", "silent"])
def test_a_server_that_is_away_is_said_everywhere(agent, own_plane, tmp_path, how):
    namespace = own_plane.namespace()
    repository = Repository(tmp_path / "db.git")
    head = repository.commit({"app/a.yaml": config_map("a")})
    agent.kubernetes(own_plane)
    agent.application("team", repository.url, "app", namespace)
    agent.start()
    agent.wait_app("team", "Synced", head)
    assert agent.metrics()["pgitops_cluster_up"] == 1

    (own_plane.stop_apiserver if how == "down" else own_plane.pause)()
    said = "the API server has not answered since 20"
    wait_for("/readyz says so", lambda: (answer := agent.get("/readyz")).status == 503 and said in answer.body, 30)
    assert said in agent.cli("status").out
    assert agent.metrics()["pgitops_cluster_up"] == 0
    wait_for("the silence grows", lambda: agent.metrics()["pgitops_cluster_last_answer_seconds"] > 1)
    assert said in agent.get("/api/v1/status").body

    (own_plane.start_apiserver if how == "down" else own_plane.resume)()
    wait_for("it is ready again", agent.ready, 60)
    wait_for("the metric says so", lambda: agent.metrics()["pgitops_cluster_up"] == 1)
    assert said not in agent.cli("status").out
    head = repository.commit({"app/a.yaml": config_map("a", value="two")})
    agent.wait_app("team", "Synced", head, 60)
