"""`pgitops cluster connect`: psql through a real API server, the port-forward of Kubernetes' own code, and a real Patroni behind it."""

import base64
import os
import pty
import re
import subprocess

import pytest

from parts import agent as agents
from parts import kubelet
from parts.patroni import Patroni
from parts.process import private, wait_for
from parts.proxy import FaultProxy, faults

SQL = "SELECT pg_is_in_recovery(), current_user, current_database()"
ROWS = ("-XAtc", SQL)


@pytest.fixture(scope="module")
def cluster(program, plane):
    """Two members, Secrets as the operator makes them, on a node with a kubelet."""
    patroni = Patroni(plane, plane.namespace("pg"), members=2).start()
    kubelet.shared().take(patroni)
    patroni.elsewhere = plane.namespace("elsewhere")
    patroni.apart = f"{patroni.elsewhere}.app"
    for user, namespace in (("postgres", patroni.namespace), ("odd", patroni.namespace), (patroni.apart, patroni.elsewhere)):
        patroni.plane.admin.create({"apiVersion": "v1", "kind": "Secret", "metadata": {
            "name": f"{user}.{patroni.name}.credentials.postgresql.acid.zalan.do", "namespace": namespace,
            "labels": {"application": "spilo", "cluster-name": patroni.name}},
            "data": {"username": base64.b64encode(user.encode()).decode(),
                     "password": base64.b64encode((patroni.password if user == "postgres" else r"a:b\c 'd").encode()).decode()}})
    with patroni.leader().connect() as session:
        session.execute(r"CREATE ROLE odd LOGIN PASSWORD 'a:b\c ''d'")
        session.execute(rf"""CREATE ROLE "{patroni.apart}" LOGIN PASSWORD 'a:b\c ''d'""")
        session.execute("CREATE DATABASE shop")
    wait_for("the replica has it", lambda: all(m.value("SELECT count(*) FROM pg_database WHERE datname = 'shop'") for m in patroni.replicas()))
    yield patroni
    patroni.close()


@pytest.fixture
def connect(cluster, tmp_path):
    def run(*words, user="admin", arguments=ROWS, **more):
        config = cluster.plane.kubeconfig(user, folder=tmp_path)
        return agents.run("cluster", "connect", cluster.name, "-n", cluster.namespace, "--kubeconfig", config, *words, "--", *arguments, **more)

    return run


def test_psql_is_with_the_leader_or_with_whom_was_asked_for(cluster, connect):
    assert connect().ok().out == "f|postgres|postgres\n"
    replica = cluster.replicas()[0]
    assert connect("--replica", "--database", "shop").ok().out == "t|postgres|shop\n"
    port = connect("--member", replica.name, arguments=("-XAtc", "SHOW port")).ok().out
    assert port == f"{replica.port}\n"
    assert connect("--user", "odd").ok().out == "f|odd|postgres\n"
    assert connect("--user", cluster.apart).ok().out == f"f|{cluster.apart}|postgres\n"  # its Secret is in the namespace of its name
    assert f"has no member x; it has {cluster.name}-0" in connect("--member", "x").is_(2).err


def test_the_exit_code_is_psqls_and_much_passes_in_both_directions(cluster, connect):
    assert "division by zero" in connect(arguments=("-Xc", "SELECT 1/0")).is_(1).err
    assert connect(arguments=("-X", "-v", "ON_ERROR_STOP=1"), stdin="SELECT 1/0;\n").is_(3)
    many = "".join(f"{number}\t{'x' * 200}\n" for number in range(20000))
    script = "CREATE TEMP TABLE t (n int, x text);\nCOPY t FROM STDIN;\n" + many + "\\.\nSELECT count(*), sum(n) FROM t;\nCOPY t TO STDOUT;\n"
    result = connect(arguments=("-XAtq",), stdin=script).ok()
    first, _, rest = result.out.partition("\n")
    assert first == "20000|199990000" and rest == many
    assert connect(arguments=("-XAt",), stdin="\\c shop\nSELECT current_database();\n").ok().out.splitlines()[-1] == "shop"


