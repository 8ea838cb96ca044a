"""What the agent does in the memory that install.yaml gives it: nobody can take it away, with or without credentials."""

import contextlib
import hashlib
import hmac
import os
import pathlib
import re
import socket
import subprocess
import threading

import pytest

from parts import agent as agents
from parts.agent import die_with_parent, environment, wait_for
from parts.git import GitHttpServer, Repository
from parts.manifests import config_map
from parts.memory_group import MemoryGroup

TOP = pathlib.Path(__file__).parents[2]
MEBI = 1024 * 1024
LIMIT = int(re.search(r"limits: \{memory: (\d+)Mi\}", (TOP / "manifests/install.yaml").read_text()).group(1)) * MEBI
SECRET = "a webhook's secret"
pytestmark = pytest.mark.timeout(600)  # the first one may build the program


@pytest.fixture(scope="session")
def plain():
    """Sanitizers take several times as much memory."""
    return agents.as_shipped()


class Small(agents.Agent):
    """An agent in a memory group of this size; where none may be made, its resident memory is looked at."""

    def __init__(self, folder, program, size=LIMIT):
        super().__init__(folder, program=program)
        self.group = MemoryGroup.make(f"pgitops-test-{os.getpid()}-{self.port}", size)
        self.size, self.worst = size, 0

    def start(self, ready=True, seconds=30):
        self.write()

        def enter():
            die_with_parent()
            if self.group:
                self.group.enter()

        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [str(self.program), "agent", "--config", str(self.file)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment(**self.environment), preexec_fn=enter)
        if ready:
            wait_for("the agent's /readyz", self.ready, seconds)
        return self

    def look(self):
        self.worst = max(self.worst, self.group.resident() if self.group else self.memory())
        return self.worst

    def survived(self):
        self.alive()
        assert self.get("/healthz").status == 200
        assert not self.group or self.group.killed() == 0
        assert self.look() < self.size
        return True


@pytest.fixture
def small(plain, tmp_path):
    made = Small(tmp_path, plain)
    yield made
    made.close()
    if made.group:
        made.group.close()


def connect(agent):
    return socket.create_connection(("127.0.0.1", agent.port), timeout=10)


def hold(agent, head, body, count, kept):
    """Sends the head and what goes out of the body, and keeps the connection."""
    for _ in range(count):
        with contextlib.suppress(OSError):
            guest = connect(agent)
            kept.append(guest)
            guest.settimeout(2)
            guest.sendall(head)
            guest.sendall(body)


FLOODS = {
    "bodies of strangers": (b"POST /api/webhook HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n", 900_000, 80),
    "bodies in chunks": (b"POST /api/webhook HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nf0000\r\n", 900_000, 80),
    "bodies with a proof that is none": (
        b"POST /api/webhook HTTP/1.1\r\nHost: h\r\nX-Hub-Signature-256: sha256=00\r\nContent-Length: 1048576\r\n\r\n", 900_000, 80),
    "bodies without the token": (
        b"POST /api/v1/users/sync HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer x\r\nContent-Length: 1048576\r\n\r\n", 900_000, 80),
    "heads without an end": (b"GET / HTTP/1.1\r\nX-Long: ", 16_000, 250),
    "pages that nobody reads": (b"GET /page/application.js HTTP/1.1\r\nHost: h\r\n\r\n", 0, 250),
    "connections alone": (b"", 0, 250),
}


