"""What a revision would change, objects and SQL together, asked of the running agent; and that asking changes nothing."""

import concurrent.futures
import json
import sqlite3

import pytest

from parts.agent import wait_for
from parts.git import Repository
from parts.manifests import config_map
from parts.world import marked, pod

HIDDEN = "SCRAM-SHA-256"


def users(*names):
    listed = "".join(f"    - {{username: {name}}}\n" for name in names)
    return ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: postgres-users-config}\ndata:\n  users.yaml: |\n"
            f"    users:\n{listed}")


def sealed(name):
    return json.dumps({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": name},
                       "spec": {"encryptedData": {"password": "AgBvbmx5IHRoZSBjb250cm9sbGVyIG9wZW5zIGl0"}}})


class Team:
    """The Application `team` with objects and with alice, who is in the database; the branch `idea` of it."""

    def __init__(self, world, server):
        self.world, self.server, self.agent = world, server, world.agent
        for user, password in (("alice", "wonderland"), ("bob", "builder-of-things")):
            world.kube.create({"apiVersion": "v1", "kind": "Secret", "stringData": {"password": password},
                               "metadata": {"name": f"user-{user}-secret", "namespace": world.namespace}})
        world.agent.database(server, application="team")
        self.app = world.application("team")
        self.main = world.push({"team/a.yaml": config_map("a"), "team/old.yaml": config_map("old"),
                                "team/users.yaml": users("alice")})
        world.begin()
        self.app.synced()
        self.app.wait("alice can log in", lambda: server.can_login("alice", "wonderland"))
        self.settled()

    def settled(self):
        self.app.healthy()
        self.app.wait("alice is Synced", lambda: [u["status"] for u in self.agent.items("user", "list")] == ["Synced"])

    def branch(self, files, name="idea"):
        return self.world.repository.commit({f"team/{file}": text for file, text in files.items()}, branch=name,
                                            parent=self.main)

    def state(self):
        """Everything that asking may not change, but for the times at which it was looked at."""
        plane, namespace = self.world.plane, self.world.namespace
        objects = [(kind, found["metadata"]["name"], found["metadata"]["resourceVersion"])
                   for kind in ("ConfigMap", "Secret", "Pod") for found in plane.admin.list("v1", kind, namespace)]
        with sqlite3.connect(f"file:{self.agent.state}/pgitops.db?mode=ro", uri=True) as store:
            tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            rows = {table: store.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
                    for table in tables & {"revision", "revisions", "object", "objects", "drift", "drifts", "user_change",
                                           "user_changes", "verifier", "verifiers"}}
        assert len(rows) >= 4, tables
        roles = self.server.query("SELECT rolname, rolpassword FROM pg_authid ORDER BY 1")
        views = [self.agent.items(*words) for words in (("app", "list"), ("user", "list"), ("drift", "list"),
                                                        ("app", "history", "team"), ("user", "history"))]
        for item in views[0]:
            item["status"].pop("reconciledAt", None)
            item["metadata"] = {"name": item["metadata"]["name"]}  # each write of that time counts there
        databases = self.agent.get("/api/v1/users").json
        return objects, rows, roles, views, databases.get("items")

    def next_oid(self):
        """Whatever makes a role takes the next one, and keeps it if it is rolled back. (The log shows none of the agent's statements.)"""
        self.server.run("CREATE ROLE probe")
        oid = self.server.value("SELECT oid FROM pg_roles WHERE rolname = 'probe'")
        self.server.run("DROP ROLE probe")
        return int(oid)

    def diff(self, revision="idea", *more):
        return self.agent.cli("app", "diff", "team", "--revision", revision, *more)


@pytest.fixture
def team(world, server):
    return Team(world, server)


CHANGES = {"a.yaml": config_map("a", value="changed"), "old.yaml": None, "new.yaml": config_map("new"), "users.yaml": users("alice", "bob")}


