"""An API server that is down or silent is said within seconds wherever somebody looks, and so is its return."""

import json

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.kube import ControlPlane
from parts.manifests import config_map
from parts.world import APPLICATION, FINALIZER


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


def test_an_api_group_that_is_away_holds_up_only_who_uses_it(world, aggregated):
    """Its objects are not gone because nobody can say whether they are there; and everybody else goes on, prunes included."""
    aggregated.register()
    aggregated.wait("there", "True", "Current")
    project = {"apiVersion": APPLICATION[0], "kind": "AppProject", "metadata": {"name": "other", "namespace": world.home},
               "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}}
    world.kube.create(project)
    widget = json.dumps(aggregated.widget(world.namespace, "w"))
    # In the background: the garbage collector learns of a new group once in half a minute.
    uses = world.application("uses", options=["PrunePropagationPolicy=background"])
    plain = world.application("plain", project="other")
    world.push({"uses/w.yaml": widget, "uses/a.yaml": config_map("a"), "plain/b.yaml": config_map("b"),
                "plain/old.yaml": config_map("old")})
    world.begin()
    uses.synced()
    plain.synced()
    assert aggregated.get(world.namespace, "w")

    world.agent.stop()
    aggregated.away()
    world.push({"uses/w.yaml": None, "plain/old.yaml": None})
    world.begin()
    plain.synced()
    world.vanishes("ConfigMap", "old")
    uses.condition("ComparisonError", aggregated.group)
    assert aggregated.get(world.namespace, "w")
    aggregated.back()
    uses.synced()
    world.wait("what Git does not have is pruned", lambda: aggregated.get(world.namespace, "w") is None)
    assert not uses.conditions("ComparisonError")


def test_an_application_is_not_let_go_while_its_objects_cannot_be_seen(world, aggregated):
    aggregated.register()
    aggregated.wait("there", "True", "Current")
    app = world.application("team", finalizers=[f"{FINALIZER}/background"])
    world.push({"team/w.yaml": json.dumps(aggregated.widget(world.namespace, "w")), "team/a.yaml": config_map("a")})
    world.begin()
    app.synced()
    world.agent.stop()
    aggregated.away()
    world.begin()
    app.delete()
    app.condition("ComparisonError", aggregated.group)
    assert world.value("a") == "one" and aggregated.get(world.namespace, "w")
    aggregated.back()
    app.gone()
    assert world.value("a") is None
    assert aggregated.get(world.namespace, "w") is None


def test_what_may_not_be_seen_is_not_forgotten(world):
    """A right that was taken away for a while: what went from Git meanwhile is pruned when it is there again."""
    everything = ["get", "list", "watch", "create", "patch", "update", "delete"]
    allowed = [{"apiGroups": [""], "resources": ["configmaps", "namespaces"], "verbs": everything},
               {"apiGroups": ["argoproj.io"], "resources": ["*"], "verbs": everything}]
    services = [{"apiGroups": [""], "resources": ["services"], "verbs": everything}]
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}\n"
    world.plane.allow("carol-who-sees-less", allowed)
    binding = world.plane.allow("carol-who-sees-less", services, world.namespace)
    certificate = world.plane.client_certificate("carol-who-sees-less")
    world.agent.config["kubernetes"]["kubeconfig"] = str(world.plane.kubeconfig("carol-who-sees-less", client_certificate=certificate))
    for finalizers, name in (((), "stays"), ((FINALIZER,), "goes")):
        world.application(name, finalizers=finalizers)
        world.push({f"{name}/a.yaml": config_map(name), f"{name}/s.yaml": service.replace("{name: s}", f"{{name: {name}}}")})
    world.begin()
    for app in world.apps.values():
        app.synced()
    assert world.get("Service", "stays")
    world.agent.stop()
    world.kube.delete("rbac.authorization.k8s.io/v1", "RoleBinding", world.namespace, binding)
    question = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {
        "user": "carol-who-sees-less", "resourceAttributes": {"namespace": world.namespace, "verb": "list", "resource": "services"}}}
    world.wait("the right is gone", lambda: not world.kube.request(
        "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", question)["status"]["allowed"])
    world.push({"stays/s.yaml": None})
    world.begin()
    stays, goes = world.apps["stays"], world.apps["goes"]
    stays.condition("ComparisonError", "services")
    goes.delete()
    goes.condition("DeletionError", "cannot be seen")
    assert world.get("Service", "goes") and world.get("Service", "stays")
    world.plane.allow("carol-who-sees-less", services, world.namespace)
    goes.gone()
    stays.synced()
    world.vanishes("Service", "stays")
    world.vanishes("Service", "goes")
