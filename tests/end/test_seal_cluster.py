"""The Sealed Secrets controller behind an API server: its certificate, its keys, its re-encryption.

The API server is played: a real one proxies to no loopback address. It answers exactly the paths that the controller has.
"""

import base64
import json
import shutil
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from parts.checkout import VECTORS, Checkout

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: team}\nstringData: {password: hunter2-hunter2}\n"
LABEL = "sealedsecrets.bitnami.com/sealed-secrets-key"


def encoded(name):
    return base64.b64encode((VECTORS / name).read_bytes()).decode()


class Controller:
    """What the API server answers; `certificate` is the one it seals with now."""

    def __init__(self, folder):
        self.certificate = "cert-a.pem"
        self.port = "http"
        self.keys = [{"metadata": {"name": "sealed-secrets-keyx", "namespace": "kube-system"}, "type": "kubernetes.io/tls",
                      "data": {"tls.key": encoded("key-a.pem"), "tls.crt": encoded("cert-a.pem")}},
                     {"metadata": {"name": "broken", "namespace": "kube-system"}, "data": {"tls.key": "bm8="}}]
        self.service = "sealed-secrets-controller"
        self.seen = []
        self.rotate = None
        self.verdict = 200  # of /v1/verify
        self.headers = None
        controller = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self, status, body, kind="application/json"):
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def missing(self):
                self.answer(404, {"kind": "Status", "status": "Failure", "reason": "NotFound", "message": "not found", "code": 404})

            def do_GET(self):
                controller.headers = self.headers
                controller.seen.append((self.path, self.headers.get("Authorization")))
                services = "/api/v1/namespaces/kube-system/services/"
                if self.path == services + controller.service:
                    self.answer(200, {"kind": "Service", "spec": {"ports": [{"name": controller.port, "port": 8080}]}})
                elif self.path == f"{services}http:{controller.service}:{controller.port}/proxy/v1/cert.pem":
                    self.answer(200, (VECTORS / controller.certificate).read_bytes(), "application/x-pem-file")
                elif self.path.startswith("/api/v1/services?labelSelector=app.kubernetes.io%2Fname%3Dsealed-secrets"):
                    self.answer(200, {"items": [{"metadata": {"name": "sealed-secrets", "namespace": "tools"}}]})
                elif self.path == f"/api/v1/namespaces/kube-system/secrets?labelSelector={LABEL.replace('/', '%2F')}%3Dactive":
                    self.answer(200, {"kind": "SecretList", "items": controller.keys})
                else:
                    self.missing()

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                controller.rotate = (self.path, body)
                if self.path.endswith("/v1/verify"):
                    self.answer(controller.verdict, b"", "text/plain")
                    return
                body["spec"]["encryptedData"] = {"password": "AgRotated"}
                self.answer(200, body)

            def log_message(self, *_):
                pass

        key, self.ca = folder / "api.key", folder / "api.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", self.ca, "-days", "30",
                        "-subj", "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True, timeout=60)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "played",
            "contexts": [{"name": "played", "context": {"cluster": "played", "user": "ann"}}],
            "clusters": [{"name": "played", "cluster": {"server": f"https://127.0.0.1:{self.server.server_port}",
                                                        "certificate-authority": str(self.ca)}}],
            "users": [{"name": "ann", "user": {"token": "token-of-ann"}}]}))

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def desk(program, tmp_path):
    return Checkout(tmp_path / "desk", folder=".", init=False, certificate=False)


@pytest.fixture
def controller(desk, tmp_path):
    made = Controller(tmp_path)
    desk.environment["KUBECONFIG"] = str(made.kubeconfig)
    yield made
    made.stop()


def test_the_certificate_comes_through_the_service_proxy(desk, controller):
    shown = desk.pgitops("seal", "cert").ok()
    assert shown.out == (VECTORS / "cert-a.pem").read_text()
    assert "fingerprint" in shown.err
    assert controller.seen[-1][1] == "Bearer token-of-ann"
    sealed = desk.pgitops("seal", stdin=SECRET).ok()
    opened = desk.pgitops("unseal", "--private-key", VECTORS / "key-a.pem", "-o", "yaml", stdin=sealed.out).ok().out
    assert base64.b64decode(yaml.safe_load(opened)["data"]["password"]) == b"hunter2-hunter2"


