"""Before each COMMIT Patroni's members are asked again who leads. A Patroni that nobody runs says so, to choose the moment: in front of a real server."""

import http.server
import json
import threading

import pytest

from parts.git import Repository
from parts.process import private, wait_for


def users_yaml(*names, lists=""):
    users = "".join(f"      - {{username: {name}, database: postgres}}\n" for name in names)
    return {"users/users.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: postgres-users-config, namespace: postgres}\n"
                                f"data:\n  users.yaml: |\n    version: 2\n{lists}    users:\n{users}"}


class Member:
    """The REST API of one member: what it says of itself, and whom it takes for the leader."""

    def __init__(self, name, port, everybody):
        self.name, self.port, self.everybody = name, port, everybody
        self.leader, self.asked, self.silent = "m-0", [], threading.Event()
        self.open = threading.Event()
        self.frozen, self.held, self.most, lock = threading.Event(), 0, 0, threading.Lock()
        member = self

        def hold(connection):
            """Until the caller gives up."""
            with lock:
                member.held += 1
                member.most = max(member.most, member.held)
            connection.recv(1)
            with lock:
                member.held -= 1

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                member.asked.append(self.path)
                if member.frozen.is_set():
                    hold(self.connection)
                    return
                if self.path == "/cluster" and member.silent.is_set():
                    member.open.wait(60)
                    return
                body = json.dumps(member.word(self.path)).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        everybody.append(self)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def listed(self, leader):
        return {"name": self.name, "role": "leader" if leader == self.name else "replica", "timeline": 1, "lag": 0,
                "state": "running" if leader == self.name else "streaming", "host": "127.0.0.1", "port": self.port,
                "api_url": f"{self.url}/patroni"}

    def word(self, path):
        if path == "/cluster":
            return {"scope": "demo", "members": [m.listed(self.leader) for m in self.everybody]}
        xlog = {"location": 1} if self.name == "m-0" else {"received_location": 1, "replayed_location": 1}
        return {"state": "running", "role": "primary" if self.name == "m-0" else "replica", "timeline": 1, "xlog": xlog,
                "replication_state": "streaming", "patroni": {"name": self.name, "scope": "demo", "version": "4.1.5"}}

    def said(self):
        return self.asked.count("/cluster")

    def close(self):
        self.open.set()
        self.server.shutdown()
        self.server.server_close()


class Setting:
    def __init__(self, server, agent, folder):
        self.server, self.agent, self.members = server, agent, []
        for index in range(3):
            Member(f"m-{index}", server.port, self.members)
        self.repository = Repository(folder / "repository")
        self.repository.commit(users_yaml("alice"))
        private(folder / "password", server.password)
        for name in ("alice", "bob"):
            agent.secret("postgres", f"user-{name}-secret", f"geheim-{name}")
        agent.config["databases"] = [{
            "name": "main", "connection": "dbname=postgres user=postgres", "passwordFrom": {"file": "./password"},
            "users": {"application": "postgres-users"}, "patroni": [self.members[0].url]}]
        agent.application("postgres-users", self.repository.url, "users", "postgres")

    def reason(self):
        """Of the database where it was not reached, else of the user."""
        items = self.agent.get("/api/v1/databases").json["items"]
        return items and items[0].get("reason") or self.agent.user("alice").get("reason", "")

    def waits(self, text):
        try:
            wait_for(text, lambda: text in self.reason(), 60, 0.05)
        except TimeoutError:
            raise AssertionError((text, self.reason(), self.agent.log()[-3000:])) from None

    def has(self, name):
        return self.server.value("SELECT count(*) FROM pg_roles WHERE rolname = %s", [name]) == 1

    def transactions(self):
        return self.server.value("SELECT txid_current()")


@pytest.fixture
def setting(server, agent, tmp_path):
    made = Setting(server, agent, tmp_path)
    yield made
    agent.stop()
    for member in made.members:
        member.close()


