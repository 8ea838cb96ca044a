"""AppProjects, sync windows and the agent file's rules: from where to where an Application may bring what, and when."""

import time

import pytest
import yaml

from parts.agent import wait_for
from parts.git import Repository

APPLICATION = "argoproj.io/v1alpha1"
SERVER = "https://kubernetes.default.svc"
CLOSED = {"schedule": "* * * * *", "duration": "1h", "applications": ["*"]}


def project(name, namespace, **spec):
    allowed = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
    return {"apiVersion": APPLICATION, "kind": "AppProject", "metadata": {"name": name, "namespace": namespace},
            "spec": {**allowed, **spec}}


def config_map(name, data="a: one"):
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  {data}\n"


SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {}\n"
POSTGRESQL = ("apiVersion: acid.zalan.do/v1\nkind: postgresql\nmetadata:\n  name: acid-main\nspec:\n  teamId: acid\n"
              "  numberOfInstances: 2\n  volume: {size: 1Gi}\n  postgresql: {version: \"17\"}\n"
              "  patroni: {pg_hba: [host all all all trust]}\n")


class Projects:
    """Applications and AppProjects are objects of the cluster, in a namespace of their own."""

    def __init__(self, agent, plane, folder, name="team"):
        self.agent, self.plane, self.kube, self.name = agent, plane, plane.admin, name
        self.namespace, self.home = plane.namespace(), plane.namespace()
        self.repository = Repository(folder / "db.git")
        self.repository.commit({"app/a.yaml": config_map("a")})
        agent.kubernetes(plane)
        agent.config.pop("applications", None)
        agent.config["namespace"] = self.home
        self.spec = {
            "source": {"repoURL": self.repository.url, "path": "app", "targetRevision": "HEAD"},
            "destination": {"server": SERVER, "namespace": self.namespace},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}}}

    def push(self, files):
        return self.repository.commit({f"app/{name}": text for name, text in files.items()})

    def config_map(self, name):
        return self.kube.get("v1", "ConfigMap", self.namespace, name)

    def apply(self, **spec):
        self.kube.create({"apiVersion": APPLICATION, "kind": "Application",
                          "metadata": {"name": self.name, "namespace": self.home}, "spec": {**self.spec, **spec}})

    def project(self, name, **spec):
        self.kube.apply(project(name, self.home, **spec))

    def status(self):
        return self.kube.get(APPLICATION, "Application", self.home, self.name).get("status") or {}

    def conditions(self, kind):
        return [item["message"] for item in self.status().get("conditions") or [] if item["type"] == kind]

    def condition(self, kind, *words):
        return wait_for(f"{kind} {words}", lambda: next(
            (text for text in self.conditions(kind) if all(word in text for word in words)), None))

    def is_synced(self):
        wait_for("synced", lambda: (self.status().get("sync") or {}).get("status") == "Synced")


@pytest.fixture
def projects(agent, crds, tmp_path):
    return Projects(agent, crds, tmp_path)


def test_a_project_that_does_not_exist_is_an_invalid_spec_until_it_does(projects):
    projects.apply(project="missing")
    projects.agent.start()
    projects.condition("InvalidSpecError", 'there is no AppProject "missing"')
    status = projects.status()
    assert status["sync"]["status"] == "Unknown" and status["health"]["status"] == "Unknown"
    assert projects.config_map("a") is None

    projects.project("missing")
    projects.is_synced()
    assert projects.config_map("a")["data"] == {"a": "one"}
    assert not projects.conditions("InvalidSpecError")


def test_default_need_not_exist_and_is_obeyed_when_it_does(projects):
    projects.apply()
    projects.agent.start()
    projects.is_synced()

    projects.project("default", sourceRepos=["https://git.example.org/*"])
    projects.condition("InvalidSpecError", 'project "default" does not allow the repository', "it is not in sourceRepos")
    head = projects.push({"b.yaml": config_map("b")})
    wait_for("three passes", projects.agent.after_passes([projects.name]))
    assert projects.config_map("b") is None

    projects.kube.delete(APPLICATION, "AppProject", projects.home, "default")
    wait_for("the new object", lambda: projects.config_map("b"))
    wait_for("its commit", lambda: projects.status()["sync"].get("revision") == head)
    projects.is_synced()


