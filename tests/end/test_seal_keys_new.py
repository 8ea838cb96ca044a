"""`pgitops seal keys new`: a sealing key where no controller makes one. Nothing is replaced, the key is not shown."""

import base64
import os
import pathlib

import pytest
import yaml

from parts import kube, kubeseal
from parts.checkout import Checkout

MANIFESTS = pathlib.Path(__file__).resolve().parents[2] / "manifests"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: team}\nstringData: {password: hunter2-hunter2}\n"
LABEL = {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"}
SHORT = ("--bits", "2048")


@pytest.fixture
def desk(program, tmp_path):
    return Checkout(tmp_path / "desk", folder=".", certificate=False)


@pytest.fixture
def safe(tmp_path):
    """A folder outside of Git."""
    folder = tmp_path / "safe"
    folder.mkdir()
    return folder


def opened(desk, *words, stdin):
    return base64.b64decode(yaml.safe_load(desk.pgitops("unseal", "-o", "yaml", *words, stdin=stdin).ok().out)["data"]["password"])


def assert_hidden(answer, manifest):
    """Nothing of the key was said, in whatever form."""
    key = manifest["data"]["tls.key"]
    middle = base64.b64decode(key).decode().splitlines()[5]
    assert key[200:240] not in answer.text and middle not in answer.text


def test_what_the_certificate_seals_the_key_opens_here_and_in_kubeseal(desk, safe):
    file = safe / "key.yaml"
    answer = desk.pgitops("seal", "keys", "new", "-w", file, *SHORT).ok()
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    assert oct((desk.root / "pub-cert.pem").stat().st_mode & 0o777) == "0o644"
    made = yaml.safe_load(file.read_text())
    assert made["metadata"] == {"name": "pgitops-sealing-key", "namespace": "argocd", "labels": LABEL}
    assert made["type"] == "kubernetes.io/tls"
    for words in (str(file), "pub-cert.pem", "fingerprint", "kubectl create -f", "Keep a copy"):
        assert words in answer.err
    assert answer.out == ""
    assert_hidden(answer, made)
    sealed = desk.pgitops("seal", stdin=SECRET).ok().out
    assert opened(desk, "--private-key", file, stdin=sealed) == b"hunter2-hunter2"
    assert opened(desk, "--private-key", safe, stdin=sealed) == b"hunter2-hunter2"
    real = desk.run(kubeseal.binary(), "--recovery-unseal", "--recovery-private-key", file, stdin=sealed).ok().out
    assert base64.b64decode(yaml.safe_load(real)["data"]["password"]) == b"hunter2-hunter2"
    theirs = desk.run(kubeseal.binary(), "--cert", "pub-cert.pem", stdin=SECRET).ok().out
    assert opened(desk, "--private-key", file, stdin=theirs) == b"hunter2-hunter2"


def test_the_certificate_is_what_the_controller_would_make(desk, safe):
    desk.pgitops("seal", "keys", "new", "-w", safe / "a.yaml").ok()
    shown = desk.run("openssl", "x509", "-in", "pub-cert.pem", "-noout", "-text").ok().out
    for words in ("4096 bit", "sha256WithRSAEncryption", "Basic Constraints: critical", "CA:TRUE", "Key Usage: critical", "Encipher Only"):
        assert words in shown, words
    assert shown.count("Issuer: \n") == shown.count("Subject: \n") == 1
    desk.pgitops("seal", "keys", "new", "-w", safe / "b.yaml", "--pub-cert", "other.pem", "--cn", "sealing of the team", "--days", "30",
                 *SHORT).ok()
    shown = desk.run("openssl", "x509", "-in", "other.pem", "-noout", "-subject", "-issuer").ok().out
    assert shown.count("CN = sealing of the team") == 2
    assert "(29 days left)" in desk.pgitops("seal", "cert", "--cert", "other.pem").ok().err
    pem = base64.b64decode(yaml.safe_load((safe / "b.yaml").read_text())["data"]["tls.key"])
    assert pem.startswith(b"-----BEGIN RSA PRIVATE KEY-----\n")  # PKCS#1


def test_nothing_is_replaced_and_nothing_is_left_of_a_refusal(desk, safe):
    file = safe / "key.yaml"
    desk.pgitops("seal", "keys", "new", "-w", file, *SHORT).ok()
    before = file.read_bytes(), (desk.root / "pub-cert.pem").read_bytes()
    desk.pgitops("seal", "keys", "new", "-w", safe / "other.yaml", *SHORT).refused("pub-cert.pem is there already", "--pub-cert FILE")
    desk.pgitops("seal", "keys", "new", "-w", file, "--pub-cert", "new.pem", *SHORT).refused(f"{file} is there already", "only copy")
    desk.pgitops("seal", "keys", "new", "-w", safe / "no-such-folder/key.yaml", "--pub-cert", "new.pem", *SHORT).refused("no-such-folder")
    assert before == (file.read_bytes(), (desk.root / "pub-cert.pem").read_bytes())
    assert sorted(os.listdir(safe)) == ["key.yaml"] and not (desk.root / "new.pem").exists()


def test_a_key_is_not_put_where_git_add_finds_it(desk, tmp_path):
    for place in ("key.yaml", "deep/key.yaml", desk.root / "key.yaml"):
        (desk.root / "deep").mkdir(exist_ok=True)
        desk.pgitops("seal", "keys", "new", "-w", place, *SHORT).refused("is not ignored there")
    desk.pgitops("seal", "keys", "new", "-w", desk.root / "key.yaml", *SHORT, cwd=tmp_path).refused("is not ignored there")
    assert desk.git("status", "--porcelain").ok().out == ""
    desk.write(".gitignore", "/deep/\n")
    desk.pgitops("seal", "keys", "new", "-w", "deep/key.yaml", *SHORT).ok()
    assert "key.yaml" not in desk.git("status", "--porcelain", "-uall").ok().out


def test_the_clone_takes_its_own_certificate(desk, safe):
    """Another certificate than the one last sealed with is refused until somebody names it: whoever made it here has."""
    desk.pgitops("seal", "keys", "new", "-w", safe / "a.yaml", *SHORT).ok()
    desk.pgitops("seal", stdin=SECRET).ok()
    (desk.root / "pub-cert.pem").unlink()
    desk.pgitops("seal", "keys", "new", "-w", safe / "b.yaml", *SHORT).ok()
    sealed = desk.pgitops("seal", stdin=SECRET).ok().out
    assert opened(desk, "--private-key", safe / "b.yaml", stdin=sealed) == b"hunter2-hunter2"


def test_stdout_is_asked_for_by_its_name(desk):
    shown = desk.pgitops("seal", "keys", "new", "-w", "-", "--name", "mine", "-n", "here", *SHORT).ok()
    made = yaml.safe_load(shown.out)
    assert (made["metadata"]["namespace"], made["metadata"]["name"]) == ("here", "mine")
    assert "PRIVATE KEY" in base64.b64decode(made["data"]["tls.key"]).decode() and "tls.key" not in shown.err


@pytest.mark.parametrize("words, said", [
    ((), "say where the private key goes"), (("-w", "k", "--bits", "1024"), "--bits takes 2048 to 16384"),
    (("-w", "k", "--bits", "4096x"), "--bits"), (("-w", "k", "--days", "0"), "--days takes"), (("-w", "k", "--name", "A_b"), "--name A_b"),
    (("-w", "k", "--namespace", "a/b"), "--namespace a/b"), (("-w", "k", "file"), "one argument too many"),
    (("-w", "/nowhere/k", "--cn", "x" * 65, "--bits", "2048"), "common name")])
def test_what_cannot_be_is_said_by_name(desk, words, said):
    desk.pgitops("seal", "keys", "new", *words).refused(said)
    assert os.listdir(desk.root) == [".git"]


def test_a_file_called_new_has_its_folder_before_it(desk, safe):
    desk.pgitops("seal", "keys", "new", "-w", safe / "key.yaml", *SHORT).ok()
    desk.write("new", desk.pgitops("seal", stdin=SECRET).ok().out)
    assert "Opens" in desk.pgitops("seal", "keys", "./new", "--private-key", safe / "key.yaml").ok().out


def test_apply_makes_the_secret_in_the_cluster_once(desk, safe):
    plane = kube.shared()
    namespace = plane.namespace("keys")
    desk.environment["KUBECONFIG"] = str(plane.kubeconfig(folder=desk.home))
    answer = desk.pgitops("seal", "keys", "new", "--apply", "-n", namespace, *SHORT).ok()
    found = plane.admin.get("v1", "Secret", namespace, "pgitops-sealing-key")
    assert found["metadata"]["labels"] == LABEL and found["type"] == "kubernetes.io/tls"
    assert found["metadata"]["managedFields"][0]["manager"] == "pgitops"
    assert_hidden(answer, found)
    sealed = desk.pgitops("seal", stdin=SECRET).ok().out
    assert opened(desk, "--controller-namespace", namespace, stdin=sealed) == b"hunter2-hunter2"

    again = desk.pgitops("seal", "keys", "new", "--apply", "-n", namespace, "--pub-cert", "x.pem", "-w", safe / "k", *SHORT)
    again.refused("is there already", "--name NAME", "jsonpath={.data.tls\\.crt}")
    assert again.code == 1 and os.listdir(safe) == [] and not (desk.root / "x.pem").exists()
    assert plane.admin.get("v1", "Secret", namespace, "pgitops-sealing-key")["data"] == found["data"]

    desk.pgitops("seal", "keys", "new", "--apply", "--controller-namespace", namespace, "--name", "second", "--pub-cert", "x.pem", "-w",
                 safe / "second.yaml", *SHORT).ok()
    copy = yaml.safe_load((safe / "second.yaml").read_text())
    assert plane.admin.get("v1", "Secret", namespace, "second")["data"] == copy["data"]
    desk.environment["KUBECONFIG"] = str(plane.kubeconfig("bob", folder=desk.home))
    refused = desk.pgitops("seal", "keys", "new", "--apply", "-n", namespace, "--name", "third", "--pub-cert", "y.pem", *SHORT)
    refused.refused(f"Secret {namespace}/third", "403", "-w FILE")
    assert not (desk.root / "y.pem").exists()
    plane.admin.delete("v1", "Namespace", None, namespace)


def test_install_yaml_mounts_what_the_command_makes(desk, safe, tmp_path):
    """The volume as the kubelet lays it out: links to a folder of the moment, mode 0440; optional, so it may be empty."""
    deployment = next(d for d in yaml.safe_load_all((MANIFESTS / "install.yaml").read_text()) if d["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    volume = next(v for v in pod["volumes"] if v["name"] == "sealing-keys")["projected"]
    mount = next(m for m in pod["containers"][0]["volumeMounts"] if m["name"] == "sealing-keys")
    source = volume["sources"][0]["secret"]
    assert volume["defaultMode"] == 0o440 and source["optional"] is True and mount["readOnly"] is True
    assert f"keys: [{mount['mountPath']}]" in (MANIFESTS / "base/agent.yaml").read_text()
    desk.pgitops("seal", "keys", "new", "-w", safe / "key.yaml", *SHORT).ok()
    made = yaml.safe_load((safe / "key.yaml").read_text())
    assert (deployment["metadata"]["namespace"], source["name"]) == (made["metadata"]["namespace"], made["metadata"]["name"])
    keys = tmp_path / "keys"
    (keys / "..now").mkdir(parents=True)
    (keys / "..data").symlink_to("..now")
    for item in source["items"]:
        file = keys / "..now" / item["path"]
        file.write_bytes(base64.b64decode(made["data"][item["key"]]))
        file.chmod(0o440)
        (keys / item["path"]).symlink_to(pathlib.Path("..data", item["path"]))
    sealed = desk.pgitops("seal", stdin=SECRET).ok().out
    assert opened(desk, "--private-key", keys, stdin=sealed) == b"hunter2-hunter2"
    config = tmp_path / "agent.yaml"
    config.write_text(f"version: 1\nstate: {tmp_path}/state\nlisten: ''\nkubernetes: {{none: true}}\napplications: {tmp_path}/apps\n"
                      f"sealing: {{keys: [{keys}]}}\n")
    (tmp_path / "apps").mkdir()
    said = desk.pgitops("doctor", "--config", config, cwd=tmp_path).out
    assert f"{keys} (sealing keys), 1 file" in said and "1 key" in said, said
