"""`pgitops cluster list` and `cluster get`: beside patronictl on a real Patroni, and where that is not right."""

import http.server
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading

import pytest
import yaml

from parts import agent as agents, patronictl
from parts.patroni import pretend
from parts.process import free_port, private, wait_for
from parts.proxy import FaultProxy, faults


@pytest.fixture
def ask(plane, tmp_path):
    """ask("list", namespace=...) -> what the command says; `user` asks, `server` is asked."""
    def run(*words, namespace=None, user="admin", server=None, **more):
        config = plane.kubeconfig(user, folder=tmp_path, server=server)
        return agents.run("cluster", *words, *(["-n", namespace] if namespace else []), "--kubeconfig", config, **more)

    return run


def document(ask, namespace, *more):
    result = ask("list", "-o", "json", *more, namespace=namespace)
    assert result.code in (0, 1), result
    return result.items[0]


def texts(cluster, severity=None):
    return [p["text"] for p in cluster["problems"] if severity in (None, p["severity"])]


def agrees(ask, patroni):
    return patronictl.agrees(lambda: document(ask, patroni.namespace), patroni)


def cells(text):
    return [re.split(r"  +", line.strip()) for line in text.splitlines() if "  " in line]


def test_the_list_is_patronictls_line_by_line(calm, ask):
    theirs = agrees(ask, calm)
    assert [row["Role"] for row in theirs].count("Leader") == 1
    # A member has two seconds to answer in, which on a busy machine may be too short.
    result = wait_for("all answer", lambda: next((one for one in [ask("list", namespace=calm.namespace)] if one.out.count(" now") == 3), None)).ok()
    header, *rows = cells(result.out)
    assert header[:6] == ["CLUSTER", "MEMBER", "HOST", "ROLE", "STATE", "TL"]
    for row, expected in zip(rows, theirs, strict=True):
        assert row[:6] == [calm.name, expected["Member"], expected["Host"], expected["Role"], expected["State"],
                           str(expected["TL"])] and row[-1] == "now"


def test_a_pending_restart_has_its_reason_and_tags_are_shown(calm, ask):
    tagged = calm.replicas()[0]
    calm.configure(postgresql={"parameters": {"max_connections": 40}})
    tagged.configure(tags={"clonefrom": True})
    try:
        wait_for("it is pending everywhere", lambda: all(m.word().get("pending_restart") for m in calm.members.values()))
        wait_for("it has the tag", lambda: tagged.word().get("tags"))
        theirs = agrees(ask, calm)
        assert any("30->40" in row.get("Pending restart reason", "") for row in theirs)
        assert {row["Member"]: row["Tags"] for row in theirs if "Tags" in row} == {tagged.name: {"clonefrom": True}}
        result = ask("list", namespace=calm.namespace).ok()
        assert "PENDING-RESTART" in result.out and "max_connections: 30->40" in result.out
        assert [tagged.name in line for line in result.out.splitlines() if "clonefrom: true" in line] == [True] and "TAGS" in result.out
    finally:
        tagged.configure()
        calm.configure(postgresql={"parameters": {"max_connections": 30}})
    wait_for("it is taken back", lambda: not any(m.word().get("pending_restart") or m.word().get("tags") for m in calm.members.values()))
    agrees(ask, calm)
    assert not [word for word in ("PENDING-RESTART", "TAGS") if word in ask("list", namespace=calm.namespace).out]


def test_synchronous_standbys_are_told(calm, ask):
    calm.configure(synchronous_mode=True)
    try:
        wait_for("one is synchronous", lambda: any(
            m["role"] == "sync_standby" for m in document(ask, calm.namespace)["members"]))
        assert "Sync Standby" in [row["Role"] for row in agrees(ask, calm)]
        cluster = document(ask, calm.namespace)
        assert cluster["syncMode"] == "on"
        calm.configure(synchronous_mode="quorum")
        wait_for("both are of the quorum", lambda: [
            m["role"] for m in document(ask, calm.namespace)["members"]].count("quorum_standby") == 2)
        assert [row["Role"] for row in agrees(ask, calm)].count("Quorum Standby") == 2
        assert "Quorum Standby" in ask("list", namespace=calm.namespace).ok().out
    finally:
        calm.configure(synchronous_mode=None)
    wait_for("none is", lambda: all(m["role"] in ("leader", "replica") for m in document(ask, calm.namespace)["members"]))


