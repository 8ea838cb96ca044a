"""A real Patroni cluster with etcd as its store, for what happens between a member and its store, and to a member's disk.

Each member reaches etcd by a wire of its own, which the test can cut. The first member's data lie on a small file system that only it sees.

    cluster = EtcdPatroni().start()
    cluster.wires["demo-0"].cut(); cluster.wires["demo-0"].hush(); cluster.wires["demo-0"].mend(); cluster.forget_leader()
    cluster.members["demo-0"].disk()
"""

import atexit
import base64
import json
import os
import pathlib
import socket
import subprocess
import threading
import urllib.request

from parts import kube
from parts.patroni import Member, Patroni
from parts.process import die_with_parent, free_port, stop_accepting, wait_for

DISK = "256m"


class Wire:
    """Bytes between a member and etcd, for as long as it is whole."""

    def __init__(self, port):
        self.target, self.whole, self.silent = port, True, False
        self.sockets, self.lock = set(), threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                if not self.whole:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.target))
                self.sockets |= {near, far}
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source, target):
        try:
            while part := source.recv(65536):
                if not self.silent:
                    target.sendall(part)
        except OSError:
            pass
        self._end({source, target})

    def _end(self, sockets):
        for one in sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        with self.lock:
            self.sockets -= sockets

    def cut(self):
        with self.lock:
            self.whole = False
            sockets = set(self.sockets)
        self._end(sockets)

    def hush(self):
        """Connections stay and are taken, and nothing comes through."""
        self.silent = True

    def mend(self):
        if self.silent:
            self.cut()
        self.silent, self.whole = False, True

    def close(self):
        stop_accepting(self.listener, self.thread)
        self.cut()


class SmallDiskMember(Member):
    """Its data lie in a tmpfs that only its processes see, and who goes through /proc."""

    def __init__(self, cluster, index):
        super().__init__(cluster, index)
        self.place = self.folder / "disk" / "data"

    def prepare(self):
        super().prepare()
        (self.folder / "disk").mkdir()

    def disk(self):
        return pathlib.Path(f"/proc/{self.process.pid}/root{self.folder}/disk")

    def data(self):
        return self.disk() / "data"

    def start(self):
        account = self.cluster.account
        owner = f",uid={account.pw_uid},gid={account.pw_gid}" if account else ""
        drop = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--pdeathsig=KILL"] if account else \
            ["unshare", "--user", f"--map-user={os.getuid()}", f"--map-group={os.getgid()}"]
        script = 'mount -t tmpfs -o "$1" none "$2" && shift 2 && cd / && exec "$@"'
        return self.run(["unshare", *([] if account else ["--user", "--map-root-user"]), "--mount", "--propagation", "private", "sh", "-c",
                         script, "sh", f"size={DISK},mode=700{owner}", str(self.folder / "disk"), *drop, *self.command()])


class EtcdPatroni(Patroni):
    def __init__(self, name="demo", **more):
        self.etcd_port = free_port()
        self.wires = {}
        super().__init__(None, "", name=name, **more)
        command = kube.binaries()["etcd"] + kube.etcd_flags(self.folder / "etcd", self.etcd_port)
        self.etcd = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     cwd=self.folder, preexec_fn=die_with_parent)
        atexit.register(self.etcd.kill)
        wait_for("etcd", lambda: kube.etcd_answers(self.etcd_port))

    def begin(self):
        """Not the member with the small disk leads at first."""
        first, *others = sorted(self.members.values(), key=lambda member: isinstance(member, SmallDiskMember))
        for member in self.members.values():
            member.prepare()
        first.start()
        self.wait("the first one leads", self.leader, 60)
        for member in others:
            member.start()
        return self

    def member(self, index):
        return (Member if index else SmallDiskMember)(self, index)

    def store(self, member):
        wire = self.wires.setdefault(member.name, Wire(self.etcd_port))
        return {"etcd3": {"hosts": [f"127.0.0.1:{wire.port}"], "use_proxies": True}}

    def _kubeconfig(self):
        return ""

    def make_pod(self, member):
        pass

    def _ask(self, path, body):
        request = urllib.request.Request(f"http://127.0.0.1:{self.etcd_port}/v3/kv/{path}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def _key(self, name="/leader"):
        return base64.b64encode(f"/service/{self.name}{name}".encode()).decode()

    def _leases(self):
        """Of the keys that go with their time: the leader's, and each member's."""
        found = self._ask("range", {"key": self._key("/"), "range_end": self._key("0")}).get("kvs", [])
        return {key["lease"] for key in found if key.get("lease", "0") != "0"}

    def set_ttl(self, ttl):
        before = self._leases()
        self.configure(ttl=ttl)
        self.wait("each key has a lease of that time", lambda: not before & self._leases(), 60)

    def leader(self):
        found = self._ask("range", {"key": self._key()}).get("kvs", [])
        return self.members[base64.b64decode(found[0]["value"]).decode()] if found else None

    def forget_leader(self):
        """The leader's record is gone, as when its time has run out."""
        self._ask("deleterange", {"key": self._key()})

    def ailing(self):
        leader = self.leader()
        for member in self.members.values():
            if not member.process or member.process.poll() is not None:
                raise AssertionError(f"{member.name} ended: {member.log()[-3000:]}")
            word = member.word()
            good = word.get("role") == "primary" if member is leader else word.get("replication_state") == "streaming"
            if not good or word.get("state") not in ("running", "streaming"):
                return f"{member.name} says {word}"
        return "" if leader else "there is no leader"

    def close(self):
        super().close()
        self.etcd.kill()
        self.etcd.wait()
        while self.wires:
            self.wires.popitem()[1].close()
