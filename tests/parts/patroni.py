"""A real Patroni cluster on loopback: members with PostgreSQL of Debian, the test control plane as its store.

There is no kubelet: the pods are made here, with the labels that the Zalando operator gives them, and Patroni writes into them what it
writes in a cluster. As the operator has it, the leader's record is Endpoints (`endpoints=False`: ConfigMaps).

    cluster = Patroni(plane, plane.namespace("pg")).start()
    cluster.leader(); cluster.switchover("acid-demo-1"); cluster.kill("acid-demo-0"); cluster.freeze("acid-demo-2")
"""

import atexit
import contextlib
import datetime
import http.client
import json
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import psycopg

from parts.postgres import server_account
from parts.process import die_with_parent, free_port, wait_for

LOOP = {"ttl": 20, "loop_wait": 1, "retry_timeout": 3}  # the least that Patroni takes


def binaries():
    """Debian's newest PostgreSQL: Patroni needs pg_controldata, pg_basebackup and pg_rewind, which npm's do not have."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pg_rewind"), key=lambda path: int(path.parts[-3]))
    assert found, "no PostgreSQL in /usr/lib/postgresql: tests/run.sh installs Debian's"
    return found[-1].parent


def _die_with_parent():
    die_with_parent(signal.SIGKILL)
    os.umask(0o077)


def children(pid):
    """All processes below this one."""
    try:
        direct = [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return direct + [below for child in direct for below in children(child)]


def _signal(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Member:
    def __init__(self, cluster, index):
        self.cluster, self.index = cluster, index
        self.name = f"{cluster.name}-{index}"
        self.folder = cluster.folder / self.name
        self.place = self.folder / "data"  # as its processes see it
        self.port, self.rest_port = free_port(), free_port()
        self.process = None
        self.log_path = self.folder / "patroni.log"

    def config(self):
        c = self.cluster
        listen = f"127.0.0.1:{self.port}"
        return {
            "scope": c.name, "name": self.name,
            "restapi": {"listen": f"127.0.0.1:{self.rest_port}", "connect_address": f"127.0.0.1:{self.rest_port}"},
            **c.store(self),
            "bootstrap": {"dcs": LOOP | {"maximum_lag_on_failover": 33554432} | c.dcs | {"postgresql": {
                "use_pg_rewind": True, "use_slots": True, "parameters": {
                    "max_connections": 30, "shared_buffers": "16MB", "wal_keep_size": "96MB", "password_encryption": "scram-sha-256",
                    "autovacuum": "off", "max_wal_senders": 8, "max_worker_processes": 4} | c.parameters}},
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "no-sync"]},
            "postgresql": {
                "listen": listen, "connect_address": listen, "data_dir": str(self.place), "bin_dir": str(c.binaries),
                "pgpass": str(self.folder / "pgpass"), "use_unix_socket": False, "basebackup": [{"checkpoint": "fast"}],
                "pg_hba": ["host replication all 127.0.0.1/32 scram-sha-256", "host all all 127.0.0.1/32 scram-sha-256"],
                "authentication": {role: {"username": user, "password": c.password} for role, user in
                                   (("superuser", "postgres"), ("replication", "standby"), ("rewind", "rewinder"))},
                "parameters": {"unix_socket_directories": str(self.folder), "fsync": "off",
                               "synchronous_commit": "local" if not c.dcs.get("synchronous_mode") else "on"},
            },
        }

    def prepare(self):
        self.folder.mkdir()
        file = self.folder / "patroni.yml"
        file.write_text(json.dumps(self.config()))
        file.chmod(0o600)
        for path in (self.folder, file):
            self.cluster.own(path)

    def configure(self, **more):
        """Its own file is changed, and read by it anew."""
        file, config = self.folder / "patroni.yml", self.config()
        for key, value in more.items():
            config[key] = config.get(key, {}) | value
        file.write_text(json.dumps(config))
        self.cluster.own(file)
        self.process.send_signal(signal.SIGHUP)

    def data(self):
        return self.place

    def command(self):
        return [*self.cluster.python, "-m", "patroni", str(self.folder / "patroni.yml")]

    def environment(self):
        return self.cluster.environment

    def start(self):
        return self.run(self.command(), **self.cluster.as_account())

    def run(self, command, **more):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.environment(), preexec_fn=_die_with_parent, **more)
        return self

    def pids(self):
        """Patroni, the postmaster (which Patroni makes a session of its own) and what runs below them."""
        found = [self.process.pid, *children(self.process.pid)] if self.process else []
        try:
            postmaster = int((self.data() / "postmaster.pid").read_text().split()[0])
            if (pathlib.Path("/proc") / str(postmaster) / "cwd").resolve() == self.place.resolve():
                found += [postmaster, *children(postmaster)]
        except (OSError, IndexError, ValueError):
            pass
        return list(dict.fromkeys(found))

    def postgres_children(self, title):
        """The server processes of this title: "startup" replays, "walreceiver" receives, each "walsender" sends to one replica."""
        found = []
        for pid in self.pids():
            try:
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if re.search(rf"postgres: .*{title}", words):
                found.append(pid)
        assert found, f"{self.name} has no process {title}"
        return found

    def postgres_child(self, title):
        return self.postgres_children(title)[0]

    def rest(self, path="/patroni", method="GET", body=None, timeout=10):
        connection = http.client.HTTPConnection("127.0.0.1", self.rest_port, timeout=timeout)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, (json.loads(text) if text.startswith(("{", "[")) else text)
        finally:
            connection.close()

    def word(self):
        """What it says of itself now; {} while it says nothing."""
        try:
            return self.rest()[1]
        except (OSError, http.client.HTTPException):
            return {}

    def connect(self, database="postgres", **options):
        return psycopg.connect(host="127.0.0.1", port=self.port, dbname=database, user="postgres",
                               password=self.cluster.password, autocommit=True, connect_timeout=10, **options)

    def value(self, sql):
        with self.connect() as session:
            return session.execute(sql).fetchone()[0]

    def pod(self):
        return self.cluster.plane.admin.get("v1", "Pod", self.cluster.namespace, self.name)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def story(self):
        """What it did of late, without the lines of every loop."""
        return "\n".join(line for line in self.log().splitlines() if "INFO: no action." not in line)[-3000:]

    def is_astray(self):
        """It knows of a timeline that came to nothing: one who was promoted ended at once. Patroni does not see it, and it follows nobody any more."""
        return "is behind recovery timeline" in self.log()[-2000:]


class Patroni:
    def __init__(self, plane, namespace, name="acid-demo", members=3, endpoints=True, dcs=None, parameters=None):
        self.plane, self.namespace, self.name, self.endpoints = plane, namespace, name, endpoints
        self.dcs, self.parameters = dcs or {}, parameters or {}
        self.password = secrets.token_hex(12)
        self.binaries = binaries()
        self.account = server_account()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pgitops-patroni-"))
        self.folder.chmod(0o755)
        self.third = free_port() % 200 + 1  # of the pods' addresses, which nobody connects to
        atexit.register(self.close)
        self.members = {member.name: member for member in (self.member(index) for index in range(members))}
        self.python = [sys.executable]
        kubeconfig = self._kubeconfig()
        self.environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(self.folder),
                            "PYTHONDONTWRITEBYTECODE": "1", "KUBECONFIG": str(kubeconfig)} | self._packages()

    # What a cluster of another store, or of other members, has otherwise

    def member(self, index):
        return Member(self, index)

    def store(self, member):
        """Where they keep who leads, as patroni.yml has it."""
        return {"kubernetes": {
            "namespace": self.namespace, "labels": {"application": "spilo"}, "scope_label": "cluster-name",
            "role_label": "spilo-role", "leader_label_value": "master", "use_endpoints": self.endpoints,
            "standby_leader_label_value": "master", "pod_ip": self.pod_ip(member.index), "context": "tests",
            "bypass_api_service": False, "ports": [{"port": 5432, "name": "postgresql"}]}}

    # What they run as

    def own(self, path):
        if self.account:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def as_account(self):
        if not self.account:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": [], "cwd": "/"}

    def _packages(self):
        """The packages of the tests where the account may read them, else a copy of them."""
        import patroni  # noqa: PLC0415  the package itself, for its place
        place = pathlib.Path(patroni.__file__).parents[1]
        self.python = ["/usr/bin/python3"] if pathlib.Path("/usr/bin/python3").exists() else self.python
        if subprocess.run(["test", "-r", patroni.__file__], check=False, **self.as_account()).returncode:
            copy = self.folder / "packages"
            shutil.copytree(place, copy)
            place = copy
        return {"PYTHONPATH": str(place)}

    def _kubeconfig(self):
        found = self.plane.kubeconfig("admin", folder=self.folder)
        config = found.read_text()
        path = self.folder / "kubeconfig"
        document = json.loads(config) if config.lstrip().startswith("{") else __import__("yaml").safe_load(config)
        document["contexts"][0]["name"] = document["current-context"] = "tests"
        path.write_text(json.dumps(document))
        path.chmod(0o600)
        found.unlink()
        self.own(path)
        return path

    def pod_ip(self, index):
        return f"10.77.{self.third}.{index + 10}"

    # Its life

    def labels(self):
        return {"application": "spilo", "cluster-name": self.name}

    def make_pod(self, member):
        admin = self.plane.admin
        admin.create({"apiVersion": "v1", "kind": "Pod",
                      "metadata": {"name": member.name, "namespace": self.namespace, "labels": self.labels()},
                      "spec": {"containers": [{"name": "postgres", "image": "spilo"}]}})
        admin.patch("v1", "Pod", self.namespace, member.name, {"status": {
            "phase": "Running", "podIP": self.pod_ip(member.index), "conditions": [{"type": "Ready", "status": "True"}]}},
            subresource="status")

    def begin(self):
        for member in self.members.values():
            member.prepare()
            self.make_pod(member)
            member.start()
        return self

    def start(self):
        self.begin()
        self.wait_healthy(60)
        return self

    @property
    def record(self):
        """Kind and name of the leader's record."""
        return ("Endpoints", self.name) if self.endpoints else ("ConfigMap", f"{self.name}-leader")

    def leader(self):
        """The member that holds the leader's record, or None."""
        kind, name = self.record
        found = self.plane.admin.get("v1", kind, self.namespace, name) or {"metadata": {}}
        return self.members.get(found["metadata"].get("annotations", {}).get("leader"))

    def forget_leader(self):
        """The leader's record is gone, as when its time has run out."""
        kind, name = self.record
        self.plane.admin.patch("v1", kind, self.namespace, name, {"metadata": {"annotations": {"leader": None}}})

    def set_ttl(self, ttl):
        """Done once the record has it, too: that is written anew a loop later."""
        self.configure(ttl=ttl)
        self.wait("the record has it", lambda: self.annotation(self.record[1], "ttl") == str(ttl), 60)

    @contextlib.contextmanager
    def patient(self, ttl=90):
        """What stands of a leader that is silent stands until it is seen, and forgotten: LOOP's time may be over before on a slow machine."""
        self.set_ttl(ttl)
        yield
        self.wait_healthy()
        self.set_ttl(LOOP["ttl"])

    def replicas(self):
        leader = self.leader()
        return [member for member in self.members.values() if member is not leader]

    def annotation(self, object_name, key):
        found = self.plane.admin.get("v1", "Endpoints" if self.endpoints else "ConfigMap", self.namespace, object_name) or {}
        return found.get("metadata", {}).get("annotations", {}).get(key)

    def ailing(self):
        """What keeps the cluster from being healthy: one leader that takes writes, everybody else streams from it, and the pods say so."""
        leader = self.leader()
        if not leader or leader.word().get("role") not in ("primary", "master"):
            return f"the leader {leader and leader.name} says {leader and leader.word()}"
        for member in self.members.values():
            if not member.process or member.process.poll() is not None:
                raise AssertionError(f"{member.name} ended: {member.log()[-3000:]}")
            noted = json.loads((member.pod() or {"metadata": {}})["metadata"].get("annotations", {}).get("status", "{}"))
            if member is leader:
                good = noted.get("state") == "running" and noted.get("role") in ("primary", "master")
            else:
                good = noted.get("replication_state") == "streaming" and member.word().get("replication_state") == "streaming"
            if not good:
                return f"{member.name} says {member.word()}, its pod {noted}"
        return ""

    def wait_healthy(self, seconds=120):
        """One that was rewound may ask for WAL from the next segment on, which nobody writes in a cluster without clients."""
        try:
            wait_for("it is healthy by itself", lambda: not self.ailing(), 20, 0.1)
        except TimeoutError:
            with contextlib.suppress(psycopg.Error, AttributeError):
                self.leader().value("SELECT pg_switch_wal()")
            for member in self.replicas():
                if member.is_astray():
                    self.make_anew(member.name)
            self.wait("a healthy Patroni cluster", lambda: not self.ailing(), seconds)

    def wait(self, what, question, seconds):
        """With what the members say where it does not come."""
        try:
            return wait_for(what, question, seconds, 0.1)
        except (TimeoutError, psycopg.Error) as error:
            logs = "\n".join(f"{m.name}:\n{m.story()}" for m in self.members.values())
            dead = [m.name for m in self.members.values() if not m.process]
            raise AssertionError(f"{error}\n{f'killed: {dead}' if dead else self.ailing()}\n{logs}") from None

    def switchover(self, candidate=None):
        """Asked for again where it was refused: Patroni waits no more than 2 s for the candidate's word."""
        candidate = candidate or self.replicas()[0].name

        def leads():
            leader = self.leader()
            if leader and leader.name != candidate:
                leader.rest("/switchover", "POST", {"leader": leader.name, "candidate": candidate}, timeout=60)
            return leader and leader.name == candidate

        self.wait(f"{candidate} leads", leads, 60)
        self.wait_healthy()
        return self.members[candidate]

    def pause(self, on=True):
        """Maintenance mode, once every living member has heard of it."""
        self.configure(pause=on or None)
        wait_for("every member knows", lambda: all(bool(m.word().get("pause")) == on for m in self.members.values()))

    @contextlib.contextmanager
    def without_rewind(self):
        """A member with a timeline that the leader does not know keeps it, and follows nobody, until it is made anew."""
        self.configure(postgresql={"use_pg_rewind": False})
        try:
            yield
        finally:
            self.configure(postgresql={"use_pg_rewind": True})

    def reinit(self, name):
        self.make_anew(name)
        self.wait_healthy()

    def make_anew(self, name):
        """From the leader, once what it is at has ended: with `force` a rewind would be killed half-way."""
        old = self.members[name].data() / "of-before"

        def accepted():
            with contextlib.suppress(OSError, http.client.HTTPException):  # it answers between two loops, which may be long
                old.touch()  # each time: a rewind takes it away
                return self.members[name].rest("/reinitialize", "POST", {})[0] == 200

        self.wait(f"{name} begins anew", accepted, 60)
        self.wait(f"{name} is made anew", lambda: not old.exists(), 60)

    def configure(self, **values):
        """For all of them, each of whom reads it in a loop of its own: done once those that live have."""
        words = {member: member.word() for member in self.members.values()}
        living = [member for member, word in words.items() if word]
        status, said = living[0].rest("/config", "PATCH", values)
        assert status == 200, said
        then = time.time() + 1  # they say whole seconds
        self.wait("everybody has read it", lambda: all(m.word().get("dcs_last_seen", 0) >= then for m in living), 60)

    def kill(self, name):
        """The node dies: Patroni and the whole server at once."""
        member = self.members[name]
        _signal(self.freeze(name)[::-1], signal.SIGKILL)  # frozen first: Patroni would bring the server back, and the server its processes
        member.process.wait()
        member.process = None
        return member

    def freeze(self, name):
        """The node stands still: sockets stay open, nothing answers. Also what was forked while the first of them were stopped."""
        stopped = []
        while more := [pid for pid in self.members[name].pids() if pid not in stopped]:
            _signal(more, signal.SIGSTOP)
            stopped += more
        return stopped

    def thaw(self, name):
        _signal(self.members[name].pids()[::-1], signal.SIGCONT)

    def patronictl(self, *arguments, config=None):
        member = self.members[config] if config else next(iter(self.members.values()))
        done = subprocess.run([*self.python, "-c", "from patroni.ctl import ctl; ctl()", "-c", str(member.folder / "patroni.yml"),
                               *arguments], capture_output=True, text=True, check=False, timeout=60, env=self.environment,
                              stdin=subprocess.DEVNULL, **self.as_account())
        assert done.returncode == 0, done.stderr
        return done.stdout

    def close(self):
        for member in self.members.values():
            if member.process:
                pids = member.pids()
                _signal(pids[:1], signal.SIGSTOP)
                _signal(pids[::-1], signal.SIGKILL)
                member.process.wait()
                member.process = None
        shutil.rmtree(self.folder, ignore_errors=True)


