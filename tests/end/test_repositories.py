"""Repositories over their life: rewritten, deleted, recreated, moved behind other keys, out of reach. After each the Application
has the right revision or a clear condition, and the last good state stays in force."""

import base64
import shutil
import signal

import pytest

from parts.agent import wait_for
from parts.git import Certificates, Fault, GitHttpServer, GitSshServer, Repository, ssh_key
from parts.signers import SshKey
from parts.manifests import config_map, users
from parts.process import free_port, private


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path / "git" / "db.git")
    made.commit({"app/a.yaml": config_map("a")})
    return made


@pytest.fixture
def follow(agent):
    """follow(url, revision="main"): the agent, started, with an Application `team`; Kubernetes is off."""
    def start(url, revision="", ready=True):
        agent.config["git"] = {"timeout": "5s"}
        agent.application("team", url, "app", "default", revision=revision)
        return agent.start() if ready else agent.begin()
    return start


def refresh(agent, name="team"):
    agent.post(f"/api/v1/applications/{name}/refresh", {}, over="socket")


def sync_of(agent):
    return agent.app("team")["status"]["sync"]


def wait_trouble(agent, text):
    refresh(agent)
    return agent.wait_condition("team", "ComparisonError", text)["message"]


def errors_of(agent, name):
    return [c for c in agent.app(name)["status"].get("conditions", []) if c["type"].endswith("Error")]


def wait_good(agent, revision):
    refresh(agent)
    app = agent.wait_app("team", "Synced", revision)
    assert not [c for c in app["status"].get("conditions", []) if c["type"].endswith("Error")], app["status"]
    return app


# ---- without a cluster ----------------------------------------------------------------------------------------------------


def test_without_a_cluster_only_the_newest_commit_can_be_asked_for(agent, repository):
    """Nothing is applied; what asks for something else than the newest commit as a whole is refused, and not taken for it."""
    agent.application("team", repository.url, "app", "default", revision="main", automated=False)
    agent.start()
    first = repository.head
    agent.cli("app", "sync", "team").ok()
    newest = repository.commit({"app/b.yaml": config_map("b")})
    agent.cli("app", "sync", "team").ok()
    before = agent.items("app", "history", "team")
    assert [entry["commit"] for entry in before] == [newest, first]
    for asked, why in ((["sync", "team", "--revision", "nope"], "nope"), (["sync", "team", "--revision", first], first),
                       (["sync", "team", "--revision", first, "--dry-run"], first), (["rollback", "team", "0"], "status.history"),
                       (["sync", "team", "--resource", ":ConfigMap:default/a"], "resources")):
        refused = agent.cli("app", *asked).is_(1)
        assert "Kubernetes is off" in refused.err and why in refused.err, (asked, refused)
    assert agent.items("app", "history", "team") == before and sync_of(agent)["revision"] == newest
    for asked in ([], ["--revision", newest], ["--revision", "main"], ["--dry-run"]):
        assert "parsed and validated, not applied" in agent.cli("app", "sync", "team", *asked).ok().out


# ---- the history ------------------------------------------------------------------------------------------------------


def test_a_force_push_is_followed_and_logged(follow, repository):
    agent = follow(repository.url)
    first = repository.head
    wait_good(agent, first)
    second = repository.commit({"app/b.yaml": config_map("b")})
    wait_good(agent, second)
    third = repository.commit({"app/c.yaml": config_map("c")}, parent=first)
    wait_good(agent, third)
    names = {row["name"] for row in agent.app("team")["status"]["resources"]}
    assert names == {"a", "c"}
    assert "history was rewritten" in agent.log()
    assert [row["revision"] for row in agent.app("team")["status"]["history"]] == [first, second, third]


def test_the_newest_tag_of_a_constraint_is_followed_and_named(follow, repository):
    repository.tag("v1.0.0")
    agent = follow(repository.url, revision="^1")
    wait_good(agent, repository.head)
    second = repository.commit({"app/b.yaml": config_map("b")})
    repository.tag("v1.1.0")
    repository.commit({"app/c.yaml": config_map("c")})
    repository.tag("v2.0.0")
    wait_good(agent, second)
    assert "refs/tags/v1.1.0" in agent.log() and "v2.0.0" not in agent.log()


def test_a_branch_of_the_followed_tags_name_is_told_and_not_followed(follow, repository):
    good = repository.head
    repository.tag("stable")
    agent = follow(repository.url, revision="stable")
    wait_good(agent, good)
    repository.commit({"app/a.yaml": None, "app/evil.yaml": config_map("evil")}, branch="stable", parent=good)
    assert "refs/heads/stable and refs/tags/stable" in wait_trouble(agent, "ambiguous")
    assert sync_of(agent)["revision"] == good
    repository.delete_branch("stable")
    wait_good(agent, good)


