"""Secrets stay where they belong: each one is a word of its own, and after runs that succeed and runs that fail in every way that
touches a secret, none of them is found where anybody could read it."""

import base64
import json
import os
import pathlib
import threading

import pytest

from parts.agent import wait_for
from parts.git import GitHttpServer, GitSshServer, Repository
from parts.manifests import config_map, secret, users
from parts.postgres import Postgres
from parts.process import private

CANARIES = {
    "git password": "canary-git-password-8f2e",
    "wrong git password": "canary-git-wrong-77ab",
    "user password": "canary-user-alice-03c4",
    "rotated password": "canary-user-alice-91d0",
    "second user": "canary-user-bob-5e5e",
    "secret value": "canary-value-of-a-secret-a1b2",
    "changed by hand": "canary-value-by-hand-c3d4",
    "webhook secret": "canary-webhook-secret-6b6b",
    "api token": "canary-api-token-000000000000000000000000-2222",
    "inline password": "canary-inline-password-4444",
}


class Eyes(threading.Thread):
    """What `ps` shows anybody: arguments and environment of the agent and of all that it starts."""

    def __init__(self, program):
        super().__init__(daemon=True)
        self.program = os.path.realpath(program)
        self.end = threading.Event()
        self.seen = {}

    def run(self):
        while not self.end.wait(0.005):
            for folder in pathlib.Path("/proc").glob("[0-9]*"):
                try:
                    if os.path.realpath(folder / "exe") != self.program:
                        continue
                    for name in ("cmdline", "environ"):
                        self.seen[(folder.name, name)] = (folder / name).read_bytes()
                except OSError:
                    continue

    def stop(self):
        self.end.set()
        self.join()
        return b"\n".join(self.seen.values())


def forms(text):
    """As it is, and as Kubernetes, JSON and HTTP carry it."""
    raw = text.encode()
    return [raw, base64.b64encode(raw), base64.b64encode(b"ci:" + raw), raw.hex().encode()]


def http_answers(agent, token):
    """Everything a reader may ask, with the token and over the socket."""
    paths = ["/", "/metrics", "/healthz", "/readyz"] + [f"/api/v1/{path}" for path in (
        "access", "status", "applications", "users", "users/history", "databases", "drift",
        "applications/team", "applications/team/diff", "applications/team/history",
        "applications/postgres-users", "applications/postgres-users/diff", "applications/nowhere")]
    paths += [f"/api/v1/operations/{number}" for number in range(1, 12)]
    answers = [agent.get(path, headers={"Authorization": f"Bearer {token}"}) for path in paths]
    answers += [agent.get(path, over="socket") for path in paths]
    return "\n".join(f"{answer.status} {answer.headers} {answer.body}" for answer in answers).encode()


@pytest.fixture
def setting(agent, crds, tmp_path):
    """Everything that has a secret at once."""
    kube = crds.admin
    server = Postgres(17, {"log_statement": "all", "log_min_duration_statement": "0", "log_connections": "on",
                           "log_min_error_statement": "debug1"})
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "git" / "db.git")
    repository.commit({"app/a.yaml": config_map("a"), "app/s.yaml": secret("s", value=CANARIES["secret value"]),
                       "users/users.yaml": users(alice=["readers"], bob=[])})
    home, people = crds.namespace(), crds.namespace()
    for name, what in (("alice", "user password"), ("bob", "second user")):
        kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"user-{name}-secret", "namespace": people},
                     "stringData": {"password": CANARIES[what]}})
    agent.kubernetes(crds)
    agent.database(server)
    agent.config |= {"api": {"tokenFile": private(tmp_path / "api-token", CANARIES["api token"] + "\n")},
                     "webhook": {"secretFile": private(tmp_path / "webhook", CANARIES["webhook secret"] + "\n")}}
    with GitHttpServer(tmp_path / "git", user="ci", password=CANARIES["git password"]) as git, \
            GitSshServer(tmp_path / "ssh") as ssh:
        agent.repository(git.url("db.git"), username="ci",
                         passwordFile=private(tmp_path / "git-password", CANARIES["git password"] + "\n"))
        (tmp_path / "known_hosts").write_text(ssh.known_hosts())
        agent.repository(ssh.url(repository.path), sshKeyFile=str(ssh.client_key), knownHostsFile=str(tmp_path / "known_hosts"))
        agent.application("team", git.url("db.git"), "app", home)
        agent.application("over-ssh", ssh.url(repository.path), "app/nothing-here", home)
        agent.application("postgres-users", git.url("db.git"), "users", people)
        yield agent, crds, server, repository, git, ssh, home, people
    server.close()


