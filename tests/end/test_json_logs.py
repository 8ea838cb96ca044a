"""Log lines that machines read: one line an event, and each line of a pass says whose it is and of which commit."""

import json
import re

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.manifests import config_map, users

# What a pass says about its Application; other lines (start, repositories, the cluster) belong to nobody in particular.
OF_A_PASS = {"synced", "sync failed", "drift found", "drift healed", "condition", "pruning", "namespace created", "user changed",
             "users pass failed", "recorded"}
PAIR = re.compile(r'([A-Za-z_][A-Za-z0-9_.]*)=("(?:[^"\\]|\\.)*"|[^\s"=]*)(?: |$)')


def logfmt(line):
    pairs, end = {}, 0
    for match in PAIR.finditer(line):
        assert match.start() == end, line
        end = match.end()
        value = match.group(2)
        pairs[match.group(1)] = json.loads(value) if value.startswith('"') else value
    assert end == len(line), line
    return pairs


@pytest.mark.parametrize("form", ["json", "text"])
def test_each_line_of_a_pass_carries_application_and_revision(agent, crds, server, tmp_path, form):
    server.run("CREATE DATABASE app")
    namespace, people = crds.namespace(), crds.namespace()
    repository = Repository(tmp_path / "db.git")
    first = repository.commit({"app/a.yaml": config_map("a"), "app/b.yaml": config_map("b"),
                               "users/users.yaml": users(alice=["readers"])}, "a line\nand another\x1b[31m one")
    crds.admin.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "user-alice-secret", "namespace": people},
                       "stringData": {"password": "wonderland"}})
    agent.kubernetes(crds)
    agent.config["log"] = {"level": "debug", "format": form}
    agent.database(server)
    agent.application("team", repository.url, "app", namespace)
    agent.application("postgres-users", repository.url, "users", people)
    agent.start()
    agent.wait_app("team", "Synced", first)
    wait_for("alice", lambda: server.can_login("alice", "wonderland", "app"))
    crds.admin.patch("v1", "ConfigMap", namespace, "a", {"data": {"value": "mine"}})
    wait_for("healed", lambda: crds.admin.get("v1", "ConfigMap", namespace, "a")["data"]["value"] == "one")
    server.run("ALTER ROLE alice NOLOGIN")
    wait_for("healed", lambda: server.can_login("alice", "wonderland", "app"))
    second = repository.commit({"app/b.yaml": None})
    agent.wait_app("team", "Synced", second)
    third = repository.commit({"app/a.yaml": "a: [\n"})
    agent.wait_condition("team", "ComparisonError", third[:12])
    assert agent.stop() == 0

    read = json.loads if form == "json" else logfmt
    lines = [read(line) for line in agent.log().splitlines()]
    assert all(line["time"] and line["level"] in ("debug", "info", "warning", "error") and line["msg"] for line in lines)
    of_a_pass = [line for line in lines if line["msg"] in OF_A_PASS]
    for line in of_a_pass:
        assert line.get("application") in ("team", "postgres-users"), line
        assert line.get("revision", "")[:7] in {first[:7], second[:7], third[:7]}, line
    said = {(line["msg"], line["application"]) for line in of_a_pass}
    assert {("synced", "team"), ("synced", "postgres-users"), ("drift found", "team"), ("drift healed", "team"),
            ("pruning", "team"), ("condition", "team"), ("drift found", "postgres-users")} <= said, said
    assert "\x1b" not in agent.log()