def test_no_argument_environment_or_file_has_the_password_and_nobody_else_gets_in(cluster, tmp_path):
    config = cluster.plane.kubeconfig(folder=tmp_path)
    with subprocess.Popen([agents.PROGRAM, "cluster", "connect", cluster.name, "-n", cluster.namespace, "--kubeconfig", config, "--", "-XAt"], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=agents.environment(PGPASSWORD="wrong", PGHOST="nowhere", HOME=tmp_path)) as run:
        run.stdin.write("SELECT 'ready';\n\\getenv port PGPORT\n\\echo :port\n")
        run.stdin.flush()
        assert run.stdout.readline() == "ready\n"
        port = int(run.stdout.readline())
        [child] = [int(pid) for pid in open(f"/proc/{run.pid}/task/{run.pid}/children").read().split()]
        for pid in (run.pid, child):
            for name in ("cmdline", "environ"):
                assert cluster.password.encode() not in open(f"/proc/{pid}/{name}", "rb").read()
        if os.getuid() == 0:  # another user of the machine is not let in
            other = subprocess.run(["runuser", "-u", "nobody", "--", "python3", "-c", "import socket, sys\n"
                                    f"s = socket.create_connection(('127.0.0.1', {port}))\ns.sendall(b'\\0\\0\\0\\10\\4\\322\\26\\57')\nsys.exit(len(s.recv(1)))"],
                                   check=False, capture_output=True, text=True, timeout=60)
            assert other.returncode == 0 or "ConnectionReset" in other.stderr, other
        run.stdin.close()
        assert run.wait(30) == 0
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and cluster.password.encode() in file.read_bytes()]


def test_what_psql_writes_has_the_umask_of_the_caller(cluster, connect, tmp_path):
    for umask, mode in ((0o022, 0o644), (0o027, 0o640)):
        out = tmp_path / f"{umask:o}"
        before = os.umask(umask)
        try:
            connect(arguments=("-Xc", f"\\copy (SELECT 1) TO '{out}'")).ok()
        finally:
            os.umask(before)
        assert out.stat().st_mode & 0o777 == mode


def test_ctrl_c_ends_a_statement_and_not_psql(cluster, tmp_path):
    config = cluster.plane.kubeconfig(folder=tmp_path)
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(agents.PROGRAM, ["pgitops", "cluster", "connect", cluster.name, "-n", cluster.namespace, "--kubeconfig", config, "--", "-XAt"],
                  agents.environment(TERM="dumb", PAGER="cat"))
    seen = ""

    def until(text):
        nonlocal seen
        while text not in seen:
            seen += os.read(terminal, 4096).decode()
        seen = seen.partition(text)[2]

    until("postgres=# ")
    os.write(terminal, b"SELECT pg_sleep(600) AS sleeps;\n")
    wait_for("it sleeps", lambda: cluster.leader().value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"))
    os.write(terminal, b"\x03")
    until("canceling statement due to user request")
    os.write(terminal, b"SELECT 'still ' || 'here';\n")
    until("still here")
    os.write(terminal, b"\\q\n")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)