def test_a_destination_that_is_not_permitted_is_named(projects):
    projects.project("narrow", destinations=[{"server": SERVER, "namespace": "elsewhere"}])
    projects.apply(project="narrow")
    projects.agent.start()
    projects.condition("InvalidSpecError", 'project "narrow" does not allow the destination', projects.namespace)
    assert projects.config_map("a") is None


def test_a_field_of_a_project_that_is_not_supported_is_named(projects):
    projects.project("signed", signatureKeys=[{"keyID": "4AEE18F83AFDEB23"}])
    projects.apply(project="signed")
    projects.agent.start()
    projects.condition("InvalidSpecError", "spec.signatureKeys is not supported")


def test_a_forbidden_wanted_object_is_unknown_and_nothing_is_written(projects):
    projects.project("strict", namespaceResourceBlacklist=[{"group": "", "kind": "Secret"}])
    projects.push({"s.yaml": SECRET})
    projects.apply(project="strict")
    projects.agent.start()
    text = projects.condition("SyncError", "Secret", "it is in namespaceResourceBlacklist")
    assert "app/s.yaml:1: " in text
    rows = {row["name"]: row for row in wait_for("rows", lambda: projects.status().get("resources"))}
    assert rows["s"]["status"] == "Unknown"
    assert projects.kube.get("v1", "Secret", projects.namespace, "s") is None
    assert projects.config_map("a") is None

    projects.push({"s.yaml": None})
    projects.is_synced()
    assert projects.config_map("a")


def test_a_forbidden_object_that_is_left_over_is_invisible(projects):
    projects.project("strict")
    projects.push({"s.yaml": SECRET})
    projects.apply(project="strict")
    projects.agent.start()
    projects.is_synced()
    assert projects.kube.get("v1", "Secret", projects.namespace, "s")

    projects.project("strict", namespaceResourceBlacklist=[{"group": "", "kind": "Secret"}])
    projects.condition("SyncError", "Secret", "it is in namespaceResourceBlacklist")  # known before the commit is
    head = projects.push({"s.yaml": None})
    wait_for("the commit", lambda: projects.status()["sync"].get("revision") == head)
    projects.is_synced()
    assert [row["name"] for row in projects.status()["resources"]] == ["a"]
    assert projects.kube.get("v1", "Secret", projects.namespace, "s")

    # Allowed again, it is what it was: ours, and not wanted.
    projects.project("strict")
    wait_for("pruned", lambda: projects.kube.get("v1", "Secret", projects.namespace, "s") is None)


def test_a_deny_window_holds_up_the_policy_until_it_is_gone(projects):
    projects.project("quiet", syncWindows=[{"kind": "deny", **CLOSED}])
    projects.apply(project="quiet")
    projects.agent.start()
    projects.condition("SyncWindowWarning", 'blocked by a sync window of project "quiet"', "deny window '* * * * *' for 1h (UTC)")
    assert projects.status()["sync"]["status"] == "OutOfSync"
    assert projects.config_map("a") is None

    projects.project("quiet")
    projects.is_synced()
    assert projects.config_map("a")
    assert not projects.conditions("SyncWindowWarning")


