"""`pgitops check`: a checkout, offline. What the reader itself finds is tested beside it; here is what the command makes of it."""

import json
import os
import pathlib
import tempfile

import pytest

from parts import tools

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata: {{}}\n"
USERS = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: postgres-users-config
data:
  users.yaml: |
    users:
{entries}"""


@pytest.fixture
def checkout(tmp_path):
    """checkout({"a/b.yaml": text}): the folder with these files."""
    def make(files):
        for name, text in files.items():
            path = tmp_path / "checkout" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / "checkout"
    return make


def test_a_clean_checkout_ends_with_zero_and_a_count(cli, checkout):
    folder = checkout({"a.yaml": CONFIG_MAP.format(name="a"), "deep/b.yml": CONFIG_MAP.format(name="b"),
                       "README.md": "kind: nothing", "run.sh": "exit 1", ".git/config.yaml": "["})
    assert cli("check", folder).ok().out == "2 files, 2 objects: 0 mistakes, 0 warnings\n"


def test_every_mistake_has_its_place_and_the_exit_code_is_one(cli, checkout):
    folder = checkout({"a.yaml": "a: [\n", "b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 5}\n",
                       "c.yaml": CONFIG_MAP.format(name="c")})
    result = cli("check", folder).is_(1)
    assert result.out == (
        f"{folder}/a.yaml:2:1: not valid YAML: did not find expected node content\n"
        f"{folder}/b.yaml:3:18: metadata.name is an integer and must be a string: put it in quotes\n"
        "3 files, 1 object: 2 mistakes, 0 warnings\n")
    assert result.err == ""


def test_paths_are_shown_as_they_were_given(cli, checkout):
    folder = checkout({"x/a.yaml": "- 1\n"})
    assert cli("check", ".", cwd=folder).is_(1).out.startswith("x/a.yaml:1:1: ")
    assert cli("check", "x/", cwd=folder).is_(1).out.startswith("x/a.yaml:1:1: ")
    assert cli("check", "x/a.yaml", cwd=folder).is_(1).out.startswith("x/a.yaml:1:1: ")


def test_users_are_checked_with_lines_of_the_file(cli, checkout):
    folder = checkout({"users.yaml": USERS.format(
        entries="      - username: alice\n      - username: alice\n      - username: postgres\n")})
    lines = cli("check", folder).is_(1).out.splitlines()
    assert [line.split(" ")[0] for line in lines[:-1]] == [f"{folder}/users.yaml:9:19:", f"{folder}/users.yaml:10:19:"]
    assert lines[-1] == "1 file, 1 object: 2 mistakes, 0 warnings"


def test_an_inline_password_is_a_mistake_and_is_not_shown(cli, checkout):
    folder = checkout({"users.yaml": USERS.format(entries="      - username: alice\n        password: hunter2\n")})
    result = cli("check", folder).is_(1)
    assert f"{folder}/users.yaml:9" in result.out
    assert "hunter2" not in result.out + result.err


def test_the_last_of_two_equal_objects_is_used_with_a_warning(cli, checkout):
    broken = USERS.format(entries="      - name: x\n")
    good = USERS.format(entries="      - username: alice\n")
    folder = checkout({"edit-users.yaml": broken, "users.yaml": good})
    result = cli("check", folder).ok()
    assert f"{folder}/users.yaml:1: warning: ConfigMap default/postgres-users-config stands here and at edit-users.yaml:1" in result.out
    assert result.out.endswith("2 files, 1 object: 0 mistakes, 1 warning\n")


def test_applications_that_could_not_be_honoured_are_warnings(cli, checkout):
    folder = checkout({"app.yaml": "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a}\nspec:\n"
                                   "  source: {repoURL: x, path: p, plugin: {name: x}}\n"
                                   "  destination: {server: https://kubernetes.default.svc}\n"})
    result = cli("check", folder).ok()
    assert f"{folder}/app.yaml:1: warning: spec.source.plugin is not supported" in result.out


def test_json_holds_places_and_counts(cli, checkout):
    folder = checkout({"a.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {pin: 4711}\n"})
    result = cli("check", "-o", "json", folder).is_(1)
    assert result.json == {
        "items": [{"file": f"{folder}/a.yaml", "line": 4, "column": 19, "severity": "mistake",
                   "text": "stringData: \"pin\" is an integer and must be a string: put it in quotes"}],
        "files": 1, "objects": 0, "mistakes": 1, "warnings": 0}
    assert "4711" not in result.out
    assert json.loads(cli("check", "-o", "json", checkout({"a.yaml": CONFIG_MAP.format(name="a")})).ok().out)["items"] == []


def test_symbolic_links_and_large_files_are_mistakes(cli, checkout):
    folder = checkout({"large.yaml": "#" * (4 << 20)})
    os.symlink("/etc/passwd", folder / "link.yaml")
    lines = cli("check", folder).is_(1).out.splitlines()
    assert lines[0] == f"{folder}/large.yaml: larger than 3145728 bytes: split it, or keep it out of the path" or \
        lines[1] == f"{folder}/large.yaml: larger than 3145728 bytes: split it, or keep it out of the path"
    assert f"{folder}/link.yaml: symbolic links are not followed: put the file itself here" in lines


def test_globs_choose_the_files(cli, checkout):
    folder = checkout({"a.yaml": "- 1\n", "charts/b.yaml": "- 1\n", "c.yaml": CONFIG_MAP.format(name="c")})
    assert cli("check", "--exclude", "{a.yaml,charts/*}", folder).ok().out == "1 file, 1 object: 0 mistakes, 0 warnings\n"
    assert cli("check", "--include", "c.*", folder).ok().out == "1 file, 1 object: 0 mistakes, 0 warnings\n"


def test_the_namespace_of_the_destination_can_be_told(cli, checkout):
    two = CONFIG_MAP.format(name="a") + "---\n" + CONFIG_MAP.format(name="a").replace("name: a", "name: a\n  namespace: team")
    folder = checkout({"a.yaml": two})
    assert "0 warnings" in cli("check", folder).ok().out
    assert "ConfigMap team/a stands here and at" in cli("check", "--namespace", "team", folder).ok().out


def test_several_paths_are_counted_together(cli, checkout):
    folder = checkout({"a/a.yaml": CONFIG_MAP.format(name="a"), "b/a.yaml": CONFIG_MAP.format(name="a")})
    assert cli("check", folder / "a", folder / "b").ok().out == "2 files, 2 objects: 0 mistakes, 0 warnings\n"


def test_terminal_escapes_of_a_file_do_not_reach_the_terminal(cli, checkout):
    folder = checkout({"a\x1b[31m.yaml": "? \"\\e[31m\"\n: 1\n? \"\\e[31m\"\n: 2\n"})
    assert "\x1b" not in cli("check", folder).is_(1).out


@pytest.mark.parametrize("arguments", [(), ("/nonexistent/path",), ("--namespace", "A/b", "."), ("--nonsense", ".")])
def test_without_an_answer_the_exit_code_is_two(cli, arguments, tmp_path):
    result = cli("check", *arguments, cwd=tmp_path).is_(2)
    assert result.err != ""
    assert result.out == ""


# ---- kustomize and helm ------------------------------------------------------------------------------------------------


KUSTOMIZATION = {"base/kustomization.yaml": "resources: [a.yaml]\n", "base/a.yaml": CONFIG_MAP.format(name="a"),
                 "over/kustomization.yaml": "resources: [../base]\nnamePrefix: p-\n"}
CHART = {"chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n",
         "chart/templates/a.yaml": CONFIG_MAP.format(name="{{ .Release.Name }}-{{ .Release.Namespace }}")}


@pytest.fixture
def with_tools(monkeypatch):
    monkeypatch.setenv("PATH", f"{tools.folder()}:{os.environ['PATH']}")



def test_folders_for_kustomize_and_helm_are_rendered_with_what_lies_beside_them(cli, checkout, with_tools):
    folder = checkout({**KUSTOMIZATION, **CHART, ".git/HEAD": "x\n"})
    result = cli("check", folder / "over", folder / "chart").ok()
    assert result.out == "2 files, 2 objects: 0 mistakes, 0 warnings\n"


def test_outside_of_a_repository_a_folder_is_shown_alone(cli, checkout, with_tools):
    folder = checkout(KUSTOMIZATION)
    result = cli("check", folder / "over").is_(1)
    assert result.out.startswith(f"kustomize build {folder}/over: ") and "no such file or directory" in result.out


def test_a_mistake_in_what_was_rendered_has_its_document(cli, checkout, with_tools):
    folder = checkout({**CHART, "chart/templates/b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n",
                       "k/kustomization.yaml": "resources: [a.yaml]\n",
                       "k/a.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {pin: 4711}\n"})
    result = cli("check", folder / "chart", folder / "k").is_(1)
    assert f"helm template {folder}/chart: templates/b.yaml:" in result.out
    assert f"kustomize build {folder}/k: document 1:" in result.out and "4711" not in result.out
    assert list(pathlib.Path(tempfile.gettempdir()).glob("pgitops-check.*")) == []


def test_a_checkout_is_not_changed_and_its_links_are_not_followed(cli, checkout, with_tools):
    folder = checkout({"k/kustomization.yaml": "resources: [a.yaml]\n", ".git/HEAD": "x\n"})
    os.symlink("/etc/passwd", folder / "k" / "a.yaml")
    result = cli("check", folder / "k").is_(1)
    assert "not shown to it: k/a.yaml (symbolic link)" in result.out and "root:" not in result.out
    assert (folder / "k/kustomization.yaml").read_text() == "resources: [a.yaml]\n"


def test_without_the_programs_their_folders_are_mistakes_that_name_them(cli, checkout, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    folder = checkout({**KUSTOMIZATION, **CHART})
    result = cli("check", folder / "over", folder / "chart").is_(1)
    assert "have kustomize on the PATH" in result.out and "have helm on the PATH" in result.out


def test_the_operators_settings_are_checked_by_their_keys_and_values(cli, checkout):
    text = (pathlib.Path(__file__).parents[1] / "end/data/operator-configmap.yaml").read_text()
    folder = checkout({"operator.yaml": text})
    assert cli("check", folder).ok().out == "1 file, 1 object: 0 mistakes, 0 warnings\n"
    lines = text.splitlines()
    workers, period = (next(n for n, line in enumerate(lines, 1) if line.startswith(f"  {key}:")) for key in ("workers", "resync_period"))
    folder = checkout({"operator.yaml": text.replace("  workers:", "  worker:").replace("resync_period: 30m", "resync_period: half an hour")})
    assert cli("check", folder).is_(1).out == (
        f'{folder}/operator.yaml:{period}:18: the postgres-operator does not start with this "resync_period": '
        "it must be a duration such as 30s or 10m\n"
        f'{folder}/operator.yaml:{workers}:3: warning: the postgres-operator knows no setting "worker" and passes over it: did you mean "workers"?\n'
        "1 file, 0 objects: 1 mistake, 1 warning\n")
