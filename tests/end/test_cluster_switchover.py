"""`pgitops cluster switchover` on a real Patroni: who may take over, what is so afterwards, and what the page shows of it."""

import contextlib
import json
import os
import pty
import signal
import subprocess

import pytest

from agent.browser import Browser
from parts import agent as agents
from parts.process import free_port, private, wait_for


@pytest.fixture
def calm(calm):
    """And nobody is behind before the test."""
    written = calm.leader().value("SELECT pg_current_wal_lsn()")
    wait_for("all is replayed", lambda: all(m.value(f"SELECT pg_last_wal_replay_lsn() >= '{written}'") for m in calm.replicas()))
    return calm


@pytest.fixture
def switchover(calm, plane, tmp_path):
    config = plane.kubeconfig("admin", folder=tmp_path)

    def run(*words, **more):
        return agents.run("cluster", "switchover", calm.name, "-n", calm.namespace, "--kubeconfig", config, *words, **more)

    return run


def pair(patroni):
    return patroni.leader(), patroni.replicas()[0]


def stopped(member, title):
    """This process of the member's server stands still."""
    pid = member.postgres_child(title)
    os.kill(pid, signal.SIGSTOP)

    def go_on():
        with contextlib.suppress(ProcessLookupError):  # it went on, and has ended as others do
            os.kill(pid, signal.SIGCONT)

    return go_on


def write(leader, rows):
    with leader.connect() as session:
        session.execute(f"CREATE TABLE heap AS SELECT repeat('x', 500) AS x FROM generate_series(1, {rows})")
        session.execute("DROP TABLE heap")


def test_it_is_done_when_the_new_leader_takes_writes_and_the_old_one_streams(calm, switchover):
    """Without a name it is the one that is behind the least."""
    leader = calm.leader()
    slow, other = calm.replicas()
    go_on = stopped(slow, "startup")
    try:
        write(leader, 6000)
        wait_for("the other has it all", lambda: other.value("SELECT pg_last_wal_replay_lsn()") >= leader.value("SELECT pg_current_wal_lsn()"))
        result = switchover("--yes", "-o", "json").ok()
        # At once, without a wait of the test's own.
        assert calm.leader() is other and not other.value("SELECT pg_is_in_recovery()")
        assert other.value(f"SELECT count(*) FROM pg_stat_replication WHERE application_name = '{leader.name}' AND state = 'streaming'") == 1
    finally:
        go_on()
    found = result.json
    assert (found["outcome"], found["from"], found["to"], found["leader"]) == ("done", leader.name, other.name, other.name)
    assert 0 <= found["seconds"]["leader"] <= found["seconds"]["writes"] <= found["seconds"]["streaming"]
    assert "takes writes" in result.err and f"{leader.name} streams from it" in result.err
    assert f"{other.name} is the leader already" in switchover("--to", other.name, "--yes").ok().out


def test_a_person_is_asked_and_without_a_terminal_it_is_refused(calm, switchover, plane, tmp_path):
    leader, candidate = pair(calm)
    result = switchover("--to", candidate.name).is_(1)
    assert f"{candidate.name} becomes the leader instead of {leader.name}" in result.err and "--yes" in result.err
    controller, terminal = pty.openpty()
    command = [str(agents.PROGRAM), "cluster", "switchover", calm.name, "-n", calm.namespace, "--to", candidate.name, "--kubeconfig",
               str(plane.kubeconfig("admin", folder=tmp_path))]
    with subprocess.Popen(command, stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=agents.environment()) as process:
        os.write(controller, b"n\n")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and b"Go on? [y/N] nothing was done" in err, err
    os.close(controller)
    os.close(terminal)
    assert calm.leader() is leader


def test_a_candidate_that_would_lose_what_was_written_is_refused(calm, switchover):
    """Patroni took it: 29 MiB behind, 30,000 acknowledged rows were lost, though a third member had them."""
    leader, candidate = pair(calm)
    go_on = stopped(candidate, "walreceiver")
    try:
        write(leader, 6000)
        result = switchover("--to", candidate.name, "--yes", "-o", "json").is_(1)
        assert result.json["outcome"] == "refused" and "bytes behind in receiving, more than 1048576" in result.json["message"]
        refused = switchover("--to", candidate.name, "--yes", "--max-lag", "100000000").is_(1)
        assert "it receives nothing: it stays at" in refused.err
    finally:
        go_on()
    assert calm.leader() is leader


