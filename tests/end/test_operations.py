"""What people ask of an Application: by kubectl in its `operation`, by the commands, over HTTP."""

import pytest
import yaml

from parts.agent import wait_for
from end.test_cluster import APPLICATION, Setting, config_map


HOOK = """apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations:
    argocd.argoproj.io/hook: PreSync
spec:
  template:
    spec:
      restartPolicy: Never
      containers:
      - {name: main, image: busybox}
"""


@pytest.fixture
def setting(agent, crds, tmp_path):
    return Setting(agent, crds, tmp_path, "team")


@pytest.mark.parametrize("operation, said", [
    ({"initiatedBy": {"username": "ann"}}, "invalid operation: sync is missing"),
    ({"sync": {"manifests": ["kind: ConfigMap"]}}, "operation.sync.manifests is not supported: what is applied stands in Git"),
    ({"sync": {"syncOptions": ["Sing=true"]}}, 'operation.sync.syncOptions: "Sing=true" is not supported'),
])
def test_an_operation_that_cannot_be_obeyed_is_answered_and_taken_away(agent, crds, tmp_path, operation, said):
    setting = Setting(agent, crds, tmp_path, "unused")
    home = crds.namespace()
    name = (APPLICATION, "Application", home, "objects")
    agent.kubernetes(crds, namespace=home, objects=True)
    document = agent.application("objects", setting.repository.url, "app", setting.namespace)
    agent.start(ready=False)
    setting.kube.create(document)
    wait_for("it is synced", lambda: setting.kube.get(*name).get("status", {}).get("sync", {}).get("status") == "Synced")
    written = setting.config_map("a")["metadata"]["resourceVersion"]

    setting.kube.patch(*name, {"operation": operation})
    wait_for("the operation is gone", lambda: "operation" not in setting.kube.get(*name))
    state = setting.kube.get(*name)["status"]["operationState"]
    assert state["phase"] == "Error" and said in state["message"] and state["operation"] == operation
    assert setting.config_map("a")["metadata"]["resourceVersion"] == written


def test_manifests_are_what_git_wants_without_what_is_secret(setting):
    setting.push({"s.yaml": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  p: canary\n"})
    setting.agent.start()
    setting.synced()
    result = setting.agent.cli("app", "manifests", "team").ok()
    shown = list(yaml.safe_load_all(result.out))
    assert [(item["kind"], item["metadata"]["name"]) for item in shown] == [("ConfigMap", "a"), ("Secret", "s")]
    assert shown[1].get("data", {}) | shown[1].get("stringData", {}) == {"p": "<hidden>"}
    assert shown[0]["metadata"]["namespace"] == setting.namespace
    whole = setting.agent.cli("app", "manifests", "team", "-o", "json").ok()
    assert whole.json["revision"] == setting.repository.head and whole.json["items"] == shown


def test_a_refused_request_changes_nothing_and_names_the_field(setting):
    setting.agent.start()
    setting.synced()
    refused = setting.agent.cli("app", "sync", "team", "--option", "Sing=true").is_(2)
    assert 'syncOptions: "Sing=true" is not supported' in refused.err
    nothing = setting.agent.cli("app", "terminate", "team").is_(1)
    assert nothing.err == "no operation of this application is in progress\n"
    automated = setting.agent.cli("app", "rollback", "team", "0").is_(1)
    assert "team is synced automatically" in automated.err


def wait_history(agent, *wanted):
    """A sync is answered by the pass that writes its id at its end."""
    wait_for(f"history {wanted}", lambda: [
        (row["id"], row["commit"]) for row in agent.cli("app", "history", "team", "-o", "json").ok().items] == list(wanted))


def test_rollback_takes_the_ids_that_history_shows(agent, crds, tmp_path):
    setting = Setting(agent, crds, tmp_path, "team", automated=None)
    agent.start()
    agent.wait_app("team", "OutOfSync")
    first = setting.repository.head
    agent.cli("app", "sync", "team").ok()
    second = setting.push({"a.yaml": config_map("a", "a: two")})
    agent.wait_app("team", "OutOfSync", second)
    agent.cli("app", "sync", "team").ok()
    wait_history(agent, (1, second), (0, first))
    assert agent.cli("app", "rollback", "team", "7").is_(1).err.startswith("team has no deployment with the id 7")
    agent.cli("app", "rollback", "team", "0").ok()
    assert setting.config_map("a")["data"] == {"a": "one"}
    wait_history(agent, (2, first), (1, second), (0, first))


def test_a_sync_can_take_one_object_or_another_revision(agent, crds, tmp_path):
    setting = Setting(agent, crds, tmp_path, "team", automated=None)
    setting.push({"b.yaml": config_map("b")})
    agent.start()
    agent.wait_app("team", "OutOfSync")
    agent.cli("app", "sync", "team", "--resource", f":ConfigMap:{setting.namespace}/b").ok()
    assert setting.config_map("b") and setting.config_map("a") is None
    wait_for("the rows", lambda: [(row["name"], row["status"]) for row in agent.cli("app", "resources", "team", "-o", "json").ok().items] == [
        ("a", "OutOfSync"), ("b", "Synced")])  # the pass that answered tells them at its end
    first = setting.repository.head
    head = setting.push({"a.yaml": config_map("a", "a: two")})
    agent.wait_app("team", "OutOfSync", head)
    agent.cli("app", "sync", "team", "--revision", first).ok()
    assert setting.config_map("a")["data"] == {"a": "one"}
    wait_for("one deployment", lambda: [
        row["commit"] for row in agent.cli("app", "history", "team", "-o", "json").ok().items if row["id"] is not None] == [first])


def test_a_running_sync_is_shown_and_terminated(agent, crds, tmp_path):
    """No controller runs here, so the hook's Job never ends."""
    setting = Setting(agent, crds, tmp_path, "team", automated=None)
    setting.push({"hook.yaml": HOOK})
    agent.start()
    agent.wait_app("team", "OutOfSync")
    agent.cli("app", "sync", "team", "--async").ok()
    wait_for("the hook runs", lambda: setting.kube.get("batch/v1", "Job", setting.namespace, "migrate"))
    wait_for("it is shown", lambda: "PreSync  Job" in agent.cli("app", "get", "team").ok().out)
    shown = agent.cli("app", "get", "team").ok().out
    assert "Operation   Running\n            for " in shown and "by cli" in shown and "migrate" in shown
    agent.cli("app", "terminate", "team").ok()
    wait_for("it is over", lambda: agent.app("team")["status"]["operationState"]["phase"] == "Failed")
    wait_for("the hook is gone", lambda: not setting.kube.get("batch/v1", "Job", setting.namespace, "migrate"))
    assert setting.config_map("a") is None
    agent.cli("app", "terminate", "team").is_(1)