def test_a_branch_with_objects_and_users_is_shown_and_nothing_is_changed(team):
    team.branch(CHANGES)
    before, mark = team.state(), team.world.plane.mark()
    oid = team.next_oid()
    result = team.diff("idea", "-o", "json").is_(1).json
    changes = {(item["kind"], item["name"]): item["change"] for item in result["items"]}
    assert changes == {("ConfigMap", "a"): "update", ("ConfigMap", "old"): "prune", ("ConfigMap", "new"): "create",
                       ("ConfigMap", "postgres-users-config"): "update"}
    update = next(item for item in result["items"] if item["name"] == "a")
    assert [field["path"] for field in update["fields"]] == ["data.value"]
    (plan,) = result["users"]
    assert plan["database"] == "main" and not plan["blocked"] and plan["deletions"] == []
    assert any(step["user"] == "bob" and 'CREATE ROLE "bob"' in step["statement"] for step in plan["steps"])
    assert {step["user"] for step in plan["steps"]} == {"bob"}
    assert HIDDEN not in json.dumps(result) and "builder-of-things" not in json.dumps(result)

    shown = team.diff("idea", "-o", "markdown").is_(1).out
    assert "**Objects: 4 differ.**" in shown and "ConfigMap" in shown and 'CREATE ROLE "bob"' in shown
    table = team.diff("idea").is_(1).out
    assert "+ " in table and "is not in Git any more" in table and 'CREATE ROLE "bob"' in table

    wrote = [event for event in team.world.plane.requests(mark) if event["verb"] in ("create", "update", "delete")]
    assert wrote == []
    patched = [event for event in team.world.plane.requests(mark) if event["verb"] == "patch"]
    assert patched and all("dryRun=All" in event["requestURI"] for event in patched), patched
    assert team.next_oid() == oid + 1
    assert team.state() == before
    assert not team.server.query("SELECT 1 FROM pg_roles WHERE rolname = 'bob'")
    team.app.synced(team.main)


def test_the_head_of_a_pull_request_is_a_revision_and_so_is_a_commit(team):
    head = team.branch({"b.yaml": config_map("b")})
    team.world.repository.set_ref("refs/pull/7/head", head)
    team.world.repository.delete_branch("idea")
    by_name = team.diff("refs/pull/7/head", "-o", "json").is_(1).json
    assert [item["name"] for item in by_name["items"]] == ["b"]
    assert team.diff(head, "-o", "json").is_(1).json == by_name


def test_a_revision_that_changes_nothing_is_yes(team):
    result = team.diff(team.main, "-o", "json").is_(0).json
    assert result["items"] == [] and [plan["steps"] for plan in result["users"]] == [[]]
    assert "nothing differs" in team.diff("main", "-o", "markdown").ok().out
    assert team.agent.cli("user", "plan", "--revision", "main").ok()


def test_the_users_alone_are_planned(team):
    team.branch(CHANGES)
    before = team.state()
    result = team.agent.cli("user", "plan", "--revision", "idea", "-o", "json").is_(1).json
    assert result["items"] == [] and [plan["database"] for plan in result["users"]] == ["main"]
    text = team.agent.cli("user", "plan", "--database", "main", "--revision", "idea").is_(1).out
    assert 'CREATE ROLE "bob"' in text and "-- bob: create" in text
    assert team.state() == before


def test_a_new_user_whose_password_only_the_controller_can_open_is_planned(team):
    team.branch({"users.yaml": users("alice", "carol"), "carol.yaml": sealed("user-carol-secret")})
    result = team.diff("idea", "-o", "json").is_(1).json
    (plan,) = result["users"]
    assert any('CREATE ROLE "carol"' in step["statement"] for step in plan["steps"])
    assert HIDDEN not in json.dumps(plan)
    assert not team.server.query("SELECT 1 FROM pg_roles WHERE rolname = 'carol'")


def test_a_user_who_could_not_be_made_is_named_with_the_reason(team):
    team.branch({"users.yaml": users("alice", "dave")})
    (plan,) = team.diff("idea", "-o", "json").is_(1).json["users"]
    assert plan["steps"] == []
    (refusal,) = plan["refusals"]
    assert (refusal["user"], refusal["status"]) == ("dave", "Degraded") and "user-dave-secret" in refusal["reason"]
    assert "! database main: dave: Degraded, " in team.diff("idea").is_(1).out
    assert "<code>dave</code>: Degraded" in team.diff("idea", "-o", "markdown").is_(1).out
    assert "-- dave: Degraded, " in team.agent.cli("user", "plan", "--revision", "idea").is_(0).out