def test_pause_and_a_planned_switchover_stand_below(calm, ask):
    leader, replica = calm.leader(), calm.replicas()[0]
    status, said = leader.rest("/switchover", "POST", {"leader": leader.name, "candidate": replica.name,
                                                       "scheduled_at": "2099-01-02T03:04:05+00:00"})
    assert status == 202, said
    calm.pause()
    try:
        wait_for("it is planned", lambda: "scheduledSwitchover" in document(ask, calm.namespace))
        cluster = document(ask, calm.namespace)
        assert cluster["paused"] and cluster["scheduledSwitchover"]["from"] == leader.name
        result = ask("list", namespace=calm.namespace).ok()
        assert "Maintenance mode: on" in result.out and f"2099-01-02T03:04:05+00:00 from {leader.name} to {replica.name}" in result.out
        theirs = calm.patronictl("list")
        assert "Maintenance mode: on" in theirs and "Switchover scheduled at: 2099-01-02T03:04:05+00:00" in theirs, theirs
        assert re.search(rf"from: {leader.name}\s+to: {replica.name}", theirs), theirs
    finally:
        leader.rest("/switchover", "DELETE")
        calm.pause(False)


def test_a_dead_leader_is_told_where_patronictl_says_that_it_runs(calm, ask):
    leader = calm.leader()
    calm.pause()
    calm.kill(leader.name)
    try:
        other = next(m for m in calm.members if m != leader.name)
        theirs = json.loads(calm.patronictl("list", "-f", "json", config=other))
        assert [row["State"] for row in theirs if row["Member"] == leader.name] == ["running"]
        result = ask("list", namespace=calm.namespace).is_(1)
        first = result.out.splitlines()[0]
        assert first.startswith(f"{calm.name}: the leader {leader.name} does not answer") and "renewed" in first
        assert "no answer (said running)" in result.out

        def told():
            """In JSON, and in the table's column HEARD."""
            member = next(m for m in document(ask, calm.namespace)["members"] if m["name"] == leader.name)
            return member, next(row for row in cells(ask("list", namespace=calm.namespace).out) if leader.name in row[:2])[-1]

        member, age = told()
        assert member["contact"] == "silent" and member["heard"] and member["silence"] and re.fullmatch(r"\d+m?s", age), (member, age)
        # Time passes, and its last word stays the one of before.
        later, _ = wait_for("it grows old", lambda: next((one for one in [told()] if one[1] != age), None))
        assert later["heard"] == member["heard"]
        got = ask("get", calm.name, namespace=calm.namespace).is_(1).out
        assert got.startswith(f"{calm.name}: the leader {leader.name} does not answer") and "no answer (said running)" in got, got
    finally:
        leader.start()  # in a pause nobody starts a server that had crashed
        calm.pause(False)


def test_a_frozen_replica_costs_one_deadline_and_is_told(calm, ask):
    replica = calm.replicas()[0]
    calm.freeze(replica.name)
    try:
        result = wait_for("the others answer", lambda: next(
            (one for one in [ask("list", namespace=calm.namespace)] if one.out.count(" now") == 2), None)).ok()
        assert f"{calm.name}: {replica.name} does not answer" in result.out
    finally:
        calm.thaw(replica.name)


def test_replay_lag_stands_apart_from_receive_lag(calm, ask):
    replica, leader = calm.replicas()[0], calm.leader()
    startup = replica.postgres_child("startup")
    os.kill(startup, signal.SIGSTOP)
    try:
        with leader.connect() as session:
            session.execute("CREATE TABLE heap AS SELECT repeat('x', 500) AS x FROM generate_series(1, 40000)")
            session.execute("DROP TABLE heap")

        def lags():
            member = next(m for m in document(ask, calm.namespace)["members"] if m["name"] == replica.name)
            return member if member.get("receiveLagBytes") == 0 and member.get("replayLagBytes", 0) > 10 << 20 else None

        member = wait_for("it has all and replays nothing", lags)
        theirs = agrees(ask, calm)
        assert next(row for row in theirs if row["Member"] == replica.name)["Replay Lag"] >= 10
        assert member["lagBytes"] == member["replayLagBytes"]
        # The leader's position may be of a moment later than the replica's.
        row = wait_for("the table has it, too", lambda: next(
            (row for row in cells(ask("list", namespace=calm.namespace).out) if replica.name in row and row[6] == "0"), None))
        assert re.fullmatch(r"\d+ MiB", row[7])
    finally:
        os.kill(startup, signal.SIGCONT)
    wait_for("it has caught up", lambda: next(
        m for m in document(ask, calm.namespace)["members"] if m["name"] == replica.name).get("replayLagBytes") == 0)


