"""manifests/base and its overlays: one source, one place to set what a cluster calls things, and what a server takes."""

import pathlib
import shutil
import subprocess

import pytest
import yaml

from parts import tools

MANIFESTS = pathlib.Path(__file__).resolve().parents[2] / "manifests"
OVERLAYS = sorted(folder.name for folder in (MANIFESTS / "overlays").iterdir())
SETTINGS = {"image": "registry.example.org/pgitops:9", "host": "db.example.org", "secret": "superuser-of-db", "secretNamespace": "vault",
            "cluster": "prod/main-cluster"}


def keyed(documents):
    return {(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for one in documents}


def documents(path):
    return [document for document in yaml.safe_load_all((MANIFESTS / path).read_text()) if document]


@pytest.fixture(scope="module")
def rendered():
    return {name: keyed(tools.kustomized(MANIFESTS / "overlays" / name)) for name in OVERLAYS}


def agent_file(overlay):
    return yaml.safe_load(overlay["ConfigMap", "argocd", "pgitops"]["data"]["agent.yaml"])


def test_install_yaml_is_what_the_base_renders_and_so_is_the_plain_overlay(rendered):
    subprocess.run([MANIFESTS / "render.sh", "--check"], check=True)
    installed = keyed(documents("install.yaml"))
    assert keyed(tools.kustomized(MANIFESTS / "base")) == installed
    assert rendered["in-cluster"] == installed


def test_what_is_to_set_is_in_one_file_and_reaches_every_place(tmp_path):
    shutil.copytree(MANIFESTS, tmp_path / "manifests")
    settings = tmp_path / "manifests/settings/settings.env"
    before = dict(line.split("=", 1) for line in settings.read_text().splitlines() if not line.startswith("#"))
    assert before.keys() == SETTINGS.keys()
    settings.write_text("".join(f"{key}={value}\n" for key, value in SETTINGS.items()))
    for name in OVERLAYS:
        text = yaml.safe_dump_all(tools.kustomized(tmp_path / "manifests/overlays" / name))
        wanted = {"image", "secret", "cluster"} if name == "operator" else SETTINGS.keys() - {"cluster"}
        assert [key for key in wanted if SETTINGS[key] not in text] == [], name
        assert before["host"] not in text and before["image"] not in text and before["secret"] not in text, name
    # install.yaml has them marked, and nothing else.
    marked = [line.strip() for line in (MANIFESTS / "install.yaml").read_text().splitlines() if "# SET" in line]
    assert len(marked) == 4 and all(any(before[key] in line for key in ("image", "host", "secret")) for line in marked), marked


def test_each_overlay_is_what_a_server_takes(crds, rendered):
    for document in documents("prepare.yaml"):
        if document["kind"] == "Namespace":
            crds.admin.apply(document, force=True)
    for name in OVERLAYS:
        for document in rendered[name].values():
            query = "?fieldManager=kubectl&dryRun=All&fieldValidation=Strict&force=true"
            crds.admin.request("PATCH", crds.admin.path_of(document) + query, document, "application/apply-patch+yaml")


def test_each_agent_file_is_one_that_the_agent_reads(rendered, cli, tmp_path):
    for name in OVERLAYS:
        file = tmp_path / f"{name}.yaml"
        file.write_text(rendered[name]["ConfigMap", "argocd", "pgitops"]["data"]["agent.yaml"])
        items = cli("doctor", "--config", str(file), "--state", str(tmp_path / "state"), "-o", "json", "pod-does-not-start").items
        assert not [item for item in items if item["check"] == "agent file" and item["status"] == "failed"], (name, items)


def test_two_replicas_share_a_lease_and_no_volume_and_one_of_them_stays(rendered):
    made = rendered["two-replicas"]
    spec = made["Deployment", "argocd", "pgitops"]["spec"]
    volumes = {volume.pop("name"): volume for volume in spec["template"]["spec"]["volumes"]}
    assert (spec["replicas"], spec["strategy"]["type"]) == (2, "RollingUpdate") and set(volumes["state"]) == {"emptyDir"}
    assert agent_file(made)["lease"] == {}
    budget = made["PodDisruptionBudget", "argocd", "pgitops"]["spec"]
    assert budget["minAvailable"] == 1
    assert budget["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    assert not [key for name in OVERLAYS if name != "two-replicas" for key in rendered[name] if key[0] == "PodDisruptionBudget"]


def test_an_overlay_gives_no_right_by_wildcard_and_none_to_get_more(rendered):
    for name in OVERLAYS:
        for key, document in rendered[name].items():
            for rule in document.get("rules", []):
                assert not [value for field in ("apiGroups", "resources", "verbs") for value in rule[field] if "*" in value], (name, key, rule)
                powers = {"rbac.authorization.k8s.io", "apps", "batch"} & set(rule["apiGroups"])
                assert not powers or set(rule["verbs"]) <= {"get", "list"}, (name, key, rule)
    assert {"secrets"} == {resource for rule in rendered["sealing-controller"]["Role", "postgres", "pgitops"]["rules"]
                           if "" in rule["apiGroups"] and "update" in rule["verbs"] for resource in rule["resources"]}