def test_an_unsigned_commit_is_not_used_and_not_after_a_restart_either(agent, repository, tmp_path):
    key = SshKey(tmp_path, "id")
    (tmp_path / "signers").write_text(f"ada@example.org {key.public}\n")
    agent.config["repositories"] = [{"url": f"file://{tmp_path}/git/", "signatures": {
        "required": True, "sshKeys": str(tmp_path / "signers")}}]
    agent.application("team", repository.url, "app", "default")
    good = key.sign(repository, repository.head)
    agent.start()
    wait_good(agent, good)
    assert "ada@example.org" in agent.log()
    repository.commit({"app/a.yaml": config_map("a", value="evil")})
    assert repository.head in wait_trouble(agent, "is not signed")
    agent.stop()
    agent.start()
    assert repository.head in wait_trouble(agent, "is not signed")
    assert sync_of(agent)["revision"] == good
    wait_good(agent, key.sign(repository, repository.head))


def test_two_users_of_one_repository_are_two_and_fail_apart(agent, repository, tmp_path):
    """The second may not have the credentials of the first, nor the first the failure of the second."""
    private(tmp_path / "ada", "right")
    private(tmp_path / "bob", "wrong")
    with GitHttpServer(repository.path.parent, user="ada", password="right") as server:
        agent.config["repositories"] = [
            {"url": server.url("db.git", user="ada"), "username": "ada", "passwordFile": str(tmp_path / "ada")},
            {"url": server.url("db.git", user="bob"), "username": "ada", "passwordFile": str(tmp_path / "bob")}]
        agent.application("of-bob", server.url("db.git", user="bob"), "app", "default")
        agent.application("of-ada", server.url("db.git", user="ada"), "app", "default")
        agent.start()
        agent.wait_app("of-ada", "Synced", repository.head)
        assert "401" in agent.wait_condition("of-bob", "ComparisonError", "credentials")["message"]
        assert not errors_of(agent, "of-ada")
        private(tmp_path / "bob", "right")
        refresh(agent, "of-bob")
        agent.wait_app("of-bob", "Synced", repository.head)


def test_a_url_that_was_wrong_is_forgotten_with_its_application(agent, repository, tmp_path):
    """The one with ".git" and the one without are one repository on most servers, not on all."""
    with GitHttpServer(repository.path.parent) as server:
        server.fault = Fault(404, path="/db/")
        agent.application("short", server.url("db"), "app", "default")
        agent.application("long", server.url("db.git"), "app", "default")
        agent.start()
        agent.wait_app("long", "Synced", repository.head)
        agent.wait_condition("short", "ComparisonError", "no such repository")
        agent.application("short", server.url("db.git"), "app", "default")
        agent.signal(signal.SIGHUP)
        agent.wait_app("short", "Synced", repository.head)

        def asked_old():
            server.requests.clear()
            refresh(agent, "short")
            wait_for("the question of the refresh", lambda: server.requests)
            return [request for request in server.requests if request.path.startswith("/db/")]

        wait_for("the last one of before has been asked", lambda: not asked_old())
        assert not asked_old()


def test_a_path_of_another_language_is_no_empty_path(follow, repository):
    good = repository.head
    agent = follow(repository.url)
    wait_good(agent, good)
    repository.commit({"app/a.yaml": None, "app/main.jsonnet": "{}"})
    assert "main.jsonnet" in wait_trouble(agent, "holds no manifest")
    assert sync_of(agent)["revision"] == good


def test_a_deleted_branch_keeps_the_last_good_state_until_it_is_back(follow, repository):
    repository.commit({"app/a.yaml": config_map("a")}, branch="stable", orphan=True)
    agent = follow(repository.url, revision="stable")
    good = repository.tip("stable")
    wait_good(agent, good)
    repository.delete_branch("stable")
    assert "/db" in wait_trouble(agent, "stable")
    assert sync_of(agent)["status"] == "Unknown" or sync_of(agent)["revision"] == good
    assert sync_of(agent)["revision"] == good
    head = repository.commit({"app/b.yaml": config_map("b")}, branch="stable", orphan=True)
    wait_good(agent, head)


def test_a_repository_that_is_deleted_and_made_anew_is_read_anew(follow, repository):
    agent = follow(repository.url)
    good = repository.head
    wait_good(agent, good)
    shutil.rmtree(repository.path)
    wait_trouble(agent, "/db")
    assert sync_of(agent)["revision"] == good
    repository.init()
    wait_trouble(agent, "")
    head = repository.commit({"app/z.yaml": config_map("z")}, "another beginning")
    wait_good(agent, head)
    assert {row["name"] for row in agent.app("team")["status"]["resources"]} == {"z"}