def test_removals_that_wait_for_a_confirmation_are_shown(team):
    team.branch({"users.yaml": users("bob")})
    (plan,) = team.diff("idea", "-o", "json").is_(1).json["users"]
    assert plan["deletions"] == ["alice"]
    assert team.server.can_login("alice", "wonderland")


def test_mistakes_of_a_branch_are_named_and_harm_nobody(team):
    team.branch({"a.yaml": "kind: ConfigMap\nmetadata: {name: a}\n"}, "broken")
    team.branch({"users.yaml": users("alice", "bob, nonsense: 1")}, "odd")
    before = team.state()
    assert "team/a.yaml:1" in team.diff("broken").is_(2).err
    assert "team/users.yaml:" in team.diff("odd").is_(2).err
    assert "team/users.yaml:" in team.agent.cli("user", "plan", "--revision", "odd").is_(2).err
    missing = team.diff("nowhere").is_(2)
    assert "nowhere" in missing.err and missing.out == ""
    assert team.state() == before
    assert team.app.conditions() == []


def test_what_the_server_refuses_stands_beside_its_object(team):
    team.branch({"s.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 70000}]}\n",
                 "x.yaml": "apiVersion: nowhere.example.org/v1\nkind: Nothing\nmetadata: {name: x}\n"})
    items = {item["kind"]: item for item in team.diff("idea", "-o", "json").is_(1).items}
    assert "port" in items["Service"]["reason"] and "team/s.yaml:1" in items["Service"]["reason"]
    assert "no kind Nothing in nowhere.example.org/v1" in items["Nothing"]["reason"]


def test_several_ask_at_once(team):
    team.branch(CHANGES)
    team.branch({"b.yaml": config_map("b")}, "other")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = {revision: [pool.submit(team.diff, revision, "-o", "json") for _ in range(2)] for revision in ("idea", "other")}
        plan = pool.submit(team.agent.cli, "user", "plan", "--revision", "idea", "-o", "json")
        found = {revision: [one.result().is_(1).json for one in answers] for revision, answers in asked.items()}
        planned = plan.result().is_(1).json
    assert found["idea"][0] == found["idea"][1] and found["other"][0] == found["other"][1]
    assert [item["name"] for item in found["other"][0]["items"]] == ["b"]
    assert planned["users"] == found["idea"][0]["users"]


def test_it_is_answered_while_an_operation_waits_for_its_hook(team):
    head = team.world.push({"team/pre.yaml": marked(pod("pre"), hook="PreSync"), "team/a.yaml": config_map("a", value="newer")})
    team.world.appears("Pod", "pre")
    team.app.running("/pre")
    team.branch(CHANGES)
    before = team.app.state
    result = team.diff("idea", "-o", "json").is_(1).json
    assert {item["name"] for item in result["items"]} >= {"a", "new", "old"}
    assert team.app.state == before
    team.world.end_pod("pre")
    team.app.ended("Succeeded", head)
    team.app.synced(head)


def test_a_newer_broken_commit_does_not_stand_in_the_way(team):
    team.branch(CHANGES)
    team.world.push({"team/z.yaml": "a: [1\n"})
    team.app.condition("ComparisonError", "team/z.yaml")
    items = {item["name"]: item for item in team.diff("idea", "-o", "json").is_(1).items}
    assert items["old"]["change"] == "prune" and "cannot be read" not in items["old"].get("reason", "")


def test_a_held_application_is_looked_at_all_the_same(team):
    team.app.annotate(skip_reconcile="true")
    team.branch(CHANGES)
    assert len(team.diff("idea", "-o", "json").is_(1).items) == 4


def test_a_database_that_is_away_is_no_empty_plan(team):
    team.branch(CHANGES)
    team.server.stop("immediate")
    try:
        refused = team.diff("idea", "-o", "json").is_(2)
        assert "database main" in refused.err and refused.out == ""
    finally:
        team.server.start()


