"""From a push to the Kubernetes API: the agent, a Git repository and a real kube-apiserver."""

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.kube import simple_crd

APPLICATION = "argoproj.io/v1alpha1"


def config_map(name, data="a: one"):
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  {data}\n"


def postgresql(name, instances=2, size="1Gi", version="17"):
    return (f"apiVersion: acid.zalan.do/v1\nkind: postgresql\nmetadata:\n  name: {name}\nspec:\n  teamId: acid\n"
            f"  numberOfInstances: {instances}\n  volume:\n    size: {size}\n  postgresql:\n    version: \"{version}\"\n")


class Setting:
    """A namespace of its own, a repository with one path, an agent that reads Applications from a folder."""

    def __init__(self, agent, plane, folder, name, **application):
        self.agent, self.plane, self.kube, self.name = agent, plane, plane.admin, name
        self.namespace = plane.namespace()
        self.repository = Repository(folder / "db.git")
        self.repository.commit({"app/a.yaml": config_map("a")})
        agent.kubernetes(plane)
        agent.application(name, self.repository.url, "app", self.namespace, **application)

    def push(self, files):
        return self.repository.commit({f"app/{name}": text for name, text in files.items()})

    def config_map(self, name):
        return self.kube.get("v1", "ConfigMap", self.namespace, name)

    def synced(self, revision=None):
        """And no operation is at work any more: only then the history has it."""
        revision = revision or self.repository.head

        def ended():
            app = self.agent.wait_app(self.name, "Synced", revision)
            return app if app["status"].get("operationState", {}).get("phase") != "Running" else None

        return wait_for("the operation has ended", ended)

    def row(self, name):
        resources = self.agent.app(self.name)["status"].get("resources", [])
        return next((row for row in resources if row["name"] == name), None)


@pytest.fixture
def setting(agent, crds, tmp_path):
    return Setting(agent, crds, tmp_path, "team")


def test_a_push_is_applied_tracked_and_pruned(setting):
    setting.agent.start()
    setting.synced()
    found = setting.config_map("a")
    assert found["data"] == {"a": "one"}
    assert found["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"] == \
        f"team:/ConfigMap:{setting.namespace}/a"
    assert {entry["manager"] for entry in found["metadata"]["managedFields"]} == {"pgitops"}

    head = setting.push({"a.yaml": config_map("a", "a: two"), "b.yaml": config_map("b")})
    setting.synced(head)
    assert setting.config_map("a")["data"] == {"a": "two"} and setting.config_map("b")

    head = setting.push({"b.yaml": None})
    setting.synced(head)
    assert setting.config_map("b") is None
    history = setting.agent.app("team")["status"]["history"]
    assert [entry["revision"] for entry in history][-1] == head and len(history) == 3


def test_a_quiet_pass_asks_nothing_about_objects(setting):
    setting.agent.start()
    setting.synced()
    wait_for("the agent is quiet", lambda: setting.agent.app("team")["status"]["health"]["status"] == "Healthy")

    def quiet():
        """Not at once: what it wrote itself is looked at, and an Event may be late."""
        mark, before = setting.plane.mark(), setting.agent.metrics()["pgitops_passes_total"]
        wait_for("three passes", lambda: setting.agent.metrics()["pgitops_passes_total"] >= before + 3)
        return not [event for event in setting.plane.requests(mark) if event["verb"] not in ("watch", "list")]

    wait_for("three passes ask nothing", quiet)


def test_a_hand_change_is_recorded_with_its_author_and_healed(setting):
    setting.agent.start()
    setting.synced()
    setting.kube.patch("v1", "ConfigMap", setting.namespace, "a", {"data": {"a": "mine", "extra": "x"}})
    wait_for("healed", lambda: setting.config_map("a")["data"].get("a") == "one")
    drift = wait_for("a drift record", lambda: setting.agent.items("drift", "list", "--app", "team"))
    fields = {item["field"]: item for item in drift}
    assert fields["data.a"]["wanted"] == '"one"' and fields["data.a"]["found"] == '"mine"'
    assert fields["data.a"]["by"] == "kubectl-edit"
    wait_for("marked as healed", lambda: all(i["healed"] for i in setting.agent.items("drift", "list", "--app", "team")))


def test_a_deleted_object_comes_back(setting):
    setting.agent.start()
    setting.synced()
    setting.kube.delete("v1", "ConfigMap", setting.namespace, "a")
    wait_for("it is back", lambda: setting.config_map("a"))
    drift = wait_for("a drift record", lambda: setting.agent.items("drift", "list", "--app", "team"))
    assert drift[0]["field"] == "exists"


