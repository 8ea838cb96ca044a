"""Several sources of one Application: from several repositories and revisions, one desired state."""

import json

import pytest

from parts.git import GitHttpServer, Repository
from parts.manifests import config_map
from parts.process import wait_for
from parts.signers import SshKey
from parts.world import marked, pod
from end.test_webhook import push_event, signed


class Two:
    """The Application `team` of two repositories: the folder app/ of `first`, base/ of `second`."""

    def __init__(self, world, folder, **more):
        self.world, self.agent = world, world.agent
        self.first, self.second = world.repository, Repository(folder / "base.git")
        self.first.commit({"app/a.yaml": config_map("a")})
        self.second.commit({"base/b.yaml": config_map("b")})
        self.sources = [self.source(self.first, "app"), self.source(self.second, "base")]
        self.app = world.application("team", sources=self.sources, **more)

    @staticmethod
    def source(repository, path, **more):
        return {"repoURL": repository.url, "path": path, "targetRevision": "main"} | more

    @property
    def heads(self):
        return [self.first.head, self.second.head]

    def synced(self, revisions=None):
        self.app.synced(revisions or self.heads)
        return self

    def in_force(self, revisions):
        """These commits are, and nothing of newer ones."""
        self.app.wait("what was in force", lambda: self.app.status["sync"].get("revisions") == revisions)
        assert self.values("a", "b") == ["one", "one"]

    def values(self, *names):
        return [self.world.value(name) for name in names]


@pytest.fixture
def two(world, tmp_path):
    made = Two(world, tmp_path)
    world.begin()
    return made.synced()


@pytest.fixture
def by_hand(world, tmp_path):
    made = Two(world, tmp_path, automated=False)
    world.begin()
    made.app.sync_status("OutOfSync", made.heads)
    made.app.operate(sync={})
    made.app.ended("Succeeded", made.heads)
    return made.synced()


# ---- one desired state ----------------------------------------------------------------------------------------------------


def test_two_repositories_are_one_application(two):
    assert two.values("a", "b") == ["one", "one"]
    assert {row["name"] for row in two.app.status["resources"]} == {"a", "b"}
    assert [row["name"] for row in two.app.rows()] == ["a", "b"]
    assert two.world.tracking("ConfigMap", "b").startswith("team:")


def test_the_status_is_as_argo_cd_writes_it(two):
    status = two.app.status
    assert status["sync"]["revisions"] == two.heads and "revision" not in status["sync"]
    assert status["sync"]["comparedTo"]["sources"] == two.sources and "source" not in status["sync"]["comparedTo"]
    assert status["sourceTypes"] == ["Directory", "Directory"] and "sourceType" not in status
    result, entry = status["operationState"]["syncResult"], status["history"][-1]
    assert result["revisions"] == two.heads and result["sources"] == two.sources and result["revision"] == ""
    assert entry["revisions"] == two.heads and entry["sources"] == two.sources and "revision" not in entry
    assert status["operationState"]["operation"]["sync"]["revisions"] == two.heads


def test_a_new_commit_in_either_is_a_new_wish(two):
    for repository, file, name in ((two.first, "app/c.yaml", "c"), (two.second, "base/d.yaml", "d")):
        repository.commit({file: config_map(name)})
        two.synced()
        assert two.values("a", "b", name) == ["one"] * 3
    assert [entry["revisions"] for entry in two.app.history][-1] == two.heads and len(two.app.history) == 3


def test_what_leaves_one_is_pruned_and_the_others_stay(two):
    two.second.commit({"base/b.yaml": None, "base/c.yaml": config_map("c")})
    two.synced()
    assert two.values("a", "b", "c") == ["one", None, "one"]


def test_what_moves_from_one_to_the_other_is_not_made_anew(two):
    uid = two.world.uid("ConfigMap", "b")
    two.first.commit({"app/b.yaml": config_map("b", value="moved")})
    two.app.condition("RepeatedResourceWarning", "ConfigMap")
    two.second.commit({"base/b.yaml": None, "base/README.md": "moved away\n", "base/c.yaml": config_map("c")})
    two.synced()
    assert two.values("b") == ["moved"] and two.world.uid("ConfigMap", "b") == uid