def test_an_operation_waits_for_its_window_and_says_so(projects):
    projects.project("quiet", syncWindows=[{"kind": "deny", **CLOSED}])
    projects.spec["syncPolicy"] = {}
    projects.apply(project="quiet")
    projects.agent.start()
    wait_for("out of sync", lambda: (projects.status().get("sync") or {}).get("status") == "OutOfSync")
    projects.kube.patch(APPLICATION, "Application", projects.home, "team", {"operation": {"sync": {}}})
    state = wait_for("a running operation", lambda: projects.status().get("operationState"))
    assert state["phase"] == "Running"
    wait_for("what it waits for", lambda: "blocked by a sync window" in projects.status()["operationState"].get("message", ""))
    assert projects.config_map("a") is None

    projects.project("quiet", syncWindows=[{"kind": "deny", "manualSync": True, **CLOSED}])
    wait_for("succeeded", lambda: projects.status()["operationState"]["phase"] == "Succeeded")
    assert projects.config_map("a")


def test_outside_of_an_allow_window_nothing_is_healed(projects):
    projects.project("office", syncWindows=[{"kind": "allow", **CLOSED}])
    projects.apply(project="office")
    projects.agent.start()
    projects.is_synced()
    never = time.strftime("0 0 %d %m *", time.gmtime(time.time() + 100 * 86400))
    projects.project("office", roles=[{"name": "ci", "policies": []}],
                     syncWindows=[{"kind": "allow", "schedule": never, "duration": "1h", "applications": ["*"]}])
    projects.condition("ProjectWarning", "spec.roles has no effect here")  # it is known before the object is another
    projects.kube.patch("v1", "ConfigMap", projects.namespace, "a", {"data": {"a": "mine"}})
    projects.condition("SyncWindowWarning", "no allow window is open: allow window '")
    assert projects.config_map("a")["data"]["a"] == "mine"


def test_a_project_in_the_folder_of_applications(agent, crds, tmp_path):
    plane, kube, namespace = crds, crds.admin, crds.namespace()
    repository = Repository(tmp_path / "db.git")
    repository.commit({"app/a.yaml": config_map("a")})
    agent.kubernetes(plane)
    agent.application("team", repository.url, "app", namespace, project="narrow")
    document = project("narrow", "argocd", destinations=[{"name": "in-cluster", "namespace": "elsewhere"}])
    file = agent.folder / "applications" / "project.yaml"
    file.write_text(yaml.safe_dump(document))
    agent.start()
    wait_for("refused", lambda: "does not allow the destination" in str(agent.app("team")["status"].get("conditions")))
    assert kube.get("v1", "ConfigMap", namespace, "a") is None
    document["spec"]["destinations"] = [{"name": "in-cluster", "namespace": namespace}]
    file.write_text(yaml.safe_dump(document))
    agent.wait_app("team", "Synced", repository.head)
    assert kube.get("v1", "ConfigMap", namespace, "a")


# ---- the agent file's rules ----

def test_git_cannot_write_applications_unless_a_rule_names_them(projects):
    child = ("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: %s, namespace: " + projects.home +
             "}\nspec:\n  source: {repoURL: " + projects.repository.url + ", path: child}\n"
             "  destination: {server: " + SERVER + ", namespace: " + projects.namespace + "}\n")
    projects.push({"child.yaml": child % "child-a", "other.yaml": child % "other"})
    projects.apply()
    projects.agent.config["rules"] = [{"application": "team", "applications": ["child-*"]}]
    projects.agent.start()
    projects.condition("SyncError", "Application.argoproj.io", "/other is not written", "names it in `applications`")
    assert projects.kube.get(APPLICATION, "Application", projects.home, "child-a") is None

    projects.push({"other.yaml": None})
    wait_for("the child", lambda: projects.kube.get(APPLICATION, "Application", projects.home, "child-a"))


def test_a_rule_narrows_kinds_and_what_a_postgresql_asks_for(projects):
    projects.push({"pg.yaml": POSTGRESQL})
    projects.apply()
    projects.agent.config["rules"] = [{"application": "t*", "kinds": ["ConfigMap", "postgresql.acid.zalan.do"],
                                       "postgresql": {"pgHba": "refuse"}}]
    projects.agent.start()
    text = projects.condition("SyncError", "spec.patroni.pg_hba: refused by the rule at")
    assert text.startswith("app/pg.yaml:1: ")
    assert projects.config_map("a") is None
    projects.push({"pg.yaml": None, "s.yaml": SECRET})
    projects.condition("SyncError", "Secret is not among the kinds of the rule at")
    projects.push({"s.yaml": None})
    projects.is_synced()


