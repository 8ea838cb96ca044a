"""The agent under test: its file, its process, its log, and the commands beside it.

    agent = Agent(tmp_path)
    agent.database(server, application="postgres-users")
    agent.application("postgres-users", repository.url, "postgres-users", "postgres")
    agent.secret("postgres", "user-alice-secret", "wonderland")
    agent.start()
    agent.cli("app", "wait", "postgres-users", "--sync").ok()

Without a kubeconfig Kubernetes is off. Relative folders (applications, secrets, state) are below `tmp_path`.
"""

import fcntl
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess

from parts.process import die_with_parent, free_port, wait_for

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("PGITOPS_TEST_PROGRAM") or TOP / "build/test/pgitops")


def environment(**more):
    """Nothing of the caller's but what a process needs: no HOME with settings, no proxy, no KUBECONFIG."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    keep |= {"LC_ALL": "C.UTF-8", "TZ": "UTC", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    # A leak found at the end is a failure of its own; allocations that cannot be served are errors to handle.
    keep |= {"ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1:exitcode=99",
             "UBSAN_OPTIONS": "print_stacktrace=1"}
    return keep | {name: str(value) for name, value in more.items()}


def as_shipped():
    """The program without sanitizers, where the rules and the README build it: by one worker at a time."""
    with open(TOP / "tests/.cache/build.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (["cmake", "-S", TOP, "-B", TOP / "build"], ["cmake", "--build", TOP / "build", "--target", "pgitops", "-j", "2"]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return TOP / "build/pgitops"


class Result:
    """What a command said."""

    def __init__(self, arguments, code, out, err):
        self.arguments, self.code, self.out, self.err = arguments, code, out, err

    def __str__(self):
        return f"pgitops {' '.join(map(str, self.arguments))}: {self.code}\n{self.out}{self.err}"

    def is_(self, code):
        assert self.code == code, f"expected exit code {code}, got: {self}"
        return self

    def ok(self):
        return self.is_(0)

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def items(self):
        return self.json["items"]


def run(*arguments, timeout=60, stdin=None, cwd=None, program=None, **more):
    """pgitops ARGUMENTS... to its end; `more` is added to its environment."""
    done = subprocess.run([str(program or PROGRAM), *map(str, arguments)], capture_output=True, text=True, input=stdin,
                          stdin=subprocess.DEVNULL if stdin is None else None, timeout=timeout, check=False, cwd=cwd,
                          env=environment(**more))
    assert "ERROR: AddressSanitizer" not in done.stderr and "runtime error:" not in done.stderr, done.stderr
    return Result(arguments, done.returncode, done.stdout, done.stderr)


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.unix_path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        # A path longer than an address may be is reached from its folder.
        folder, name = os.path.split(self.unix_path)
        here = os.open(folder, os.O_PATH)
        try:
            self.sock.connect(f"/proc/self/fd/{here}/{name}")
        finally:
            os.close(here)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Agent:
    def __init__(self, folder, program=None, environment=None, **config):
        self.folder = pathlib.Path(folder)
        self.program = program or PROGRAM
        self.environment = dict(environment or {})
        self.file = self.folder / "agent.yaml"
        self.log_path = self.folder / "agent.log"
        self.process = None
        self.port = free_port()
        self.config = {
            "version": 1, "state": "./state", "poll": "1s", "listen": f"127.0.0.1:{self.port}",
            "applications": "./applications", "secrets": "./secrets", "kubernetes": {"none": True},
            "log": {"level": "debug", "format": "json"},
        } | config
        for name in ("applications", "secrets"):
            (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def state(self):
        return self.folder / "state"

    # What it is told

    def kubernetes(self, plane, user="admin", namespace="argocd", objects=False):
        """Talks to this control plane; with `objects`, Applications come from its namespace instead of the folder."""
        self.config["kubernetes"] = {"kubeconfig": str(plane.kubeconfig(user, folder=self.folder))}
        self.config["namespace"] = namespace
        if objects:
            self.config.pop("applications", None)
        return self

    def database(self, server, name="main", application="postgres-users", config_map="postgres-users-config",
                 key="users.yaml", **more):
        """Users of the ConfigMap go into this server (parts.postgres)."""
        password = self.folder / f"password-{name}"
        password.write_text(server.password)
        password.chmod(0o600)
        self.config.setdefault("databases", []).append({
            "name": name, "connection": server.conninfo(), "passwordFrom": {"file": str(password)},
            "users": {"application": application, "configMap": config_map, "key": key},
        } | more)
        return self

    def repository(self, url, **more):
        self.config.setdefault("repositories", []).append({"url": url} | more)
        return self

    def application(self, name, url, path, namespace, revision="", automated=True, options=("CreateNamespace=true",),
                    **spec):
        """An Application manifest; written into the folder of Applications, and returned."""
        policy = {"syncOptions": list(options)}
        if automated:
            policy["automated"] = {"prune": True, "selfHeal": True}
        document = {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": self.config.get("namespace", "argocd")},
            "spec": {
                "project": "default",
                "source": {"repoURL": url, "path": path, "targetRevision": revision},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
                "syncPolicy": policy,
            } | spec,
        }
        if "applications" in self.config:
            path = self.folder / "applications" / f"{name}.yaml"
            path.with_suffix(".new").write_text(json.dumps(document, indent=2))
            path.with_suffix(".new").rename(path)  # an agent that looks meanwhile would find none
        return document

    def secret(self, namespace, name, password, key="password"):
        """A plain Secret manifest in the folder of secrets; password None takes it away."""
        path = self.folder / "secrets" / f"{namespace}-{name}.yaml"
        if password is None:
            path.unlink()
            return
        text = json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": namespace, "name": name},
                           "stringData": {key: password}})
        new = path.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(text)
        new.rename(path)

    def write(self):
        self.file.write_text(json.dumps(self.config, indent=2) + "\n")  # JSON is YAML

    # Running

    def start(self, ready=True, seconds=None):
        self.write()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(self.program), "agent", "--config", str(self.file)], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=environment(**self.environment), preexec_fn=die_with_parent)
        if ready:
            wait_for("the agent's /readyz", self.ready, seconds)
        return self

    def begin(self):
        """Starts it and waits until it answers; it need not be ready, as where something is wrong."""
        self.start(ready=False)
        wait_for("the agent answers", self.answers)
        return self

    def answers(self):
        self.alive()
        try:
            return self.get("/healthz", over="socket").status == 200
        except OSError:
            return False

    def alive(self):
        code = self.process.poll()
        assert code is None, f"the agent ended with {code}:\n{self.log()[-4000:]}"
        return True

    def ready(self):
        self.alive()
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=30):
        """SIGTERM; returns the exit code. The log is searched for what a sanitizer found."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the agent did not end within {seconds} s of SIGTERM:\n{self.log()[-4000:]}") from None
        finally:
            self.process = None
        log = self.log()
        for found in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer", "runtime error:"):
            assert found not in log, log[log.index(found):][:8000]
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def close(self):
        """For fixtures: ends the process, however it is; asserts nothing."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def once(self, *more, timeout=120):
        """pgitops agent --once."""
        self.write()
        return run("agent", "--config", self.file, "--once", *more, timeout=timeout, program=self.program,
                   **self.environment)

    def cli(self, *arguments, **more):
        """A command about this agent."""
        if not self.file.exists():
            self.write()
        return run(*arguments, PGITOPS_CONFIG=self.file, program=self.program, **more)

    def items(self, *arguments):
        """The items of a reading command, as JSON."""
        return self.cli(*arguments, "-o", "json").ok().items

    def user(self, name):
        """The user, group or database as `user list` has it, or {} while there is none."""
        return next((item for item in self.items("user", "list") if item["name"] == name), {})

    def wait_user(self, name, status="Synced", seconds=None):
        """The user once it has this status."""
        def there():
            self.alive()
            found = self.user(name)
            return found if found.get("status") == status else None

        try:
            return wait_for(f"user {name} {status}", there, seconds, 0.05)
        except TimeoutError as error:
            raise AssertionError(f"{error}: {self.user(name)}\n{self.log()[-3000:]}") from None

    def app(self, name):
        """The Application as `app get` shows it, or None while there is none."""
        result = self.cli("app", "get", name, "-o", "json")
        return result.json if result.code == 0 or result.out else None

    def wait_app(self, name, sync="Synced", revision=None, seconds=None):
        def there():
            app = self.app(name) or {}
            status = app.get("status", {}).get("sync", {})
            return app if status.get("status") == sync and revision in (None, status.get("revision")) else None

        try:
            return wait_for(f"{name} {sync} at {revision or 'any revision'}", there, seconds, 0.05)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{json.dumps(self.app(name), indent=1)}\n{self.log()[-4000:]}") from None

    def wait_condition(self, name, kind, text="", seconds=None):
        """A condition of this type whose message holds the text."""
        def there():
            conditions = (self.app(name) or {}).get("status", {}).get("conditions", [])
            return next((c for c in conditions if c["type"] == kind and text in c["message"]), None)

        try:
            return wait_for(f"{kind} of {name} with {text!r}", there, seconds, 0.05)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{json.dumps(self.app(name), indent=1)}\n{self.log()[-4000:]}") from None

    # HTTP

    def request(self, method, path, body=None, headers=None, over="tcp", timeout=20):
        connection = _SocketConnection(self.state / "agent.sock", timeout) if over == "socket" else \
            http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body)
                headers = {"Content-Type": "application/json"} | (headers or {})
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode(errors="replace"))
        finally:
            connection.close()

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.request("POST", path, body, **more)

    def metrics(self):
        """Name with labels -> value."""
        lines = self.get("/metrics").body.splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line and line[0] != "#"}

    def after_passes(self, names, count=3):
        """Has there been so many passes since this call? A refresh of these Applications begins them."""
        def counted():
            return self.metrics().get("pgitops_passes_total", 0)

        before = counted()
        for name in names:
            self.post(f"/api/v1/applications/{name}/refresh", {}, over="socket")
        return lambda: counted() >= before + count

    # Its log

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def lines(self, **fields):
        """Log lines as objects, those that have these fields."""
        found = []
        for line in self.log().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if all(entry.get(name) == value for name, value in fields.items()):
                found.append(entry)
        return found

    def wait_log(self, text, seconds=None):
        wait_for(f"{text!r} in the agent's log", lambda: text in self.log() or not self.alive(), seconds)

    def memory(self):
        """Resident bytes."""
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