def test_of_two_the_later_source_wins_and_both_places_are_said(two):
    two.first.commit({"app/b.yaml": config_map("b", value="of the first")})
    two.app.condition("RepeatedResourceWarning", "/base.git//base/b.yaml:1", "/db.git//app/b.yaml:1", "later source")
    two.synced()
    assert two.values("b") == ["one"]


def test_waves_go_over_all_sources(world, tmp_path):
    made = Two(world, tmp_path)
    made.first.commit({"app/a.yaml": marked(config_map("a"), sync_wave=1)})
    made.second.commit({"base/b.yaml": marked(pod("b"), sync_wave=0)})
    world.begin()
    made.app.running("waiting")
    assert world.value("a") is None
    world.end_pod("b")
    made.app.ended("Succeeded")
    assert world.value("a") == "one"


def test_the_same_repository_at_two_revisions(world):
    world.push({"team/a.yaml": config_map("a", value="old"), "base/b.yaml": config_map("b", value="old")})
    world.repository.tag("v1")
    head = world.push({"team/a.yaml": config_map("a", value="new"), "base/b.yaml": config_map("b", value="new")})
    old = world.repository.git("rev-parse", "v1")
    source = {"repoURL": world.repository.url}
    team = world.application("team", sources=[source | {"path": "team", "targetRevision": "main"},
                                              source | {"path": "base", "targetRevision": "v1"}])
    world.begin()
    team.synced([head, old])
    assert (world.value("a"), world.value("b")) == ("new", "old")
    world.push({"base/b.yaml": "kind: nonsense\n"})
    team.synced([world.head, old])
    world.push({"team/a.yaml": "kind: ConfigMap\n"})
    team.condition("ComparisonError", "db.git@main cannot be used", "db.git@main//team/a.yaml:1")


def test_two_folders_of_one_commit_are_asked_for_once(agent, tmp_path):
    repository = Repository(tmp_path / "git" / "db.git")
    repository.commit({"one/a.yaml": config_map("a"), "two/b.yaml": config_map("b")})
    with GitHttpServer(tmp_path / "git") as server:
        source = {"repoURL": server.url("db.git"), "path": "one"}
        agent.config["poll"] = "0"
        agent.application("team", "", "", "default", sources=[source, source | {"path": "two"}])
        agent.start()
        wait_for("both folders", lambda: revisions(agent) == [repository.head] * 2)
        assert server.commands()[1:] == ["ls-refs", "fetch"]  # the first tells which protocol it speaks
        assert agent.stop() == 0


def revisions(agent):
    return (agent.app("team").get("status") or {}).get("sync", {}).get("revisions")


def test_another_source_is_a_new_wish(two):
    two.app.patch({"spec": {"sources": two.sources[:1]}})
    two.synced([two.first.head])
    assert two.values("a", "b") == ["one", None]
    two.app.patch({"spec": {"sources": None, "source": two.sources[1]}})
    two.synced(two.second.head)
    assert two.values("a", "b") == [None, "one"]
    two.app.patch({"spec": {"sources": two.sources, "source": None}})
    two.synced()
    assert two.values("a", "b") == ["one", "one"]


def test_an_object_without_a_namespace_is_told_with_repository_and_place(world, tmp_path):
    made = Two(world, tmp_path, destination={"server": "https://kubernetes.default.svc"})
    world.begin()
    made.app.condition("ComparisonError", "/db.git//app/a.yaml:1", "/base.git//base/b.yaml:1", "namespace")


def test_what_the_server_refuses_is_told_with_repository_and_place(two):
    two.second.commit({"base/c.yaml": config_map("Not_A_Name")})
    state = two.app.ended("Failed", two.heads)
    assert "/base.git//base/c.yaml:1" in state["message"]
    assert two.values("a", "b") == ["one", "one"]


