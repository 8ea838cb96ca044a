"""An API server that hangs: each cluster command ends within its deadline and says who does not answer."""

import concurrent.futures
import json

import pytest

from parts import agent as agents
from parts.process import free_port
from parts.proxy import FaultProxy, faults

NAME = "default/acid-demo"
COMMANDS = [["list"], ["get", NAME], ["logs", NAME], ["events", NAME], ["credentials", NAME], ["connect", NAME], ["switchover", NAME, "--yes"],
            ["restart", NAME, "--yes"], ["reinit", NAME, "acid-demo-1", "--yes"], ["failover-drill", NAME, "--yes"]]
HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4096\r\n\r\n"


@pytest.fixture
def hanging(tmp_path):
    """hanging(name, said) -> kubeconfig and URL of a server that takes every request, says `said`, and then nothing."""
    made = {}

    def start(name, said):
        path = tmp_path / name
        if name in made:
            return path, made[name].url
        proxy = made[name] = FaultProxy(free_port())
        proxy.add(faults.hang(said=said))
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "clusters": [{"name": "c", "cluster": {"server": proxy.url, "certificate-authority": str(proxy.ca_file)}}]}))
        path.chmod(0o600)
        return path, proxy.url

    yield start
    for proxy in made.values():
        proxy.close()


def test_each_cluster_command_ends_and_names_the_server(program, hanging):
    asked = [(words, hanging("silent", b"")) for words in COMMANDS] + [(words, hanging("headers", HEADERS)) for words in COMMANDS[:1]]

    def run(one):
        words, (kubeconfig, url) = one
        return agents.run("cluster", *words, "--kubeconfig", kubeconfig), url

    with concurrent.futures.ThreadPoolExecutor(len(asked)) as together:
        for result, url in together.map(run, asked):
            result.is_(2)
            assert not result.out and url in result.err, str(result)


def test_members_that_the_agent_file_names_are_asked_all_the_same(program, hanging, tmp_path):
    agent, silent = agents.Agent(tmp_path), f"http://127.0.0.1:{free_port()}"
    agent.config["databases"] = [{"name": "main", "connection": "dbname=postgres user=postgres", "patroni": [silent],
                                  "users": {"application": "postgres-users"}}]
    agent.write()
    kubeconfig, url = hanging("silent", b"")
    result = agent.cli("cluster", "list", "--kubeconfig", kubeconfig).is_(1)
    assert "main: nothing is known of it" in result.out and silent in result.out
    assert url in result.err and "where Patroni keeps the leader's record" in result.err
