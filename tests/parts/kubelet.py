"""A node of the test control plane: a kubelet (tests/kubelet) that forwards ports to loopback and has logs of files.

    node = shared()
    node.take(patroni)                      # its pods are bound to the node; ports and logs are those of its members
    node.pod(namespace, name, log=path, ports={5432: 40123})
"""

import atexit
import functools
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile

from parts import kube
from parts.process import die_with_parent, free_port, wait_for

HERE = pathlib.Path(__file__).resolve().parent


class Node:
    def __init__(self, plane, name="tests-node", address="127.0.0.1"):
        self.plane, self.name, self.address = plane, name, address
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pgitops-kubelet-"))
        self.pods, self.port, self.process = {}, free_port(), None

    def start(self):
        program = subprocess.run([HERE.parent / "kubelet/build.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        self._write()
        with open(self.folder / "kubelet.log", "wb") as log:
            self.process = subprocess.Popen([program, "--listen", f"{self.address}:{self.port}", "--folder", self.folder], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=die_with_parent)
        wait_for("the kubelet listens", self._listens)
        admin = self.plane.admin
        admin.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.name}})
        admin.patch("v1", "Node", None, self.name, {"status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": self.address}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self.port}}}}, subresource="status")
        return self

    def _listens(self):
        assert self.process.poll() is None, (self.folder / "kubelet.log").read_text()
        try:
            socket.create_connection((self.address, self.port), 5).close()
        except OSError:
            return False
        return True

    def _write(self):
        new = self.folder / "pods.json.new"
        new.write_text(json.dumps(self.pods))
        new.rename(self.folder / "pods.json")

    def pod(self, namespace, name, log, ports=None, container="c1", ended=False, volumes=None):
        """What there is of a pod from now on; it is bound to the node where it is not yet. `volumes`: {claim: (used, capacity)}"""
        self.pods[f"{namespace}/{name}"] = {"container": f"{namespace}-{name}-{container}", "ended": ended, "log": str(log),
                                            "ports": {str(port): to for port, to in (ports or {}).items()},
                                            "volumes": {claim: {"used": used, "capacity": of} for claim, (used, of) in (volumes or {}).items()}}
        self._write()
        found = self.plane.admin.get("v1", "Pod", namespace, name)
        if found and not found["spec"].get("nodeName"):
            self.plane.admin.request("POST", f"/api/v1/namespaces/{namespace}/pods/{name}/binding", {
                "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": {"apiVersion": "v1", "kind": "Node", "name": self.name}})

    def gone(self, namespace, name):
        del self.pods[f"{namespace}/{name}"]
        self._write()

    def take(self, patroni):
        for member in patroni.members.values():
            self.pod(patroni.namespace, member.name, member.log_path, {member.port: member.port})
        return self

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


@functools.cache
def shared():
    """The node of this test session; pods that are bound to it stay with it."""
    node = Node(kube.shared())
    atexit.register(node.close)
    return node.start()
