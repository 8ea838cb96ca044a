"""The real Sealed Secrets controller, in the API server of the tests: it opens what we seal, and we speak to it as kubeseal does."""

import base64
import json
import signal
import time

import pytest
import yaml

from parts import kube, kubeseal
from parts.checkout import Checkout, users_text
from parts.process import wait_for

BITNAMI = "sealedsecrets.bitnami.com"
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: %s, namespace: %s, labels: {app: web}, annotations: {note: hello}}
type: kubernetes.io/basic-auth
data: {username: Ym9i}
stringData: {password: "hunter2 \\u2713\\n"}
"""
VALUES = {"username": b"bob", "password": "hunter2 ✓\n".encode()}


@pytest.fixture
def desk(program, controller, tmp_path):
    made = Checkout(tmp_path / "desk", folder=".", init=False, certificate=False)
    made.environment["KUBECONFIG"] = str(controller.kubeconfig)
    made.environment["SEALED_SECRETS_CONTROLLER_NAMESPACE"] = controller.namespace
    made.kubeseal = lambda *words, **more: made.run(kubeseal.binary(), *words, **more)
    return made


def documents(text):
    return [one for one in yaml.safe_load_all(text) if one]


def apply(controller, text):
    """Applies it and waits for the controller's word; the SealedSecret's status, and the Secret."""
    admin, made = controller.plane.admin, None
    for one in documents(text):
        one["metadata"].setdefault("namespace", controller.namespace)
        made = admin.apply(one, force=True)

    def judged():
        now = admin.get("bitnami.com/v1alpha1", "SealedSecret", controller.namespace, made["metadata"]["name"])
        status = now.get("status") or {}
        return status if status.get("observedGeneration") == now["metadata"]["generation"] and status.get("conditions") else None

    status = wait_for("the controller's word", judged)
    return status["conditions"][0], admin.get("v1", "Secret", controller.namespace, made["metadata"]["name"])


def values(secret):
    return {name: base64.b64decode(value) for name, value in secret["data"].items()}


@pytest.mark.parametrize("scope", ["strict", "namespace-wide", "cluster-wide"])
def test_it_opens_what_we_seal(desk, controller, scope):
    name = f"login-{scope}"
    sealed = desk.pgitops("seal", "--scope", scope, "-o", "yaml", stdin=SECRET % (name, controller.namespace)).ok().out
    condition, secret = apply(controller, sealed)
    assert condition["status"] == "True", condition
    assert values(secret) == VALUES and secret["type"] == "kubernetes.io/basic-auth"
    assert secret["metadata"]["labels"] == {"app": "web"} and secret["metadata"]["annotations"]["note"] == "hello"
    desk.pgitops("seal", "--validate", stdin=sealed).ok()
    opened = desk.pgitops("unseal", stdin=sealed).ok().out  # with the keys of the cluster
    assert values(json.loads(opened)) == VALUES

    moved = documents(sealed)[0]
    for metadata in (moved["metadata"], moved["spec"]["template"]["metadata"]):
        metadata["name"] = name + "-moved"
    condition, secret = apply(controller, yaml.safe_dump(moved))
    if scope == "strict":
        assert "no key could decrypt secret" in condition["message"] and secret is None
        answer = desk.pgitops("seal", "--validate", stdin=yaml.safe_dump(moved)).refused(f"unable to decrypt sealed secret: {name}-moved")
        assert answer.code == desk.kubeseal("--validate", stdin=yaml.safe_dump(moved)).code == 1
    else:
        assert condition["status"] == "True" and values(secret) == VALUES
        desk.pgitops("seal", "--validate", stdin=yaml.safe_dump(moved)).ok()


def test_what_seal_users_writes_becomes_secrets(desk, controller):
    desk.write("edit-users.yaml", users_text({"alice": "alice-password", "bob_x": "bob's \"password\""})
               .replace("namespace: postgres", f"namespace: {controller.namespace}")
               .replace("bob's \"password\"", "\"bob's \\\"password\\\"\""))
    desk.pgitops("seal", "cert", "-w", "pub-cert.pem").ok()
    desk.pgitops("seal", "users").ok()
    sealed = documents((desk.root / "sealed-users.yaml").read_text())
    for one in sealed:
        assert one["metadata"]["namespace"] == controller.namespace
        condition, secret = apply(controller, yaml.safe_dump(one))
        assert condition["status"] == "True", condition
        wanted = {"user-alice-secret": b"alice-password", "user-bob-x-secret": b"bob's \"password\""}[one["metadata"]["name"]]
        assert values(secret) == {"password": wanted}


def test_its_certificate_is_the_one_that_kubeseal_gets(desk):
    assert desk.pgitops("seal", "cert").ok().out == desk.kubeseal("--fetch-cert").ok().out


def test_rotate_seals_with_its_newest_key_and_keeps_the_scope(desk, controller):
    admin = controller.plane.admin
    sealed = {scope: desk.pgitops("seal", "--scope", scope, stdin=SECRET % (f"old-{scope}", controller.namespace)).ok().out
              for scope in ("strict", "namespace-wide", "cluster-wide")}
    def keys():
        return {key["metadata"]["name"]: base64.b64decode(key["data"]["tls.crt"]).decode()
                for key in admin.list("v1", "Secret", controller.namespace, f"{BITNAMI}/sealed-secrets-key=active")}

    before = keys()
    time.sleep(1.1)  # A certificate's dates are whole seconds, and of two in one second either may be the newest.
    controller.process.send_signal(signal.SIGUSR1)
    made, = wait_for("a new key", lambda: keys().keys() - before.keys())
    # One signal, one key: it is in use when the controller gives its certificate.
    wait_for("its use", lambda: desk.pgitops("seal", "--fetch-cert").out == keys()[made])
    desk.pgitops("seal", "cert", "-w", "new.pem").ok()
    for scope, text in sealed.items():
        again = desk.pgitops("seal", "--rotate", stdin=text).ok().out
        real = desk.kubeseal("--re-encrypt", stdin=text).ok().out
        assert shape(json.loads(again)) == shape(json.loads(real)) and "null" not in again
        value = json.loads(again)["spec"]["encryptedData"]["password"]
        assert value != json.loads(text)["spec"]["encryptedData"]["password"]
        listed = desk.write("again.json", again) and desk.pgitops("seal", "keys", "again.json", "-o", "json").ok().out
        newest = json.loads(desk.pgitops("seal", "cert", "--cert", "new.pem", "-o", "json", "-w", "x.pem").ok().out)["fingerprint"]
        assert all(newest[:12] in item["key"] for item in json.loads(listed)["items"]), listed
        condition, secret = apply(controller, again)
        assert condition["status"] == "True" and values(secret) == VALUES


def shape(sealed):
    for metadata in (sealed["metadata"], sealed["spec"]["template"]["metadata"]):
        metadata.pop("creationTimestamp", None)
    sealed.pop("status", None)
    return sealed | {"spec": sealed["spec"] | {"encryptedData": sorted(sealed["spec"]["encryptedData"])}}


TEMPLATE = """\
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {name: %(name)s, namespace: %(namespace)s, annotations: {sealedsecrets.bitnami.com/namespace-wide: "true"}}
spec:
  encryptedData:
    user: %(user)s
    password: %(password)s
  template:
    type: kubernetes.io/basic-auth
    immutable: %(immutable)s
    metadata:
      labels: {team: db}
      annotations: {sealedsecrets.bitnami.com/namespace-wide: "true", tool: psql}
    data: %(data)s