def test_a_port_without_a_name_is_proxied_as_well(desk, controller):
    controller.port = ""
    desk.pgitops("seal", "cert").ok()


def test_what_the_cluster_gave_last_serves_offline(desk, controller):
    desk.pgitops("seal", "cert").ok()
    controller.stop()
    desk.pgitops("seal", stdin=SECRET).ok()
    desk.pgitops("seal", "--from-cluster", stdin=SECRET).refused("the cluster's cannot be had")


def test_a_certificate_that_is_not_the_clusters_is_said_before_sealing(desk, controller):
    desk.pgitops("seal", "cert").ok()
    answer = desk.pgitops("seal", "--cert", VECTORS / "cert-b.pem", stdin=SECRET).ok()
    assert "is not the certificate that the cluster gave last" in answer.err
    assert "warning" not in desk.pgitops("seal", "--cert", VECTORS / "cert-a.pem", stdin=SECRET).ok().err


def test_a_service_that_is_not_there_is_answered_with_those_that_are(desk, controller):
    controller.service, controller.keys = "elsewhere", []
    desk.pgitops("seal", "cert").refused("--controller-name sealed-secrets --controller-namespace tools")


def test_where_the_service_is_missing_the_newest_key_secret_has_the_certificate(desk, controller):
    controller.service = "elsewhere"
    answer = desk.pgitops("seal", "cert").ok()
    assert answer.out == (VECTORS / "cert-a.pem").read_text() and "kube-system/sealed-secrets-keyx" in answer.err
    assert desk.pgitops("seal", "--fetch-cert", "--format", "json").ok().out == answer.out


def test_validate_asks_the_controller_and_says_no_by_name(desk, controller):
    sealed = desk.pgitops("seal", "--cert", VECTORS / "cert-a.pem", stdin=SECRET).ok().out
    desk.pgitops("seal", "--validate", stdin=sealed + sealed).ok()
    assert controller.rotate[0].endswith("/proxy/v1/verify") and controller.rotate[1]["kind"] == "SealedSecret"
    controller.verdict = 409
    answer = desk.pgitops("seal", "--validate", stdin=sealed).refused("unable to decrypt sealed secret: ")
    assert answer.code == 1 and answer.out == ""
    controller.verdict = 500
    assert desk.pgitops("seal", "--validate", stdin=sealed).refused("cannot validate sealed secret").code == 2