def test_a_leader_in_recovery_is_told_though_patroni_said_that_the_switchover_succeeded(calm, ask):
    """Patroni looks at no replay before it hands over: nobody takes writes, and its list is fine."""
    candidate, leader = calm.replicas()[0], calm.leader()
    startup = candidate.postgres_child("startup")
    os.kill(startup, signal.SIGSTOP)
    try:
        # Asked for again where it was refused: Patroni waits no more than 2 s for the candidate's word.
        wait_for("it has succeeded", lambda: leader.rest(
            "/switchover", "POST", {"leader": leader.name, "candidate": candidate.name}, timeout=60)[0] == 200)
        assert calm.leader() is candidate
        told = f"{calm.name}: the leader {candidate.name} is still in recovery: it takes no writes"
        # For a moment the old one's Pod is labelled, too.
        wait_for("it is told first", lambda: next(
            (True for one in [ask("list", namespace=calm.namespace)] if one.code == 1 and one.out.splitlines()[:1] == [told]), False))
    finally:
        os.kill(startup, signal.SIGCONT)


def test_two_primaries_are_said_first(calm, ask):
    with calm.without_rewind():
        calm.pause()
        leader, other = calm.leader(), calm.replicas()[0]
        try:
            assert other.value("SELECT pg_promote()")
            # At once: with its next look Patroni restarts it.
            names = ", ".join(sorted([leader.name, other.name]))
            told = f"{calm.name}: two primaries take writes: {names}; the leader's record names {leader.name}"
            wait_for("it is said first", lambda: next(
                (True for one in [ask("list", namespace=calm.namespace)] if one.code == 1 and one.out.startswith(told)), False))
        finally:
            calm.pause(False)
        # It would follow, and has a timeline that the leader does not know: Patroni calls that running.
        wait_for("it is told", lambda: any(f"{other.name} runs and follows nobody" in text for text in texts(document(ask, calm.namespace))))
        calm.reinit(other.name)


def test_a_switchover_shows_in_the_age_of_the_last_failover(calm, ask):
    before = calm.annotation(f"{calm.name}-config", "history")
    candidate = calm.switchover()

    def told():
        """As Patroni's history has it, whenever it writes that: until then it ends with the failover before."""
        history = calm.annotation(f"{calm.name}-config", "history")
        found = document(ask, calm.namespace)
        return found if history != before and [found.get("lastFailoverTo")] == json.loads(history)[-1][4:] else None

    found = wait_for("history has it", told)
    assert found["leader"] == candidate.name and found["lastFailover"] and found["timeline"] >= 2
    agrees(ask, calm)
    result = ask("get", f"{calm.namespace}/{calm.name}").ok()
    assert f"Leader      {candidate.name}, for " in result.out and f"ago, to {found['lastFailoverTo']}" in result.out


def test_without_kubernetes_the_rest_api_is_asked(calm, tmp_path):
    agent = agents.Agent(tmp_path)
    urls = [f"http://127.0.0.1:{free_port()}", *(f"http://127.0.0.1:{m.rest_port}" for m in calm.members.values())]
    entry = {"name": "main", "connection": "host=127.0.0.1 dbname=postgres user=postgres", "patroni": urls,
             "users": {"application": "postgres-users"}}
    agent.config["databases"] = [entry]
    agent.write()

    def equal():
        """Both are of one moment only while nothing moves."""
        (found,) = agent.cli("cluster", "list", "-o", "json").ok().items
        rows = [{key: value for key, value in row.items() if key != "Cluster"}
                for row in json.loads(calm.patronictl("list", "-f", "json"))]
        return found if [patronictl.as_patronictl(m) for m in found["members"]] == rows else None

    cluster = wait_for("both lists are equal", equal)
    assert cluster["name"] == calm.name and cluster["leader"] == calm.leader().name and "namespace" not in cluster
    assert [cluster.get("lastFailoverTo")] == (calm.leader().rest("/history")[1] or [[None]])[-1][-1:] and "lastFailoverUnknown" not in cluster
    # Nobody answers: that is no empty list.
    agent.config["databases"][0]["patroni"] = urls[:1]
    agent.write()
    result = agent.cli("cluster", "list").is_(1)
    assert "main: nothing is known of it" in result.out and urls[0] in result.out


@pytest.fixture
def held(calm):
    """How many slots there are that nobody takes from, as a question to the leader."""
    question = "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'held_by_nobody'"
    yield question
    calm.configure(slots=None, postgresql={"parameters": {"wal_receiver_status_interval": None}})
    wait_for("Patroni drops it", lambda: not any(member.value(question) for member in calm.members.values()))


