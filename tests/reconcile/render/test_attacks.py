"""What a tool can do that is taken over by what it reads, and what the real ones do with hostile input: nothing."""

import json
import os
import pathlib
import subprocess
import threading

import pytest

from parts import agent as agents
from parts import tools
from parts.process import wait_for

BUILT = agents.PROGRAM.parent / "tests/reconcile/render"
ERROR_RETRY, ERROR_INVALID = 1, 2


class Runs:
    """A folder with a tree, and runs of tools over it."""

    def __init__(self, folder):
        self.folder = folder

    def put(self, files):
        for name, content in files.items():
            path = self.folder / "tree" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return self

    def run(self, tool, program, path="team", options=None, seconds=0, env=None):
        """(code, output, message)"""
        file = "Chart.yaml" if tool == "helm" else "kustomization.yaml"
        done = subprocess.run(
            [BUILT / "render_driver", tool, program, self.folder, path, file, "app", "ns",
             json.dumps(options) if options else "", str(seconds)], stderr=subprocess.PIPE, text=True, timeout=120, env=env)
        output = self.folder / "output"
        return done.returncode, output.read_text(errors="replace") if output.exists() else "", done.stderr.strip()

    def attack(self, word, **fields):
        return self.put({"team/kustomization.yaml": f"# {word}\n"}).run("kustomize", BUILT / "attack_tool", **fields)


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path / "run")


@pytest.mark.parametrize("word", ["files", "processes", "network", "surroundings"])
def test_a_tool_that_is_taken_over_reaches_nothing(runs, word):
    (runs.folder / "tree").mkdir(parents=True)
    (runs.folder.parent / "secret").write_text("secret")
    (runs.folder / "secret").write_text("secret")
    code, output, message = runs.attack(word, env={**os.environ, "CANARY": "CANARY"})
    assert (code, output, message) == (0, "held\n", "")


def test_output_without_end_is_cut_off(runs):
    code, _, message = runs.attack("output", seconds=20)
    assert code == ERROR_INVALID and "wrote 32 MiB and more" in message
    assert (runs.folder / "output").stat().st_size <= 32 * 1024 * 1024


@pytest.mark.parametrize("word, said", [("silence", "did not end within 2 s"), ("messages", "2 s"), ("loop", "2 s")])
def test_a_run_without_end_is_ended(runs, word, said):
    code, _, message = runs.attack(word, seconds=2)
    assert code == ERROR_INVALID and said in message, message


def test_memory_without_end_is_refused(runs):
    code, _, message = runs.attack("memory", seconds=20)
    assert code == ERROR_INVALID and "cannot allocate memory" in message


def test_a_tool_that_crashes_says_so(runs):
    code, _, message = runs.attack("crash")
    assert code == ERROR_INVALID and "signal 11 (SEGV)" in message


def test_a_tool_that_is_a_script_is_no_program(runs, tmp_path):
    script = tmp_path / "kustomize"
    script.write_text("#!/bin/sh\necho harm\n")
    script.chmod(0o755)
    code, output, message = runs.put({"team/kustomization.yaml": ""}).run("kustomize", script)
    assert code == ERROR_INVALID and output == "" and "cannot be started" in message


def test_nothing_runs_after_the_one_who_asked_was_killed(runs):
    runs.put({"team/kustomization.yaml": "# silence\n"})
    asked = subprocess.Popen([BUILT / "render_driver", "kustomize", BUILT / "attack_tool", runs.folder, "team",
                              "kustomization.yaml", "app", "ns"])

    def left():
        place = str(runs.folder / "tree" / "team")
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*/cwd"):
            try:
                if os.readlink(entry) == place:
                    found.append(entry)
            except OSError:
                pass
        return found

    wait_for("the tool", left)
    asked.kill()
    asked.wait()
    wait_for("its end", lambda: not left())


# ---- the real ones ----


CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
CHART = {"team/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n"}


class Listener(threading.Thread):
    """Counts who comes."""

    def __init__(self):
        import socket
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.came = 0
        self.start()

    def run(self):
        while True:
            try:
                self.socket.accept()[0].close()
                self.came += 1
            except OSError:
                return


@pytest.mark.parametrize("resource", ["http://127.0.0.1:{port}/base.yaml", "https://127.0.0.1:{port}/team/db//base?ref=main",
                                      "git@127.0.0.1:team/db.git//base", "git::http://127.0.0.1:{port}/db.git",
                                      "github.com/kubernetes-sigs/kustomize//examples/helloWorld"])
def test_a_remote_base_is_not_fetched(runs, resource):
    listener = Listener()
    code, _, message = runs.put({"team/kustomization.yaml": f"resources: ['{resource.format(port=listener.port)}']\n"}).run(
        "kustomize", tools.kustomize())
    assert code == ERROR_INVALID and "nothing is fetched from elsewhere" in message, message
    assert listener.came == 0


PLUGIN = """apiVersion: someteam.example.com/v1
kind: Plugin
metadata:
  name: x
  annotations:
    config.kubernetes.io/function: |
      {what}
"""


@pytest.mark.parametrize("field", ["generators", "transformers", "validators"])
@pytest.mark.parametrize("what", ["exec: {path: ./harm.sh}", "container: {image: example/harm:1}", "starlark: {path: harm.star}"])
def test_functions_of_a_kustomization_are_not_run(runs, field, what):
    runs.put({"team/kustomization.yaml": f"resources: [a.yaml]\n{field}: [plugin.yaml]\n", "team/a.yaml": CONFIG_MAP,
              "team/plugin.yaml": PLUGIN.format(what=what), "team/harm.sh": "#!/bin/sh\ntouch /tmp/harm\n"})
    (runs.folder / "tree/team/harm.sh").chmod(0o755)
    code, _, message = runs.run("kustomize", tools.kustomize())
    assert code == ERROR_INVALID and message
    assert not pathlib.Path("/tmp/harm").exists()


