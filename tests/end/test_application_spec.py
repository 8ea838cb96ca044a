"""What the spec of an Application must have, what of it is kept for people only, and the mark it leaves on what belongs to no namespace."""

import json

import pytest

from parts import kube
from parts.manifests import config_map
from parts.world import manifest


@pytest.mark.parametrize("source, missing", [
    ({"repoURL": ""}, "spec.source.repoURL is missing"),
    ({"path": ""}, 'spec.source.path is missing: "." is the root of the repository'),
    ({"repoURL": "", "path": None}, "spec.source.path is missing"),
])
def test_a_source_without_a_repository_or_a_path_is_an_invalid_spec(world, source, missing):
    head = world.push({"team/a.yaml": config_map("a")})
    team = world.application("team", source=source)
    world.begin()
    team.condition("InvalidSpecError", missing)
    assert team.status["sync"]["status"] == "Unknown" and team.health == "Unknown" and world.value("a") is None
    team.patch({"spec": {"source": {"repoURL": world.repository.url, "path": "team"}}})
    team.synced(head)
    assert not team.conditions()


def test_a_source_without_the_field_of_its_repository_is_refused_by_the_server(world):
    with pytest.raises(kube.ApiError) as refused:
        world.application("team", source={"repoURL": None})
    assert refused.value.status == 422 and "repoURL" in str(refused.value)


def test_info_is_kept_and_means_nothing(world):
    info = [{"name": "on call", "value": "https://example.org/on-call"}, {"name": "", "value": "no name"}]
    head = world.push({"team/a.yaml": config_map("a")})
    team = world.application("team", info=info)
    world.begin()
    team.synced(head)
    assert team.get()["spec"]["info"] == info and not team.conditions()
    # Another text is no other wish.
    started = team.state["startedAt"]
    team.patch({"spec": {"info": info[:1]}})
    world.passes()
    assert team.state["startedAt"] == started and len(team.history) == 1
    assert team.get()["spec"]["info"] == info[:1]


def test_what_has_no_namespace_is_marked_with_the_destinations(world):
    name = f"reader-of-{world.namespace}"
    role = json.loads(manifest("rbac.authorization.k8s.io/v1", "ClusterRole", name)) | {
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]}
    world.push({"team/role.yaml": json.dumps(role), "team/a.yaml": config_map("a")})
    team = world.application("team")
    world.begin()
    team.synced()
    found = world.kube.get("rbac.authorization.k8s.io/v1", "ClusterRole", None, name)
    assert found["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] == \
        f"team:rbac.authorization.k8s.io/ClusterRole:{world.namespace}/{name}"
    # By that mark it is known as ours when Git does not have it any more.
    team.synced(world.push({"team/role.yaml": None}))
    world.wait("the role is gone", lambda: world.kube.get("rbac.authorization.k8s.io/v1", "ClusterRole", None, name) is None)


def test_another_destination_is_compared_at_once(world):
    """Nothing else would ask for another look: no poll, no event of an object."""
    world.agent.config["poll"] = "0s"
    other = world.plane.namespace()
    head = world.push({"team/a.yaml": config_map("a")})
    team = world.application("team")
    world.begin()
    team.synced(head)
    team.patch({"spec": {"destination": {"namespace": other}}})
    world.appears("ConfigMap", "a", namespace=other)
    team.wait("it is what was compared", lambda: team.status["sync"]["comparedTo"]["destination"]["namespace"] == other)
    # What was brought to the first one is left over, and goes.
    world.vanishes("ConfigMap", "a")
    team.synced(head)