def test_an_application_that_is_pointed_elsewhere_follows_at_once(follow, repository, tmp_path):
    agent = follow(repository.url)
    wait_good(agent, repository.head)
    other = Repository(tmp_path / "git" / "other.git")
    other.commit({"deep/x.yaml": config_map("x")})
    agent.application("team", other.url, "deep", "default")
    agent.signal(1)
    agent.wait_app("team", "Synced", other.head)
    assert {row["name"] for row in agent.app("team")["status"]["resources"]} == {"x"}


# ---- the server -------------------------------------------------------------------------------------------------------


def test_a_server_out_of_reach_is_waited_for_without_anybody_asking(follow, repository, tmp_path):
    port = free_port()
    with GitHttpServer(tmp_path / "git", port=port) as server:
        agent = follow(server.url("db.git"))
        good = repository.head
        wait_good(agent, good)
    message = wait_trouble(agent, str(port))
    assert sync_of(agent)["revision"] == good and "right" not in message
    assert agent.get("/readyz").status == 200, "an agent that was ready stays so: the last good state is in force"
    head = repository.commit({"app/b.yaml": config_map("b")})
    with GitHttpServer(tmp_path / "git", port=port):
        agent.wait_app("team", "Synced", head)
    assert "can be read again" in agent.log()


def test_a_restart_while_the_server_is_away_goes_on_from_the_disk(agent, server, tmp_path):
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "git" / "db.git")
    repository.commit({"users/users.yaml": users(alice=["readers"])})
    agent.database(server)
    agent.secret("postgres", "user-alice-secret", "wonderland")
    with GitHttpServer(tmp_path / "git") as git:
        agent.application("postgres-users", git.url("db.git"), "users", "postgres")
        agent.start()
        agent.wait_app("postgres-users", "Synced", repository.head)
        wait_for("alice", lambda: server.can_login("alice", "wonderland", "app"))
        assert agent.stop() == 0
    server.run("ALTER ROLE alice NOLOGIN")
    agent.begin()
    wait_for("alice is healed without the Git server", lambda: server.can_login("alice", "wonderland", "app"))
    wait_for("the commit in force", lambda: agent.app("postgres-users")["status"]["sync"].get("revision") == repository.head)
    agent.wait_condition("postgres-users", "ComparisonError", "/db.git: ")


def asked(agent):
    """How often repositories were asked for their revision."""
    return sum(value for name, value in agent.metrics().items()
               if name.startswith("argocd_git_request_total{") and 'request_type="ls-remote"' in name)


def test_two_applications_share_one_question_and_one_fetch(agent, repository, tmp_path):
    with GitHttpServer(tmp_path / "git") as server:
        repository.commit({"users/u.yaml": config_map("u")})
        agent.application("cluster", server.url("db.git"), "app", "default")
        agent.application("users", server.url("db.git"), "users", "postgres")
        agent.start()
        agent.wait_app("cluster", "Synced", repository.head)
        agent.wait_app("users", "Synced", repository.head)
        first = server.commands()
        assert first.count("fetch") == 1, first

        before = asked(agent)
        server.commands()
        wait_for("three polls", lambda: asked(agent) >= before + 3)
        quiet = server.commands()
        assert set(quiet) == {"ls-refs"}, quiet
        assert len(quiet) <= asked(agent) - before + 1

        head = repository.commit({"app/b.yaml": config_map("b"), "users/v.yaml": config_map("v")})
        agent.wait_app("cluster", "Synced", head)
        agent.wait_app("users", "Synced", head)
        assert server.commands().count("fetch") == 1


# ---- credentials ------------------------------------------------------------------------------------------------------


def test_a_rotated_password_is_asked_for_and_used(agent, follow, repository, tmp_path):
    with GitHttpServer(tmp_path / "git", user="ci", password="first") as server:
        file = private(tmp_path / "password", "first\n")
        agent.repository(server.url("db"), username="ci", passwordFile=file)  # without .git it is the same one
        follow(server.url("db.git"))
        good = repository.head
        wait_good(agent, good)
        server.password = "second"
        message = wait_trouble(agent, "401")
        assert sync_of(agent)["revision"] == good and "first" not in message
        private(tmp_path / "password", "second\n")
        head = repository.commit({"app/b.yaml": config_map("b")})
        wait_good(agent, head)