def test_no_secret_is_seen_outside(setting, tmp_path):
    agent, crds, server, repository, git, ssh, home, people = setting
    kube, mark = crds.admin, crds.mark()
    eyes = Eyes(agent.program)
    eyes.start()
    agent.begin()
    said = live(setting, tmp_path)
    answers = http_answers(agent, CANARIES["api token"])
    assert agent.stop() == 0
    seen = eyes.stop()

    key_lines = ssh.client_key.read_text().splitlines()[1:3]
    canaries = CANARIES | {"superuser password": server.password, "Kubernetes token": crds.token(),
                           "SSH key": key_lines[0], "SSH key's body": key_lines[1]}
    end = crds.mark()
    with open(crds.audit, "rb") as file:
        file.seek(mark)
        audit = file.read(end - mark)
    places = {"the log": agent.log().encode(), "HTTP answers": answers, "what commands say": said.encode(),
              "arguments and environments": seen, "PostgreSQL's log": server.log().encode(), "the audit log": audit}
    places |= {str(file): file.read_bytes() for file in agent.state.rglob("*")
               if file.is_file() and "objects" not in file.parts}
    assert places["PostgreSQL's log"].count(b"LOG:  ") > 20 and len(seen) > 100 and b"git-worker" in seen and audit
    found = [(what, where) for what, text in canaries.items() for form in forms(text) for where, content in places.items()
             if form in content]
    assert found == []
    assert "SCRAM-SHA-256$" not in server.log() and "SCRAM-SHA-256$" not in agent.log() and b"SCRAM-SHA-256$" not in answers
    assert kube.get("v1", "Secret", home, "s")


def live(setting, tmp_path):
    """Successes and failures with each of the secrets in hand; what the commands printed."""
    agent, crds, server, repository, git, ssh, home, people = setting
    kube, said = crds.admin, []

    def tell(*arguments):
        result = agent.cli(*arguments)
        said.append(result.out + result.err)

    agent.wait_app("team", "Synced", repository.head)
    agent.wait_condition("over-ssh", "ComparisonError", "does not exist")
    wait_for("alice", lambda: server.can_login("alice", CANARIES["user password"], "app"))
    # drift of a Secret and of a password, and a rotation
    kube.patch("v1", "Secret", home, "s", {"stringData": {"value": CANARIES["changed by hand"]}})
    wait_for("healed", lambda: base64.b64decode(kube.get("v1", "Secret", home, "s")["data"]["value"]).decode() ==
             CANARIES["secret value"])
    kube.patch("v1", "Secret", people, "user-alice-secret", {"stringData": {"password": CANARIES["rotated password"]}})
    wait_for("rotated", lambda: server.can_login("alice", CANARIES["rotated password"], "app"))
    # commands, right and wrong callers
    for arguments in (("status",), ("app", "get", "team", "-o", "json"), ("app", "diff", "team"), ("user", "list", "-o", "wide"),
                      ("user", "plan"), ("user", "history"), ("drift", "list", "-o", "wide"), ("doctor",), ("app", "sync", "team")):
        tell(*arguments)
    agent.get("/api/v1/users", headers={"Authorization": "Bearer canary-not-a-token"})
    agent.post("/api/webhook", json.dumps({"repository": {"clone_url": "x"}}),
               headers={"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=" + "0" * 64})
    # a wrong Git password, a Secret the server refuses, a Secret that cannot be read as YAML, an inline password
    private(tmp_path / "git-password", CANARIES["wrong git password"])
    agent.cli("app", "refresh", "team")
    agent.wait_condition("team", "ComparisonError", "401")
    tell("app", "get", "team")
    private(tmp_path / "git-password", CANARIES["git password"])
    agent.cli("app", "refresh", "team")
    agent.wait_app("team", "Synced", repository.head)
    value = CANARIES["secret value"]
    repository.commit({"app/t.yaml": f"apiVersion: v1\nkind: Secret\nmetadata: {{name: t}}\ntype: kubernetes.io/tls\n"
                                     f"stringData: {{x: {value}}}\n"})
    agent.wait_condition("team", "SyncError", "app/t.yaml:1")
    repository.commit({"app/t.yaml": f"apiVersion: v1\nkind: Secret\nmetadata: {{name: t}}\nstringData:\n  x: {value}\n   y: [\n"})
    agent.wait_condition("team", "ComparisonError", "app/t.yaml:")
    repository.commit({"app/t.yaml": f"apiVersion: v1\nkind: Secret\nmetadata: {{name: t}}\ndata: {{x: '{value}!'}}\n"})
    wait_for("told", lambda: "app/t.yaml:1" in json.dumps(agent.app("team")["status"].get("conditions", [])))
    tell("app", "get", "team")
    repository.commit({"app/t.yaml": None, "users/users.yaml": users(
        "{username: carol, password: %s}" % CANARIES["inline password"], alice=["readers"])})
    agent.wait_condition("postgres-users", "ComparisonError", "password")
    # the database away, and another password for it
    server.run("ALTER ROLE bob PASSWORD 'canary-by-hand'")
    password = agent.folder / "password-main"
    password.write_text("canary-wrong-superuser")
    wait_for("denied", lambda: "password authentication failed" in
             agent.get("/api/v1/databases", over="socket").json["items"][0]["reason"])
    password.write_text(server.password)
    wait_for("bob is healed", lambda: server.can_login("bob", CANARIES["second user"], "app"))
    tell("status")
    return "\n".join(said)