def test_without_self_heal_drift_is_reported_only(agent, crds, tmp_path):
    policy = {"automated": {"prune": True, "selfHeal": False}, "syncOptions": ["CreateNamespace=true"]}
    setting = Setting(agent, crds, tmp_path, "watcher", syncPolicy=policy)
    agent.start()
    setting.synced()
    setting.kube.patch("v1", "ConfigMap", setting.namespace, "a", {"data": {"a": "mine"}})
    agent.wait_app("watcher", "OutOfSync")
    diff = agent.cli("app", "diff", "watcher", "-o", "json").is_(1).items
    assert diff[0]["fields"][0]["path"] == "data.a"
    assert setting.config_map("a")["data"]["a"] == "mine"
    agent.cli("app", "sync", "watcher").ok()
    assert setting.config_map("a")["data"]["a"] == "one"


def test_one_mistake_stops_the_whole_path(setting):
    setting.agent.start()
    setting.synced()
    good = setting.repository.head
    bad = setting.push({"a.yaml": config_map("a", "a: two"), "z.yaml": "kind: ConfigMap\nmetadata: {name: z}\n",
                        "y.yaml": "a: [1\n"})
    condition = setting.agent.wait_condition("team", "ComparisonError", "app/z.yaml:1")
    assert "app/y.yaml:" in condition["message"] and bad[:12] in condition["message"]
    assert setting.config_map("a")["data"]["a"] == "one"
    setting.kube.patch("v1", "ConfigMap", setting.namespace, "a", {"data": {"a": "mine"}})
    wait_for("the last good state is in force", lambda: setting.config_map("a")["data"]["a"] == "one")
    assert setting.agent.app("team")["status"]["sync"]["revision"] == good
    setting.push({"z.yaml": None, "y.yaml": None})
    setting.synced()
    assert setting.config_map("a")["data"]["a"] == "two"


def test_a_refused_object_stops_the_sync_before_it_writes(setting):
    setting.agent.start()
    setting.synced()
    setting.push({"a.yaml": config_map("a", "a: two"),
                  "s.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 70000}]}\n"})
    condition = setting.agent.wait_condition("team", "SyncError", "app/s.yaml:1")
    assert "port" in condition["message"]
    assert setting.config_map("a")["data"]["a"] == "one"
    setting.push({"s.yaml": None})
    setting.synced()


def test_a_kind_and_its_object_come_in_one_push(setting):
    group = f"{setting.namespace}.example.org"
    crd = simple_crd(group, "Toy", "toys")
    import json
    setting.push({"crd.json": json.dumps(crd),
                  "toy.yaml": f"apiVersion: {group}/v1\nkind: Toy\nmetadata: {{name: bear}}\nspec: {{size: 3}}\n"})
    setting.agent.start()
    setting.synced()
    assert setting.kube.get(f"{group}/v1", "Toy", setting.namespace, "bear")["spec"] == {"size": 3}


def test_an_unknown_kind_is_named(setting):
    setting.push({"x.yaml": "apiVersion: nowhere.example.org/v1\nkind: Nothing\nmetadata: {name: x}\n"})
    setting.agent.start()
    setting.agent.wait_condition("team", "SyncError", "no kind Nothing in nowhere.example.org/v1")


def test_the_namespace_is_created(agent, crds, tmp_path):
    setting = Setting(agent, crds, tmp_path, "maker")
    fresh = setting.namespace + "-new"
    agent.application("maker", setting.repository.url, "app", fresh)
    agent.start()
    setting.synced()
    assert setting.kube.get("v1", "ConfigMap", fresh, "a")


def test_an_emptied_path_prunes_nothing_without_confirmation(setting):
    setting.push({"b.yaml": config_map("b")})
    setting.agent.start()
    setting.synced()
    setting.push({"a.yaml": None, "b.yaml": None, "README.md": "empty\n"})
    condition = setting.agent.wait_condition("team", "SyncError", "--confirm")
    assert setting.config_map("a") and setting.config_map("b")
    confirm = condition["message"].split("--confirm ")[1].split()[0].strip("`.;")
    setting.agent.cli("app", "sync", "team", "--prune", "--confirm", confirm).ok()
    wait_for("both are gone", lambda: not setting.config_map("a") and not setting.config_map("b"))


def test_a_path_that_is_gone_is_not_an_empty_path(setting):
    setting.agent.start()
    setting.synced()
    setting.repository.commit({"app/a.yaml": None, "elsewhere/x": "x"})
    setting.agent.wait_condition("team", "ComparisonError", "path app does not exist")
    assert setting.config_map("a")


def test_the_same_object_twice_is_a_warning_with_both_places(setting):
    head = setting.push({"b.yaml": config_map("a", "a: last")})
    setting.agent.start()
    setting.synced(head)
    assert setting.config_map("a")["data"]["a"] == "last"
    condition = setting.agent.wait_condition("team", "RepeatedResourceWarning", "app/a.yaml")
    assert "app/b.yaml" in condition["message"]


