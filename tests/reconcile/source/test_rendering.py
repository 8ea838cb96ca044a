"""Paths that kustomize or helm is for, with the real programs: what they make, and how often they are run."""

import json
import os
import pathlib
import stat
import subprocess

import pytest

from parts import tools
from parts.source import DRIVER, config_map, names, value

KUSTOMIZE, HELM = 1, 2

CHART = {"c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n", "c/values.yaml": "x: chart\n",
         "c/prod.yaml": "x: prod\n", "shared.yaml": "x: shared\n", "c/text.txt": "a,b",
         "c/templates/a.yaml": config_map("{{ .Release.Name }}-a", "{{ .Values.x }}"),
         "c/templates/tests/t.yaml": config_map("t").replace("metadata:\n", "metadata:\n  annotations: {helm.sh/hook: test}\n"),
         "c/crds/crd.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: xs.example.org}\n"
                            "spec: {group: example.org, names: {kind: X, plural: xs}, scope: Namespaced, versions: []}\n"}
OVERLAY = {"k/base/kustomization.yaml": "resources: [a.yaml]\n", "k/base/a.yaml": config_map("a"),
           "k/over/kustomization.yaml": "resources: [../base]\nnamePrefix: p-\n"}


class Tools:
    """The real programs, counted: each run leaves a file with the output, which is kept by what it was made of."""

    def __init__(self, source):
        self.source = source
        source.fields.update(kustomize=tools.kustomize(), helm=tools.helm())

    def read(self, path, **fields):
        return self.source.read(known=None, paths=[{"path": path, **fields}])

    def kept(self):
        folder = self.source.place() / "rendered"
        return {entry.name: entry.stat().st_ino for entry in folder.iterdir()} if folder.exists() else {}


@pytest.fixture
def render(source):
    return Tools(source)


def mistakes(answer, path=0):
    return answer["contents"][path]["mistakes"]


def helm(**options):
    return {"asked": HELM, "options": json.dumps(options)}


def kustomize(**options):
    return {"asked": KUSTOMIZE, "options": json.dumps(options)}


# ---- what is made ----


