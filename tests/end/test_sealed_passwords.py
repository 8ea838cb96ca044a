"""Passwords out of the SealedSecrets of the users' path, where no controller unseals them: opened in memory, written nowhere."""

import pathlib
import subprocess

import pytest

from parts.agent import run, wait_for
from parts.git import Repository

USERS = ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: postgres-users-config}\ndata:\n  users.yaml: |\n"
         "    users:\n    - {username: alice, database: app}\n    - {username: bob_x, database: app}\n")


@pytest.fixture
def keys(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=sealing",
                    "-keyout", folder / "sealing.key", "-out", tmp_path / "pub-cert.pem"], check=True, capture_output=True)
    (folder / "sealing.key").chmod(0o600)
    return folder, tmp_path / "pub-cert.pem"


def sealed(program, certificate, name, password, namespace="postgres"):
    secret = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}}}\nstringData: {{password: {password}}}\n"
    return run("seal", "--cert", certificate, "-o", "yaml", stdin=secret, program=program).ok().out


def test_users_get_their_sealed_passwords(agent, server, program, keys, tmp_path):
    folder, certificate = keys
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    repository.commit({"users/users.yaml": USERS,
                       "users/sealed.yaml": sealed(program, certificate, "user-alice-secret", "wonderland") + "---\n" +
                       sealed(program, certificate, "user-bob-x-secret", "builder")})
    agent.config["sealing"] = {"keys": [str(folder)]}
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    agent.start()
    wait_for("both can log in", lambda: server.can_login("alice", "wonderland", "app")
             and server.can_login("bob_x", "builder", "app"))

    repository.commit({"users/sealed.yaml": sealed(program, certificate, "user-alice-secret", "looking-glass") + "---\n" +
                       sealed(program, certificate, "user-bob-x-secret", "builder", namespace="elsewhere")})
    wait_for("the new password", lambda: server.can_login("alice", "looking-glass", "app"))
    bob = wait_for("bob is degraded", lambda: next((u for u in agent.items("user", "list")
                                                    if u["name"] == "bob_x" and u["status"] == "Degraded"), None))
    assert "user-bob-x-secret" in bob["reason"]
    assert server.can_login("bob_x", "builder", "app"), "the last good password stays"
    text = agent.log() + "".join(p.read_bytes().decode("latin-1") for p in pathlib.Path(agent.state).glob("pgitops.db*"))
    assert "wonderland" not in text and "looking-glass" not in text


def test_the_agent_unseals_where_no_controller_runs(agent, crds, server, program, keys, tmp_path):
    folder, certificate = keys
    namespace = crds.namespace()
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    repository.commit({"users/users.yaml": USERS,
                       "users/sealed.yaml": sealed(program, certificate, "user-alice-secret", "wonderland", namespace) + "---\n" +
                       sealed(program, certificate, "user-bob-x-secret", "builder", namespace)})
    agent.config["sealing"] = {"keys": [str(folder)], "controller": True}
    agent.kubernetes(crds).database(server)
    agent.application("postgres-users", repository.url, "users", namespace)
    agent.start()
    wait_for("both can log in", lambda: server.can_login("alice", "wonderland", "app")
             and server.can_login("bob_x", "builder", "app"))
    secret = ("v1", "Secret", namespace, "user-alice-secret")
    made = wait_for("the Secret", lambda: crds.admin.get(*secret))
    assert made["metadata"]["ownerReferences"][0]["kind"] == "SealedSecret"
    sealed_secret = wait_for("its status", lambda: (found := crds.admin.get(
        "bitnami.com/v1alpha1", "SealedSecret", namespace, "user-alice-secret")).get("status") and found)
    assert sealed_secret["status"]["conditions"][0]["status"] == "True"
    wait_for("Healthy", lambda: agent.app("postgres-users")["status"]["health"]["status"] == "Healthy")
    agent.wait_user("bob_x")

    def passes(count):
        before = agent.metrics()["pgitops_passes_total"]
        wait_for(f"{count} passes", lambda: agent.metrics()["pgitops_passes_total"] >= before + count)

    passes(1)  # by then the Events of the users are told
    mark = crds.mark()
    passes(3)
    assert not [e for e in crds.requests(mark) if e["verb"] not in ("watch", "list")]

    crds.admin.delete(*secret)
    wait_for("it is made again", lambda: (crds.admin.get(*secret) or made)["metadata"]["uid"] != made["metadata"]["uid"])
