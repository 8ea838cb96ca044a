"""Nothing that another Application has is taken by a push, and nothing of the agent's own is written by Git."""

import base64
import json

from parts.kube import simple_crd
from parts.manifests import config_map
from parts.world import PREFIX, manifest

def placed(namespace, *arguments, **fields):
    document = json.loads(manifest(*arguments, **fields))
    document["metadata"]["namespace"] = namespace
    return json.dumps(document)


HOOK = {PREFIX + "hook": "PreSync"}


def test_a_hook_does_not_take_the_place_of_anothers_object(world):
    world.push({"theirs/users.yaml": config_map("users", value="theirs")})
    theirs = world.application("theirs")
    world.begin()
    theirs.synced()
    uid = world.uid("ConfigMap", "users")
    hook = json.loads(config_map("users", value="taken"))
    hook["metadata"]["annotations"] = HOOK
    world.push({"mine/users.yaml": json.dumps(hook), "mine/a.yaml": config_map("a")})
    mine = world.application("mine")
    mine.condition("SyncError", "users", "it would take the place of an object of Application theirs",
                   "give the hook another name")
    assert world.uid("ConfigMap", "users") == uid and world.value("users") == "theirs"


def test_what_somebody_deleted_is_still_its_owners(world):
    """An Application that is synced by hand leaves its object missing: that is no invitation."""
    world.push({"theirs/users.yaml": config_map("users", value="theirs")})
    theirs = world.application("theirs", automated=False)
    world.begin()
    theirs.sync_status("OutOfSync")
    theirs.operate(sync={})
    theirs.synced()
    world.kube.delete("v1", "ConfigMap", world.namespace, "users")
    theirs.sync_status("OutOfSync")
    world.push({"mine/users.yaml": config_map("users", value="taken"), "mine/a.yaml": config_map("a")})
    mine = world.application("mine")
    mine.condition("SharedResourceWarning", "users", "it belongs to Application theirs, which wants it, too")
    world.wait("what is nobody else's", lambda: world.value("a"))
    world.passes()
    assert world.value("users") is None
    theirs.operate(sync={})
    world.wait("its owner's", lambda: world.value("users") == "theirs")


def test_what_lost_its_mark_is_still_its_owners(world):
    world.push({"theirs/users.yaml": config_map("users", value="theirs")})
    theirs = world.application("theirs", heal=False)
    world.begin()
    theirs.synced()
    world.kube.patch("v1", "ConfigMap", world.namespace, "users",
                     {"metadata": {"annotations": {PREFIX + "tracking-id": None}}})
    world.push({"mine/users.yaml": config_map("users", value="taken"), "mine/a.yaml": config_map("a")})
    mine = world.application("mine")
    mine.condition("SharedResourceWarning", "users", "it belongs to Application theirs")
    world.wait("what is nobody else's", lambda: world.value("a"))
    assert world.value("users") == "theirs"


def test_what_an_application_elsewhere_has_is_not_taken_until_its_mark_is_off(world):
    """Another agent's, or an Argo CD's in another namespace."""
    theirs = json.loads(config_map("users", namespace=world.namespace, value="same"))
    theirs["metadata"]["annotations"] = {PREFIX + "tracking-id": f"elsewhere:/ConfigMap:{world.namespace}/users"}
    world.kube.create(theirs)
    world.push({"mine/users.yaml": config_map("users", value="same"), "mine/a.yaml": config_map("a")})
    mine = world.application("mine")
    world.begin()
    told = mine.condition("SharedResourceWarning", "it belongs to Application elsewhere, which this agent does not have")
    command = f"kubectl annotate ConfigMap users -n {world.namespace} argocd.argoproj.io/tracking-id-"
    assert command in told["message"]
    world.wait("what is nobody else's", lambda: world.value("a"))
    assert world.tracking("ConfigMap", "users").startswith("elsewhere:")
    world.kube.patch("v1", "ConfigMap", world.namespace, "users",
                     {"metadata": {"annotations": {PREFIX + "tracking-id": None}}})
    world.wait("ours", lambda: (world.tracking("ConfigMap", "users") or "").startswith("mine:"))


def test_a_mark_that_git_writes_is_not_believed(world):
    forged = json.loads(config_map("a"))
    forged["metadata"]["annotations"] = {PREFIX + "tracking-id": f"theirs:/ConfigMap:{world.namespace}/a"}
    group = f"{world.namespace}.example.org"
    kind = simple_crd(group, "Toy", "toys")
    kind["metadata"]["annotations"] = {PREFIX + "tracking-id": f"theirs:apiextensions.k8s.io/CustomResourceDefinition:x/toys.{group}"}
    world.push({"mine/a.yaml": json.dumps(forged), "mine/crd.yaml": json.dumps(kind)})
    mine = world.application("mine")
    world.begin()
    mine.synced()
    assert world.tracking("ConfigMap", "a") == f"mine:/ConfigMap:{world.namespace}/a"
    found = world.kube.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, f"toys.{group}")
    assert PREFIX + "tracking-id" not in found["metadata"].get("annotations", {})