# ---- one of them cannot be used -------------------------------------------------------------------------------------------


def test_a_broken_one_holds_back_all_and_is_named(two):
    good = two.heads
    two.second.commit({"base/b.yaml": "apiVersion: v1\nkind: ConfigMap\n"})
    two.app.condition("ComparisonError", two.second.head[:12], "base.git cannot be used", "base.git//base/b.yaml:1")
    two.first.commit({"app/a.yaml": config_map("a", value="two")})
    two.world.wait("the newer commit was read", lambda: two.first.head in two.agent.log())
    two.world.passes()
    assert two.values("a", "b") == ["one", "one"] and two.app.status["sync"]["revisions"] == good
    two.app.operate(sync={})
    assert "base.git//base/b.yaml:1" in two.app.ended("Error")["message"]
    two.second.commit({"base/b.yaml": config_map("b", value="two")})
    two.synced()
    assert two.values("a", "b") == ["two", "two"]


def test_a_path_that_is_not_there_is_no_empty_one(two):
    two.second.commit({"base/b.yaml": None, "else/b.yaml": config_map("b")})
    two.app.condition("ComparisonError", "path base does not exist", "/base")
    two.world.passes()
    assert two.values("a", "b") == ["one", "one"]


def test_one_that_cannot_be_read_holds_back_the_others(two, tmp_path):
    good = two.heads
    away = tmp_path / "away.git"
    two.second.path.rename(away)
    two.app.condition("ComparisonError", "base")
    two.first.commit({"app/a.yaml": config_map("a", value="two")})
    two.world.wait("the newer commit was read", lambda: two.first.head in two.agent.log())
    two.world.passes()
    assert two.values("a") == ["one"] and two.app.status["sync"]["revisions"] == good
    away.rename(two.second.path)
    two.app.annotate(refresh="normal")
    two.synced()
    assert two.values("a") == ["two"]


def test_after_a_restart_what_was_in_force_is_healed_while_one_is_broken(two):
    good = two.heads
    two.second.commit({"base/b.yaml": "kind: ConfigMap\n"})
    two.app.condition("ComparisonError", "base.git//base/b.yaml:1")
    two.first.commit({"app/a.yaml": config_map("a", value="two")})
    two.world.restart()
    two.world.kube.delete("v1", "ConfigMap", two.world.namespace, "b")
    two.world.appears("ConfigMap", "b")
    two.app.condition("ComparisonError", "base.git//base/b.yaml:1")
    two.in_force(good)


def test_after_a_restart_what_was_in_force_is_healed_while_one_is_away(two, tmp_path):
    good = two.heads
    two.agent.kill()
    two.second.path.rename(tmp_path / "away.git")
    two.first.commit({"app/a.yaml": config_map("a", value="two")})
    two.agent.begin()
    two.app.condition("ComparisonError", "base")
    two.world.kube.delete("v1", "ConfigMap", two.world.namespace, "b")
    two.world.appears("ConfigMap", "b")
    two.in_force(good)
    (tmp_path / "away.git").rename(two.second.path)
    two.app.annotate(refresh="normal")
    two.synced()


def test_the_commits_of_each_have_to_be_signed_where_it_asks_for_that(world, tmp_path):
    key = SshKey(tmp_path, "id")
    (tmp_path / "signers").write_text(f"ada@example.org {key.public}\n")
    made = Two(world, tmp_path)
    world.agent.config["repositories"] = [{"url": made.second.url, "signatures": {
        "required": True, "sshKeys": str(tmp_path / "signers")}}]
    good = key.sign(made.second, made.second.head)
    world.begin()
    made.synced([made.first.head, good])
    made.second.commit({"base/b.yaml": config_map("b", value="evil")})
    made.app.condition("ComparisonError", made.second.head, "is not signed")
    made.first.commit({"app/a.yaml": config_map("a", value="two")})
    world.wait("the newer commit was read", lambda: made.first.head in world.agent.log())
    world.passes()
    assert made.values("a", "b") == ["one", "one"]
    key.sign(made.second, made.second.head)
    made.synced()
    assert made.values("a", "b") == ["two", "evil"]