def test_a_replay_that_stands_still_is_seen_and_can_be_waited_for(calm, switchover, plane, tmp_path):
    leader, candidate = pair(calm)
    go_on = stopped(candidate, "startup")
    try:
        write(leader, 10)
        result = switchover("--to", candidate.name, "--yes").is_(1)
        assert f"{candidate.name} cannot take over: its replay stands still at" in result.err and calm.leader() is leader
        command = [str(agents.PROGRAM), "cluster", "switchover", calm.name, "-n", calm.namespace, "--to", candidate.name, "--yes", "--wait",
                   "--kubeconfig", str(plane.kubeconfig("admin", folder=tmp_path))]
        log = tmp_path / "waiting"
        with open(log, "wb") as file, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=file, stdin=subprocess.DEVNULL,
                                                       env=agents.environment()) as process:
            wait_for("it waits", lambda: "waiting: " in log.read_text())
            go_on()
            out, _ = process.communicate(timeout=120)
        assert process.returncode == 0 and f"{candidate.name} is the leader".encode() in out, log.read_text()
    finally:
        go_on()


def test_a_leader_that_does_not_come_out_of_recovery_is_no_success(calm, switchover):
    """Patroni answers 200 and its list is fine; nothing was behind when it was asked."""
    _, candidate = pair(calm)

    def tried():
        """Refused where the leader writes something of its own, as it does now and then: the replay stands still then."""
        go_on = stopped(candidate, "startup")
        try:
            found = switchover("--to", candidate.name, "--yes", "--timeout", "20s", "-o", "json").is_(1)
        finally:
            go_on()
        return found if "its replay stands still" not in found.json["message"] else None

    result = wait_for("nothing was behind", tried)
    assert result.json["outcome"] == "failed" and "writes" not in result.json["seconds"]
    assert f"{candidate.name} is the leader and takes no writes" in result.json["message"] and "in recovery" in result.json["message"]


def test_an_old_leader_that_does_not_stream_is_no_success(calm, switchover):
    """The new one takes writes, and what is behind it as a standby is not what was."""
    leader, candidate = pair(calm)
    server = leader.config()["postgresql"]
    wrong = {"authentication": server["authentication"] | {"replication": {"username": "standby", "password": "wrong"}}}
    leader.configure(postgresql=server | wrong)
    try:
        result = switchover("--to", candidate.name, "--yes", "--timeout", "30s", "-o", "json").is_(1)
        assert not candidate.value("SELECT pg_is_in_recovery()")
    finally:
        leader.configure()
    found = result.json
    assert (found["outcome"], found["leader"]) == ("failed", candidate.name) and "streaming" not in found["seconds"], found
    assert found["seconds"]["writes"] > 0, found
    assert f"{candidate.name} takes writes, and {leader.name} does not stream from it: it is " in found["message"], found
    assert "; its log says why" in found["message"], found


def test_a_silent_one_one_with_a_tag_and_one_that_is_not_there_are_refused(calm, switchover):
    leader, candidate = pair(calm)
    other = calm.replicas()[1]
    assert "has no member acid-none: there are" in switchover("--to", "acid-none", "--yes").is_(1).err
    other.configure(tags={"nofailover": True})
    wait_for("it has the tag", lambda: other.word().get("tags"))
    calm.freeze(candidate.name)
    try:
        assert f"{candidate.name} cannot take over: it does not answer" in switchover("--to", candidate.name, "--yes").is_(1).err
        # A tag stays: there is nothing to wait for.
        assert "it has the tag nofailover" in switchover("--to", other.name, "--yes", "--wait").is_(1).err
        nobody = switchover("--yes").is_(1).err
        assert f"{candidate.name}: it does not answer" in nobody and f"{other.name}: it has the tag nofailover" in nobody
    finally:
        calm.thaw(candidate.name)
        other.configure()
    wait_for("the tag is gone", lambda: other.word() and not other.word().get("tags"))
    assert calm.leader() is leader