@pytest.mark.parametrize("file", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
def test_a_kustomization_is_built_with_what_lies_beside_it(render, repository, file):
    repository.commit({**OVERLAY, "k/over/kustomization.yaml": None, f"k/over/{file}": OVERLAY["k/over/kustomization.yaml"]})
    answer = render.read("k/over")
    assert names(answer) == ["ConfigMap p-a"] and mistakes(answer) == []
    assert answer["contents"][0]["objects"][0]["file"] == "kustomize build k/over: document 1"
    assert answer["contents"][0]["files"] == 1


def test_a_chart_is_templated(render, repository):
    repository.commit(CHART)
    answer = render.read("c", application="team", namespace="ns")
    assert mistakes(answer) == []
    assert names(answer) == ["CustomResourceDefinition.apiextensions.k8s.io xs.example.org", "ConfigMap team-a", "ConfigMap t"]
    assert [item["file"] for item in answer["contents"][0]["objects"]][1] == "helm template c: templates/a.yaml"
    assert json.loads(answer["contents"][0]["objects"][1]["json"])["data"]["value"] == "chart"


def test_the_root_of_a_repository_may_be_one(render, repository):
    repository.commit({"kustomization.yaml": "resources: [users/a.yaml]\nnameSuffix: -x\n"})
    assert names(render.read("")) == ["ConfigMap a-x"]
    assert names(render.read("", **kustomize(nameSuffix="-y"))) == ["ConfigMap a-y"]


@pytest.mark.parametrize("options, wanted", [
    ({}, "chart"), ({"valueFiles": ["prod.yaml"]}, "prod"), ({"valueFiles": ["prod.yaml", "../shared.yaml"]}, "shared"),
    ({"valueFiles": ["/shared.yaml", "prod.yaml"]}, "prod"), ({"values": "x: text\n", "valueFiles": ["prod.yaml"]}, "text"),
    ({"values": "x: text\n", "valuesObject": {"x": "object"}}, "object"),
    ({"parameters": [{"name": "x", "value": "a,b=c"}], "values": "x: text\n"}, "a,b=c"),
    ({"fileParameters": [{"name": "x", "path": "text.txt"}]}, "a,b"),
    ({"valueFiles": ["no.yaml", "prod.yaml"], "ignoreMissingValueFiles": True}, "prod"),
], ids=str)
def test_values_come_from_where_source_helm_says(render, repository, options, wanted):
    repository.commit(CHART)
    answer = render.read("c", **helm(**options, skipCrds=True))
    assert mistakes(answer) == []
    assert value(answer) == wanted


def test_a_parameter_may_be_forced_to_be_text(render, repository):
    repository.commit({**CHART, "c/templates/a.yaml": config_map("a", "{{ kindOf .Values.x }}")})
    number = {"name": "x", "value": "7"}
    assert value(render.read("c", **helm(parameters=[number], skipCrds=True))) == "int64"
    assert value(render.read("c", **helm(parameters=[{**number, "forceString": True}], skipCrds=True))) == "string"


def test_release_namespace_and_versions_are_what_source_helm_says(render, repository):
    repository.commit({**CHART, "c/templates/a.yaml": config_map(
        "a", "{{ .Release.Name }} {{ .Release.Namespace }} {{ .Capabilities.KubeVersion.Minor }}"
        " {{ .Capabilities.APIVersions.Has `x.org/v1` }}")})
    assert value(render.read("c", application="team", namespace="ns", **helm(skipCrds=True, kubeVersion="1.29.0"))) == "team ns 29 false"
    assert value(render.read("c", application="team", namespace="ns", **helm(
        skipCrds=True, kubeVersion="1.30.1", apiVersions=["x.org/v1"], releaseName="r", namespace="m"))) == "r m 30 true"


def test_crds_and_tests_may_be_skipped(render, repository):
    repository.commit(CHART)
    assert names(render.read("c", **helm(skipCrds=True))) == ["ConfigMap app-a", "ConfigMap t"]
    assert names(render.read("c", **helm(skipCrds=True, skipTests=True))) == ["ConfigMap app-a"]


def test_a_schema_is_obeyed_unless_it_is_to_be_skipped(render, repository):
    repository.commit({**CHART, "c/values.schema.json": json.dumps({"properties": {"x": {"type": "integer"}}})})
    assert "x" in mistakes(render.read("c", **helm(skipCrds=True)))[0]
    assert value(render.read("c", **helm(skipCrds=True, skipSchemaValidation=True))) == "chart"


DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  replicas: 1
  selector: {matchLabels: {app: d}}
  template: {metadata: {labels: {app: d}}, spec: {containers: [{name: c, image: 'nginx:1'}]}}
"""


def deployment(answer):
    assert mistakes(answer) == []
    return json.loads(answer["contents"][0]["objects"][0]["json"])


@pytest.fixture
def deployed(render, repository):
    repository.commit({"d/kustomization.yaml": "resources: [d.yaml]\n", "d/d.yaml": DEPLOYMENT,
                       "d/more/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamePrefix: more-\n"})
    return lambda **options: deployment(render.read("d", **kustomize(**options)))


def test_every_field_of_source_kustomize_is_obeyed(deployed):
    assert deployed(namePrefix="a-", nameSuffix="-b", namespace="n")["metadata"] == {"name": "a-d-b", "namespace": "n"}
    container = lambda made: made["spec"]["template"]["spec"]["containers"][0]["image"]  # noqa: E731
    assert container(deployed(images=["nginx=h:5000/other:2"])) == "h:5000/other:2"
    assert container(deployed(images=["nginx@sha256:" + "a" * 64])) == "nginx@sha256:" + "a" * 64
    assert deployed(replicas=[{"name": "d", "count": 3}])["spec"]["replicas"] == 3
    made = deployed(commonLabels={"l": "1"}, commonAnnotations={"n": "2"})
    assert made["spec"]["selector"]["matchLabels"] == {"app": "d", "l": "1"} and made["metadata"]["annotations"] == {"n": "2"}
    made = deployed(commonLabels={"l": "1"}, labelWithoutSelector=True)
    assert made["metadata"]["labels"] == {"l": "1"} and made["spec"]["selector"]["matchLabels"] == {"app": "d"}
    assert made["spec"]["template"]["metadata"]["labels"] == {"app": "d"}
    made = deployed(commonLabels={"l": "1"}, labelWithoutSelector=True, labelIncludeTemplates=True)
    assert made["spec"]["template"]["metadata"]["labels"] == {"app": "d", "l": "1"}
    patch = {"patch": '[{"op": "replace", "path": "/spec/replicas", "value": 7}]', "target": {"kind": "Deployment"}}
    assert deployed(patches=[patch])["spec"]["replicas"] == 7
    assert deployed(components=["more"])["metadata"]["name"] == "more-d"
    assert deployed(components=["no", "more"], ignoreMissingComponents=True)["metadata"]["name"] == "more-d"


def test_an_image_that_the_kustomization_renames_is_found_by_its_old_name(render, repository):
    """As `kustomize edit set image` has it, which Argo CD calls; an overlay would look for the new name."""
    repository.commit({"d/kustomization.yaml": "resources: [d.yaml]\nimages: [{name: nginx, newName: mine, newTag: '1'}]\n",
                       "d/d.yaml": DEPLOYMENT})
    made = deployment(render.read("d", **kustomize(images=["nginx=mine:2"])))
    assert made["spec"]["template"]["spec"]["containers"][0]["image"] == "mine:2"


def test_two_applications_of_one_folder_do_not_see_each_other(render, repository):
    repository.commit(OVERLAY)
    answer = render.source.read(known=None, paths=[
        {"path": "k/base", "application": "a", **kustomize(namePrefix="a-")}, {"path": "users"},
        {"path": "k/base", "application": "b", **kustomize(nameSuffix="-b")}, {"path": "k/base"}, {"path": "k/over"}])
    assert [names(answer, i) for i in range(5)] == [["ConfigMap a-a"], ["ConfigMap a"], ["ConfigMap a-b"], ["ConfigMap a"],
                                                     ["ConfigMap p-a"]]


# ---- how often ----


def test_nothing_is_rendered_twice(render, repository):
    repository.commit({**OVERLAY, **CHART})
    paths = [{"path": "k/over"}, {"path": "c"}]
    first = render.source.read(known=None, paths=paths)
    kept = render.kept()
    assert len(kept) == 2
    again = render.source.read(known=None, paths=paths)
    assert again["contents"] == first["contents"] and render.kept() == kept
    offline = render.source.read(known=first["commit"], offline=True, paths=paths)
    assert offline["contents"] == first["contents"] and render.kept() == kept


def test_another_commit_option_name_namespace_or_binary_is_rendered_anew(render, repository, tmp_path):
    repository.commit(OVERLAY)
    render.read("k/over")
    for count, change in enumerate([{"namespace": "n"}, {"application": "other"}, kustomize(namePrefix="q-"),
                                    kustomize(namePrefix="r-")], start=2):
        render.read("k/over", **change)
        assert len(render.kept()) == count
    repository.commit({"unrelated.txt": "x"})
    assert names(render.read("k/over")) == ["ConfigMap p-a"] and len(render.kept()) == 6
    other = tmp_path / "kustomize"
    other.write_bytes(pathlib.Path(tools.kustomize()).read_bytes())
    other.chmod(0o755)
    render.source.fields["kustomize"] = str(other)
    render.read("k/over")
    assert len(render.kept()) == 7


def test_results_do_not_pile_up(render, repository):
    repository.commit(OVERLAY)
    answer = render.source.read(known=None, paths=[{"path": "k/over", "application": f"a{i}"} for i in range(70)])
    assert all(names(answer, i) == ["ConfigMap p-a"] for i in range(70))
    assert len(render.kept()) == 64


def test_a_result_that_is_gone_is_made_again(render, repository):
    repository.commit(OVERLAY)
    render.read("k/over")
    for entry in (render.source.place() / "rendered").iterdir():
        entry.unlink()
    assert names(render.read("k/over")) == ["ConfigMap p-a"]


def test_nothing_is_left_of_the_commit_that_was_laid_out(render, repository):
    repository.commit({**OVERLAY, "broken/kustomization.yaml": "resources: [no.yaml]\n"})
    render.source.read(known=None, paths=[{"path": "k/over"}, {"path": "broken"}])
    assert sorted(entry.name for entry in render.source.place().iterdir() if entry.name.startswith("render-")) == []
    for entry in (render.source.place() / "rendered").iterdir():
        assert stat.S_IMODE(entry.stat().st_mode) == 0o600


def test_what_a_killed_agent_left_is_removed_at_the_start(render, repository):
    repository.commit(OVERLAY)
    render.read("k/over")
    left = render.source.place() / "render-17" / "tree"
    left.mkdir(parents=True)
    (left / "x").write_text("x")
    subprocess.run([str(DRIVER), "sweep", str(render.source.folder)], check=True)
    assert not left.parent.exists() and len(render.kept()) == 1


# ---- what is refused ----


@pytest.mark.parametrize("path, tool, word", [("c", "helm", "Helm"), ("k/over", "kustomize", "Kustomize")])
def test_without_the_program_the_path_is_a_mistake_that_names_it(source, repository, path, tool, word):
    repository.commit({**CHART, **OVERLAY})
    found = mistakes(source.read(known=None, paths=[{"path": path}]))
    assert len(found) == 1 and word in found[0] and f"{tool} is not on the agent's PATH" in found[0] and f"tools.{tool}" in found[0]


def test_what_the_program_says_is_the_mistake_of_this_path_alone(render, repository):
    repository.commit({**OVERLAY, "broken/kustomization.yaml": "resources: [no.yaml]\n",
                       "chart/Chart.yaml": "name: c\n", "chart/templates/a.yaml": "{{ .Values.x.y }}"})
    answer = render.source.read(known=None, paths=[{"path": "broken"}, {"path": "k/over"}, {"path": "chart"}])
    assert mistakes(answer, 0)[0].startswith("kustomize build broken: ") and "no.yaml" in mistakes(answer, 0)[0]
    assert names(answer, 1) == ["ConfigMap p-a"] and mistakes(answer, 1) == []
    assert mistakes(answer, 2)[0].startswith("helm template chart: ")


def test_a_mistake_in_what_was_made_has_its_document(render, repository):
    repository.commit({"k/kustomization.yaml": "resources: [a.yaml, b.yaml]\n", "k/a.yaml": config_map("a"),
                       "k/b.yaml": config_map("b").replace('"1"', "1"), **CHART,
                       "c/templates/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n"})
    answer = render.source.read(known=None, paths=[{"path": "k"}, {"path": "c"}])
    assert mistakes(answer, 0)[0].startswith("kustomize build k: document 2:")
    assert mistakes(answer, 1)[0].startswith("helm template c: templates/a.yaml:")


def test_a_field_without_its_file_and_a_folder_of_two_tools_are_mistakes(render, repository):
    repository.commit({**CHART, "both/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n", "both/kustomization.yaml": "namePrefix: a\n"})
    assert "source.kustomize is set, and there is no kustomization.yaml" in mistakes(render.read("c", **kustomize(namePrefix="a")))[0]
    assert "source.helm is set, and there is no Chart.yaml" in mistakes(render.read("users", **helm(skipCrds=True)))[0]
    assert "for helm and for kustomize" in mistakes(render.read("both"))[0]
    assert mistakes(render.read("both", **helm(skipCrds=True))) == []


def test_a_folder_of_such_a_name_makes_nothing_of_it(render, repository):
    repository.commit({"users/Kustomization/x.yaml": config_map("x"), "users/Chart.yaml/x.yaml": config_map("x")})
    assert names(render.read("users")) == ["ConfigMap a"]


def test_a_folder_that_is_said_to_be_plain_is_not_rendered(render, repository):
    repository.commit(OVERLAY)
    assert "k/over/kustomization.yaml" in mistakes(render.read("k/over", plain=True))[0]
    assert render.kept() == {}


def test_a_file_that_overrides_the_source_is_refused(render, repository):
    repository.commit({**OVERLAY, "k/over/.argocd-source.yaml": "kustomize: {namePrefix: x}\n"})
    assert "k/over/.argocd-source.yaml" in mistakes(render.read("k/over"))[0]


def test_links_submodules_and_large_files_are_not_shown_and_that_is_said(render, repository):
    link = repository.blob("../../../../../../etc/passwd")
    a = repository.blob(config_map("a"))
    kustomization = repository.blob("resources: [a.yaml]\n")
    big = repository.blob("x" * (8 * 1024 * 1024 + 1))
    for entries, found in (([], True), ([("120000", "a.yaml", link)], False)):
        files = [("100644", "kustomization.yaml", kustomization), ("120000", "passwd", link), ("100644", "z.bin", big)]
        files += entries or [("100644", "a.yaml", a)]
        folder = repository.raw_tree(files)
        repository.commit_tree(repository.raw_tree([("40000", "k", folder)]))
        answer = render.read("k")
        if found:
            assert names(answer) == ["ConfigMap a"]
        else:
            assert "not shown to it: " in mistakes(answer)[0] and "k/a.yaml (symbolic link)" in mistakes(answer)[0]
            assert "k/z.bin (larger than 8 MiB)" in mistakes(answer)[0] and "root:" not in mistakes(answer)[0]


def test_a_commit_that_is_too_large_is_refused(render, repository):
    repository.commit({**OVERLAY, **{f"big/{i}.bin": os.urandom(4) * (2 * 1024 * 1024 - i) for i in range(9)}})
    answer = render.source.read(known=None, paths=[{"path": "k/over"}, {"path": "users"}])
    assert "64 MiB" in mistakes(answer, 0)[0] and names(answer, 1) == ["ConfigMap a"]


def test_charts_with_random_parts_stay_as_they_were_made(render, repository):
    """A password that is new at each rendering would be a difference for ever."""
    repository.commit({**CHART, "c/templates/a.yaml": config_map("a", "{{ randAlphaNum 20 }}")})
    first = value(render.read("c", **helm(skipCrds=True)))
    assert len(first) == 20 and value(render.read("c", **helm(skipCrds=True))) == first