def pretend(plane, namespace, name, members=3, word=None, primary=0, endpoints=True, **annotations):
    """The traces of a cluster that nobody runs: Pods with words, and a leader's record. `word` is over each word, a text is the word
    itself, and None for a member is a Pod that has said nothing; `annotations` are over those of the record."""
    admin = plane.admin
    labels = {"application": "spilo", "cluster-name": name}
    words = word if isinstance(word, list) else [word or {}] * members
    for index in range(members):
        said = {"conn_url": f"postgres://10.9.8.{index + 1}:5432/postgres", "api_url": "http://127.0.0.1:1/patroni",
                "state": "running", "role": "primary" if index == primary else "replica", "version": "4.1.5", "timeline": 3,
                "xlog_location": 83886080}
        if index != primary:
            said |= {"replication_state": "streaming", "receive_lsn": 83886080, "replay_lsn": 83886080}
        given = words[index]
        status = given if isinstance(given, str) else json.dumps(said | given) if given is not None else None
        admin.create({"apiVersion": "v1", "kind": "Pod", "metadata": {
            "name": f"{name}-{index}", "namespace": namespace,
            "labels": labels | {"spilo-role": "master" if index == primary else "replica"},
            **({"annotations": {"status": status}} if status is not None else {})},
            "spec": {"containers": [{"name": "postgres", "image": "spilo"}]}})
        admin.patch("v1", "Pod", namespace, f"{name}-{index}", {"status": {"phase": "Running"}}, subresource="status")
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    record = {"leader": f"{name}-{primary}", "acquireTime": now, "renewTime": now, "ttl": "30", "optime": "83886080",
              "transitions": "1"} | annotations
    kind = "Endpoints" if endpoints else "ConfigMap"
    admin.create({"apiVersion": "v1", "kind": kind, "metadata": {
        "name": name if endpoints else f"{name}-leader", "namespace": namespace, "labels": labels,
        "annotations": {key: value for key, value in record.items() if value is not None}}})
    admin.create({"apiVersion": "v1", "kind": kind, "metadata": {
        "name": f"{name}-config", "namespace": namespace, "labels": labels, "annotations": {
            "config": json.dumps({"ttl": 30, "loop_wait": 10}), "initialize": "7000000000000000001"}}})