def test_the_project_has_to_permit_each_repository(world, tmp_path):
    made = Two(world, tmp_path, project="ours")
    project = {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "ours", "namespace": world.home},
               "spec": {"sourceRepos": [made.first.url], "destinations": [{"server": "*", "namespace": "*"}]}}
    world.kube.create(project)
    world.begin()
    made.app.condition("InvalidSpecError", "ours", made.second.url)
    assert made.values("a", "b") == [None, None]
    world.kube.patch("argoproj.io/v1alpha1", "AppProject", world.home, "ours", {"spec": {"sourceRepos": ["file://**"]}})
    made.synced()


def test_an_operation_with_sources_of_its_own_does_not_pass_the_project(world, tmp_path):
    made = Two(world, tmp_path, project="ours", automated=False)
    made.app.patch({"spec": {"sources": made.sources[:1]}})
    world.kube.create({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "ours", "namespace": world.home},
                       "spec": {"sourceRepos": [made.first.url], "destinations": [{"server": "*", "namespace": "*"}]}})
    world.begin()
    made.app.sync_status("OutOfSync", [made.first.head])
    made.app.operate(sync={"sources": made.sources})
    assert made.second.url in made.app.ended("Error")["message"]
    assert made.values("a", "b") == [None, None]


# ---- a source of files alone ----------------------------------------------------------------------------------------------


def test_a_source_with_a_ref_alone_wants_nothing_and_is_followed(world, tmp_path):
    values = Repository(tmp_path / "values.git")
    values.commit({"values.yaml": "kind: nonsense\n"})
    world.push({"team/a.yaml": config_map("a")})
    source = {"repoURL": world.repository.url, "path": "team", "targetRevision": "main"}
    team = world.application("team", sources=[source, {"repoURL": values.url, "ref": "values", "targetRevision": "main"}])
    world.begin()
    team.synced([world.head, values.head])
    assert world.value("a") == "one" and team.status["sourceTypes"] == ["Directory", ""]
    values.commit({"values.yaml": "other: nonsense\n"})
    team.synced([world.head, values.head])


# ---- another revision -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refs, message", [
    (("values", "values"), "spec.sources[1].ref is \"values\", which is the name of spec.sources[0]"),
    (("values", "my values"), "spec.sources[1].ref may hold letters, digits, '_' and '-' alone"),
])
def test_a_ref_that_names_no_one_source_is_refused(two, refs, message):
    two.app.patch({"spec": {"sources": [source | {"ref": ref} for source, ref in zip(two.sources, refs)]}})
    two.app.condition("InvalidSpecError", message)
    assert two.values("a", "b") == ["one", "one"], "nothing is pruned for it"
    two.app.patch({"spec": {"sources": two.sources}})
    two.synced()


def test_a_rollback_takes_the_commits_of_each(by_hand):
    before = by_hand.heads
    by_hand.first.commit({"app/a.yaml": config_map("a", value="two")})
    by_hand.second.commit({"base/b.yaml": config_map("b", value="two")})
    by_hand.agent.cli("app", "sync", "team").ok()
    by_hand.synced()
    assert by_hand.values("a", "b") == ["two", "two"]
    ids = [entry["id"] for entry in by_hand.app.history]
    by_hand.agent.cli("app", "rollback", "team", ids[0]).ok()
    assert by_hand.values("a", "b") == ["one", "one"]
    assert by_hand.app.history[-1]["revisions"] == before


def test_one_revision_has_to_say_whose_it_is(by_hand):
    said = by_hand.agent.cli("app", "sync", "team", "--revision", "main").is_(1)
    assert "team has 2" in said.out + said.err and "--source-positions" in said.out + said.err
    by_hand.app.operate(sync={"revision": "v1"})
    assert "team has 2" in by_hand.app.ended("Error")["message"]
    by_hand.app.operate(sync={"revisions": ["main"]})
    assert "there are 2 sources" in by_hand.app.ended("Error")["message"]


