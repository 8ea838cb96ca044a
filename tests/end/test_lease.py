"""Two agents that share a lease: one is at work, the other stands by, and nobody writes without it."""

import datetime
import re
import signal
import threading

import pytest

from parts import agent as agents
from parts import postgres
from parts.pair import LEASES, Pair
from parts.process import private, wait_for
from parts.proxy import FaultProxy, faults

DURATION = 6  # seconds: with the shortest that the agent file takes, a machine with much to do takes it from one that is well
SECRET = "webhook secret of the pair"


@pytest.fixture(scope="module")
def logged():
    """A server that logs what is written, with the time, and from where."""
    server = postgres.Postgres(17, {"log_statement": "mod", "log_line_prefix": "%n %h %u "})
    yield server
    server.close()


@pytest.fixture(scope="module")
def pair(program, plane, crds, tmp_path_factory, logged):
    """Each reaches the API server through a proxy of its own."""
    folder = tmp_path_factory.mktemp("pair")
    proxies = {user: FaultProxy(plane.port) for user in ("first-of-two", "second-of-two")}
    secret = private(folder / "webhook", SECRET)
    made = Pair(lambda name, **config: agents.Agent(folder / name, webhook={"secretFile": secret}, **config), plane, folder, logged,
                f"{DURATION}s", {user: proxy.kubeconfig(plane, user) for user, proxy in proxies.items()})
    made.proxies, made.began = proxies, plane.mark()
    made.start()
    made.converged()
    yield made
    for agent in made.agents.values():
        agent.close()
    for proxy in proxies.values():
        proxy.close()


def ended(pair, user):
    """What the kubelet does with an agent that ended because its lease was taken."""
    agent = pair.agents[user]
    assert agent.process.wait(30) == 2
    agent.process = None
    pair.begin(user)


class Load:
    """Commits, one after the other."""

    def __init__(self, pair):
        self.pair, self.over = pair, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def _run(self):
        while not self.over.wait(0.2):
            self.pair.push()


def busy_leader(pair, user=None):
    """The one that leads, in the midst of its work."""
    mark, user = pair.server.log_mark(), user or pair.leader()
    wait_for(f"{user} writes users", lambda: any(who == user for _, who in pair.sql_writes(mark)), 30, 0.1)
    return user


def late(writes, renewals):
    """Writes of an agent after the end of its lease, or while another one held it."""
    found = []
    for moment, user in writes:
        before = [(when, whose) for when, whose in renewals if when <= moment]
        when, whose = before[-1] if before else (0, None)
        if whose != user or moment > when + DURATION:
            found.append((user, moment - when, whose))
    return found


@pytest.mark.timeout(600)
def test_a_leader_that_was_stopped_or_cut_off_writes_nothing_after_its_lease(pair):
    log_mark = pair.server.log_mark()
    pair.push()
    with Load(pair):
        for _ in range(3):
            old = busy_leader(pair)
            pair.agents[old].signal(signal.SIGSTOP)
            wait_for("the standby leads", lambda: pair.leads(pair.agents[pair.other(old)]), 30)
            pair.agents[old].signal(signal.SIGCONT)
            ended(pair, old)
        old = busy_leader(pair)
        pair.proxies[old].add(faults.hang())  # PostgreSQL it still reaches
        wait_for("the standby leads", lambda: pair.leads(pair.agents[pair.other(old)]), 30)
        busy_leader(pair, pair.other(old))  # the old one has not heard of it, and says that it leads
        pair.proxies[old].clear()
        pair.proxies[old].cut_all()
        ended(pair, old)
    pair.converged()
    asked = pair.kube_writes(pair.began)
    renewals = [(when, user) for when, user, code, resource, namespace in asked
                if resource == "leases" and code < 300 and namespace == pair.home]
    kube = [(when, user) for when, user, _, resource, _ in asked if resource != "leases"]
    sql = pair.sql_writes(log_mark)
    assert {user for _, user in kube} == {user for _, user in sql} == set(pair.users), (kube, sql)
    assert len(kube) > 50 and len(sql) >= 5, (len(kube), len(sql))
    assert late(kube, renewals) == [] and late(sql, renewals) == []


def moment(spec, key):
    return datetime.datetime.fromisoformat(spec[key])


def test_who_is_killed_is_followed_once_its_lease_has_ended(pair):
    """And not before: it could still be at work."""
    pair.converged()
    old = pair.leader()
    mark = pair.server.log_mark()
    before = pair.lease()["spec"]
    seen = [before]
    pair.agents[old].kill()
    pair.push()

    def followed():
        """What it had sent last may come after its death."""
        spec = pair.lease()["spec"]
        if spec.get("holderIdentity") == before["holderIdentity"]:
            seen[:] = [spec]
            return None
        return spec

    after = wait_for("another one has the lease", followed)
    assert after["holderIdentity"] and after["leaseTransitions"] == before["leaseTransitions"] + 1
    ended = moment(seen[0], "renewTime") + datetime.timedelta(seconds=DURATION)
    # Each rounds to a millisecond.
    assert seen[0]["leaseDurationSeconds"] == DURATION and ended <= moment(after, "acquireTime") + datetime.timedelta(milliseconds=2)
    pair.converged()
    assert pair.leader() == pair.other(old)
    pair.begin(old)
    wait_for("it stands by", pair.agents[old].ready)
    written = re.findall(rf'ALTER ROLE "(\w+)" CONNECTION LIMIT {pair.count % 1000}\b', pair.server.log_since(mark))
    assert sorted(written) == sorted(pair.entries), written