def test_the_primary_says_what_streams_and_what_slots_hold(calm, held, tmp_path):
    agent = agents.Agent(tmp_path)
    ports = [str(m.port) for m in calm.members.values()]
    private(tmp_path / "password", calm.password)
    agent.config["databases"] = [{
        "name": "main", "connection": f"host={','.join(['127.0.0.1'] * 3)} port={','.join(ports)} dbname=postgres user=postgres",
        "passwordFrom": {"file": "./password"}, "users": {"application": "postgres-users"},
        "patroni": [f"http://127.0.0.1:{m.rest_port}" for m in calm.members.values()]}]
    agent.write()
    leader, late = calm.leader(), calm.replicas()[0]
    # Patroni drops what it does not know.
    calm.configure(slots={"held_by_nobody": {"type": "physical"}}, postgresql={"parameters": {"wal_receiver_status_interval": "1s"}})
    with leader.connect() as session:
        wait_for("Patroni makes the slot", lambda: session.execute(held).fetchone()[0])
        session.execute("CREATE TABLE heap AS SELECT repeat('x', 500) AS x FROM generate_series(1, 10000)")
        session.execute("DROP TABLE heap")

        def seen():
            result = agent.cli("cluster", "get", calm.name, "-o", "json").ok().json
            return result if {r["name"]: r["state"] for r in result["replication"]} == {
                m.name: "streaming" for m in calm.replicas()} else None

        found = wait_for("both stream", seen)
        slots = {slot["name"]: slot for slot in found["slots"]}
        unused = slots["held_by_nobody"]
        assert not unused["active"] and unused["heldBytes"] > 4 << 20 and unused["type"] == "physical", unused
        assert all(slots[m.name.replace("-", "_")]["active"] for m in calm.replicas()), slots
        sizes = {d["name"]: d["bytes"] for d in found["databases"]}
        assert abs(sizes["postgres"] - session.execute("SELECT pg_database_size('postgres')").fetchone()[0]) < 1 << 20
        assert found["walBytes"] >= 16 << 20 and "walReadable" not in found
        assert found["volumes"] == [{"member": leader.name, "source": "postgresql", "atLeastBytes": found["walBytes"] + sum(sizes.values())}]
        assert found["maxConnections"] == 30 and 1 <= found["connections"] <= 30
        assert all(r["sync"] == "async" and r["replayLagBytes"] >= 0 for r in found["replication"])
        result = agent.cli("cluster", "get", calm.name).ok()
        assert re.search(r"Connections +\d+ of 30", result.out) and "FLUSH-LAG" in result.out and "SIZE" in result.out
        assert re.search(rf"\n{leader.name} +- +at least \d+ MiB +- +- +PostgreSQL: databases and WAL", result.out)

        def lags():
            return {sender["name"]: sender["lagSeconds"] for sender in agent.cli("cluster", "get", calm.name, "-o", "json").json["replication"]}

        def behind(member, seconds=1):
            session.execute("SELECT pg_logical_emit_message(true, 'of a test', 'that is not replayed')")
            return next((found for found in [lags()] if (found[member.name] or 0) >= seconds), None)

        # One that replays nothing is behind by seconds, too.
        startup = late.postgres_child("startup")
        os.kill(startup, signal.SIGSTOP)
        try:
            lag = wait_for("it is behind", lambda: behind(late))[late.name]
            shown = yaml.safe_load(agent.cli("cluster", "get", calm.name, "-o", "yaml").out)
            later = {member["name"]: member.get("lagSeconds") for member in shown["members"]}
            assert set(later) == set(calm.members) and later[late.name] >= lag and later[leader.name] is None, (lag, later)
            plain, wide = (agent.cli("cluster", "get", calm.name, *form).out for form in ((), ("-o", "wide")))
            assert not [word for word in ("POSITION", "PATRONI") if word in plain or word not in wide], (plain, wide)
            assert re.search(rf"\n{late.name} .* streaming .* \d+\.\ds\n", plain), plain
        finally:
            os.kill(startup, signal.SIGCONT)
        # Of one that receives nothing PostgreSQL has nothing newer than its last reply.
        wait_for("nobody is behind", lambda: not any(lags().values()))
        receiver = late.postgres_child("walreceiver")
        os.kill(receiver, signal.SIGSTOP)
        try:
            wait_for("its silence counts", lambda: behind(late, seconds=2))
        finally:
            os.kill(receiver, signal.SIGCONT)
    # A primary that lets nobody in costs the rest nothing.
    private(tmp_path / "password", "wrong")
    found = agent.cli("cluster", "get", calm.name, "-o", "json").ok().json
    assert "the primary does not say how it is" in found["serverError"] and len(found["members"]) == 3
    assert "wrong" not in found["serverError"].replace("wrong password", "")


