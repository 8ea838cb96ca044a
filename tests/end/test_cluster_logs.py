"""`pgitops cluster logs`: containers' logs as a container runtime keeps them, through a real API server and the code of Kubernetes that reads them."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import threading

import pytest

from parts import agent as agents
from parts import kubelet
from parts.patroni import pretend
from parts.process import wait_for
from parts.proxy import FaultProxy, faults

NAME = "acid-logs"


def cri(path, *lines):
    """Adds lines: (second, text)."""
    with open(path, "a") as log:
        for second, text in lines:
            log.write(f"2026-01-02T03:04:{second:012.9f}Z stdout F {text}\n")
    return path


def grant(plane, namespace, user, *resources):
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": f"{user}-reads", "namespace": namespace}}
    plane.admin.apply(role | {"kind": "Role", "rules": [{"apiGroups": [""], "resources": list(resources), "verbs": ["get", "list"]}]})
    plane.admin.apply(role | {"kind": "RoleBinding", "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": f"{user}-reads"},
                              "subjects": [{"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}]})


class Place:
    def __init__(self, plane, folder):
        self.plane, self.node, self.folder = plane, kubelet.shared(), folder
        self.namespace, self.other = plane.namespace("logs"), plane.namespace("operator")
        pretend(plane, self.namespace, NAME, members=2)
        plane.admin.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "op", "namespace": self.other, "labels": {"name": "postgres-operator"}},
                            "spec": {"containers": [{"name": "postgres-operator", "image": "o"}]}})
        about = f'level=info msg="x" cluster-name={self.namespace}/'
        zero = cri(folder / "0.cri", (1, "zero first"), (3.5, "zero \x1b[31mred"), (9, "zero last"))
        one = cri(folder / "1.cri", (2, "one first"), (3.25, "one second"))
        operator = cri(folder / "op.cri", (0, about + "other"), (3.75, about + NAME + " pkg=cluster"), (4, about + NAME + "-2"))
        for namespace, pod, log in ((self.namespace, f"{NAME}-0", zero), (self.namespace, f"{NAME}-1", one), (self.other, "op", operator)):
            self.node.pod(namespace, pod, log)


@pytest.fixture(scope="module")
def place(program, plane, tmp_path_factory):
    made = Place(plane, tmp_path_factory.mktemp("logs"))
    yield made
    plane.admin.delete("v1", "Pod", made.other, "op")


@pytest.fixture
def logs(place, tmp_path):
    def run(*words, user="admin", namespace=True, **more):
        config = place.plane.kubeconfig(user, folder=tmp_path)
        return agents.run("cluster", "logs", NAME, *(["-n", place.namespace] if namespace else []), "--kubeconfig", config, *words, **more)

    return run


def lead(place, *roles):
    for index, role in enumerate(roles):
        place.plane.admin.patch("v1", "Pod", place.namespace, f"{NAME}-{index}", {"metadata": {"labels": {"spilo-role": role}}})


def rows(text):
    return [tuple(re.split(r" +\| ", line, maxsplit=1)) for line in text.splitlines()]


def test_all_members_and_the_operator_are_one_log_by_time(logs, place):
    result = logs().ok()
    zero, one = f"{NAME}-0", f"{NAME}-1"
    about = f'level=info msg="x" cluster-name={place.namespace}/{NAME} pkg=cluster'
    assert rows(result.out) == [(zero, "zero first"), (one, "one first"), (one, "one second"), (zero, "zero \\x1b[31mred"), ("operator", about),
                                (zero, "zero last")]
    assert result.err == f"pgitops: {zero} leads\n"
    assert rows(logs("--no-operator", "--tail", "1").ok().out) == [(one, "one second"), (zero, "zero last")]
    assert rows(logs("--member", one, "--tail", "all").ok().out) == [(one, "one first"), (one, "one second")]
    assert rows(logs("--since", "2026-01-02T03:04:09Z").ok().out) == [(zero, "zero last")]
    assert logs("--since", "1h").ok().out == ""
    item = logs("-o", "json", "--member", zero).ok().items[1]
    assert item == {"time": "2026-01-02T03:04:03.500000000Z", "member": zero, "line": "zero \x1b[31mred"}
    missing = logs("--member", "x").is_(2)
    assert f"there is no member x of {place.namespace}/{NAME}" in missing.err
    assert "is no number of lines" in logs("--tail", "x").is_(2).err


def test_at_a_terminal_each_has_a_colour_of_its_own(place, logs, tmp_path):
    words = ["cluster", "logs", NAME, "-n", place.namespace, "--kubeconfig", place.plane.kubeconfig(folder=tmp_path)]

    def at_a_terminal(**more):
        controller, terminal = pty.openpty()
        with subprocess.Popen([agents.PROGRAM, *words], stdin=subprocess.DEVNULL, stdout=terminal, env=agents.environment(**more)) as process:
            assert process.wait(60) == 0
        os.close(terminal)
        seen = b""
        with contextlib.suppress(OSError):  # that nobody has the terminal any more
            while chunk := os.read(controller, 65536):
                seen += chunk
        os.close(controller)
        return seen.decode().replace("\r\n", "\n")

    plain = logs().ok().out
    shown = at_a_terminal(TERM="xterm")
    hues = {(name.strip(), hue) for hue, name in re.findall(r"^\x1b\[(\d+)m(.*?)\x1b\[0m \| ", shown, re.MULTILINE)}
    assert {name for name, _ in hues} == {f"{NAME}-0", f"{NAME}-1", "operator"} and len({hue for _, hue in hues}) == len(hues) == 3, shown
    assert re.sub(r"\x1b\[\d+m", "", shown) == plain and "\x1b" not in plain
    assert at_a_terminal(TERM="xterm", NO_COLOR="1") == at_a_terminal(TERM="dumb") == plain


def test_rights_that_are_missing_are_named(logs, place):
    assert f"the verb list on pods in the namespace {place.namespace} is needed" in logs(user="bob").is_(2).err
    grant(place.plane, place.namespace, "bob", "pods")
    refused = wait_for("bob may list", lambda: (lambda result: result if "pods/log" in result.err else None)(logs(user="bob", namespace=True)))
    assert f"the verb get on pods/log in the namespace {place.namespace} is needed" in refused.is_(2).err
    grant(place.plane, place.namespace, "bob", "pods", "pods/log")
    result = wait_for("bob may read", lambda: (lambda result: result if result.code == 0 else None)(logs(user="bob")))
    assert "the operator's lines are left out" in result.err and "the verb list on pods in all namespaces is needed" in result.err
    assert ("operator", ) not in {row[:1] for row in rows(result.out)} and len(rows(result.out)) == 5


def test_it_is_followed_over_a_pod_that_starts_anew(place, tmp_path):
    config = place.plane.kubeconfig(folder=tmp_path)
    command = [agents.PROGRAM, "cluster", "logs", NAME, "-n", place.namespace, "--kubeconfig", config, "-f", "--tail", "1"]
    pod, first, about = f"{NAME}-0", place.folder / "0.cri", f'level=info msg="x" cluster-name={place.namespace}/'
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=agents.environment()) as following:
        assert [following.stdout.readline().split("| ")[1] for _ in range(3)] == ["one second\n", f"{about}{NAME} pkg=cluster\n", "zero last\n"]
        assert following.stderr.readline() == f"pgitops: {pod} leads\n"
        cri(first, (20, "it ends"))
        assert following.stdout.readline() == f"{pod} | it ends\n"
        place.node.pod(place.namespace, pod, first, ended=True)
        assert following.stderr.readline() == f"pgitops: the log of {pod} has ended; it goes on when the Pod does\n"
        again = cri(place.folder / "again.cri", (20, "it ends"), (21, "it begins"))
        place.node.pod(place.namespace, pod, again, container="c2")
        assert following.stdout.readline() == f"{pod} | it begins\n"
        cri(place.folder / "1.cri", (22, "one more"))
        assert following.stdout.readline() == f"{NAME}-1 | one more\n"
        cri(place.folder / "op.cri", (23, about + "other"), (24, about + NAME + " synced"))  # of the operator what is this cluster's
        assert following.stdout.readline() == f"operator    | {about}{NAME} synced\n"
        lead(place, "replica", "master")
        assert following.stderr.readline() == f"pgitops: {NAME}-1 leads now\n"
        lead(place, "master", "replica")
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == -signal.SIGINT


def test_what_there_was_is_in_order_however_late_a_member_answers(program, plane, tmp_path):
    """And what is written while it is waited for comes once."""
    place, proxy, written = Place(plane, tmp_path), FaultProxy(plane.port, tmp_path), threading.Event()
    zero, one = f"{NAME}-0", f"{NAME}-1"
    try:
        proxy.add(faults.wait(written), path=f"/pods/{one}/log", times=1)
        command = [program, "cluster", "logs", NAME, "-n", place.namespace, "--kubeconfig", proxy.kubeconfig(plane), "-f", "--tail", "2", "--no-operator"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=agents.environment()) as following:
            try:
                wait_for("the first is read", lambda: proxy.count(path=f"/pods/{zero}/log"))
                assert not select.select([following.stdout], [], [], 0.6)[0], "told before all are there"
                cri(tmp_path / "0.cri", (20, "zero goes on"))
                written.set()
                assert rows("".join(following.stdout.readline() for _ in range(5))) == [
                    (one, "one first"), (one, "one second"), (zero, "zero \\x1b[31mred"), (zero, "zero last"), (zero, "zero goes on")]
                cri(tmp_path / "1.cri", (21, "one goes on"))
                assert following.stdout.readline() == f"{one} | one goes on\n"
            finally:
                following.kill()
    finally:
        proxy.close()
        plane.admin.delete("v1", "Pod", place.other, "op")