def test_leadership_that_moves_between_begin_and_commit_leaves_nothing_behind(setting):
    leader, asked, other = setting.members
    asked.leader = "m-1"
    setting.agent.begin()
    setting.waits("m-0 is not the leader that it was when the pass began, so what was not committed is rolled back: the leader is m-1 now")
    assert not setting.has("alice") and not setting.server.value("SELECT to_regnamespace('pgitops') IS NOT NULL")
    asked.leader = None
    setting.waits("there is no leader at the moment")
    assert not setting.has("alice") and not other.said()
    asked.leader = "m-0"
    setting.agent.wait_user("alice")
    assert setting.has("alice")

    # One request for each transaction that changes something, a database made and a user retired among them, and none where nothing is to be changed.
    before, said = setting.transactions(), asked.said()
    setting.repository.commit(users_yaml("alice", "bob"))
    setting.agent.wait_user("bob")
    setting.repository.commit(users_yaml("bob", lists="    groups: [{name: crew}]\n    databases: [{name: shop, owner: crew}]\n"))
    wait_for("alice is gone", lambda: not setting.has("alice"))
    wait_for("shop is there", lambda: setting.server.value("SELECT count(*) FROM pg_database WHERE datname = 'shop'"))
    setting.agent.cli("user", "sync").ok()
    written = setting.transactions() - before - 1
    assert written > 3 and asked.said() - said == written
    setting.agent.cli("user", "sync").ok()
    assert asked.said() - said == written and not other.said()


def test_who_had_another_leader_when_the_pass_began_is_no_witness(setting):
    """A replica that is cut off from its store goes on answering with what it knew last: nothing would be written for as long as that lasts."""
    _, misled, other = setting.members
    setting.agent.config["databases"][0]["patroni"] = [member.url for member in setting.members]
    misled.leader = "m-2"
    before = setting.transactions()
    setting.agent.begin()
    setting.agent.wait_user("alice")
    written = setting.transactions() - before - 1
    wait_for("one request more for each transaction", lambda: other.said() == misled.said() + written)  # each pass asks both, not at one time
    # Where nobody agrees with the leader, it may be the leader that is cut off.
    other.leader = None
    setting.repository.commit(users_yaml("alice", "bob"))
    setting.waits("so what was not committed is rolled back: the leader is m-2 now")
    assert not setting.has("bob")
    misled.leader = None
    setting.waits("so what was not committed is rolled back: there is no leader at the moment")
    other.leader = "m-0"
    setting.agent.wait_user("bob")


def test_who_is_silent_before_commit_costs_a_deadline_once_and_another_one_is_asked(setting):
    _, silent, other = setting.members
    silent.silent.set()
    before = setting.transactions()
    setting.agent.begin()
    setting.agent.wait_user("alice")
    assert silent.said() == 1 and other.said() == setting.transactions() - before - 1
    made = [c["statement"] for c in setting.agent.items("user", "history") if c["statement"].startswith("CREATE ROLE")]
    assert len(made) == 1


def test_who_is_frozen_costs_a_pass_one_deadline(setting):
    """It is asked for its own word, and nothing more where that does not come."""
    frozen, other = setting.members[2], setting.members[1]
    setting.agent.config["databases"][0]["patroni"] = [member.url for member in setting.members]
    frozen.frozen.set()
    setting.agent.begin()
    setting.agent.wait_user("alice")
    wait_for("more passes", lambda: other.asked.count("/patroni") > 2)
    assert set(frozen.asked) == {"/patroni"} and frozen.most == 1, frozen.asked


def test_who_falls_silent_while_it_is_asked_is_told_as_silent(setting):
    """Where pictures differ the words are asked for once more; one that does not come is no other program's."""
    misled = setting.members[1]
    setting.agent.config["databases"][0]["patroni"] = [member.url for member in setting.members]
    setting.agent.write()
    misled.leader = "m-2"
    answers = misled.word

    def speaks_no_more(path):
        if path == "/cluster":
            misled.frozen.set()
        return answers(path)

    misled.word = speaks_no_more
    (cluster,) = setting.agent.cli("cluster", "list", "-o", "json").items
    texts = [problem["text"] for problem in cluster["problems"]]
    assert misled.asked == ["/patroni", "/cluster", "/patroni"]
    assert any(text.startswith("m-1 does not answer: ") and "not Patroni" not in text for text in texts), texts


def test_nobody_who_says_who_leads_is_no_reason_to_commit(setting):
    leads, *others = setting.members
    answers = leads.word
    for member in others:
        member.silent.set()

    def begins_only(path):
        """The pass that begins is told who leads, and after that nobody is."""
        if path == "/cluster":
            leads.silent.set()
        return answers(path)

    leads.word = begins_only
    setting.agent.begin()
    wait_for("it is told", lambda: "no member says whether m-0 still leads" in setting.agent.log())
    assert not setting.has("alice") and [m.said() for m in others] == [1, 1]