def test_a_rest_api_with_a_wrong_certificate_or_no_patroni_is_refused(program, tmp_path):
    run = dict(check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj",
                    "/CN=elsewhere", "-days", "2"], **run)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_):
            pass

    servers = []
    for secure in (True, False):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if secure:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    silent = socket.create_server(("127.0.0.1", 0))
    agent = agents.Agent(tmp_path)
    agent.config["databases"] = [{"name": "main", "connection": "host=127.0.0.1 dbname=postgres user=postgres", "patroni": [
        f"https://127.0.0.1:{servers[0].server_port}", f"http://127.0.0.1:{servers[1].server_port}",
        f"http://127.0.0.1:{silent.getsockname()[1]}"], "users": {"application": "postgres-users"}}]
    agent.write()
    result = agent.cli("cluster", "list").is_(1)
    assert "certificate" in result.out and "no JSON object" in result.out and "main: nothing is known of it" in result.out
    assert f"http://127.0.0.1:{silent.getsockname()[1]}: Timeout was reached" in result.out, result.out
    for server in servers:
        server.shutdown()
        server.server_close()
    silent.close()


def test_watching_prints_what_changes(calm, plane, tmp_path):
    """By connections that are kept, and found anew after a reading that failed."""
    proxy = FaultProxy(plane.port)
    config, pods = proxy.kubeconfig(plane), f"/namespaces/{calm.namespace}/pods"
    out = tmp_path / "out"
    with open(out, "wb") as file:
        process = subprocess.Popen([str(agents.PROGRAM), "cluster", "list", "-w", "-n", calm.namespace, "--kubeconfig", str(config)],
                                   stdout=file, stderr=subprocess.STDOUT, env=agents.environment())
    try:
        wait_for("the first list", lambda: "CLUSTER" in out.read_text())
        calm.pause()
        wait_for("the change", lambda: "Maintenance mode" in out.read_text())
        wait_for("some readings", lambda: proxy.count("GET", pods) >= 4)
        assert proxy.accepted <= len({path for _, path in proxy.seen}), (proxy.accepted, proxy.seen)
        proxy.add(faults.status(403, message="not you"), path=pods, times=1)
        wait_for("it is told", lambda: "not you" in out.read_text())
        before = proxy.count("GET", pods)
        wait_for("it goes on", lambda: proxy.count("GET", pods) >= before + 2)
        assert process.poll() is None
    finally:
        proxy.close()
        calm.pause(False)
        process.kill()
        process.wait()


# ---- traces of clusters that nobody runs --------------------------------------------------------------------------------------


def test_twenty_clusters_cost_one_request_for_each_kind(crds, ask):
    namespace = crds.namespace("many")
    for index in range(20):
        pretend(crds, namespace, f"acid-{index:02}", endpoints=index % 2 == 0)
    mark = crds.mark()
    result = ask("list", "-o", "json", namespace=namespace).ok()
    assert len(result.items) == 20 and all(len(c["members"]) == 3 for c in result.items)
    asked = [r["objectRef"]["resource"] for r in crds.requests(mark) if "objectRef" in r]
    assert sorted(asked) == ["configmaps", "endpoints", "persistentvolumeclaims", "pods", "postgresqls"]
    assert "no member answers from here" in result.err
    # One of them asks for its own objects alone.
    mark = crds.mark()
    result = ask("get", "acid-07", namespace=namespace).ok()
    assert len(crds.requests(mark)) == 6 and "acid-07-2" in result.out and "acid-08" not in result.out


def test_members_are_asked_once_each_and_all_at_once(crds, ask):
    """So that many who are silent cost the deadline of one: here nobody is answered before all have asked. On a busy machine that may take
    longer than the deadline, and is asked again, by all."""
    namespace, together, asked, contacts = crds.namespace("asked"), threading.Barrier(9), [], []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            together.wait(20)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"state": "running", "role": "replica"}')

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 16

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for index in range(3):
            pretend(crds, namespace, f"acid-{index}", word={"api_url": f"http://127.0.0.1:{server.server_port}/patroni"})

        def good():
            nonlocal together, asked, contacts
            together, asked = threading.Barrier(9), []
            found = ask("list", "-o", "json", namespace=namespace).items
            together.abort()
            contacts = [member["contact"] for cluster in found for member in cluster["members"]]
            return contacts == ["answered"] * 9 and asked == ["/patroni"] * 9

        try:
            wait_for("each is asked once, and all at once", good)
        except TimeoutError:
            raise AssertionError((contacts, asked)) from None
        finally:
            server.shutdown()


