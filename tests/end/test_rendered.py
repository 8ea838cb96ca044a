"""kustomize and helm, the real ones, from a commit to the cluster."""

import pathlib

import pytest

from parts import tools
from parts.manifests import config_map
from parts.world import job

CHART = {"team/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n", "team/values.yaml": "x: chart\n",
         "team/prod.yaml": "x: prod\n", "team/templates/a.yaml": config_map("a", value="{{ .Values.x }}"),
         "team/templates/notes.yaml": config_map("notes", value="{{ .Release.Name }} {{ .Release.Namespace }}")}
OVERLAY = {"base/kustomization.yaml": "resources: [a.yaml]\n", "base/a.yaml": config_map("a", value="one"),
           "team/kustomization.yaml": "resources: [../base]\n"}


@pytest.fixture
def world(world):
    world.agent.config["tools"] = {"kustomize": tools.kustomize(), "helm": tools.helm()}
    return world


def results(world):
    """What was rendered: a name for each, and which file it is."""
    return {entry.name: entry.stat().st_ino for entry in pathlib.Path(world.agent.state).glob("repositories/*/rendered/*")}


def test_a_kustomization_is_synced_and_its_options_are_a_new_wish(world):
    world.push(OVERLAY)
    team = world.application("team")
    world.begin()
    team.synced().healthy()
    assert world.value("a") == "one" and team.status["sourceType"] == "Kustomize"
    team.patch({"spec": {"source": {"kustomize": {"namePrefix": "p-", "commonLabels": {"l": "1"}}}}})
    team.wait("a second sync", lambda: len(team.history) == 2)
    team.synced()
    assert world.get("ConfigMap", "a") is None
    assert world.get("ConfigMap", "p-a")["metadata"]["labels"]["l"] == "1"
    world.push({"base/a.yaml": config_map("a", value="two")})
    team.synced()
    assert world.value("p-a") == "two"


def test_a_chart_is_synced_into_the_destination(world):
    world.push(CHART)
    team = world.application("team", source={"helm": {"valueFiles": ["prod.yaml"]}})
    world.begin()
    team.synced()
    assert team.status["sourceType"] == "Helm"
    assert world.value("a") == "prod" and world.value("notes") == f"team {world.namespace}"
    team.patch({"spec": {"source": {"helm": {"valueFiles": None, "releaseName": "r", "values": "x: text"}}}})
    team.wait("a second sync", lambda: len(team.history) == 2)
    team.synced()
    assert world.value("a") == "text" and world.value("notes") == f"r {world.namespace}"


def test_hooks_of_a_chart_are_hooks(world):
    hook = job("h").replace('"name": "h"', '"name": "h", "annotations": {"helm.sh/hook": "pre-install,pre-upgrade"}', 1)
    world.push({**CHART, "team/templates/h.yaml": hook})
    team = world.application("team")
    world.begin()
    world.appears("Job", "h")
    assert world.value("a") is None
    world.end_job("h")
    team.synced()
    assert world.value("a") == "chart"


def test_what_the_program_refuses_is_a_condition_and_the_last_good_state_stays(world):
    world.push(CHART)
    team = world.application("team")
    world.begin()
    team.synced()
    head = world.push({"team/templates/a.yaml": "{{ .Values.no.such }}\n"})
    team.condition("ComparisonError", "helm template team: ", head[:12], "nil pointer")
    assert world.value("a") == "chart"
    world.push({"team/templates/a.yaml": config_map("a", value="mended")})
    team.synced()
    assert world.value("a") == "mended" and not team.conditions("ComparisonError")


def test_a_remote_base_is_a_condition_that_says_that_nothing_is_fetched(world):
    world.push({"team/kustomization.yaml": "resources: ['https://github.com/kubernetes-sigs/kustomize//examples/helloWorld']\n"})
    team = world.application("team")
    world.begin()
    team.condition("ComparisonError", "kustomize build team: ", "nothing is fetched from elsewhere")


def test_without_the_program_the_condition_names_it(world):
    world.agent.config["tools"] = {"kustomize": "/nonexistent/kustomize", "helm": "/nonexistent/helm"}
    world.push({**OVERLAY, **{name.replace("team", "chart"): text for name, text in CHART.items()}})
    team, chart = world.application("team"), world.application("chart")
    world.begin()
    team.condition("ComparisonError", "team/kustomization.yaml", "kustomize is not on the agent's PATH", "tools.kustomize")
    chart.condition("ComparisonError", "chart/Chart.yaml", "helm is not on the agent's PATH", "tools.helm")
    assert world.agent.lines(name="helm", path="/nonexistent/helm")


def test_a_field_that_is_not_obeyed_is_named(world):
    world.push(OVERLAY)
    team = world.application("team", source={"kustomize": {"namePrefix": "a-", "version": "v4"}})
    other = world.application("other", path="team", source={"helm": {"passCredentials": True, "valueFiles": ["$values/x.yaml"]}})
    world.begin()
    team.condition("InvalidSpecError", "spec.source.kustomize.version is not supported")
    other.condition("InvalidSpecError", "spec.source.helm.passCredentials is not supported")
    other.condition("InvalidSpecError", "spec.source.helm.valueFiles[0] holds a '$'")


def test_nothing_is_rendered_while_nothing_changes_nor_after_a_restart(world):
    world.push({**OVERLAY, "chart/Chart.yaml": CHART["team/Chart.yaml"], "chart/templates/b.yaml": config_map("b", value="two")})
    team, chart = world.application("team"), world.application("chart")
    world.begin()
    team.synced()
    chart.synced()
    kept = results(world)
    assert len(kept) == 2
    world.passes()
    team.annotate(refresh="hard")
    world.passes()
    world.restart()
    world.passes()
    team.synced()
    assert results(world) == kept


def test_a_chart_without_end_holds_up_no_other_repository(world, tmp_path):
    from parts.git import Repository
    other = Repository(tmp_path / "other.git")
    other.commit({"plain/b.yaml": config_map("b", value="one")})
    world.push({**CHART, "team/templates/a.yaml": "{{ range untilStep 0 2000000000 1 }}{{ end }}"})
    world.application("team")
    plain = world.application("plain", source={"repoURL": other.url})
    world.begin()
    plain.synced(other.head)
    world.agent.stop()


def test_a_rollback_renders_the_older_commit(world):
    first = world.push(OVERLAY)
    team = world.application("team", automated=False)
    world.begin()
    team.operate(sync={}).ended("Succeeded")
    world.push({"base/a.yaml": config_map("a", value="two")})
    team.sync_status("OutOfSync")
    team.operate(sync={}).ended("Succeeded")
    assert world.value("a") == "two"
    world.agent.cli("app", "rollback", "team", str(team.history[0]["id"])).ok()
    team.ended("Succeeded", first)
    assert world.value("a") == "one"


def test_an_application_of_kustomize_may_be_looked_at_before_it_is_pushed(world):
    world.push(OVERLAY)
    team = world.application("team", prune=False, automated=False)
    world.begin()
    team.operate(sync={}).ended("Succeeded")
    branch = world.repository.commit({"team/kustomization.yaml": "resources: [../base]\nnameSuffix: -new\n"}, branch="change", parent=world.head)
    shown = world.agent.cli("app", "diff", "team", "--revision", branch).is_(1)
    assert "a-new" in shown.out