def test_with_synchronous_mode_only_the_synchronous_standby_takes_over(calm, switchover):
    calm.configure(synchronous_mode=True)
    try:
        standby = wait_for("one is synchronous", lambda: calm.annotation(f"{calm.name}-sync", "sync_standby"))
        wait_for("the members know", lambda: all(m.word().get("sync_standby") is True for m in calm.replicas() if m.name == standby))
        other = next(m for m in calm.replicas() if m.name != standby)
        assert f"the synchronous standby is {standby}" in switchover("--to", other.name, "--yes").is_(1).err
        assert switchover("--yes", "-o", "json").ok().json["leader"] == standby
    finally:
        calm.configure(synchronous_mode=None)


def test_a_rest_api_with_a_password_takes_it_from_the_agent_file(calm, tmp_path, switchover):
    leader, candidate = pair(calm)
    for member in calm.members.values():
        member.configure(restapi={"authentication": {"username": "ops", "password": "gate-of-patroni"}})
    wait_for("it is asked for", lambda: all(m.rest("/restart", "DELETE")[0] == 401 for m in calm.members.values()))
    agent = agents.Agent(tmp_path)
    entry = {"name": "main", "connection": "host=127.0.0.1 dbname=postgres user=postgres", "users": {"application": "postgres-users"},
             "patroni": [f"http://127.0.0.1:{m.rest_port}" for m in calm.members.values()], "patroniUsername": "ops",
             "patroniPasswordFile": "./patroni-password"}
    agent.config["databases"] = [entry]
    agent.write()
    try:
        refused = switchover("--to", candidate.name, "--yes").is_(1)
        assert "Patroni answers HTTP 401" in refused.err and "patroniUsername" in refused.err
        private(tmp_path / "patroni-password", "wrong-of-patroni")
        result = agent.cli("cluster", "switchover", calm.name, "--to", candidate.name, "--yes").is_(1)
        assert "HTTP 401" in result.err and "wrong-of-patroni" not in result.err
        assert calm.leader() is leader
        private(tmp_path / "patroni-password", "gate-of-patroni")
        agent.cli("cluster", "switchover", calm.name, "--to", candidate.name, "--yes").ok()
        assert calm.leader() is candidate
    finally:
        for member in calm.members.values():
            member.configure()
        wait_for("it is open again", lambda: all(m.rest("/restart", "DELETE")[0] != 401 for m in calm.members.values()))


@pytest.mark.parametrize("words, told", [
    (["--max-lag", "much"], "--max-lag much is no number of bytes"),
    (["--timeout", "soon"], "is no duration"),
    (["acid-1"], "one argument too many"),
])
def test_what_nobody_can_mean_is_said_and_asks_nobody(program, words, told):
    assert told in agents.run("cluster", "switchover", "acid-demo", "--yes", *words).is_(2).err


def test_a_cluster_that_is_not_there_gives_no_answer(calm, switchover, plane, tmp_path):
    config = plane.kubeconfig("admin", folder=tmp_path)
    result = agents.run("cluster", "switchover", "acid-none", "--yes", "--kubeconfig", config).is_(2)
    assert "there is no cluster acid-none" in result.err


# ---- the page ----

READINGS = "pgitops_cluster_readings_total"


@pytest.fixture(scope="module")
def browser():
    made = Browser()
    yield made
    made.close()


def entry(name, urls):
    return {"name": name, "connection": "dbname=postgres user=postgres sslmode=disable", "users": {"application": "postgres-users"},
            "patroni": urls}


def items(agent):
    """Of each entry, once it was read."""
    def read():
        found = agent.get("/api/v1/clusters").json["items"]
        return {item["database"]: item for item in found} if not any("pending" in item for item in found) else None

    return wait_for("each cluster was read", read)


def essence(item):
    return [item["name"], item["leader"], item["timeline"], item["healthy"],
            [(m["name"], m["role"], m["state"], m["contact"]) for m in item["members"]]]