def test_a_standby_cluster_in_every_form(crds, ask):
    namespace = crds.namespace("forms")
    pretend(crds, namespace, "acid-copy", members=2, word=[{"role": "standby_leader", "replication_state": "streaming"}, {}])
    crds.admin.patch("v1", "Endpoints", namespace, "acid-copy-config", {"metadata": {"annotations": {
        "config": json.dumps({"ttl": 30, "standby_cluster": {"host": "10.1.2.3", "port": 5432}})}}})
    found = document(ask, namespace)
    assert [m["role"] for m in found["members"]] == ["standby_leader", "replica"], found
    assert yaml.safe_load(ask("list", "-o", "yaml", namespace=namespace).out)["items"][0]["members"] == found["members"]
    plain, wide = (ask("list", *form, namespace=namespace).out for form in ((), ("-o", "wide")))
    assert "Standby Leader" in plain and "Standby Leader" in wide
    assert not [word for word in ("NAMESPACE", "POSITION", "PATRONI") if word in plain or word not in wide], (plain, wide)
    assert namespace in wide and "0/5000000" in wide and "4.1.5" in wide


def test_of_more_than_a_page_all_is_shown(crds, ask):
    namespace = crds.namespace("pages")
    for index in range(50):
        pretend(crds, namespace, f"acid-{index:02}", members=1)
    result = ask("list", "--no-ask", "-o", "json", namespace=namespace).ok()
    assert [c["name"] for c in result.items] == [f"acid-{index:02}" for index in range(50)] and not result.err


@pytest.mark.parametrize("word, expected", [
    ("{", "its annotation `status` is no JSON object"),
    ("[]", "its annotation `status` is no JSON object"),
    ("{}", "names no state"),
    ('{"state": 7, "timeline": "x", "xlog_location": -1, "tags": [], "conn_url": 1}', "names no state"),
    ('{"state": "running", "role": "replica", "of a newer version": {"a": [1]}, "timeline": 4e300}', None),
    ({"state": "start failed"}, "is start failed"),
    ({"state": "unknown"}, "answers no query of its own Patroni"),
    ({"timeline": 2}, "is on timeline 2, the leader on 3"),
    ({"state": "running", "replication_state": "in archive recovery", "receive_lsn": 0, "replay_lsn": 0}, "80 MiB behind"),
    (None, "has said nothing yet"),
])
def test_a_word_that_is_none_is_told_and_hides_nothing(crds, ask, word, expected):
    namespace = crds.namespace("word")
    pretend(crds, namespace, "acid-demo", word=[{}, word, {}])
    cluster = document(ask, namespace, "--no-ask")
    assert len(cluster["members"]) == 3 and cluster["healthy"]
    assert expected is None or any("acid-demo-1" in text and expected in text for text in texts(cluster)), texts(cluster)
    assert ask("list", "--no-ask", namespace=namespace).ok().out.count("acid-demo-1") >= 1


@pytest.mark.parametrize("change, expected", [
    ({"leader": None}, "there is no leader"),
    ({"leader": "acid-demo-9"}, "the leader's record names acid-demo-9, which is none of the members"),
    ({"renewTime": "2020-01-01T00:00:00+00:00"}, "has not renewed its record for"),
])
def test_a_record_that_is_not_good_is_an_answer_of_no(crds, ask, change, expected):
    namespace = crds.namespace("record")
    pretend(crds, namespace, "acid-demo", **change)
    result = ask("list", "--no-ask", namespace=namespace).is_(1)
    assert expected in result.out.splitlines()[0], result


def test_annotations_that_are_not_patronis_are_named(crds, ask):
    namespace = crds.namespace("odd")
    pretend(crds, namespace, "acid-demo", renewTime="yesterday", ttl="long", optime="-5")
    crds.admin.patch("v1", "Endpoints", namespace, "acid-demo-config", {"metadata": {"annotations": {
        "config": "[1]", "history": '[[1, 2, "x", "not a time"], 7]'}}})
    cluster = document(ask, namespace, "--no-ask")
    assert any("annotation config of acid-demo-config is not what Patroni writes" in text for text in texts(cluster))
    assert len(cluster["members"]) == 3


def test_two_pods_labelled_as_primary_are_said_first(crds, ask):
    namespace = crds.namespace("two")
    pretend(crds, namespace, "acid-demo")
    crds.admin.patch("v1", "Pod", namespace, "acid-demo-2", {"metadata": {"labels": {"spilo-role": "master"}}})
    result = ask("list", "--no-ask", namespace=namespace).is_(1)
    assert result.out.splitlines()[0] == ("acid-demo: two pods are labelled as primary: acid-demo-0, acid-demo-2; "
                                          "the leader's record names acid-demo-0")
    assert texts(document(ask, namespace, "--no-ask"), "error")


