"""Among servers that say nothing and servers that want rest, the others have their turns."""

import contextlib

import pytest

from parts.git import Fault, GitHttpServer, Repository, SilentServer
from parts.manifests import config_map
from parts.process import wait_for


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path / "git" / "db.git")
    made.commit({"app/a.yaml": config_map("a")})
    return made


def refresh(agent, name):
    agent.post(f"/api/v1/applications/{name}/refresh", {}, over="socket")


@pytest.mark.parametrize("servers, repositories, timeout", [(1, 24, "20s"), (8, 8, "3s")])
def test_silent_servers_do_not_keep_a_good_one_from_its_turn(agent, repository, servers, repositories, timeout):
    """They are named before it, and each question to them lasts as long as it may."""
    agent.config["git"] = {"timeout": timeout}
    agent.config["poll"] = "1s"
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(SilentServer()) for _ in range(servers)]
        server = stack.enter_context(GitHttpServer(repository.path.parent))
        for number in range(repositories):
            port = silent[number % servers].port
            agent.application(f"a-silent-{number:02}", f"http://127.0.0.1:{port}/{number}.git", "app", "default")
        agent.application("good", server.url("db.git"), "app", "default")
        agent.begin()
        agent.wait_app("good", "Synced", repository.head, seconds=60)
        for value in "23":
            head = repository.commit({"app/a.yaml": config_map("a", value)})
            agent.wait_app("good", "Synced", head, seconds=60)


def test_a_wish_for_rest_is_kept_whoever_asks(agent, repository):
    agent.config["poll"] = "1s"
    with GitHttpServer(repository.path.parent) as server:
        agent.application("team", server.url("db.git"), "app", "default")
        agent.start()
        agent.wait_app("team", "Synced", repository.head)
        server.fault = Fault(403, headers={"Retry-After": "3000"})
        message = agent.wait_condition("team", "ComparisonError", "3000 s of rest")["message"]
        assert "credentials" not in message
        asked = len(server.requests)
        refresh(agent, "team")
        wait_for("the refresh to be answered", lambda: "argocd.argoproj.io/refresh" not in
                 agent.app("team")["metadata"].get("annotations", {}))
        wait_for("passes after it", agent.after_passes(["team"], 1))
        assert len(server.requests) == asked


def test_a_wish_for_rest_is_kept_for_every_revision_of_the_repository(agent, repository):
    """Another Application's branch, and a revision that somebody asks about, are questions to the same server."""
    agent.config["poll"] = "1s"
    repository.set_ref("refs/heads/other", repository.head)
    with GitHttpServer(repository.path.parent) as server:
        agent.application("team", server.url("db.git"), "app", "default")
        agent.start()
        agent.wait_app("team", "Synced", repository.head)
        server.fault = Fault(429, headers={"Retry-After": "3000"})
        agent.wait_condition("team", "ComparisonError", "3000 s of rest")
        asked = len(server.requests)
        told = agent.cli("app", "diff", "team", "--revision", "other")
        assert told.code == 2 and "s more of rest" in told.err, (told.out, told.err)
        assert len(server.requests) == asked