"""


def templated(desk, controller, name, data, immutable="false"):
    raw = {item: desk.pgitops("seal", "--raw", "--scope", "namespace-wide", "-n", controller.namespace, stdin=value).ok().out
           for item, value in (("user", "bob"), ("password", "s3cret'\"="))}
    return TEMPLATE % {"name": name, "namespace": controller.namespace, "data": json.dumps(data), "immutable": immutable, **raw}


def test_a_template_without_braces_gives_here_what_it_gives_there(desk, controller):
    """Metadata, type and literal data of a template."""
    text = templated(desk, controller, "literal", {"host": "db.example.org", "note": "no {single} braces"}, "true")
    condition, secret = apply(controller, text)
    assert condition["status"] == "True", condition
    ours = documents(desk.pgitops("unseal", "-o", "yaml", stdin=text).ok().out)[0]
    assert values(ours) == values(secret) == {"user": b"bob", "password": b"s3cret'\"=", "host": b"db.example.org", "note": b"no {single} braces"}
    for field in ("type", "immutable"):
        assert ours[field] == secret[field]
    assert ours["metadata"]["labels"] == secret["metadata"]["labels"] == {"team": "db"}
    assert ours["metadata"]["annotations"] == secret["metadata"]["annotations"]


def test_a_template_that_computes_is_the_controllers_and_is_refused_here_by_name(desk, controller):
    text = templated(desk, controller, "computed", {"url": "postgres://{{ .user }}:{{ .password | urlquery }}@db/app"})
    condition, secret = apply(controller, text)
    assert condition["status"] == "True", condition
    assert values(secret)["url"] == b"postgres://bob:s3cret%27%22%3D@db/app"
    desk.pgitops("unseal", stdin=text).refused("template", "url")
    # It stays what it is where only values change.
    desk.write("computed.yaml", text)
    addition = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: computed, namespace: {controller.namespace}}}\nstringData: {{password: another}}\n"
    desk.pgitops("seal", "--merge-into", "computed.yaml", stdin=addition).ok()
    desk.pgitops("seal", "--validate", "-f", "computed.yaml").ok()
    condition, secret = apply(controller, (desk.root / "computed.yaml").read_text())
    wait_for("the new value", lambda: values(controller.plane.admin.get("v1", "Secret", controller.namespace, "computed"))["url"]
             == b"postgres://bob:another@db/app")


def test_a_key_made_here_is_its_own(desk, program, tmp_path_factory):
    """Made before the controller starts, it is the newest: served, sealed with, opened with. And it looks as the controller's own does."""
    plane = kube.shared()
    other = kubeseal.Controller(plane, tmp_path_factory.mktemp("other"))
    desk.environment |= {"KUBECONFIG": str(other.kubeconfig), "SEALED_SECRETS_CONTROLLER_NAMESPACE": other.namespace}
    desk.pgitops("seal", "keys", "new", "--apply", "--name", "sealed-secrets-key-mine", "--bits", "2048").ok()
    other.start("--all-namespaces=false")
    try:
        assert desk.pgitops("seal", "--fetch-cert").ok().out == (desk.root / "pub-cert.pem").read_text()
        keys = plane.admin.list("v1", "Secret", other.namespace, f"{BITNAMI}/sealed-secrets-key=active")
        assert [key["metadata"]["name"] for key in keys] == ["sealed-secrets-key-mine"]
        sealed = desk.pgitops("seal", "-o", "yaml", stdin=SECRET % ("mine", other.namespace)).ok().out
        condition, secret = apply(other, sealed)
        assert condition["status"] == "True" and values(secret) == VALUES
    finally:
        other.close()


def test_its_own_key_and_ours_look_alike(desk, controller, tmp_path):
    theirs = controller.plane.admin.list("v1", "Secret", controller.namespace, f"{BITNAMI}/sealed-secrets-key=active")[0]
    desk.pgitops("seal", "keys", "new", "-w", tmp_path / "ours.yaml", "--bits", "2048").ok()
    ours = yaml.safe_load((tmp_path / "ours.yaml").read_text())
    assert ours["type"] == theirs["type"] and ours["metadata"]["labels"] == theirs["metadata"]["labels"] and set(ours["data"]) == set(theirs["data"])
    assert all(base64.b64decode(one["data"]["tls.key"]).startswith(b"-----BEGIN RSA PRIVATE KEY-----\n") for one in (ours, theirs))
    shown = []
    for name, one in (("a.pem", ours), ("b.pem", theirs)):
        desk.write(name, base64.b64decode(one["data"]["tls.crt"]).decode())
        text = desk.run("openssl", "x509", "-in", name, "-noout", "-text", "-certopt", "no_pubkey,no_sigdump,no_serial,no_validity").ok().out
        shown.append([line.strip() for line in text.splitlines() if line.count(":") < 15])
    assert shown[0] == shown[1]