def test_the_page_shows_a_switchover_and_a_death_as_a_movement(calm, agent, plane, browser):
    agent.kubernetes(plane)
    agent.config["databases"] = [
        entry("main", [f"http://127.0.0.1:{m.rest_port}" for m in calm.members.values()]),
        {"name": "operated", "postgresql": f"{calm.namespace}/{calm.name}", "users": {"application": "postgres-users"}},
        entry("gone", [f"http://127.0.0.1:{free_port()}"])]
    agent.begin()
    agent.get("/api/v1/status")
    assert agent.metrics()[READINGS] == 0, "nobody looks"

    def agree():
        """What the command says, of each entry alone; both are of one moment only while nothing moves."""
        listed = essence(agent.cli("cluster", "list", "-n", calm.namespace, "-o", "json").items[0])
        read = items(agent)
        return read if essence(read["main"]) == essence(read["operated"]) == listed else None

    found = wait_for("page and command agree", agree)
    assert found["operated"]["namespace"] == calm.namespace
    # An error is no empty set.
    assert "members" not in found["gone"] and "connect" in found["gone"]["error"]
    browser.size(1280, 900)
    browser.open(f"http://127.0.0.1:{agent.port}")
    leader, candidate = calm.leader().name, calm.replicas()[0].name
    picture = "[data-cluster=acid-demo]"
    at = f"""(name) => {{
        const node = [...document.querySelectorAll('{picture} .member')].find((node) => node.querySelector('title').textContent.startsWith(name));
        return node && node.getBoundingClientRect().x;
    }}"""
    left = browser.wait(f"({at})({json.dumps(leader)})")
    right = browser.wait(f"({at})({json.dumps(candidate)})")
    assert right > left + 100
    browser.wait(f"document.querySelector('{picture} desc').textContent.includes({json.dumps(leader + ' leads')})")
    assert found["gone"]["error"] in browser.text(), "a cluster that cannot be read is there, with the reason"
    browser.run(f"""document.querySelector('{picture}').addEventListener('transitionrun', (event) => {{
        if (event.propertyName === 'transform') window.moved = (window.moved || 0) + 1;
    }}) || document.querySelectorAll('{picture} .member').forEach((node) => {{ node.stays = true; }})""")
    calm.switchover(candidate)
    browser.wait(f"document.querySelector('{picture} desc').textContent.includes({json.dumps(candidate + ' leads')})")
    browser.wait("window.moved >= 2")
    browser.wait(f"({at})({json.dumps(candidate)}) === {left}")
    calm.kill(candidate)
    calm.forget_leader()
    calm.wait("another one leads", lambda: calm.leader() and calm.leader().name != candidate, 30)
    new = calm.leader().name
    browser.wait(f"document.querySelector('{picture} desc').textContent.includes({json.dumps(new + ' leads')})")
    browser.wait(f"({at})({json.dumps(new)}) === {left} && ({at})({json.dumps(candidate)}) > {left}")
    calm.members[candidate].start()
    assert browser.run(f"[...document.querySelectorAll('{picture} .member')].every((node) => node.stays)"), "they are moved, not made anew"
    assert browser.problems == []
    browser.call("Page.navigate", url="about:blank")


def test_a_right_that_is_missing_is_named(agent, plane):
    agent.kubernetes(plane, user="bob")
    agent.config["databases"] = [{"name": "main", "postgresql": "default/acid-demo", "users": {"application": "postgres-users"}}]
    agent.begin()
    found = items(agent)["main"]
    assert "members" not in found and "the verb list on pods in this namespace is needed" in found["error"]


def test_an_agent_without_such_a_database_reads_none(agent, tmp_path, browser):
    private(tmp_path / "password", "secret")
    agent.config["databases"] = [{"name": "plain", "connection": f"host=127.0.0.1 port={free_port()} dbname=postgres user=postgres sslmode=disable",
                                  "passwordFrom": {"file": "./password"}, "users": {"application": "postgres-users"}}]
    agent.begin()
    assert agent.get("/api/v1/clusters").json == {"items": []}
    browser.open(f"http://127.0.0.1:{agent.port}")
    browser.wait_text("Databases")
    assert not browser.run("document.getElementById('clusters').checkVisibility()")
    assert agent.metrics()[READINGS] == 0
    browser.call("Page.navigate", url="about:blank")