def test_one_source_is_pinned_and_the_other_is_the_newest(by_hand):
    old = by_hand.second.head
    by_hand.second.commit({"base/b.yaml": config_map("b", value="two")})
    by_hand.first.commit({"app/a.yaml": config_map("a", value="two")})
    by_hand.agent.cli("app", "sync", "team", "--revisions", old, "--source-positions", 2).ok()
    assert by_hand.values("a", "b") == ["two", "one"]
    by_hand.app.wait("the entry in its history", lambda: by_hand.app.history[-1]["revisions"] == [by_hand.first.head, old])
    by_hand.app.operate(sync={"revisions": ["", "main"]})
    by_hand.app.ended("Succeeded", by_hand.heads)
    assert by_hand.values("a", "b") == ["two", "two"]


def test_positions_that_mean_nothing_are_refused(by_hand):
    cli = by_hand.agent.cli
    said = cli("app", "sync", "team", "--revisions", "main", "--source-positions", 3).is_(1)
    assert "out of range" in said.out + said.err
    assert "go together" in cli("app", "sync", "team", "--revisions", "main").is_(2).err
    assert "no position" in cli("app", "sync", "team", "--revisions", "main", "--source-positions", 0).is_(2).err
    said = cli("app", "sync", "team", "--revisions", "main", "--source-positions", 1, "--revisions", "v1", "--source-positions", 1)
    assert "1 twice" in said.is_(2).err


def test_a_diff_is_about_the_named_source(two):
    two.second.commit({"base/b.yaml": config_map("b", value="idea"), "base/c.yaml": config_map("c")}, branch="idea", parent=two.second.head)
    assert "team has 2" in two.agent.cli("app", "diff", "team", "--revision", "idea").is_(2).err
    found = two.agent.cli("app", "diff", "team", "--revisions", "idea", "--source-positions", 2, "-o", "json").is_(1).json
    assert {(item["name"], item["change"]) for item in found["items"]} == {("b", "update"), ("c", "create")}
    assert two.values("b", "c") == ["one", None]
    two.agent.cli("app", "diff", "team", "--revisions", "main", "--source-positions", 2).is_(0)


def test_an_operation_that_was_cut_off_goes_on_with_its_commits(world, tmp_path):
    made = Two(world, tmp_path)
    made.second.commit({"base/p.yaml": marked(pod("p"), hook="PreSync")})
    begun = made.heads
    world.begin()
    made.app.running("Pod")
    world.agent.kill()
    made.first.commit({"app/a.yaml": config_map("a", value="two")})
    world.agent.begin()
    made.app.wait("the operation goes on", lambda: "goes on that was cut off" in world.agent.log())
    world.end_pod("p")
    made.app.wait("it is in the history", lambda: [entry["revisions"] for entry in made.app.history] == [begun])


# ---- what is told ---------------------------------------------------------------------------------------------------------


def test_commands_show_each_source(two):
    cli, (first, second) = two.agent.cli, two.heads
    shown = cli("app", "get", "team").ok().out
    assert [line.split()[-1] for line in shown.splitlines() if line.startswith(("Source", "Revision", "Repository", "Path"))] == [
        "1", first, two.first.url, "app", "2", second, two.second.url, "base"]
    assert f"{first[:7]}, {second[:7]}" in cli("app", "list").ok().out
    wide = cli("app", "list", "-o", "wide").ok().out
    assert f"{two.first.url}, {two.second.url}" in wide and "app, base" in wide and "main, main" in wide
    assert f"{first[:7]}, {second[:7]}" in cli("app", "history", "team").ok().out
    assert cli("app", "history", "team", "-o", "json").items[0]["revisions"] == [first, second]
    assert cli("app", "manifests", "team", "-o", "json").json["revisions"] == [first, second]
    assert cli("app", "get", "team", "-o", "json").json["status"]["sync"]["revisions"] == [first, second]
    assert f"{first[:7]}, {second[:7]}" in cli("status").ok().out
    cli("app", "wait", "team", "--revision", second[:8], "--timeout", "5s").ok()
    cli("app", "wait", "team", "--revision", first, "--timeout", "5s").ok()
    cli("app", "wait", "team", "--revision", "0000000", "--timeout", "1s").is_(1)