def test_a_forbidden_hook_and_a_forbidden_namespace_end_the_sync_before_it_writes(projects):
    job = ("apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: j\n  annotations: {argocd.argoproj.io/hook: PreSync}\n"
           "spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}\n")
    projects.project("strict", namespaceResourceBlacklist=[{"group": "batch", "kind": "Job"}])
    projects.push({"j.yaml": job})
    projects.apply(project="strict")
    projects.agent.start()
    projects.condition("SyncError", "Job.batch", "it is in namespaceResourceBlacklist")
    assert projects.config_map("a") is None

    missing = f"{projects.namespace}-new"
    projects.push({"j.yaml": None})
    projects.kube.patch(APPLICATION, "Application", projects.home, "team", {"spec": {
        "destination": {"server": SERVER, "namespace": missing},
        "syncPolicy": {"automated": {}, "syncOptions": ["CreateNamespace=true"]}}})
    projects.condition("SyncError", f"Namespace {missing}", "it is not in clusterResourceWhitelist")
    assert projects.kube.get("v1", "Namespace", None, missing) is None

    projects.project("strict", clusterResourceWhitelist=[{"group": "", "kind": "Namespace", "name": missing}])
    wait_for("the object", lambda: projects.kube.get("v1", "ConfigMap", missing, "a"))


def test_what_a_project_says_in_vain_is_a_warning(projects):
    projects.project("ours", roles=[{"name": "ci", "policies": []}])
    projects.apply(project="ours")
    projects.agent.start()
    projects.condition("ProjectWarning", 'AppProject "ours": spec.roles has no effect here')
    projects.is_synced()


def test_deleting_asks_only_that_the_project_exists_and_spares_what_it_forbids(projects):
    projects.project("strict")
    projects.push({"s.yaml": SECRET})
    projects.apply(project="strict")
    projects.agent.start()
    projects.is_synced()
    projects.project("strict", sourceRepos=["https://git.example.org/*"],
                     namespaceResourceBlacklist=[{"group": "", "kind": "Secret"}])
    projects.condition("InvalidSpecError", "it is not in sourceRepos")
    projects.kube.patch(APPLICATION, "Application", projects.home, "team",
                        {"metadata": {"finalizers": ["resources-finalizer.argocd.argoproj.io"]}})
    projects.kube.delete(APPLICATION, "Application", projects.home, "team")
    wait_for("it is gone", lambda: projects.kube.get(APPLICATION, "Application", projects.home, "team") is None)
    assert projects.config_map("a") is None
    assert projects.kube.get("v1", "Secret", projects.namespace, "s")


def test_an_operation_with_a_source_of_its_own_does_not_pass_the_project(projects, tmp_path):
    other = Repository(tmp_path / "other.git")
    other.commit({"app/b.yaml": config_map("b")})
    projects.project("own", sourceRepos=[projects.repository.url])
    projects.spec["syncPolicy"] = {}
    projects.apply(project="own")
    projects.agent.start()
    wait_for("out of sync", lambda: (projects.status().get("sync") or {}).get("status") == "OutOfSync")
    operation = {"sync": {"source": {"repoURL": other.url, "path": "app", "targetRevision": "HEAD"}}}
    projects.kube.patch(APPLICATION, "Application", projects.home, "team", {"operation": operation})
    state = wait_for("an answer", lambda: (projects.status().get("operationState") or {}).get("finishedAt") and
                     projects.status()["operationState"])
    assert state["phase"] in ("Error", "Failed")
    assert 'project "own" does not allow the repository' in state["message"]
    assert projects.config_map("b") is None