def test_what_is_missing_is_said_with_the_next_step(cluster, connect, tmp_path):
    assert f"the verb list on" in connect(user="bob").is_(2).err
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "bob-connects", "namespace": cluster.namespace}}
    cluster.plane.admin.apply(role | {"kind": "Role", "rules": [
        {"apiGroups": [""], "resources": ["pods", "endpoints", "configmaps"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["secrets", "pods/portforward"], "verbs": ["get"]}]})
    cluster.plane.admin.apply(role | {"kind": "RoleBinding", "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "bob-connects"},
                                      "subjects": [{"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}]})
    refused = wait_for("the role is known", lambda: (lambda result: result if "portforward" in result.err else None)(connect(user="bob")))
    assert f"the verb get, and from 1.35 on create, on pods/portforward in the namespace {cluster.namespace} is needed" in refused.is_(2).err
    asked = connect("--user", "nobody", arguments=("-Xwc", "SELECT 1")).is_(2)
    assert "has no login nobody" in asked.err and "psql asks for the password" in asked.err and "no password supplied" in asked.err
    none = connect(PATH=str(tmp_path)).is_(2)
    assert "there is no psql in PATH" in none.err and "postgresql-client" in none.err
    node, name = kubelet.shared(), f"{cluster.namespace}/{cluster.leader().name}"
    before = node.pods[name]
    try:
        node.pod(cluster.namespace, cluster.leader().name, before["log"])
        assert "connection refused" in connect().is_(2).err
    finally:
        node.pods[name] = before
        node.take(cluster)


def test_a_proxy_that_passes_no_websocket_is_told_with_the_next_step(cluster, tmp_path):
    """One that takes the upgrade out of the request, as many do, and one that answers with a page of its own."""
    proxy = FaultProxy(cluster.plane.port, tmp_path)
    config = proxy.kubeconfig(cluster.plane)

    def refused(*texts):
        said = agents.run("cluster", "connect", cluster.name, "-n", cluster.namespace, "--kubeconfig", config, "--", "-c", "SELECT 1").is_(2).err
        assert all(text in said for text in texts) and "the verb" not in said, said
        return said

    step = "has to pass WebSockets (Upgrade: websocket)"
    try:
        refused("the API server answered 400 BadRequest: Upgrade request required;", step)
        page = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 15\r\n\r\n<html>no</html>"
        proxy.add(faults.hang(said=page), path="/portforward", times=1)
        refused("HTTP status 403;", step)
        # A kubelet's own line, in chunks as some proxies send it on, is no word of a proxy.
        line = b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n8\r\npod does\r\nb\r\n not exist\n\r\n0\r\n\r\n"
        proxy.add(faults.hang(said=line), path="/portforward", times=1)
        assert step not in refused("HTTP status 404: pod does not exist")
    finally:
        proxy.close()


def test_a_login_at_the_api_server_that_is_over_is_made_anew(cluster, tmp_path):
    """An exec plugin's token is good for a quarter of an hour; psql stays longer, and Ctrl-C or \\c is another connection."""
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "alice-connects", "namespace": cluster.namespace}}
    admin = cluster.plane.admin
    admin.apply(role | {"kind": "Role", "rules": [{"apiGroups": [""], "resources": ["*"], "verbs": ["get", "list", "create"]}]})
    admin.apply(role | {"kind": "RoleBinding", "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "alice-connects"},
                        "subjects": [{"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"}]})
    token = tmp_path / "token"
    token.write_text(cluster.plane.token("alice"))
    plugin = tmp_path / "plugin"
    plugin.write_text("#!/bin/sh\n"
                      f"echo '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"'$(cat {token})'\"}}}}'\n")
    plugin.chmod(0o755)
    config = cluster.plane.kubeconfig(folder=tmp_path, exec=[str(plugin)])
    command = [agents.PROGRAM, "cluster", "connect", cluster.name, "-n", cluster.namespace, "--kubeconfig", config, "--", "-XAt"]
    wait_for("alice may", lambda: subprocess.run([*command, "-c", "SELECT 1"], env=agents.environment(), capture_output=True, check=False).returncode == 0)
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=agents.environment()) as run:
        run.stdin.write("SELECT 'ready';\n")
        run.stdin.flush()
        assert run.stdout.readline() == "ready\n"
        admin.delete(role["apiVersion"], "RoleBinding", cluster.namespace, "alice-connects")
        wait_for("alice may no more", lambda: subprocess.run([*command, "-c", "SELECT 1"], env=agents.environment(), capture_output=True, check=False).returncode == 2)
        token.write_text(cluster.plane.token("admin"))
        run.stdin.write("\\c shop\nSELECT current_database();\n")
        run.stdin.close()
        assert run.stdout.read().splitlines()[-1] == "shop" and run.wait(30) == 0


def test_without_kubernetes_it_is_direct(cluster, tmp_path):
    file = tmp_path / "agent.yaml"
    urls = ", ".join(f"http://127.0.0.1:{member.rest_port}" for member in cluster.members.values())
    password = private(tmp_path / "password", cluster.password)
    file.write_text(f"version: 1\nstate: {tmp_path}/state\nkubernetes: {{none: true}}\ndatabases:\n  - name: main\n    patroni: [{urls}]\n"
                    f"    connection: user=postgres dbname=shop\n    passwordFrom: {{file: {password}}}\n    users: {{application: users, configMap: users, key: users.yaml}}\n")
    for words, expected in (((), "f|postgres|shop"), (("--replica", "--database", "postgres"), "t|postgres|postgres")):
        assert agents.run("cluster", "connect", cluster.name, "--config", file, *words, "--", *ROWS).ok().out == expected + "\n"


def test_the_logs_of_real_members_are_side_by_side(cluster, tmp_path):
    config = cluster.plane.kubeconfig(folder=tmp_path)
    result = agents.run("cluster", "logs", cluster.name, "-n", cluster.namespace, "--kubeconfig", config, "--no-operator", "--tail", "all").ok()
    leader, replica = cluster.leader().name, cluster.replicas()[0].name
    assert result.err == f"pgitops: {leader} leads\n"
    assert re.search(rf"^{leader} \| .*INFO: no action. I am \({leader}\), the leader with the lock", result.out, re.M)
    assert re.search(rf"^{replica} \| .*INFO: no action. I am \({replica}\), a secondary", result.out, re.M)
