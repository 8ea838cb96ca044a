"""A real Kubernetes control plane on loopback: etcd, kube-apiserver and kube-controller-manager.

`shared()` is the one of this test session: take a namespace of your own from it (`plane.namespace()`). Tests that stop,
restart or pause the server start a ControlPlane of their own. Every request the server answered is in the audit log and
can be counted by user agent: `mark = plane.mark(); ...; plane.requests(mark, agent="pgitops")`.
"""

import atexit
import base64
import http.client
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import uuid

from parts.process import die_with_parent, free_port, wait_for

HERE = pathlib.Path(__file__).resolve().parent
TOKENS = {"admin": "admin-token-0000", "alice": "alice-token-0000", "bob": "bob-token-0000",
          "carol": "carol-token-0000", "kcm": "kcm-token-0000"}
# Of tests that allow something everywhere, which others would find.
TOKENS |= {user: f"{user}-token-0000" for user in ("first-of-two", "second-of-two", "bob-of-one-kind")}
CONTROLLERS = (
    "namespace-controller,serviceaccount-controller,garbage-collector-controller,statefulset-controller,"
    "deployment-controller,replicaset-controller,root-ca-certificate-publisher-controller,job-controller,"
    "cronjob-controller,endpointslice-controller,pod-garbage-collector-controller,"
    "clusterrole-aggregation-controller"
)
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "None", "users": ["system:kube-controller-manager", "system:apiserver"]},
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
        {"level": "Metadata"},
    ],
}


class ApiError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body.get('message', body) if isinstance(body, dict) else body}")
        self.status = status
        self.body = body


class Client:
    """What kubectl does, over HTTP; one keep-alive connection, one thread."""

    def __init__(self, plane, token, agent="tests"):
        self.plane = plane
        self.token = token
        self.agent = agent
        self.connection = None
        self.kinds = {}

    def request(self, method, path, body=None, content_type="application/json", accept="application/json"):
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        headers = {"Authorization": f"Bearer {self.token}", "User-Agent": self.agent, "Accept": accept}
        if data is not None:
            headers["Content-Type"] = content_type
        for last in (False, True):
            if self.connection is None:
                self.connection = http.client.HTTPSConnection(
                    "127.0.0.1", self.plane.port, context=self.plane.tls(), timeout=30)
            try:
                self.connection.request(method, path, data, headers)
                answer = self.connection.getresponse()
                raw = answer.read()
                break
            except (OSError, http.client.HTTPException):
                self.close()
                if last:
                    raise
        try:
            value = json.loads(raw) if raw else None
        except ValueError:
            value = raw.decode(errors="replace")
        if answer.status >= 300:
            raise ApiError(answer.status, value)
        return value

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def path(self, api_version, kind, namespace=None, name=None):
        """The URL path of a kind, a namespace's objects of it, or one object."""
        if (api_version, kind) not in self.kinds:
            root = "/api/v1" if api_version == "v1" else f"/apis/{api_version}"
            for resource in self.request("GET", root)["resources"]:
                if "/" not in resource["name"]:
                    self.kinds[(api_version, resource["kind"])] = (root, resource["name"], resource["namespaced"])
        root, plural, namespaced = self.kinds[(api_version, kind)]
        path = root
        if namespaced and namespace:
            path += f"/namespaces/{namespace}"
        path += f"/{plural}"
        return f"{path}/{name}" if name else path

    def path_of(self, obj):
        meta = obj["metadata"]
        return self.path(obj["apiVersion"], obj["kind"], meta.get("namespace"), meta["name"])

    def get(self, api_version, kind, namespace, name):
        """The object, or None when there is none."""
        try:
            return self.request("GET", self.path(api_version, kind, namespace, name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, api_version, kind, namespace=None, selector=None):
        query = f"?labelSelector={selector}" if selector else ""
        return self.request("GET", self.path(api_version, kind, namespace) + query)["items"]

    def create(self, obj):
        meta = obj["metadata"]
        return self.request("POST", self.path(obj["apiVersion"], obj["kind"], meta.get("namespace")), obj)

    def replace(self, obj):
        return self.request("PUT", self.path_of(obj), obj)

    def apply(self, obj, manager="kubectl", force=False):
        """kubectl apply --server-side."""
        query = f"?fieldManager={manager}&force={'true' if force else 'false'}"
        return self.request("PATCH", self.path_of(obj) + query, obj, "application/apply-patch+yaml")

    def patch(self, api_version, kind, namespace, name, patch, manager="kubectl-edit", subresource=""):
        """A merge patch (dict) or a JSON patch (list), as `kubectl edit` and `kubectl patch` send them."""
        content = "application/json-patch+json" if isinstance(patch, list) else "application/merge-patch+json"
        path = self.path(api_version, kind, namespace, name) + (f"/{subresource}" if subresource else "")
        return self.request("PATCH", f"{path}?fieldManager={manager}", patch, content)

    def delete(self, api_version, kind, namespace, name, propagation="Background"):
        """Deletes; a missing object is fine."""
        try:
            self.request("DELETE", self.path(api_version, kind, namespace, name) +
                         f"?propagationPolicy={propagation}")
        except ApiError as error:
            if error.status != 404:
                raise

    def create_crd(self, crd):
        """Creates or updates a CustomResourceDefinition and waits until it is established and served."""
        name = crd["metadata"]["name"]
        self.apply(crd, manager="tests", force=True)

        def established():
            found = self.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, name)
            conditions = found.get("status", {}).get("conditions") or []
            return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)

        wait_for(f"CRD {name} established", established)
        spec = crd["spec"]
        version = f"{spec['group']}/{spec['versions'][0]['name']}"
        wait_for(f"CRD {name} served", lambda: self._served(version, spec["names"]["kind"]))

    def _served(self, version, kind):
        try:
            return bool(self.request("GET", self.path(version, kind)))
        except (ApiError, KeyError):
            return False