def test_a_standby_says_so_and_takes_nothing_on(pair):
    leader = pair.leader()
    standby = pair.agents[pair.other(leader)]
    holder = pair.lease()["spec"]["holderIdentity"]
    assert standby.get("/healthz").status == standby.get("/readyz").status == 200
    for path in ("/api/v1/users/sync", "/api/v1/applications/objects/sync"):
        answer = standby.post(path, {}, over="socket")
        assert answer.status == 503 and holder in answer.body and "stands by" in answer.body
    assert pair.announce(standby, SECRET).status == 503
    assert pair.announce(pair.agents[leader], SECRET).status == 202
    shown = standby.cli("status", "-o", "json").ok().json["agent"]["lease"]
    assert shown["held"] is False and shown["holder"] == holder and shown["name"] == "pgitops" and shown["namespace"] == pair.home
    assert f"{pair.home}/pgitops, held by {holder}" in standby.cli("status").ok().out
    assert pair.agents[leader].cli("status", "-o", "json").ok().json["agent"]["lease"]["held"] is True
    assert "pgitops_leader 0" in standby.get("/metrics").body


def test_a_clean_stop_lets_go_of_the_lease(pair):
    leader = pair.leader()
    other = pair.agents[pair.other(leader)]
    assert other.stop() == 0
    term = pair.lease()["spec"]["leaseTransitions"]
    assert pair.agents[leader].stop() == 0
    spec = pair.lease()["spec"]
    assert "holderIdentity" not in spec and spec["leaseTransitions"] == term
    pair.begin(leader)
    assert pair.leader() == leader
    # Nobody else held it: what is in its store still holds.
    assert "another agent was at work meanwhile" not in pair.agents[leader].log().split('"msg":"pgitops agent"')[-1]
    pair.begin(pair.other(leader))


def test_what_another_leader_did_is_not_undone(pair):
    """The store of one that leads again says what was so when it led last: here of a user who is gone since."""
    pair.push()
    pair.converged()
    first = pair.leader()
    second = pair.other(first)
    before = pair.lease()["spec"]
    assert pair.agents[first].stop() == 0
    # From then on nobody waits for anything to end.
    assert pair.lease()["spec"].get("holderIdentity") != before["holderIdentity"]
    assert pair.leader() == second and pair.lease()["spec"]["leaseTransitions"] == before["leaseTransitions"] + 1
    pair.entries = ("ada",)
    pair.push()
    wait_for("ben is gone", lambda: not pair.server.query("SELECT FROM pg_roles WHERE rolname = 'ben'"))
    pair.converged()
    # The first starts again while nobody can tell it: the repository is away.
    assert pair.agents[second].stop() == 0
    away = pair.repository.path.rename(pair.repository.path.with_suffix(".away"))
    mark = pair.server.log_mark()
    pair.begin(first)
    pair.leader()
    pair.agents[first].wait_log("another agent was at work meanwhile")
    wait_for("it has asked for the repository", lambda: "db.git" in pair.agents[first].cli("status").out.split("Errors")[-1])
    assert not pair.sql_writes(mark)
    away.rename(pair.repository.path)
    pair.push()
    pair.converged()
    assert not pair.server.query("SELECT FROM pg_roles WHERE rolname = 'ben'")
    history = {item["user"] for item in pair.agents[first].cli("user", "history", "-o", "json").ok().items}
    assert "ben" in history  # of when it led before
    pair.begin(second)


def test_without_anybody_else_the_lease_is_waited_for(pair):
    leader = pair.leader()
    agent, proxy = pair.agents[leader], pair.proxies[leader]
    assert pair.agents[pair.other(leader)].stop() == 0
    pair.kube.delete(*LEASES, pair.home, "pgitops")
    wait_for("the lease is made again", lambda: (pair.lease() or {}).get("spec", {}).get("holderIdentity"))
    assert pair.leads(agent)
    proxy.add(faults.drop())
    proxy.cut_all()
    wait_for("its lease has ended", lambda: "has ended and cannot be renewed" in agent.get("/readyz").body)
    assert agent.metrics()["pgitops_leader"] == 0, "nobody took it, and it is over all the same"
    mark, before = pair.server.log_mark(), pair.plane.mark()
    pair.push()
    agent.post("/api/v1/users/sync", {}, over="socket")
    proxy.clear()
    pair.converged()
    assert pair.leads(agent)
    assert agent.process.poll() is None and "the lease was taken" not in agent.log().split('"msg":"pgitops agent"')[-1]
    assert pair.sql_writes(mark) and pair.kube_writes(before)
    pair.begin(pair.other(leader))