def test_what_carries_the_label_by_chance_is_no_cluster(crds, ask):
    namespace = crds.namespace("chance")
    crds.admin.create({"apiVersion": "v1", "kind": "Pod", "metadata": {
        "name": "search-0", "namespace": namespace, "labels": {"cluster-name": "search"}},
        "spec": {"containers": [{"name": "search", "image": "search"}]}})
    pretend(crds, namespace, "acid-demo")
    crds.admin.create({"apiVersion": "v1", "kind": "Pod", "metadata": {
        "name": "acid-demo-pooler-x", "namespace": namespace,
        "labels": {"cluster-name": "acid-demo", "application": "db-connection-pooler", "spilo-role": "master"}},
        "spec": {"containers": [{"name": "pooler", "image": "pgbouncer"}]}})
    result = ask("list", "--no-ask", "-o", "json", namespace=namespace).ok()
    assert [(c["name"], len(c["members"])) for c in result.items] == [("acid-demo", 3)]


def test_the_operators_object_and_volumes_stand_beside(crds, ask):
    namespace = crds.namespace("operated")
    admin = crds.admin
    pretend(crds, namespace, "acid-demo", members=2)
    admin.create({"apiVersion": "acid.zalan.do/v1", "kind": "postgresql", "metadata": {"name": "acid-demo", "namespace": namespace,
                  "finalizers": ["example.org/held"]},
                  "spec": {"teamId": "acid", "numberOfInstances": 3, "postgresql": {"version": "17"}, "volume": {"size": "5Gi"}}})
    admin.patch("acid.zalan.do/v1", "postgresql", namespace, "acid-demo", {"status": {"PostgresClusterStatus": "SyncFailed"}},
                subresource="status")
    for index in range(2):
        admin.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {
            "name": f"pgdata-acid-demo-{index}", "namespace": namespace, "labels": {"application": "spilo", "cluster-name": "acid-demo"}},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}})
    result = ask("get", "acid-demo", "--no-ask", namespace=namespace).ok()
    assert re.search(r"Instances +2 of 3", result.out) and re.search(r"Version +17", result.out)
    assert re.search(r"Operator +SyncFailed", result.out) and re.search(r"Volume +5Gi wanted; 2 claims", result.out)
    cluster = document(ask, namespace, "--no-ask")
    assert cluster["instances"] == {"wanted": 3, "there": 2} and cluster["operator"] == {"status": "SyncFailed"}
    told = texts(cluster)
    assert "2 of 3 instances are there" in told and any(text.startswith("the operator says SyncFailed since 20") for text in told)
    assert any("volume claim pgdata-acid-demo-0 is Pending" in text for text in told)
    # It is being deleted, as long as somebody holds it.
    admin.delete("acid.zalan.do/v1", "postgresql", namespace, "acid-demo")
    try:
        assert "is being deleted" in texts(document(ask, namespace, "--no-ask"))
    finally:
        admin.patch("acid.zalan.do/v1", "postgresql", namespace, "acid-demo", {"metadata": {"finalizers": None}})


def test_the_last_events_stand_below_and_those_that_say_the_same_are_one(crds, ask, tmp_path):
    namespace = crds.namespace("said")
    pretend(crds, namespace, "acid-demo", members=1)

    def event(second, kind, name, word, message="", type="Normal", count=1):
        crds.admin.create({"apiVersion": "v1", "kind": "Event", "metadata": {"name": f"{name}.{second}", "namespace": namespace}, "type": type,
                           "involvedObject": {"kind": kind, "name": name, "namespace": namespace}, "reason": word, "message": message,
                           "lastTimestamp": f"2026-01-02T03:04:{second:02}Z", "count": count, "source": {"component": "postgres-operator"}})

    for second in range(6):
        event(second, "Pod", "acid-demo-0", f"Early{second}")
    event(10, "postgresql", "acid-demo", "Update", "could not sync", "Warning", 3)
    event(11, "Pod", "acid-other-0", "Foreign")
    event(12, "PersistentVolumeClaim", "pgdata-acid-demo-0", "Resizing")
    event(13, "postgresql", "acid-demo", "Update", "could not sync", "Warning", 2)
    for second in range(20, 24):
        event(second, "StatefulSet", "acid-demo", f"Late{second}")
    result = ask("get", "acid-demo", "--no-ask", "-o", "json", namespace=namespace).ok()
    events = result.json["events"]
    assert [e["reason"] for e in events] == ["Early4", "Early5", "Resizing", "Update", "Late20", "Late21", "Late22", "Late23"]
    assert events[3] == {"object": {"kind": "postgresql", "namespace": namespace, "name": "acid-demo"}, "count": 5, "type": "Warning",
                         "time": "2026-01-02T03:04:13.000Z", "reason": "Update", "message": "could not sync", "source": "postgres-operator"}
    told = ask("get", "acid-demo", "--no-ask", namespace=namespace).ok().out
    assert re.search(r"\nEvents\nLAST .*\n(.*\n)+.*Warning +Update +postgresql/acid-demo +5 +could not sync", told) and "Foreign" not in told
    # An Event is news to whoever watches.
    watching = subprocess.Popen([str(agents.PROGRAM), "cluster", "get", "acid-demo", "-w", "--no-ask", "-n", namespace, "--kubeconfig",
                                 str(crds.kubeconfig("admin", folder=tmp_path))],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=agents.environment())
    try:
        while "Late23" not in watching.stdout.readline():
            pass
        event(30, "Pod", "acid-demo-0", "JustNow")
        while "JustNow" not in watching.stdout.readline():
            pass
    finally:
        watching.kill()
        watching.communicate()
    # Without the right all else is shown, and what it needs is said.
    crds.allow("bob", [{"apiGroups": [""], "resources": ["pods", "endpoints", "configmaps"], "verbs": ["list"]}], namespace)
    result = ask("get", "acid-demo", "--no-ask", "-o", "json", namespace=namespace, user="bob").ok()
    assert "events" not in result.json and "the verb list on events in the namespace" in result.json["eventsError"]