def ask(team):
    return team.agent.post("/api/v1/applications/team/diff", {"revision": "idea"}, over="socket").json["operation"]


def answer(team, operation):
    def there():
        found = team.agent.get(f"/api/v1/operations/{operation}", over="socket").json
        return found if found["phase"] not in ("Pending", "Running") else None

    return wait_for("the answer", there)


@pytest.fixture
def silent(team):
    """The database says nothing, so that what is asked about it waits."""
    team.branch(CHANGES)
    team.server.pause()
    yield team
    team.server.resume()


def test_more_than_can_wait_are_refused_at_once(silent):
    asked = [ask(silent) for _ in range(9)]
    refused = answer(silent, asked[-1])
    assert refused["phase"] == "Failed" and "8 such questions about team wait" in refused["message"]
    silent.server.resume()
    assert {answer(silent, one)["phase"] for one in asked[:-1]} <= {"Succeeded", "Error"}
    assert answer(silent, ask(silent))["phase"] == "Succeeded"


def test_an_application_that_goes_away_takes_its_questions_along(silent):
    asked = [ask(silent) for _ in range(2)]
    silent.app.delete()
    for one in asked:
        found = answer(silent, one)
        assert found["phase"] == "Error" and found["message"] == "there is no such application any more"
    silent.server.resume()
    again = silent.world.application("team")
    again.synced()
    assert answer(silent, ask(silent))["phase"] == "Succeeded"


def test_without_kubernetes_only_the_users_are_compared(agent, server, tmp_path):
    repository = Repository(tmp_path / "db.git")
    main = repository.commit({"users/users.yaml": users("alice"), "users/a.yaml": config_map("a")})
    for user in ("alice", "bob"):
        agent.secret("postgres", f"user-{user}-secret", f"{user}-in-wonderland")
    agent.database(server).application("postgres-users", repository.url, "users", "postgres", revision="main")
    agent.start()
    agent.wait_app("postgres-users", "Synced", main)
    repository.commit({"users/users.yaml": users("alice", "bob"), "users/a.yaml": config_map("a", value="two")}, branch="idea",
                      parent=main)
    result = agent.cli("app", "diff", "postgres-users", "--revision", "idea", "-o", "json").is_(1).json
    assert result["items"] == [] and result["reason"] == "Kubernetes is off: 2 objects were parsed and validated, not compared"
    assert 'CREATE ROLE "bob"' in json.dumps(result["users"]).replace('\\"', '"')
    shown = agent.cli("app", "diff", "postgres-users", "--revision", "idea", "-o", "markdown").is_(1).out
    assert "**Objects:** Kubernetes is off" in shown and "nothing differs" not in shown
    same = agent.cli("app", "diff", "postgres-users", "--revision", "main").ok()
    assert "not compared" in same.err


def test_what_was_only_looked_at_is_not_kept(world, agent):
    """Branches and commits come and go; what the agent keeps of the cluster is what is wanted now."""
    app = world.application("team")
    main = world.push({"team/a.yaml": config_map("a")})
    world.begin()
    app.synced()

    def kept():
        metrics = agent.metrics()
        return metrics["pgitops_tracked_objects"], metrics["pgitops_watched_collections"]

    app.wait("one object is kept", lambda: kept()[0] == 1)
    before = kept()
    for i in range(5):
        files = {f"team/{i}.yaml": config_map(f"branch-{i}"), f"team/pod-{i}.yaml": pod(f"branch-{i}")}
        world.repository.commit(files, branch=f"idea-{i}", parent=main)
        assert agent.cli("app", "diff", "team", "--revision", f"idea-{i}").code == 1
        world.push({f"team/c{i}.yaml": config_map(f"c{i}")} | ({f"team/c{i - 1}.yaml": None} if i else {}))
        app.synced()
    world.push({"team/c4.yaml": None})
    app.synced()
    app.wait("what is gone is not kept", lambda: kept() == before)
    app.delete()
    app.wait("nothing is kept of it", lambda: kept() == (0, 0))