def simple_crd(group, kind, plural, schema=None, namespaced=True, version="v1", status=True):
    """A CustomResourceDefinition; without a schema it takes any spec and status."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = schema or {"type": "object", "properties": {"spec": anything, "status": anything}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced" if namespaced else "Cluster",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [{
                "name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema},
                **({"subresources": {"status": {}}} if status else {}),
            }],
        },
    }


PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")


def binaries():
    """role -> command, and kubectl; builds the control plane when it is not there."""
    place = subprocess.run([HERE.parent / "kube" / "build.sh"], check=True, stdout=subprocess.PIPE,
                           text=True).stdout.strip().splitlines()[-1]
    if os.path.isdir(place):
        found = {name: [f"{place}/{name}"] for name in PROGRAMS}
        return {name: command for name, command in found.items() if os.path.exists(command[0])}
    return {name: [place, name] for name in PROGRAMS}


def etcd_flags(data, port):
    url, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{free_port()}"
    return ["--name", "t", "--data-dir", str(data), "--listen-client-urls", url, "--advertise-client-urls", url,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"t={peer}", "--unsafe-no-fsync"]


def etcd_answers(port):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False


class ControlPlane:
    def __init__(self, controllers=True, apiserver_flags=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pgitops-kube-"))
        self.commands = binaries()
        self.controllers = controllers and "kube-controller-manager" in self.commands
        self.apiserver_flags = list(apiserver_flags)
        self.processes = {}
        self.clients = {}
        self.context = None
        self.audit = self.folder / "audit.log"
        self.port = free_port()
        self.etcd_port = free_port()

    # Starting and stopping

    def start(self):
        self._write_files()
        self._start_etcd()
        self.start_apiserver()
        if self.controllers:
            self._start_controllers()
            wait_for("the default ServiceAccount", lambda: self.admin.get("v1", "ServiceAccount", "default", "default"))
        return self

    def _write_files(self):
        run = dict(check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder)
        subprocess.run(["openssl", "genrsa", "-out", "sa.key", "2048"], **run)
        subprocess.run(["openssl", "rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub"], **run)
        # A CA of the tests, for users with client certificates (CN = user, O = group).
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "client-ca.key", "-out",
                        "client-ca.crt", "-subj", "/CN=client-ca", "-days", "2"], **run)
        (self.folder / "tokens.csv").write_text(
            f'{TOKENS["admin"]},admin,uid-admin,"system:masters"\n'
            f'{TOKENS["alice"]},alice,uid-alice,"devs"\n'
            f'{TOKENS["bob"]},bob,uid-bob,"devs"\n'
            f'{TOKENS["carol"]},carol,uid-carol,""\n'
            + "".join(f"{token},{user},uid-{user}\n" for user, token in TOKENS.items() if "-" in user) +
            f'{TOKENS["kcm"]},system:kube-controller-manager,uid-kcm\n')
        (self.folder / "audit.json").write_text(json.dumps(AUDIT_POLICY))

    def _spawn(self, role, flags):
        log = open(self.folder / f"{role}.log", "ab")
        self.processes[role] = subprocess.Popen(
            self.commands[role] + flags, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            preexec_fn=die_with_parent)
        log.close()

    def _alive(self, role):
        process = self.processes[role]
        if process.poll() is not None:
            tail = (self.folder / f"{role}.log").read_text(errors="replace")[-3000:]
            raise RuntimeError(f"{role} ended with {process.returncode}:\n{tail}")

    def _start_etcd(self):
        self._spawn("etcd", etcd_flags(self.folder / "etcd", self.etcd_port))

        def healthy():
            self._alive("etcd")
            return etcd_answers(self.etcd_port)

        wait_for("etcd", healthy)

    def start_apiserver(self):
        flags = [
            "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", f"--secure-port={self.port}",
            f"--cert-dir={self.folder}/certs", f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            "--service-cluster-ip-range=10.0.0.0/24", "--service-account-issuer=https://kubernetes.default.svc",
            "--service-account-key-file=sa.pub", "--service-account-signing-key-file=sa.key",
            "--authorization-mode=RBAC", "--token-auth-file=tokens.csv", "--client-ca-file=client-ca.crt",
            "--audit-policy-file=audit.json", f"--audit-log-path={self.audit}", "--audit-log-mode=blocking",
        ] + ([] if self.controllers else ["--disable-admission-plugins=ServiceAccount"]) + self.apiserver_flags
        self._spawn("kube-apiserver", flags)
        self.wait_ready()

    def wait_ready(self):
        def ready():
            self._alive("kube-apiserver")
            try:
                self.admin.request("GET", "/readyz")
                return self.admin.get("v1", "Namespace", None, "default")
            except (OSError, ApiError, http.client.HTTPException):
                self.admin.close()
                return False

        wait_for("kube-apiserver", ready, 60)

    def _start_controllers(self):
        self._spawn("kube-controller-manager", [
            f"--kubeconfig={self.kubeconfig('kcm')}", "--authentication-kubeconfig=", "--authorization-kubeconfig=",
            "--bind-address=127.0.0.1", f"--secure-port={free_port()}", f"--cert-dir={self.folder}/kcmcerts",
            "--leader-elect=false", "--use-service-account-credentials=true",
            "--service-account-private-key-file=sa.key", f"--controllers={CONTROLLERS}"])

    def stop_apiserver(self, kill=False):
        self._end("kube-apiserver", signal.SIGKILL if kill else signal.SIGTERM)

    def restart_apiserver(self):
        """The same data, an empty watch cache: older resourceVersions are 410 Gone afterwards."""
        self.stop_apiserver(kill=True)
        self.start_apiserver()

    def backup(self):
        """A copy of etcd's data as of now, for restore()."""
        etcd, copy = self.processes["etcd"], self.folder / f"etcd-{uuid.uuid4().hex[:6]}"
        etcd.send_signal(signal.SIGSTOP)
        try:
            shutil.copytree(self.folder / "etcd", copy)
        finally:
            etcd.send_signal(signal.SIGCONT)
        return copy

    def restore(self, copy):
        """etcd as it was at the backup, as `etcdctl snapshot restore` leaves it: resourceVersions run backwards."""
        self.stop_apiserver(kill=True)
        self._end("etcd", signal.SIGKILL)
        shutil.rmtree(self.folder / "etcd")
        shutil.copytree(copy, self.folder / "etcd")
        self._start_etcd()
        self.start_apiserver()

    def save_etcd(self):
        """A copy of everything, as a backup has it; the server is away for a moment."""
        self._away()
        shutil.rmtree(self.folder / "etcd.saved", ignore_errors=True)
        shutil.copytree(self.folder / "etcd", self.folder / "etcd.saved")
        self._back()

    def restore_etcd(self):
        """The backup, and nothing of what was written after it: resourceVersions go backwards."""
        self._away()
        shutil.rmtree(self.folder / "etcd")
        shutil.copytree(self.folder / "etcd.saved", self.folder / "etcd")
        self._back()

    def _away(self):
        self._end("kube-controller-manager", signal.SIGKILL)  # it would remember what never was
        self.stop_apiserver(kill=True)
        self._end("etcd", signal.SIGTERM)

    def _back(self):
        self._start_etcd()
        self.start_apiserver()
        if self.controllers:
            self._start_controllers()

    def pause(self):
        """The server hangs: it accepts connections and answers nothing."""
        self.processes["kube-apiserver"].send_signal(signal.SIGSTOP)

    def resume(self):
        self.processes["kube-apiserver"].send_signal(signal.SIGCONT)

    def _end(self, role, with_signal):
        process = self.processes.pop(role, None)
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(with_signal)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for client in self.clients.values():
            client.close()

    def stop(self):
        for role in ("kube-controller-manager", "kube-apiserver", "etcd"):
            self._end(role, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    # Who may ask

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca_file(self):
        return self.folder / "certs" / "apiserver.crt"

    def tls(self):
        if self.context is None:
            # The first question comes before the certificate is there; loopback, and the token is a test's.
            self.context = ssl._create_unverified_context()
        return self.context

    def client(self, user="admin", agent="tests"):
        """One per thread."""
        return Client(self, TOKENS.get(user, user), agent)

    @property
    def admin(self):
        key = threading.get_ident()
        if key not in self.clients:
            self.clients[key] = self.client()
        return self.clients[key]

    def token(self, user="admin"):
        return TOKENS[user]

    def kubeconfig(self, user="admin", server=None, namespace="default", folder=None, **more):
        """Writes a kubeconfig and returns its path. `more`: token=, token_file=, client_certificate=(crt, key),
        insecure=True, exec=[command, args...], proxy_url=, tls_server_name=."""
        cluster = {"server": server or self.url}
        if more.get("insecure") or not self.ca_file.exists():
            cluster["insecure-skip-tls-verify"] = True
        else:
            cluster["certificate-authority-data"] = base64.b64encode(self.ca_file.read_bytes()).decode()
        if more.get("proxy_url"):
            cluster["proxy-url"] = more["proxy_url"]
        if more.get("tls_server_name"):
            cluster["tls-server-name"] = more["tls_server_name"]
        who = {}
        if more.get("client_certificate"):
            who["client-certificate"], who["client-key"] = map(str, more["client_certificate"])
        elif more.get("token_file"):
            who["tokenFile"] = str(more["token_file"])
        elif more.get("exec"):
            who["exec"] = {"apiVersion": "client.authentication.k8s.io/v1", "command": more["exec"][0],
                           "args": more["exec"][1:], "interactiveMode": "Never"}
        else:
            who["token"] = more.get("token") or TOKENS[user]
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": who}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user, "namespace": namespace}}],
        }
        path = pathlib.Path(folder or self.folder) / f"{user}-{uuid.uuid4().hex[:6]}.kubeconfig"
        path.write_text(json.dumps(config, indent=2))  # JSON is YAML
        return path

    def client_certificate(self, user, group=None):
        """(certificate, key) files of a user, signed by the server's client CA."""
        base = self.folder / f"client-{user}"
        run = dict(check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder)
        subject = f"/CN={user}" + (f"/O={group}" if group else "")
        subprocess.run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{base}.key", "-out",
                        f"{base}.csr", "-subj", subject], **run)
        subprocess.run(["openssl", "x509", "-req", "-in", f"{base}.csr", "-CA", "client-ca.crt", "-CAkey",
                        "client-ca.key", "-CAcreateserial", "-out", f"{base}.crt", "-days", "1"], **run)
        return f"{base}.crt", f"{base}.key"

    def namespace(self, prefix="t"):
        """A fresh namespace with its default ServiceAccount there."""
        name = f"{prefix}-{uuid.uuid4().hex[:8]}"
        self.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        if self.controllers:
            wait_for(f"ServiceAccount of {name}", lambda: self.admin.get("v1", "ServiceAccount", name, "default"))
        return name

    def allow(self, user, rules, namespace=None):
        """RBAC: rules as in a Role, for the whole cluster when no namespace is given. Returns the binding's name."""
        assert namespace or not user.isalpha(), f"tests that follow would find {user} allowed everywhere: give the user a name of its own"
        name = f"{user}-{uuid.uuid4().hex[:6]}"
        kind = "Role" if namespace else "ClusterRole"
        meta = {"name": name, **({"namespace": namespace} if namespace else {})}
        api = "rbac.authorization.k8s.io/v1"
        self.admin.create({"apiVersion": api, "kind": kind, "metadata": meta, "rules": rules})
        self.admin.create({
            "apiVersion": api, "kind": f"{kind}Binding", "metadata": meta,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]})
        for rule in rules:
            wait_for("the API server has heard of it", lambda rule=rule: self._allows(user, rule, namespace), pause=0.005)
        return name

    def _allows(self, user, rule, namespace):
        """The last of what the rule allows; the authorizer hears of Roles and bindings by a watch."""
        if "resources" not in rule:
            where = {"nonResourceAttributes": {"path": rule["nonResourceURLs"][-1].rstrip("*"), "verb": rule["verbs"][-1]}}
        else:
            resource, _, subresource = rule["resources"][-1].partition("/")
            where = {"resourceAttributes": {"group": rule["apiGroups"][-1], "resource": resource, "subresource": subresource, "verb": rule["verbs"][-1],
                                            "namespace": namespace or "", "name": rule.get("resourceNames", [""])[-1]}}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": {"user": user, **where}}
        return self.admin.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"]["allowed"]

    # What was asked

    def mark(self):
        """A place in the audit log: everything answered before is before it."""
        agent = f"mark-{uuid.uuid4().hex}"
        start = self.audit.stat().st_size
        client = self.client(agent=agent)
        client.request("GET", "/version")
        client.close()

        def written():
            with open(self.audit, "rb") as log:
                log.seek(start)
                return agent.encode() in log.read()

        wait_for("the audit log", written)
        return self.audit.stat().st_size

    def requests(self, since=0, agent="pgitops", verb=None, resource=None, namespace=None, until=None):
        """Audit events of a user agent (prefix), each request once: a watch is counted when it begins."""
        end = until if until is not None else self.mark()
        with open(self.audit, "rb") as log:
            log.seek(since)
            lines = log.read(end - since).splitlines()
        found = []
        for line in lines:
            event = json.loads(line)
            ref = event.get("objectRef", {})
            if not event.get("userAgent", "").startswith(agent):
                continue
            if event["verb"] == "watch" and event["stage"] == "ResponseComplete":
                continue
            if event["verb"] != "watch" and event["stage"] == "ResponseStarted":
                continue
            if verb and event["verb"] != verb or resource and ref.get("resource") != resource:
                continue
            if namespace and ref.get("namespace") != namespace:
                continue
            found.append(event)
        return found

    def memory(self, role="kube-apiserver"):
        """Resident bytes."""
        pages = int(pathlib.Path(f"/proc/{self.processes[role].pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


_shared = None


def shared():
    """The control plane of this test session, started at the first call and stopped at the end of the process."""
    global _shared
    if _shared is None:
        plane = ControlPlane()
        atexit.register(plane.stop)
        _shared = plane.start()
    return _shared