def test_a_flood_of_strangers_takes_no_memory_away(small, tmp_path, record_property):
    (tmp_path / "webhook").write_text(SECRET)
    (tmp_path / "token").write_text("0123456789abcdef")
    for name in ("webhook", "token"):
        (tmp_path / name).chmod(0o600)
    small.config |= {"webhook": {"secretFile": "./webhook"}, "api": {"tokenFile": "./token"}}
    repository = Repository(tmp_path / "db.git")
    small.application("team", repository.url, "app", "team")
    small.start()
    quiet = small.look()
    figures = {}
    for name, (head, size, count) in FLOODS.items():
        kept = []
        crowd = [threading.Thread(target=hold, args=(small, head, b"a" * size, count, kept)) for _ in range(3)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
        small.worst = 0
        figures[name] = small.look() // MEBI
        assert small.survived(), name
        for guest in kept:
            guest.close()
    record_property("memory", f"resident MiB: {quiet // MEBI} quiet, {figures}")
    assert max(figures.values()) * MEBI < quiet + 24 * MEBI, figures

    body = b'{"repository":{"clone_url":"%s"}}' % repository.url.encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    answer = small.request("POST", "/api/webhook", body=body, headers={
        "Content-Type": "application/json", "X-GitHub-Event": "push", "X-Hub-Signature-256": signature})
    assert answer.status == 202, answer.body


def config_maps(first, count):
    return "".join(f"---\n{config_map(f'm{number}')}" for number in range(first, first + count))


def test_more_objects_than_the_memory_is_for_are_refused_with_the_number(small, crds, tmp_path):
    """192 KB of Git: 19,900 ConfigMaps. As many as are taken are synced without harm."""
    namespace, repository = crds.namespace(), Repository(tmp_path / "db.git")
    good = repository.commit({f"app/{file}.yaml": config_maps(file * 1000, 1000) for file in range(10)})
    small.kubernetes(crds)
    small.application("many", repository.url, "app", namespace)
    small.start()
    small.wait_app("many", "Synced", good, seconds=180)
    assert small.survived()
    if not small.group:  # the measure of what is too much is the group's
        return

    repository.commit({f"app/{file}.yaml": config_maps(file * 1000, 990) for file in range(10, 20)})
    small.wait_condition("many", "ComparisonError", f"more than the agent's memory is for ({LIMIT // MEBI} MiB in its memory group)")
    assert small.survived()
    other = Repository(tmp_path / "other.git")
    other.commit({f"app/{file}.yaml": config_maps(50000 + file * 1000, 1000) for file in range(3)})
    small.application("other", other.url, "app", crds.namespace())
    small.wait_condition("other", "ComparisonError", "and those of the other Applications, are 13000 with")
    assert small.survived() and small.app("many")["status"]["resources"]


def read(agent, name, commit):
    """The Application's newest content is this commit's, whatever may become of it without a cluster."""
    return agent.app(name) and agent.app(name)["status"]["sync"].get("revision") == commit


def bomb(repository, size, count):
    """Blobs of zeros that differ in their first line: packed, each is a delta of a few bytes to another."""
    for number in range(count):
        path = repository.path / f"blob-{number}"
        with open(path, "wb") as file:
            file.write(b"%d\n" % number)
            file.truncate(size)
        name = repository.git("hash-object", "-w", str(path)).strip()
        path.unlink()
        yield name


def test_a_pack_that_unpacks_to_more_than_the_memory_is_refused_with_the_number(small, tmp_path):
    """Two blobs of 120 MiB in less than a megabyte, one a delta of the other. Another repository's Application goes on."""
    small.config["poll"] = "1s"
    (tmp_path / "served").mkdir()
    with GitHttpServer(tmp_path / "served") as server:
        good, bad = Repository(tmp_path / "served/good.git"), Repository(tmp_path / "served/bad.git")
        good.commit({"app/a.yaml": config_map("a")})
        bad.commit({"app/a.yaml": config_map("a")})
        for name in ("good", "bad"):
            small.application(name, server.url(f"{name}.git"), "app", "team")
        small.start()
        wait_for("the good one", lambda: read(small, "good", good.head))
        wait_for("the bad one, while it is good", lambda: read(small, "bad", bad.head))
        folders = [bad.raw_tree([("100644", "big.yaml", name)]) for name in bomb(bad, 120 * MEBI, 2)]
        bad.commit_tree(bad.raw_tree([("40000", "app", folders[0]), ("40000", "other", folders[1])]))
        bad.git("repack", "-adfq")
        packs = sum(file.stat().st_size for file in (bad.path / "objects/pack").glob("*.pack"))
        assert packs < MEBI
        small.wait_condition("bad", "ComparisonError", f"unpacks to more than {LIMIT // MEBI // 8} MiB")
        newest = good.commit({"app/b.yaml": config_map("b")})
        wait_for("the good one's next commit", lambda: read(small, "good", newest))
        assert small.survived()
