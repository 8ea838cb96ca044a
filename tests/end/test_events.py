"""What an agent tells the outside about its Applications: Kubernetes Events, metrics."""

from prometheus_client.parser import text_string_to_metric_families

from end.test_cluster import APPLICATION, Setting, config_map
from parts.agent import wait_for


class Objects(Setting):
    """With the Application as an object of the cluster."""

    def __init__(self, agent, crds, folder, **application):
        super().__init__(agent, crds, folder, "unused", **application)
        self.home = crds.namespace()
        agent.kubernetes(crds, namespace=self.home, objects=True)
        document = agent.application("team", self.repository.url, "app", self.namespace, **application)
        agent.start(ready=False)
        self.kube.create(document)

    def synced(self, revision=None):
        wanted = revision or self.repository.head
        wait_for("it is synced", lambda: (sync := self.kube.get(APPLICATION, "Application", self.home, "team").get("status", {})
                                          .get("sync", {})).get("status") == "Synced" and sync.get("revision") == wanted)

    def events(self, reason=None):
        found = self.kube.list("v1", "Event", self.home)
        return [event for event in found if reason in (None, event["reason"])]


def test_events_tell_of_operations_and_of_changes(agent, crds, tmp_path):
    setting = Objects(agent, crds, tmp_path)
    setting.synced()
    first = setting.repository.head
    wait_for("the end is told", lambda: setting.events("OperationCompleted"))
    event = setting.events("OperationCompleted")[0]
    application = setting.kube.get(APPLICATION, "Application", setting.home, "team")
    assert event["message"] == f"Sync operation to {first} succeeded" and event["type"] == "Normal" and event["count"] == 1
    assert event["involvedObject"] == {"apiVersion": APPLICATION, "kind": "Application", "name": "team",
                                       "namespace": setting.home, "uid": application["metadata"]["uid"]}
    assert event["metadata"]["annotations"]["dest-namespace"] == setting.namespace
    # Both are written at once.
    started = wait_for("the beginning is told", lambda: setting.events("OperationStarted"))
    assert [event["message"] for event in started] == [f"Initiated automated sync to '{first}'"]


def test_a_failed_sync_is_a_warning_and_a_changed_status_is_told(agent, crds, tmp_path):
    setting = Objects(agent, crds, tmp_path, automated=None)
    agent.wait_app("team", "OutOfSync")
    agent.cli("app", "sync", "team").ok()
    setting.synced()
    wait_for("the change is told", lambda: "Updated sync status: OutOfSync -> Synced" in
             [event["message"] for event in setting.events("ResourceUpdated")])
    head = setting.push({"b.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {ports: [{port: 99999}]}\n"})
    wait_for("it is read", lambda: agent.app("team")["status"]["sync"].get("revision") == head)
    agent.cli("app", "sync", "team").is_(1)
    wait_for("the failure is told", lambda: any(event["type"] == "Warning" for event in setting.events("OperationCompleted")))
    warning = next(event for event in setting.events("OperationCompleted") if event["type"] == "Warning")
    assert warning["message"].startswith(f"Sync operation to {head} failed: ") and "b.yaml" in warning["message"]


def test_the_same_again_raises_a_count(agent, crds, tmp_path):
    setting = Objects(agent, crds, tmp_path)
    setting.synced()
    wait_for("the first is told", lambda: setting.events("OperationCompleted"))
    for _ in range(3):
        agent.cli("app", "sync", "team").ok()
    wait_for("they are told", lambda: any(event["count"] == 4 for event in setting.events("OperationCompleted")))
    assert len(setting.events("OperationCompleted")) == 1
    wait_for("their beginnings, too", lambda: sorted(event["count"] for event in setting.events("OperationStarted")) == [1, 3])
    user = next(event for event in setting.events("OperationStarted") if event["count"] == 3)
    assert user["metadata"]["annotations"]["user"] == "cli" and user["message"].startswith("cli initiated sync to ")


def test_an_event_that_is_there_already_goes_on_being_counted(agent, crds, tmp_path):
    """Its name is taken, as when the answer to the write that made it was lost."""
    setting = Objects(agent, crds, tmp_path)
    setting.synced()
    wait_for("the first is told", lambda: setting.events("OperationCompleted"))
    event = setting.events("OperationCompleted")[0]
    dropped = "pgitops_kubernetes_events_dropped_total"
    setting.kube.delete("v1", "Event", setting.home, event["metadata"]["name"])
    agent.cli("app", "sync", "team").ok()
    wait_for("there is none to count on", lambda: agent.metrics()[dropped] == 1)
    setting.kube.create({"apiVersion": "v1", "kind": "Event"} | event | {"metadata": {key: event["metadata"][key] for key in ("name", "namespace")}})
    agent.cli("app", "sync", "team").ok()
    wait_for("its name is taken", lambda: agent.metrics()[dropped] == 2)
    agent.cli("app", "sync", "team").ok()
    wait_for("it is counted", lambda: [event["count"] for event in setting.events("OperationCompleted")] == [4])


def test_metrics_are_readable_by_prometheus(agent, crds, tmp_path):
    setting = Setting(agent, crds, tmp_path, "team")
    setting.agent.start()
    setting.synced()
    families = {family.name: family for family in text_string_to_metric_families(agent.get("/metrics").body)}

    def samples(name):
        family = families[name.removesuffix("_total")]
        return [(sample.labels, sample.value) for sample in family.samples if sample.name == name]
    own = {"namespace": "argocd", "name": "team"}
    info, value = samples("argocd_app_info")[0]
    assert value == 1 and set(info) == {"namespace", "name", "project", "autosync_enabled", "repo", "dest_server", "dest_namespace",
                                        "sync_status", "health_status", "operation"}
    assert samples("argocd_app_sync_total") == [(own | {"project": "default", "phase": "Succeeded", "dry_run": "false"}, 1)]
    assert samples("argocd_app_sync_duration_seconds_total")[0][0] == own | {"project": "default"}
    assert families["argocd_app_reconcile"].type == "histogram"
    buckets = [sample.labels["le"] for sample in families["argocd_app_reconcile"].samples if sample.name.endswith("_bucket")]
    assert buckets == ["0.25", "0.5", "1", "2", "4", "8", "16", "+Inf"]
    kinds = {labels["request_type"] for labels, _ in samples("argocd_git_request_total")}
    assert kinds == {"ls-remote", "fetch"}
    assert families["argocd_git_request_duration_seconds"].type == "histogram"
    assert samples("argocd_app_k8s_request_total")[0][1] > 0
    setting.push({"c.yaml": config_map("c").replace("data:", "data: [")})
    agent.wait_condition("team", "ComparisonError")
    assert agent.metrics()['argocd_app_condition{namespace="argocd",name="team",project="default",condition="ComparisonError"}'] == 1
