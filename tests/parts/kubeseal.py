"""The real kubeseal and the real Sealed Secrets controller (tests/kubeseal/build.sh).

    controller = Controller(plane, folder)     # against the API server of the tests, in a namespace of its own
    controller.start()
    controller.kubeconfig                      # of a server that proxies to it
"""

import functools
import http.client
import os
import pathlib
import shlex
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

from parts.process import die_with_parent, free_port, private, wait_for

HERE = pathlib.Path(__file__).resolve().parent
ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"
SERVICE = "sealed-secrets-controller"


@functools.cache
def folder():
    done = subprocess.run([HERE.parent / "kubeseal" / "build.sh"], check=True, stdout=subprocess.PIPE, text=True)
    return pathlib.Path(done.stdout.strip())


def binary():
    return str(folder() / "kubeseal")


class Controller:
    """It reads its credentials where a pod has them: it gets a /run of its own. Its service is in the API server, which however proxies to no
    loopback address: `kubeconfig` leads to a front that forwards the proxy's paths to the controller and all else to the API server."""

    def __init__(self, plane, place):
        self.plane, self.place = plane, pathlib.Path(place)
        self.namespace = plane.namespace("sealed")
        self.port = free_port()
        self.process = self.front = None
        plane.admin.create({"apiVersion": "v1", "kind": "Service", "metadata": {"name": SERVICE, "namespace": self.namespace},
                            "spec": {"ports": [{"name": "http", "port": 8080}]}})

    def start(self, *flags):
        account = self.place / "account"
        account.mkdir(exist_ok=True)
        private(account / "token", self.plane.token())
        (account / "ca.crt").write_bytes(self.plane.ca_file.read_bytes())
        words = [folder() / "controller", "--listen-addr", f"127.0.0.1:{self.port}", "--listen-metrics-addr", f"127.0.0.1:{free_port()}",
                 "--key-size", "2048", *flags]
        script = (f"mount -t tmpfs -o mode=700 none /run && mkdir -p {ACCOUNT} && mount --bind {shlex.quote(str(account))} {ACCOUNT} && "
                  f"exec {shlex.join(map(str, words))}")
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        with open(self.place / "controller.log", "ab") as log:
            self.process = subprocess.Popen(
                ["unshare", *user, "--mount", "--propagation", "private", "sh", "-c", script], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, preexec_fn=die_with_parent, env={"PATH": os.environ["PATH"], "POD_NAMESPACE": self.namespace,
                                                             "KUBERNETES_SERVICE_HOST": "127.0.0.1",
                                                             "KUBERNETES_SERVICE_PORT": str(self.plane.port)})
        wait_for("the controller", self.answers)
        return self

    @property
    def log(self):
        return (self.place / "controller.log").read_text(errors="replace")

    def answers(self):
        assert self.process.poll() is None, self.log[-3000:]
        try:
            return self.ask("GET", "/healthz").status == 200
        except OSError:
            return False

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, headers or {})
        return connection.getresponse()

    def stop(self):
        self.process.kill()
        self.process.wait()

    # The API server with a service proxy that reaches loopback

    @functools.cached_property
    def kubeconfig(self):
        controller = self
        proxied = f"/api/v1/namespaces/{self.namespace}/services/http:{SERVICE}:http/proxy"

        class Handler(BaseHTTPRequestHandler):
            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
                if self.path.startswith(proxied + "/"):
                    # As the real proxy: the client's credentials stay with the API server.
                    headers = {name: value for name, value in self.headers.items() if name != "Authorization"}
                    answer = controller.ask(self.command, self.path[len(proxied):], body, headers)
                else:
                    server = http.client.HTTPSConnection("127.0.0.1", controller.plane.port, context=controller.plane.tls(), timeout=20)
                    server.request(self.command, self.path, body, dict(self.headers))
                    answer = server.getresponse()
                text = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = forward

            def log_message(self, *_):
                pass

        key, ca = self.place / "front.key", self.place / "front.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", ca, "-days", "30", "-subj",
                        "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True, timeout=60)
        self.front = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ca, key)
        self.front.socket = context.wrap_socket(self.front.socket, server_side=True)
        threading.Thread(target=self.front.serve_forever, daemon=True).start()
        file = self.place / "front.kubeconfig"
        private(file, yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "front",
            "contexts": [{"name": "front", "context": {"cluster": "front", "user": "admin"}}],
            "clusters": [{"name": "front", "cluster": {"server": f"https://127.0.0.1:{self.front.server_port}",
                                                       "certificate-authority": str(ca)}}],
            "users": [{"name": "admin", "user": {"token": self.plane.token()}}]}))
        return file

    def close(self):
        if self.process and self.process.poll() is None:
            self.stop()
        if self.front:
            self.front.shutdown()
            self.front.server_close()
        self.plane.admin.delete("v1", "Namespace", None, self.namespace)