def test_the_store_keeps_the_commits_of_each_over_a_restart(two):
    before, writes = two.app.history, two.agent.cli("app", "history", "team", "-o", "json").items
    two.world.restart()
    two.world.passes()
    two.synced()
    assert two.app.history == before
    assert two.agent.cli("app", "history", "team", "-o", "json").items == writes
    assert writes[0]["id"] == before[-1]["id"]


def test_a_refresh_is_answered_when_all_repositories_have(two):
    two.app.annotate(refresh="hard")
    two.app.wait("consumed", lambda: "argocd.argoproj.io/refresh" not in two.app.get()["metadata"].get("annotations", {}))
    two.agent.cli("app", "refresh", "team").ok()


def test_doctor_reads_each_source(two):
    said = two.agent.cli("doctor").out
    assert f"app of {two.first.url.removesuffix('.git')}" in said and f"base of {two.second.url.removesuffix('.git')}" in said
    assert "team: 2 objects in 2 files" in said


# ---- a push, and users ----------------------------------------------------------------------------------------------------


def test_a_push_to_either_is_followed_without_polling(agent, tmp_path):
    repositories = [Repository(tmp_path / "git" / name) for name in ("app.git", "base.git")]
    for repository, name in zip(repositories, "ab"):
        repository.commit({f"path/{name}.yaml": config_map(name)})
    (tmp_path / "webhook.secret").touch(mode=0o600)
    (tmp_path / "webhook.secret").write_text("the-webhook-s-own-secret\n")
    with GitHttpServer(tmp_path / "git") as server:
        urls = [server.url("app.git"), server.url("base.git")]
        agent.config |= {"poll": "0", "webhook": {"secretFile": str(tmp_path / "webhook.secret")}}
        agent.application("team", "", "", "default", sources=[{"repoURL": url, "path": "path"} for url in urls])
        agent.start()
        heads = [repository.head for repository in repositories]
        wait_for("both", lambda: revisions(agent) == heads)
        server.commands()
        for i, url in enumerate(urls):
            heads[i] = repositories[i].commit({"path/more.yaml": config_map("more")})
            body = push_event(url)
            assert agent.post("/api/webhook", body, headers=signed(body)).status == 202
            wait_for("the announced commit", lambda: revisions(agent) == heads)
            assert server.commands() == ["ls-refs", "fetch"]
        assert agent.stop() == 0


def users(*names):
    listed = "".join(f"    - {{username: {name}}}\n" for name in names)
    return ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: postgres-users-config}\ndata:\n  users.yaml: |\n"
            f"    users:\n{listed}")


def test_users_may_stand_in_any_source_and_carry_its_commit(agent, server, tmp_path):
    first, second = Repository(tmp_path / "app.git"), Repository(tmp_path / "users.git")
    first.commit({"app/a.yaml": config_map("a")})
    second.commit({"users/users.yaml": users("alice")})
    agent.database(server, application="team")
    agent.secret("default", "user-alice-secret", "wonderland")
    agent.application("team", "", "", "default", sources=[{"repoURL": first.url, "path": "app"},
                                                          {"repoURL": second.url, "path": "users"}])
    agent.start()
    wait_for("alice", lambda: server.can_login("alice", "wonderland"))
    wait_for("her row", lambda: agent.items("user", "history"))
    assert {row["commit"] for row in agent.items("user", "history")} == {second.head}
    second.commit({"users/users.yaml": users("alice", "alice")})
    agent.wait_condition("team", "ComparisonError", "/users.git//users/users.yaml:")
    assert agent.stop() == 0
