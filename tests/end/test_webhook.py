"""A push that a forge announces: followed at once, asked for seldom, and nobody else's word counts."""

import hashlib
import hmac
import http.client
import json

import pytest

from parts.agent import wait_for
from parts.git import GitHttpServer, Repository
from parts.manifests import config_map

SECRET = "the-webhook-s-own-secret"


@pytest.fixture
def forge(agent, tmp_path):
    """An agent that never polls, its repository behind http."""
    repository = Repository(tmp_path / "git" / "db.git")
    repository.commit({"app/a.yaml": config_map("a")})
    with GitHttpServer(tmp_path / "git") as server:
        file = tmp_path / "webhook.secret"
        file.write_text(SECRET + "\n")
        file.chmod(0o600)
        agent.config |= {"poll": "0", "webhook": {"secretFile": "./webhook.secret"}}
        agent.application("team", server.url("db.git"), "app", "default")
        agent.start()
        agent.wait_app("team", "Synced", repository.head)
        server.commands()
        yield agent, server, repository
        assert agent.stop() == 0


def push_event(url, **more):
    return json.dumps({"ref": "refs/heads/main", "repository": {"clone_url": url}} | more)


def signed(body, secret=SECRET, event="push"):
    digest = hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Event": event, "Content-Type": "application/json"}


def announce(agent, body, **more):
    return agent.post("/api/webhook", body, headers=signed(body, **more))


def test_an_announced_push_is_followed_without_polling(forge):
    agent, server, repository = forge
    head = repository.commit({"app/b.yaml": config_map("b")})
    assert announce(agent, push_event(server.url("db.git"))).status == 202
    agent.wait_app("team", "Synced", head)
    assert server.commands() == ["ls-refs", "fetch"]


def test_the_url_may_be_written_as_people_write_it(forge):
    agent, server, repository = forge
    head = repository.commit({"app/b.yaml": config_map("b")})
    assert announce(agent, push_event(server.url("db.git", user="git").removesuffix(".git"))).status == 202
    agent.wait_app("team", "Synced", head)


@pytest.mark.parametrize("headers", [
    {}, {"X-Hub-Signature-256": "sha256=" + "0" * 64}, {"X-Hub-Signature": "sha1=" + "0" * 40},
], ids=["none", "wrong", "old"])
def test_a_wrong_signature_is_refused_and_logged_without_the_body(forge, headers):
    agent, server, _ = forge
    body = push_event(server.url("db.git"), head_commit={"message": "a-word-of-the-body"})
    answer = agent.post("/api/webhook", body, headers={"X-GitHub-Event": "push", "Content-Type": "application/json"} | headers)
    assert answer.status == 401 and "a-word-of-the-body" not in answer.body
    wait_for("a line in the log", lambda: [line for line in agent.lines() if "webhook" in json.dumps(line)])
    assert "a-word-of-the-body" not in agent.log() and SECRET not in agent.log()
    assert server.commands() == []
    assert agent.metrics()['pgitops_webhook_requests_total{result="refused"}'] == 1


def test_another_repositorys_push_asks_nobody(forge):
    agent, server, repository = forge
    assert announce(agent, push_event(server.url("other.git"))).status == 202
    head = repository.commit({"app/b.yaml": config_map("b")})
    assert announce(agent, push_event(server.url("db.git"))).status == 202
    agent.wait_app("team", "Synced", head)
    assert server.commands() == ["ls-refs", "fetch"]


def test_a_thousand_announcements_are_a_few_questions(forge):
    agent, server, repository = forge
    body = push_event(server.url("db.git"))
    headers = signed(body)
    connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=20)
    for number in range(1000):
        if number % 100 == 0:
            head = repository.commit({"app/b.yaml": config_map("b", value=str(number))})
        connection.request("POST", "/api/webhook", body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 202
    connection.close()
    agent.wait_app("team", "Synced", head)
    asked = server.commands()
    assert asked.count("fetch") <= 11 and len(asked) < 100, len(asked)
    assert agent.metrics()['pgitops_webhook_requests_total{result="accepted"}'] == 1000