def test_who_may_not_is_told_the_verb(crds, ask):
    namespace = crds.namespace("rights")
    pretend(crds, namespace, "acid-demo")
    result = ask("list", namespace=namespace, user="bob").is_(2)
    assert 'cannot list resource "pods"' in result.err and "the verb list on pods in this namespace is needed" in result.err
    assert not result.out
    assert "or --namespace asks in one alone" in ask("list", user="bob").is_(2).err
    # An agent elsewhere is asked for no clusters; with a kubeconfig nobody needs it to.
    elsewhere = ("--server", "http://127.0.0.1:1")
    assert "give --kubeconfig" in agents.run("cluster", "list", *elsewhere).is_(2).err
    assert ask("list", *elsewhere, namespace=namespace).ok().out
    crds.allow("bob", [{"apiGroups": [""], "resources": ["pods", "endpoints", "configmaps"], "verbs": ["list"]}], namespace)
    result = ask("list", "--no-ask", namespace=namespace, user="bob").ok()
    assert "acid-demo-2" in result.out and "what the volumes have is not known" in result.err
    assert "the verb list on postgresqls" in result.err


def test_a_cluster_that_is_not_there_and_one_name_in_two_namespaces(crds, ask):
    first, second = crds.namespace("a"), crds.namespace("b")
    name = f"acid-{free_port()}"
    pretend(crds, first, name)
    pretend(crds, second, name)
    for command, *more in (("get",), ("switchover", "--yes"), ("failover-drill", "--yes"), ("restart", "--yes"), ("reinit", "acid-none-0", "--yes"),
                           ("credentials",), ("connect",), ("logs",), ("events",)):
        said = ask(command, "acid-none", *more, namespace=first)
        assert said.code in (1, 2) and re.search(r"there is no .*acid-none", said.err) and not said.out, said
    result = ask("get", name, "--no-ask").is_(2)
    assert f"say which, as {min(first, second)}/{name}" in result.err
    assert f"{second}/{name}" in ask("get", f"{second}/{name}", "--no-ask").ok().out
    empty = crds.namespace("empty")
    result = ask("list", namespace=empty).ok()
    assert "there are no clusters" in result.err and not result.out


@pytest.mark.parametrize("words, told", [
    (["get", "acid demo!"], "there is no cluster acid demo!"),
    (["get", "acid,application=x"], "there is no cluster acid,application=x"),
    (["get", "x" * 64], "there is no cluster x"),
    (["get", "../kube-system/x"], "is no NAMESPACE/NAME"),
    (["get", "/x"], "is no NAMESPACE/NAME"),
    (["get", ""], "there is no cluster"),
    (["list", "-n", "a/b"], "is no name of a namespace"),
    (["list", "--namespace="], "is no name of a namespace"),
    (["get"], "NAME is missing"),
    (["list", "x"], "one argument too many"),
])
def test_a_name_that_none_can_have_reaches_nobody(plane, ask, words, told):
    mark = plane.mark()
    result = ask(*words).is_(2)
    assert told in result.err and not result.out and not plane.requests(mark)


def test_an_api_server_that_is_away_is_no_empty_list(program, ask):
    result = ask("list", server=f"https://127.0.0.1:{free_port()}").is_(2)
    assert "where Patroni keeps the leader's record" in result.err and not result.out