def test_the_secret_that_anothers_sealed_secret_becomes_is_not_written(world):
    sealed = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": "user-bob-secret"},
              "spec": {"encryptedData": {"password": "AgBy"}}}
    world.push({"theirs/bob.yaml": json.dumps(sealed)})
    theirs = world.application("theirs")
    world.begin()
    theirs.synced()
    world.push({"mine/bob.yaml": manifest("v1", "Secret", "user-bob-secret", data={"password": "dGFrZW4="})})
    mine = world.application("mine")
    mine.condition("SharedResourceWarning", "user-bob-secret", "it belongs to Application theirs",
                   "whose SealedSecret of this name is unsealed into it")
    assert world.get("Secret", "user-bob-secret") is None


def test_the_labels_of_anothers_namespace_are_not_written(world):
    fresh = f"{world.namespace}-theirs"
    world.push({"theirs/ns.yaml": manifest("v1", "Namespace", fresh)})
    theirs = world.application("theirs")
    world.begin()
    theirs.synced()
    world.push({"mine/a.yaml": config_map("a")})
    mine = world.application("mine", namespace=fresh, options=["CreateNamespace=true"], policy={
        "managedNamespaceMetadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}})
    mine.condition("SyncError", f"Namespace {fresh} belongs to Application theirs")
    assert "pod-security.kubernetes.io/enforce" not in world.get("Namespace", fresh)["metadata"]["labels"]


# ---- what a postgresql may ask for --------------------------------------------------------------------------------------

POWERFUL = ("apiVersion: acid.zalan.do/v1\nkind: postgresql\nmetadata:\n  name: acid-main\nspec:\n  teamId: acid\n"
            "  numberOfInstances: 2\n  volume: {size: 1Gi}\n  postgresql: {version: \"17\"}\n"
            "  users: {eve: [superuser]}\n  patroni: {pg_hba: [local all all trust]}\n")
NODE = "  additionalVolumes: [{name: n, mountPath: /n, volumeSource: {hostPath: {path: /}}}]\n"  # not in the tests' kind
SAID = {"superusers": "spec.users.eve is a superuser", "pgHba": "spec.patroni.pg_hba[0] lets in without a password"}


def test_without_a_rule_power_is_written_and_warned_of_everywhere(world, cli, tmp_path):
    world.push({"team/pg.yaml": POWERFUL})
    team = world.application("team")
    world.begin()
    team.synced()
    for _ in range(2):  # once written, it is said as long as it is wanted
        for text in SAID.values():
            assert team.condition("PowerWarning", text)["message"].startswith("team/pg.yaml:1: ")
        world.passes()
    assert world.get("postgresql", "acid-main")
    log = world.agent.log()
    assert all(text in log for text in SAID.values())
    told = world.agent.get("/api/v1/applications/team").json
    assert all(text in json.dumps(told) for text in SAID.values())

    (tmp_path / "pg.yaml").write_text(POWERFUL + NODE)
    result = cli("check", str(tmp_path / "pg.yaml")).ok()
    for setting, text in {**SAID, "volumes": "spec.additionalVolumes[0] is a folder of the node"}.items():
        assert f"pg.yaml:1: warning: {text}" in result.out and f"(postgresql.{setting})" in result.out


def test_a_rule_has_the_last_word_about_power(world):
    world.push({"team/pg.yaml": POWERFUL + NODE})
    team = world.application("team")
    world.agent.config["rules"] = [{"application": "team", "postgresql": {
        "superusers": ["eve"], "pgHba": "allow", "volumes": "refuse"}}]
    world.begin()
    told = team.condition("SyncError", "spec.additionalVolumes: refused by the rule at")["message"]
    assert told.startswith("team/pg.yaml:1: ") and "pg_hba" not in told and not team.conditions("PowerWarning")
    assert world.get("postgresql", "acid-main") is None


# ---- the agent's own installation ---------------------------------------------------------------------------------------

def test_what_the_agent_runs_as_is_not_gits_to_write(world, tmp_path):
    """Installed as `robot` in a namespace of its own; its Applications are in another."""
    runs = world.plane.namespace("runs")
    world.kube.create(json.loads(placed(runs, "v1", "ServiceAccount", "robot")))
    path = world.kube.path("v1", "ServiceAccount", runs, "robot") + "/token"
    token = world.kube.request("POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                                              "spec": {"expirationSeconds": 3600}})["status"]["token"]
    world.kube.create({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": runs},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": runs}]})
    world.agent.config["kubernetes"] = {"kubeconfig": str(world.plane.kubeconfig("robot", folder=tmp_path, token=token))}
    pod = {"containers": [{"name": "c", "image": "i"}], "serviceAccountName": "robot"}
    attacks = {
        "pod.yaml": (placed(runs, "v1", "Pod", "x", spec=pod), "runs as the agent's own ServiceAccount"),
        "bind.yaml": (manifest("rbac.authorization.k8s.io/v1", "RoleBinding", "x", roleRef={
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}, subjects=[
                {"kind": "ServiceAccount", "name": "robot", "namespace": runs}]), "binds rights to the agent's own"),
        "account.yaml": (placed(runs, "v1", "ServiceAccount", "robot", automountServiceAccountToken=False),
                         "belongs to the agent's own installation"),
        "repository.yaml": (json.dumps({"apiVersion": "v1", "kind": "Secret", "stringData": {"url": "https://x"}, "metadata": {
            "name": "x", "namespace": world.home, "labels": {PREFIX + "secret-type": "repo-creds"}}}),
            "is a repository's credentials in the agent's own namespace"),
        "application.yaml": (json.dumps({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {
            "name": "theirs", "namespace": world.home}, "spec": {
                "source": {"repoURL": world.repository.url, "path": "mine"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": world.namespace}}}),
            "no rule of the agent file names it in `applications`"),
        "project.yaml": (json.dumps({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {
            "name": "default", "namespace": world.home}, "spec": {}}), "it is in the agent's own namespace"),
    }
    world.push({"theirs/a.yaml": config_map("a", value="theirs")} | {f"mine/{name}": text for name, (text, _) in attacks.items()})
    theirs, mine = world.application("theirs"), world.application("mine")
    world.begin()
    theirs.synced()
    for name, (_, why) in attacks.items():
        mine.condition("SyncError", f"mine/{name}:1: ", why)
    assert theirs.get()["spec"]["source"]["path"] == "theirs"
    assert world.kube.get("v1", "Secret", world.home, "x") is None and world.get("Pod", "x", namespace=runs) is None


# ---- what is there already ----------------------------------------------------------------------------------------------

EVIL = base64.b64encode(b"https://evil.example.org/").decode()
WAYS = {  # each has the object without writing the label that it is known by
    "added": ({"proxy": EVIL}, {}),
    "replaced": ({"url": EVIL}, {PREFIX + "sync-options": "Replace=true,Force=true"}),
    "cleared": ({"url": EVIL}, {PREFIX + "hook": "PreSync", PREFIX + "hook-delete-policy": "BeforeHookCreation"}),
}


def test_what_the_agent_logs_in_with_is_not_taken_over(world):
    """The label stands in the cluster alone: whoever adds a field to such a Secret, or clears its place, gets its password."""
    good = {"url": base64.b64encode(b"https://git.example.org/").decode(), "password": "aHVudGVyMg=="}
    for name in WAYS:
        world.kube.create({"apiVersion": "v1", "kind": "Secret", "data": good, "metadata": {
            "name": name, "namespace": world.home, "labels": {PREFIX + "secret-type": "repo-creds"}}})
    world.kube.create({"apiVersion": "v1", "kind": "ConfigMap", "data": {"agent.yaml": "good"}, "metadata": {
        "name": "agent-file", "namespace": world.home, "labels": {"app.kubernetes.io/name": "pgitops"}}})
    taken = {f"{name}/{name}.yaml": json.dumps({"apiVersion": "v1", "kind": "Secret", "data": data, "metadata": {
        "name": name, "namespace": world.home, "annotations": marks}}) for name, (data, marks) in WAYS.items()}
    world.push(taken | {"cleared/a.yaml": config_map("a"), "file/file.yaml": config_map("agent-file", namespace=world.home, value="taken")})
    apps = {name: world.application(name, options=["ForceConflicts=true"]) for name in (*WAYS, "file")}
    world.begin()
    for name in WAYS:
        apps[name].condition("SyncError", f"Secret {world.home}/{name} is not written: it is a repository's credentials")
    apps["file"].condition("SyncError", "file/file.yaml:1: ", "says by its label that it belongs to the agent's own installation")
    world.passes()
    assert all(world.get("Secret", name, namespace=world.home)["data"] == good for name in WAYS)
    assert world.get("ConfigMap", "agent-file", namespace=world.home)["data"] == {"agent.yaml": "good"}


def test_the_doctor_says_what_each_application_may_do(world):
    world.application("team")
    world.application("shop")
    world.agent.config["rules"] = [{"application": "team", "namespaces": [world.namespace], "kinds": ["ConfigMap"]}]
    world.begin()
    told = world.agent.cli("doctor").out
    assert f"team may write ConfigMap in {world.namespace} (rule at " in told
    assert "shop may write whatever its AppProject and the agent's ServiceAccount allow" in told
