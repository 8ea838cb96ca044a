"""A push that a forge announces: followed at once, asked for seldom, and nobody else's word counts."""

import base64
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


def test_a_password_of_azure_devops_and_a_signature_of_ones_own_are_followed(forge):
    agent, server, repository = forge
    for number, (body, headers) in enumerate([
            (json.dumps({"eventType": "git.push", "resource": {"repository": {"remoteUrl": server.url("db.git")}}}),
             {"Authorization": "Basic " + base64.b64encode(f"any:{SECRET}".encode()).decode()}),
            (json.dumps({"url": server.url("db.git")}), None)]):
        if not headers:
            headers = {"X-Pgitops-Signature": "sha256=" + hmac.new(SECRET.encode(), body.encode(), hashlib.sha256).hexdigest()}
        head = repository.commit({f"app/b{number}.yaml": config_map(f"b{number}")})
        wrong = {name: value[:-4] + "AAA=" for name, value in headers.items()}
        assert agent.post("/api/webhook", body, headers=wrong | {"Content-Type": "application/json"}).status == 401
        assert agent.post("/api/webhook", body, headers=headers | {"Content-Type": "application/json"}).status == 202
        agent.wait_app("team", "Synced", head)


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


def test_a_repository_that_a_push_names_in_several_ways_is_asked_once(forge):
    agent, server, repository = forge
    url = server.url("db.git")
    body = json.dumps({"ref": "refs/heads/main", "repository": {
        "clone_url": url, "html_url": url.removesuffix(".git"), "git_url": server.url("db.git", user="git") + "/"}})
    for number in range(5):
        head = repository.commit({"app/b.yaml": config_map("b", value=str(number))})
        assert announce(agent, body).status == 202
        agent.wait_app("team", "Synced", head)
        assert server.commands() == ["ls-refs", "fetch"]


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


# ---- as each forge sends it ---------------------------------------------------------------------------------------------


def gitlab(url, event="Push Hook", token=SECRET):
    """A push of GitLab: the secret itself in a header, the project's addresses in the body."""
    kind = {"Push Hook": "push", "Tag Push Hook": "tag_push", "System Hook": "push"}.get(event, "issue")
    body = json.dumps({
        "object_kind": kind, "event_name": kind, "before": "0" * 40, "after": "1" * 40, "ref": "refs/heads/main", "user_username": "ada",
        "project_id": 15, "project": {
            "id": 15, "name": "db", "path_with_namespace": "team/db", "default_branch": "main", "web_url": url.removesuffix(".git"),
            "git_http_url": url, "git_ssh_url": "git@git.example.org:team/db.git"},
        "repository": {"name": "db", "url": "git@git.example.org:team/db.git", "homepage": url.removesuffix(".git"), "git_http_url": url},
        "commits": [], "total_commits_count": 1})
    return body, {"X-Gitlab-Event": event, "X-Gitlab-Token": token, "Content-Type": "application/json"}


def bitbucket(event, body, secret=SECRET):
    digest = hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
    return body, {"X-Event-Key": event, "X-Hub-Signature": f"sha256={digest}", "Content-Type": "application/json; charset=utf-8"}


def bitbucket_cloud(url, event="repo:push", **more):
    """A push of Bitbucket Cloud: only the repository's page is named."""
    body, headers = bitbucket(event, json.dumps({
        "actor": {"nickname": "ada"}, "repository": {
            "type": "repository", "full_name": "team/db", "uuid": "{673a6070-3421-46c9-9d48-90745f7bfe8e}", "is_private": True,
            "links": {"html": {"href": url.removesuffix(".git")}, "self": {"href": "https://api.bitbucket.org/2.0/repositories/team/db"}}},
        "push": {"changes": [{"new": {"type": "branch", "name": "main", "target": {"hash": "1" * 40}}, "created": False}]}}), **more)
    return body, headers | {"X-Hook-UUID": "bc4e9d0a", "X-Request-UUID": "1a2b", "X-Attempt-Number": "1"}


def bitbucket_server(url, event="repo:refs_changed", **more):
    """A push of Bitbucket Server and Data Center: the repository's addresses stand among its links."""
    return bitbucket(event, json.dumps({
        "eventKey": event, "date": "2026-01-02T03:04:05+0000", "actor": {"name": "ada"}, "repository": {
            "slug": "db", "id": 84, "name": "db", "scmId": "git", "project": {"key": "TEAM", "id": 1, "type": "NORMAL"}, "links": {
                "clone": [{"href": "ssh://git@git.example.org:7999/team/db.git", "name": "ssh"}, {"href": url, "name": "http"}],
                "self": [{"href": "https://git.example.org/projects/TEAM/repos/db/browse"}]}},
        "changes": [{"ref": {"id": "refs/heads/main", "displayId": "main", "type": "BRANCH"}, "refId": "refs/heads/main", "type": "UPDATE"}]}),
        **more)


FORGES = {"gitlab": gitlab, "bitbucket-cloud": bitbucket_cloud, "bitbucket-server": bitbucket_server}
PINGS = {"gitlab": "Issue Hook", "bitbucket-cloud": "pullrequest:created", "bitbucket-server": "diagnostics:ping"}


def deliver(agent, sent):
    body, headers = sent
    return agent.post("/api/webhook", body, headers=headers)


@pytest.mark.parametrize("form", FORGES.values(), ids=FORGES)
def test_a_push_is_followed_in_the_form_of_each_forge(forge, form):
    agent, server, repository = forge
    head = repository.commit({"app/b.yaml": config_map("b")})
    assert deliver(agent, form(server.url("db.git"))).status == 202
    agent.wait_app("team", "Synced", head)
    assert server.commands() == ["ls-refs", "fetch"]


@pytest.mark.parametrize("kind", ["Tag Push Hook", "System Hook"])
def test_gitlabs_tags_and_system_hooks_are_pushes_too(forge, kind):
    agent, server, repository = forge
    head = repository.commit({"app/b.yaml": config_map("b")})
    assert deliver(agent, gitlab(server.url("db.git"), event=kind)).status == 202
    agent.wait_app("team", "Synced", head)


@pytest.mark.parametrize("name", FORGES)
def test_who_does_not_know_the_secret_is_refused_in_every_form(forge, name):
    agent, server, _ = forge
    wrong = {"token" if name == "gitlab" else "secret": "guessed"}
    body, headers = FORGES[name](server.url("db.git"), **wrong)
    assert deliver(agent, (body, headers)).status == 401
    for proof in ("X-Gitlab-Token", "X-Hub-Signature"):
        headers.pop(proof, None)
    assert deliver(agent, (body, headers)).status == 401
    assert "guessed" not in agent.log() and SECRET not in agent.log()
    assert server.commands() == [] and agent.metrics()['pgitops_webhook_requests_total{result="refused"}'] == 2


@pytest.mark.parametrize("name", FORGES)
def test_what_is_no_push_asks_nobody(forge, name):
    agent, server, repository = forge
    assert deliver(agent, FORGES[name](server.url("db.git"), event=PINGS[name])).status == 202
    head = repository.commit({"app/b.yaml": config_map("b")})
    assert deliver(agent, FORGES[name](server.url("db.git"))).status == 202
    agent.wait_app("team", "Synced", head)
    assert server.commands() == ["ls-refs", "fetch"]