def test_charts_in_a_kustomization_are_not_inflated(runs):
    runs.put({"team/kustomization.yaml": "helmCharts: [{name: c, repo: 'https://example.org', version: 1.0.0, releaseName: r}]\n"})
    code, _, message = runs.run("kustomize", tools.kustomize())
    assert code == ERROR_INVALID and "enable-helm" in message


@pytest.mark.parametrize("field", ["resources: [../../../secret.yaml]", "resources: [/etc/passwd]",
                                   "configMapGenerator: [{name: g, files: [../../../secret.yaml]}]",
                                   "configMapGenerator: [{name: g, files: [/etc/passwd]}]",
                                   "patches: [{path: ../../../secret.yaml}]", "resources: [link.yaml]"])
def test_a_kustomization_reads_nothing_outside(runs, field):
    runs.put({"team/kustomization.yaml": field + "\n"})
    (runs.folder.parent / "secret.yaml").write_text(CONFIG_MAP + "data: {secret: CANARY}\n")
    (runs.folder / "tree/team/link.yaml").symlink_to(runs.folder.parent / "secret.yaml")
    code, output, message = runs.run("kustomize", tools.kustomize())
    assert code == ERROR_INVALID and message
    assert "CANARY" not in output + message and "root:" not in output + message


@pytest.mark.parametrize("expression", ['{{ .Files.Get "../../../secret.yaml" }}', '{{ .Files.Get "/etc/passwd" }}',
                                        '{{ .Files.Get "link.yaml" }}', '{{ (.Files.Glob "../**").AsConfig }}',
                                        '{{ env "HOME" }}', '{{ expandenv "$HOME" }}', '{{ getHostByName "localhost" }}'])
def test_a_chart_reads_nothing_outside(runs, expression):
    runs.put({**CHART, "team/templates/a.yaml": CONFIG_MAP + f"data: {{x: {json.dumps('X')} }}\n#{expression}\n"})
    (runs.folder.parent / "secret.yaml").write_text("CANARY")
    (runs.folder / "tree/team/link.yaml").symlink_to(runs.folder.parent / "secret.yaml")
    code, output, message = runs.run("helm", tools.helm())
    assert "CANARY" not in output + message and "root:" not in output + message
    assert str(runs.folder) not in output and "127.0.0.1" not in output
    assert code in (0, ERROR_INVALID)


def test_a_dependency_that_is_not_there_is_not_fetched(runs):
    listener = Listener()
    runs.put({"team/Chart.yaml": CHART["team/Chart.yaml"] +
              f"dependencies: [{{name: d, version: 1.0.0, repository: 'http://127.0.0.1:{listener.port}'}}]\n"})
    code, _, message = runs.run("helm", tools.helm())
    assert code == ERROR_INVALID and "nothing is fetched from elsewhere" in message and "charts/" in message, message
    assert listener.came == 0


LOOPS = {
    "a template that calls itself": '{{ define "x" }}{{ include "x" . }}{{ end }}{{ include "x" . }}',
    "a range without end": "{{ range untilStep 0 2000000000 1 }}x{{ end }}",
    "a long text": '{{ repeat 2000000000 "xxxxxxxx" }}',
}


@pytest.mark.parametrize("template", LOOPS.values(), ids=LOOPS.keys())
def test_a_chart_without_end_is_ended(runs, template):
    runs.put({**CHART, "team/templates/a.yaml": template})
    code, _, message = runs.run("helm", tools.helm(), seconds=10)
    assert code == ERROR_INVALID and message and len(message) < 900, message


def test_kustomizations_that_name_each_other_are_told(runs):
    runs.put({"team/kustomization.yaml": "resources: [../other]\n", "other/kustomization.yaml": "resources: [../team]\n"})
    code, _, message = runs.run("kustomize", tools.kustomize())
    assert code == ERROR_INVALID and "cycle" in message
    assert str(runs.folder) not in message


def test_a_kustomization_that_was_changed_is_put_back(runs):
    text = "# as it was\nresources: [a.yaml]\n"
    runs.put({"team/kustomization.yaml": text, "team/a.yaml": CONFIG_MAP})
    code, output, _ = runs.run("kustomize", tools.kustomize(), options={"namePrefix": "x-"})
    assert code == 0 and "name: x-a" in output
    assert (runs.folder / "tree/team/kustomization.yaml").read_text() == text
    assert runs.run("kustomize", BUILT / "attack_tool", options={"namePrefix": "x-"})[0] == ERROR_INVALID
    assert (runs.folder / "tree/team/kustomization.yaml").read_text() == text


@pytest.mark.parametrize("text", ["a: [\n", "- a\n", "a: 1\n---\nb: 2\n", "a: &x [*x]\n", "a: 1\na: 2\n"])
def test_a_kustomization_that_cannot_be_changed_is_told(runs, text):
    code, _, message = runs.put({"team/kustomization.yaml": text}).run(
        "kustomize", tools.kustomize(), options={"namePrefix": "x-"})
    assert code == ERROR_INVALID and message.startswith("team/kustomization.yaml"), message