def test_https_with_a_ca_of_its_own_and_a_token(agent, follow, repository, tmp_path):
    certificates = Certificates(tmp_path / "tls")
    with GitHttpServer(tmp_path / "git", token="t0ken", certificates=certificates) as server:
        entry = {"url": server.url(""), "tokenFile": private(tmp_path / "token", "t0ken\n")}
        agent.config["repositories"] = [entry]
        follow(server.url("db.git"), ready=False)
        assert "certificate" in agent.wait_condition("team", "ComparisonError", "certificate")["message"]
        assert agent.stop() == 0
        entry["caFile"] = str(certificates.ca)
        agent.start()
        agent.wait_app("team", "Synced", repository.head)


def test_ssh_with_a_key_and_known_hosts_and_a_rotated_key(agent, follow, repository, tmp_path):
    with GitSshServer(tmp_path / "ssh") as server:
        hosts = tmp_path / "known_hosts"
        hosts.write_text("")
        key = tmp_path / "key"
        shutil.copy(server.client_key, key)
        url = server.url(repository.path)
        agent.repository(url, sshKeyFile=str(key), knownHostsFile=str(hosts))
        follow(url, ready=False)
        assert server.fingerprint() in agent.wait_condition("team", "ComparisonError", "SHA256:")["message"]
        hosts.write_text(server.known_hosts())
        wait_good(agent, repository.head)

        other = ssh_key(tmp_path / "other")
        server.authorize(other)
        message = wait_trouble(agent, "key")
        assert sync_of(agent)["revision"] == repository.head and "PRIVATE" not in message
        shutil.copy(other, key)
        wait_good(agent, repository.commit({"app/b.yaml": config_map("b")}))


def test_credentials_of_the_agent_file_go_to_no_neighbour(agent, repository, tmp_path):
    with GitHttpServer(tmp_path / "git") as server:
        agent.repository(server.url("team"), username="ci", passwordFile=private(tmp_path / "password", "first"))
        agent.application("team", server.url("db.git"), "app", "default")
        agent.application("evil", server.url("team-evil/x.git"), "app", "default")
        agent.begin()
        agent.wait_app("team", "Synced", repository.head)
        agent.wait_condition("evil", "ComparisonError", "team-evil")
        assert [request for request in server.requests if "Authorization" in request.headers] == []


def repository_secret(kind, name, namespace, **texts):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {
        "name": name, "namespace": namespace, "labels": {"argocd.argoproj.io/secret-type": kind}}, "stringData": texts}


@pytest.mark.parametrize("kind", ["repository", "repo-creds"])
def test_credentials_are_taken_from_argo_cds_secrets_and_their_changes_too(agent, crds, repository, tmp_path, kind):
    home, target = crds.namespace(), crds.namespace()
    with GitHttpServer(tmp_path / "git", user="ci", password="first") as server:
        url = server.url("db") if kind == "repository" else server.url("")
        crds.admin.create(repository_secret(kind, "creds", home, url=url, username="ci", password="first"))
        agent.kubernetes(crds, namespace=home)
        agent.application("team", server.url("db.git"), "app", target)
        agent.start()
        good = repository.head
        agent.wait_app("team", "Synced", good)
        assert crds.admin.get("v1", "ConfigMap", target, "a")

        server.password = "second"
        wait_trouble(agent, "401")
        head = repository.commit({"app/b.yaml": config_map("b")})
        crds.admin.patch("v1", "Secret", home, "creds", {"data": {"password": base64.b64encode(b"second").decode()}})
        agent.wait_app("team", "Synced", head)
        assert crds.admin.get("v1", "ConfigMap", target, "b")


def test_ssh_hosts_and_authorities_are_taken_from_argo_cds_config_maps(agent, crds, repository, tmp_path):
    home, target = crds.namespace(), crds.namespace()
    certificates = Certificates(tmp_path / "tls")
    with GitSshServer(tmp_path / "ssh") as ssh, \
            GitHttpServer(tmp_path / "git", certificates=certificates) as https:
        crds.admin.create(repository_secret("repository", "ssh", home, url=ssh.url(repository.path),
                                            sshPrivateKey=ssh.client_key.read_text()))
        for name, key, text in (("argocd-ssh-known-hosts-cm", "ssh_known_hosts", ssh.known_hosts()),
                                ("argocd-tls-certs-cm", "LocalHost", certificates.ca.read_text())):
            crds.admin.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": home},
                               "data": {key: text}})
        agent.kubernetes(crds, namespace=home)
        agent.application("over-ssh", ssh.url(repository.path), "app", target)
        agent.application("over-https", https.url("db.git").replace("127.0.0.1", "LOCALHOST"), "app", crds.namespace())
        agent.start()
        agent.wait_app("over-ssh", "Synced", repository.head)
        agent.wait_app("over-https", "Synced", repository.head)