def test_kubectls_options_go_over_the_kubeconfig(desk, controller):
    desk.pgitops("seal", "cert", "--token", "said-here-0001", "--as", "carol", "--as-group", "dba", "--as-group", "ops", "--as-uid", "7",
                 "--request-timeout", "20s").ok()
    seen = controller.headers
    assert seen["Authorization"] == "Bearer said-here-0001"
    assert (seen["Impersonate-User"], seen["Impersonate-Uid"], seen.get_all("Impersonate-Group")) == ("carol", "7", ["dba", "ops"])
    server = yaml.safe_load(controller.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    desk.write("other", controller.kubeconfig.read_text().replace(server, "https://127.0.0.1:1"))
    desk.pgitops("seal", "cert", "--kubeconfig", "other", "--server", server, "--certificate-authority", controller.ca).ok()
    desk.pgitops("seal", "cert", "--server", server, "--insecure-skip-tls-verify").ok()
    desk.pgitops("seal", "cert", "--cluster", "no-such").refused('no entry named "no-such"')
    desk.pgitops("seal", "cert", "--user", "no-such").refused('no entry named "no-such"')
    desk.pgitops("seal", "cert", "--as-group", "dba").refused("need --as")
    desk.pgitops("seal", "cert", "--as", "a\nX: b").refused("--as takes a name of one line")


def test_the_keys_of_the_cluster_open_what_it_sealed(desk, controller):
    sealed = desk.pgitops("seal", "--cert", VECTORS / "cert-a.pem", "-o", "yaml", stdin=SECRET).ok().out
    opened = desk.pgitops("unseal", "-o", "yaml", stdin=sealed).ok()
    assert base64.b64decode(yaml.safe_load(opened.out)["data"]["password"]) == b"hunter2-hunter2"
    assert "passed over" in opened.err  # the broken key Secret does not lock out the other
    desk.write("sealed.yaml", sealed)
    listed = yaml.safe_load(desk.pgitops("seal", "keys", "sealed.yaml", "-o", "json").ok().out)["items"]
    assert listed[0]["status"] == "Opens" and "kube-system/sealed-secrets-keyx" in listed[0]["key"]
    controller.keys = []
    desk.pgitops("unseal", stdin=sealed).refused("no sealing key with the label")


def test_without_a_key_the_controller_re_encrypts(desk, controller):
    desk.pgitops("seal", "--cert", VECTORS / "cert-a.pem", "-w", "sealed.yaml", stdin=SECRET).ok()
    desk.pgitops("seal", "--re-encrypt", "-f", "sealed.yaml").ok()
    assert controller.rotate[0].endswith("/proxy/v1/rotate")
    assert controller.rotate[1]["metadata"]["name"] == "login"
    assert "AgRotated" in (desk.root / "sealed.yaml").read_text()


def test_status_compares_the_repositorys_certificate_with_the_clusters(program, tmp_path, controller):
    one = Checkout(tmp_path / "repo")
    one.environment["KUBECONFIG"] = str(controller.kubeconfig)
    one.edit(alice="alice-password")
    one.hook("install").ok()

    def rows(*options):
        answer = one.pgitops("hook", "status", "-o", "json", *options)
        return {row["check"]: row for row in yaml.safe_load(answer.out)["items"]}

    assert rows("--cluster")["cluster"]["status"] == "ok"
    controller.certificate = "cert-b.pem"
    assert "another certificate" in rows("--cluster")["cluster"]["found"]
    controller.stop()
    assert rows("--cluster")["cluster"]["status"] == "failed"


def test_status_finds_what_was_ever_committed_in_plain_text(program, tmp_path):
    one = Checkout(tmp_path / "repo")
    one.edit(alice="alice-password")
    one.git("add", "-A").ok()
    one.commit("the predecessor's way").ok()
    commit = one.git("rev-parse", "HEAD").ok().out[:12]
    one.hook("install").ok()
    one.write("README", "x\n")
    one.git("add", "README").ok()
    one.commit("sealed").ok()
    shutil.copy(VECTORS / "cert-a.pem", one.place / "pub-cert.pem")
    answer = one.pgitops("hook", "status", "--history").refused(commit, "team/edit-users.yaml:7", "git filter-repo")
    assert "alice-password" not in answer.text
    assert one.pgitops("hook", "status").code == 0


def test_the_doctor_looks_at_the_checkout_it_is_called_in(program, tmp_path):
    one = Checkout(tmp_path / "repo")
    one.pgitops("doctor").refused("no agent file")
    one.edit(alice="alice-password")
    one.pgitops("doctor").refused("is not installed", "pgitops hook install")
    one.pgitops("doctor", "hook-does-not-seal").refused("is not installed", "pgitops hook install")
    one.hook("install").ok()
    assert "no cause was found in this clone" in one.pgitops("doctor", "hook-does-not-seal").ok().out
    one.git("config", "core.hooksPath", ".husky").ok()  # as such a tool sets it at each install
    one.pgitops("doctor", "hook-does-not-seal").refused("is not installed in .husky")
    one.git("config", "--unset", "core.hooksPath").ok()
    one.commit("sealed", "--allow-empty").ok()
    found = one.pgitops("doctor").ok()
    assert "no plain passwords" in found.out and "is ignored by Git" in found.out and "RSA 2048 bits" in found.out
    one.write("leak.yaml", one.with_plain())
    one.git("add", "leak.yaml").ok()
    one.commit("leak", "--no-verify").ok()
    answer = one.pgitops("doctor", cwd=one.place).refused("leak.yaml:7", "git filter-repo")
    assert "plain-secret-1" not in answer.text
