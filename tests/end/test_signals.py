"""SIGHUP reads the Applications anew; SIGTERM ends the agent with 0 whoever keeps it waiting, and what was cut off is finished by
the next start. (An agent that hangs dies of SIGALRM, which is no exit code 0.)"""

import signal

import pytest

from parts.agent import wait_for
from parts.git import Fault, GitHttpServer, Repository, SilentServer
from parts.manifests import config_map, users
from parts.postgres import Postgres
from parts.proxy import FaultProxy, faults


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path / "git" / "db.git")
    made.commit({"app/a.yaml": config_map("a"), "other/b.yaml": config_map("b"), "users/users.yaml": users(alice=["readers"])})
    return made


def test_a_hangup_reads_new_changed_and_removed_applications(agent, repository):
    agent.application("one", repository.url, "app", "default")
    agent.start()
    agent.wait_app("one", "Synced")
    agent.application("two", repository.url, "other", "default")
    agent.signal(signal.SIGHUP)
    agent.wait_app("two", "Synced", repository.head)
    (agent.folder / "applications" / "one.yaml").unlink()
    agent.application("two", repository.url, "app", "default")
    agent.signal(signal.SIGHUP)
    wait_for("one is forgotten", lambda: agent.app("one") is None)
    wait_for("two has its new path", lambda: [row["name"] for row in agent.app("two")["status"].get("resources", [])] == ["a"])


def test_a_mistake_in_the_folder_keeps_the_applications_as_they_were(agent, repository):
    agent.application("one", repository.url, "app", "default")
    agent.start()
    agent.wait_app("one", "Synced")
    bad = agent.folder / "applications" / "bad.yaml"
    bad.write_text("apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: [x]\n")
    (agent.folder / "applications" / "one.yaml").unlink()
    agent.signal(signal.SIGHUP)
    agent.wait_log("applications stay as they were")
    assert "bad.yaml:3" in agent.log() or "bad.yaml:4" in agent.log()
    head = repository.commit({"app/c.yaml": config_map("c")})
    agent.wait_app("one", "Synced", head)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_agent_ends_with_zero(agent, repository, number):
    agent.application("one", repository.url, "app", "default")
    agent.start()
    agent.wait_app("one", "Synced")
    agent.signal(number)
    assert agent.stop() == 0
    assert not (agent.state / "agent.sock").exists()
    assert agent.lines(msg="stopped")


def test_a_silent_git_server_does_not_hold_up_the_end(agent):
    with SilentServer() as silent:
        agent.application("one", f"http://127.0.0.1:{silent.port}/db.git", "app", "default")
        agent.begin()
        wait_for("the server is asked", lambda: silent.accepted)
        assert agent.stop() == 0


def test_a_fetch_that_stalls_does_not_hold_up_the_end(agent, repository, tmp_path):
    with GitHttpServer(tmp_path / "git") as server:
        server.fault = Fault("stall", command="fetch")
        agent.application("one", server.url("db.git"), "app", "default")
        agent.begin()
        wait_for("the fetch is under way", lambda: [one for one in server.requests if one.command == "fetch"])
        assert agent.stop() == 0
        server.fault = None
        agent.start()
        agent.wait_app("one", "Synced", repository.head)


@pytest.mark.parametrize("moment", ["connecting", "in a statement"])
def test_a_hanging_database_does_not_hold_up_the_end(agent, repository, moment):
    server = Postgres(17)
    server.run("CREATE DATABASE app")
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    agent.secret("postgres", "user-alice-secret", "wonderland")
    blocker = server.connect()
    if moment == "connecting":
        server.pause()
        agent.begin()
        agent.wait_app("postgres-users", "Synced")
        wait_for("it connects", lambda: _connections_to(agent, server))
    else:
        blocker.execute("BEGIN")
        blocker.execute("LOCK TABLE pg_authid IN ACCESS EXCLUSIVE MODE")
        agent.begin()
        wait_for("it waits", lambda: _connections_to(agent, server))
        server.pause()
    assert agent.stop() == 0
    server.resume()
    blocker.close()
    agent.start()
    wait_for("alice", lambda: server.can_login("alice", "wonderland", "app"))
    assert agent.stop() == 0
    server.close()


def _connections_to(agent, server):
    """Sockets of any process that are connected to the server's port: the agent is the only one who asks again and again."""
    wanted = f":{server.port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return agent.alive() and sum(row[2].endswith(wanted) and row[3] == "01" for row in rows) > 1


def test_an_end_in_the_middle_of_a_sync_is_finished_by_the_next_start(agent, crds, repository, tmp_path):
    proxy = FaultProxy(crds.port, tmp_path)
    namespace = crds.namespace()
    agent.kubernetes(crds)
    agent.config["kubernetes"]["kubeconfig"] = str(proxy.kubeconfig(crds))
    agent.application("one", repository.url, "app", namespace)
    agent.start()
    agent.wait_app("one", "Synced")
    slow = proxy.add(faults.delay(0.3), method="PATCH", path="configmaps/m")
    head = repository.commit({f"app/m{number}.yaml": config_map(f"m{number}") for number in range(60)})
    wait_for("the sync is under way", lambda: slow.hits > 8)
    assert agent.stop() == 0
    proxy.clear()
    there = len(crds.admin.list("v1", "ConfigMap", namespace))
    assert there < 60, "it was in the middle"
    mark = crds.mark()
    agent.start()
    agent.wait_app("one", "Synced", head)
    names = {one["metadata"]["name"] for one in crds.admin.list("v1", "ConfigMap", namespace)}
    assert {f"m{number}" for number in range(60)} <= names
    written = [event for event in crds.requests(mark, verb="patch", namespace=namespace, resource="configmaps")
               if "dryRun" not in event["requestURI"]]
    assert len(written) <= 60, "what had been done is not done again"
    proxy.close()


def test_an_end_during_a_server_that_never_answers_is_an_end(agent, crds, repository, tmp_path):
    proxy = FaultProxy(crds.port, tmp_path)
    agent.kubernetes(crds)
    agent.config["kubernetes"]["kubeconfig"] = str(proxy.kubeconfig(crds))
    agent.application("one", repository.url, "app", crds.namespace())
    agent.start()
    agent.wait_app("one", "Synced")
    hanging = proxy.add(faults.hang(), method="PATCH")
    repository.commit({"app/c.yaml": config_map("c")})
    wait_for("the write hangs", lambda: hanging.hits)
    assert agent.stop() == 0
    proxy.close()


def test_a_kill_in_the_middle_of_many_users_is_finished_by_the_next_start(agent, server, tmp_path):
    server.run("CREATE DATABASE app")
    members = {f"user{number:03}": ["readers"] for number in range(150)}
    for name in members:
        agent.secret("postgres", f"user-{name}-secret", f"pw-{name}")
    many = Repository(tmp_path / "many.git")
    many.commit({"users/users.yaml": users(**members)})
    agent.database(server)
    agent.application("postgres-users", many.url, "users", "postgres")
    agent.start(ready=False)
    wait_for("the first of them", lambda: server.value("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'user%'"), pause=0.001)
    agent.kill()
    agent.start(seconds=120)
    wait_for("all of them", lambda: sum(item["status"] == "Synced" for item in agent.items("user", "list")) == 150, 120, 0.1)
    for name in ("user000", "user149"):
        assert server.can_login(name, f"pw-{name}", "app")
    assert agent.items("drift", "list") == [], "what the agent itself left half done is nobody's drift"