def test_a_postgresql_is_written_once_and_not_while_the_operator_works(setting):
    setting.push({"pg.yaml": postgresql("db")})
    setting.agent.start()
    setting.synced()
    kind = ("acid.zalan.do/v1", "postgresql", setting.namespace, "db")

    def status(value):
        setting.kube.patch(*kind, {"status": {"PostgresClusterStatus": value}}, "postgres-operator", "status")

    status("Creating")
    wait_for("Progressing", lambda: setting.agent.app("team")["status"]["health"]["status"] == "Progressing")
    mark = setting.plane.mark()
    setting.push({"pg.yaml": postgresql("db", instances=3)})
    wait_for("it is held back", lambda: "operator is at work" in (setting.row("db") or {}).get("message", ""))
    assert setting.kube.get(*kind)["spec"]["numberOfInstances"] == 2
    status("Running")
    setting.synced()
    assert setting.kube.get(*kind)["spec"]["numberOfInstances"] == 3
    writes = [event for event in setting.plane.requests(mark, resource="postgresqls", verb="patch")
              if "dryRun" not in event["requestURI"]]
    assert len(writes) == 1


def test_a_harmful_change_of_a_postgresql_is_refused(setting):
    setting.push({"pg.yaml": postgresql("db", size="2Gi")})
    setting.agent.start()
    setting.synced()
    setting.push({"pg.yaml": postgresql("db", size="1Gi")})
    condition = setting.agent.wait_condition("team", "SyncError", "pgitops.dev/allow")
    assert "app/pg.yaml:1" in condition["message"]
    kind = ("acid.zalan.do/v1", "postgresql", setting.namespace, "db")
    assert setting.kube.get(*kind)["spec"]["volume"]["size"] == "2Gi"


def test_the_api_server_may_come_later(agent, crds, tmp_path):
    setting = Setting(agent, crds, tmp_path, "late")
    real = agent.config["kubernetes"]["kubeconfig"]
    agent.config["kubernetes"]["kubeconfig"] = str(tmp_path / "later.kubeconfig")
    agent.start(ready=False)
    agent.wait_condition("late", "ComparisonError", "later.kubeconfig is not there yet")
    with open(real) as source, open(tmp_path / "later.kubeconfig.new", "w") as target:
        target.write(source.read())
    (tmp_path / "later.kubeconfig.new").rename(tmp_path / "later.kubeconfig")
    setting.synced()
    assert setting.config_map("a")


def test_applications_are_objects_of_the_cluster(agent, crds, tmp_path):
    setting = Setting(agent, crds, tmp_path, "unused")
    home = crds.namespace()
    agent.kubernetes(crds, namespace=home, objects=True)
    document = agent.application("objects", setting.repository.url, "app", setting.namespace)
    agent.start(ready=False)
    setting.kube.create(document)

    def status():
        return setting.kube.get(APPLICATION, "Application", home, "objects").get("status", {})
    written = wait_for("status is written back", lambda: next((found for found in [status()] if found.get("sync", {}).get(
        "status") == "Synced" and found.get("operationState", {}).get("phase") not in (None, "Running")), None))
    assert written["health"]["status"] == "Healthy" and written["history"][0]["id"] == 0
    assert written["operationState"]["phase"] == "Succeeded"
    assert setting.config_map("a")

    # the refresh annotation is obeyed and taken away
    name = (APPLICATION, "Application", home, "objects")
    setting.push({"b.yaml": config_map("b")})
    setting.kube.patch(*name, {"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}})
    wait_for("the annotation is gone", lambda: "argocd.argoproj.io/refresh" not in
             setting.kube.get(*name)["metadata"].get("annotations", {}))
    wait_for("b is there", lambda: setting.config_map("b"))

    # an operation patched in by kubectl is obeyed and taken away
    setting.kube.patch(*name, {"operation": {"sync": {"prune": True}, "initiatedBy": {"username": "me"}}})
    wait_for("the operation is gone", lambda: "operation" not in setting.kube.get(*name))
    assert status()["operationState"]["operation"]["initiatedBy"]["username"] == "me"

    # a field that is not supported is named
    setting.kube.patch(*name, {"spec": {"source": {"plugin": {"name": "x"}}}})
    wait_for("InvalidSpecError", lambda: any(
        c["type"] == "InvalidSpecError" and "plugin" in c["message"] for c in status().get("conditions", [])))
    setting.kube.delete(*name)
    wait_for("it is forgotten", lambda: agent.app("objects") is None)
    assert setting.config_map("a"), "removing an Application deletes nothing"


def test_a_killed_agent_converges_without_a_second_write(setting):
    setting.agent.start()
    setting.synced()
    setting.agent.kill()
    head = setting.push({"c.yaml": config_map("c")})
    version = setting.config_map("a")["metadata"]["resourceVersion"]
    setting.agent.start()
    setting.synced(head)
    assert setting.config_map("c")
    assert setting.config_map("a")["metadata"]["resourceVersion"] == version


def test_a_second_agent_on_one_state_folder_refuses(setting, cli):
    setting.agent.start()
    result = cli("agent", "--config", setting.agent.file, "--once").is_(2)
    assert str(setting.agent.process.pid) in result.err
