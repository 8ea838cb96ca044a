"""The commands: what they print, what they ask of an agent, how they end.

The store is filled by parts.story; an agent is played by a small HTTP server on its socket. The tables' expected texts are
in tables/; PGITOPS_TEST_UPDATE=1 writes them anew, to be read before they are committed.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest
import yaml

from parts import agent as agents
from parts import played, story
from parts.store import Store, text

TABLES = pathlib.Path(__file__).parent / "tables"


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("told") / "state"
    story.tell(folder).close()
    return folder


@pytest.fixture
def ask(told, program):
    """ask("app", "list") about the story's store, with no agent running."""
    return lambda *arguments, **more: agents.run(*arguments, "--state", told, **more)


@pytest.fixture
def agent(tmp_path):
    """A played agent on a socket in a state folder with the story's store."""
    state = tmp_path / "state"
    story.tell(state).close()
    with played.Agent(state) as one:
        yield one


def at_rest(text):
    """Without what changes from run to run."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "YYYY-MM-DD hh:mm:ss", text)
    return re.sub(r"(?m)^(At +).*$", r"\1STATE", text)


@pytest.mark.parametrize("arguments", [
    "status", "app list", "app list -o wide", "app list --no-headers", "app get postgres-cluster", "app get postgres-users",
    "app resources postgres-users", "app resources postgres-cluster -o wide",
    "app diff postgres-cluster", "app history postgres-cluster", "app history postgres-cluster -o wide", "user list",
    "user list -o wide", "user get eve", "user history", "user history eve -o wide", "drift list", "drift list --open -o wide",
    "user history --database main --since 1h", "drift list --user eve", "drift list --app postgres-cluster", "drift list --since 2h", "help app", "help app sync",
    "help app rollback",
])
def test_a_table_looks_as_it_should(ask, arguments):
    result = ask(*arguments.split())
    assert result.code == (1 if arguments.startswith("app diff") else 0), result
    file = TABLES / (re.sub(r"[ -]+", "_", arguments) + ".txt")
    shown = at_rest(result.out)
    if os.environ.get("PGITOPS_TEST_UPDATE"):
        TABLES.mkdir(exist_ok=True)
        file.write_text(shown)
    assert shown == file.read_text()
    assert not re.search(r"(?m)[ \t]+$", shown), "blanks at the end of a line"


def test_without_an_agent_the_store_answers_and_says_so(ask, told):
    result = ask("app", "list").ok()
    assert result.err == f"pgitops: no agent is running on {told}: this is what it recorded last\n"


def test_with_an_agent_nothing_is_said_about_it(agent):
    assert agent.cli("app", "list").ok().err == ""
    assert agent.cli("status").ok().out.startswith("Agent       running, version 0.1.0, for 5h, Kubernetes v1.36.3\n")


@pytest.mark.parametrize("arguments", ["app list", "app get postgres-cluster", "app diff postgres-cluster", "user list",
                                       "app history postgres-cluster", "app resources postgres-users", "user get eve", "user history", "drift list",
                                       "status", "version"])
def test_json_and_yaml_say_the_same(ask, arguments):
    written = ask(*arguments.split(), "-o", "json").out
    assert json.loads(written) == yaml.safe_load(ask(*arguments.split(), "-o", "yaml").out)


def test_lists_are_items(ask):
    for arguments in ("app list", "user list", "user history", "drift list", "app history postgres-users"):
        assert isinstance(ask(*arguments.split(), "-o", "json").ok().items, list)


def test_items_have_the_members_that_scripts_rely_on(ask):
    app = ask("app", "list", "-o", "json").items[0]
    assert app["kind"] == "Application" and app["status"]["sync"]["status"] == "OutOfSync"
    user = ask("user", "list", "-o", "json").items[0]
    assert set(user) == {"name", "database", "status", "reason", "roles", "differences", "lastChange"}
    eve = ask("user", "get", "eve", "-o", "json").items[0]
    assert set(eve) == set(user) | {"entry", "secretVersion", "drift", "lastAction"}
    assert eve["entry"]["commit"] and eve["lastAction"] == {"action": "revoke", "time": eve["lastAction"]["time"], "outcome": "not known"}
    assert [drift["field"] for drift in eve["drift"]] == ["roles"]
    for drift in ask("drift", "list", "-o", "json").items:
        assert set(drift) == {"id", "application", "time", "user" if "user" in drift else "object", "field", "wanted", "found",
                              "by", "healed"}
    status = ask("status", "-o", "json").json
    assert set(status) == {"agent", "applications", "databases", "users", "drift", "errors"}
    assert status["agent"]["running"] is False


def test_a_history_of_users_is_asked_for_in_parts(ask):
    everything = ask("user", "history", "-o", "json").items
    by = {(item["user"], item["action"]) for item in ask("user", "history", "--user", "eve", "--since", "1h", "-o", "json").items}
    assert by == {("eve", "revoke")} and ask("user", "history", "--database", "main", "-o", "json").items == everything
    assert ask("user", "history", "eve", "-o", "json").items == ask("user", "history", "--user", "eve", "-o", "json").items
    assert "nothing was done that it asks for" in ask("user", "history", "--database", "reports").ok().err
    assert "neither a duration" in ask("user", "history", "--since", "soon").is_(2).err
    assert "one user is named" in ask("user", "history", "eve", "--user", "ada").is_(2).err


def test_one_numbering_names_deployments(ask):
    """What `app history` calls 4 is what `app get` and status.history call 4, and what `app rollback` takes."""
    rows = ask("app", "history", "postgres-cluster", "-o", "json").items
    app = ask("app", "get", "postgres-cluster", "-o", "json").json
    assert [row["id"] for row in rows] == [None, 4, 3]
    assert [(entry["id"], entry["revision"]) for entry in app["status"]["history"]] == \
        [(row["id"], row["commit"]) for row in reversed(rows) if row["id"] is not None]


def test_syncs_without_a_deployment_have_no_id(cli, tmp_path):
    """Failed ones, one that is not kept in status.history any more, and one of the same commit in the same second."""
    store = Store(tmp_path / "state")
    moment = story.now(hours=1)
    entry = {"id": 7, "revision": "a" * 40, "deployStartedAt": text(moment), "deployedAt": text(moment)}
    store.application("a", history=[{"id": 6, "revision": "b" * 40, "deployStartedAt": text(moment), "deployedAt": text(moment)},
                                    entry])
    for commit, phase, started in (("a", "Succeeded", story.now(hours=3)), ("b", "Failed", moment), ("a", "Succeeded", moment),
                                   ("a", "Failed", moment), ("a", "Running", moment)):
        store.revision("a", commit * 40, started, phase=phase)
    store.close()
    rows = cli("app", "history", "a", "-o", "json", "--state", store.folder).ok().items
    assert [row["id"] for row in rows] == [None, None, 7, None, None]


def test_a_failure_that_is_repeated_says_how_often(cli, tmp_path):
    store = Store(tmp_path / "state")
    store.application("a")
    store.revision("a", story.GOOD, story.now(hours=3), phase="Failed", failed=1, times=412)
    store.revision("a", story.GOOD, story.now(hours=1), configured=1)
    store.user_change("eve", "grant", story.now(hours=2), 'GRANT "a" TO "eve"', outcome="permission denied", times=7)
    store.close()
    shown = cli("app", "history", "a", "--state", store.folder).ok().out
    assert "1 failed, 412 times" in shown and "1 configured  " in shown
    assert "permission denied (7 times)" in cli("user", "history", "--state", store.folder).ok().out


def test_the_history_as_sql_runs_what_was_done_and_nothing_else(cli, tmp_path):
    store = Store(tmp_path / "state")
    hidden = "CREATE ROLE \"eve\" LOGIN PASSWORD '<hidden>'"
    store.user_change("eve", "create", story.now(hours=4), hidden)
    store.user_change("eve", "grant", story.now(hours=3), 'GRANT "a"\nTO "eve"', outcome="permission denied")
    store.user_change("eve", "grant", story.now(hours=2), 'GRANT "b"\nTO "eve"')
    store.user_change("eve", "grant", story.now(hours=1), 'GRANT "c" TO "eve"', outcome="")
    store.close()
    shown = cli("user", "history", "--sql", "--state", store.folder).ok().out.splitlines()
    assert [line for line in shown if line and not line.startswith("--")] == [
        "\\set ON_ERROR_STOP on", "\\set pgitops_home :DBNAME", 'GRANT "b"', 'TO "eve";']
    assert f"-- {hidden};" in shown and '-- GRANT "a"' in shown and '-- TO "eve";' in shown and '-- GRANT "c" TO "eve";' in shown


def test_a_running_operation_says_what_it_waits_for_and_since_when(cli, tmp_path):
    store = Store(tmp_path / "state")
    job = {"group": "batch", "version": "v1", "kind": "Job", "namespace": "team"}
    store.application("a", sync="OutOfSync", resources=[
        {"version": "v1", "kind": "ConfigMap", "namespace": "team", "name": "settings", "status": "OutOfSync", "syncWave": 2}],
        operationState={
            "phase": "Running", "message": "waiting for healthy state of batch/Job team/migrate", "retryCount": 2,
            "startedAt": text(story.now(minutes=5)), "operation": {"initiatedBy": {"username": "ann"}},
            "syncResult": {"revision": story.GOOD, "resources": [
                job | {"name": "migrate", "hookType": "PreSync", "hookPhase": "Running", "syncPhase": "PreSync",
                       "message": "job is running"},
                job | {"name": "check", "hookType": "PostSync", "hookPhase": "Succeeded", "syncPhase": "PostSync",
                       "message": "created"}]}})
    store.close()
    shown = cli("app", "get", "a", "--state", store.folder).ok().out
    assert f"Operation   Running\n            for 5m, by ann, revision {story.GOOD[:7]}, retried 2 times\n" \
           "            waiting for healthy state of batch/Job team/migrate\n" in shown
    assert "HOOK      OBJECT            PHASE      MESSAGE\n" \
           "PreSync   Job team/migrate  Running    job is running\n" \
           "PostSync  Job team/check    Succeeded  created\n" in shown
    rows = cli("app", "resources", "a", "--no-headers", "--state", store.folder).ok().out.splitlines()
    assert [row.split()[:7] for row in rows] == [
        ["ConfigMap", "team", "settings", "OutOfSync", "-", "-", "2"],
        ["Job", "team", "migrate", "Running", "-", "PreSync", "-"], ["Job", "team", "check", "Succeeded", "-", "PostSync", "-"]]


def test_a_hook_of_two_phases_is_told_for_each(cli, tmp_path):
    store = Store(tmp_path / "state")
    job = {"group": "batch", "version": "v1", "kind": "Job", "namespace": "team", "name": "check", "status": "Synced"}
    store.application("a", resources=[], operationState={
        "phase": "Failed", "message": "one or more tasks failed", "startedAt": text(story.now(minutes=5)),
        "finishedAt": text(story.now(minutes=4)), "syncResult": {"revision": story.GOOD, "resources": [
            job | {"hookType": phase, "hookPhase": outcome, "syncPhase": phase, "message": outcome.lower()}
            for phase, outcome in (("PreSync", "Succeeded"), ("PostSync", "Failed"))]}})
    store.close()
    items = cli("app", "resources", "a", "-o", "json", "--state", store.folder).ok().items
    assert [(item["hookType"], item["hookPhase"]) for item in items] == [("PreSync", "Succeeded"), ("PostSync", "Failed")]
    shown = cli("app", "get", "a", "--state", store.folder).ok().out
    assert "NAMESPACE  NAME" not in shown and shown.count("Job team/check") == 2


def test_a_long_value_is_cut_between_characters(cli, tmp_path):
    store = Store(tmp_path / "state")
    store.application("a", sync="OutOfSync", differences=[{
        "group": "", "kind": "ConfigMap", "namespace": "n", "name": "a", "change": "update",
        "fields": [{"path": "data.a", "wanted": "x" + "ä" * 150, "found": "ä"}]}])
    store.close()
    assert f"wanted  x{'ä' * 99}...\n" in cli("app", "diff", "a", "--state", store.folder).is_(1).out


def test_nothing_compared_is_not_no_difference(cli, tmp_path):
    store = Store(tmp_path / "state")
    store.application("same")
    store.application("unknown", sync="Unknown", conditions=[{"type": "ComparisonError", "message": "no route to host"}])
    store.application("behind", sync="OutOfSync")
    store.close()
    cli("app", "diff", "same", "--state", store.folder).ok()
    cli("app", "diff", "behind", "--state", store.folder).is_(1)
    for form in ("table", "json"):
        result = cli("app", "diff", "unknown", "-o", form, "--state", store.folder).is_(2)
        assert "unknown was not compared\n  no route to host\n" in result.err


# ---- how an agent is named -------------------------------------------------------------------------------------------


def test_no_agent_named_is_a_question_back(cli, tmp_path):
    result = cli("app", "list", cwd=tmp_path).is_(2)
    assert "--config" in result.err and "--state" in result.err


def test_a_missing_store_is_no_empty_answer(cli, tmp_path):
    result = cli("user", "list", "--state", tmp_path).is_(2)
    assert result.out == "" and "no agent has run there" in result.err


def test_the_agent_file_names_the_state(cli, told, tmp_path):
    file = tmp_path / "agent.yaml"
    file.write_text(json.dumps({"version": 1, "state": str(told), "applications": "."}))
    assert "postgres-users" in cli("app", "list", "--config", file).ok().out
    assert "postgres-users" in cli("app", "list", PGITOPS_CONFIG=file).ok().out
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: 1\nstaet: /x\n")
    assert "broken.yaml:2" in cli("app", "list", "--config", broken).is_(2).err


def test_a_server_is_asked_over_the_network(agent, cli):
    agent.answers["/api/v1/applications"] = {"items": [{"metadata": {"name": "far-away"}}]}
    for result in (cli("app", "list", "--server", agent.url), cli("app", "list", PGITOPS_SERVER=agent.url)):
        assert result.ok().out.splitlines()[1].startswith("far-away  Unknown  Unknown")


def test_a_token_goes_from_its_file_into_the_header_only(agent, cli, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret-canary\n")
    agent.answers["/api/v1/users"] = {"items": []}
    result = cli("user", "list", "--server", agent.url + "/", "--token-file", token).ok()
    assert agent.requests[-1].headers["Authorization"] == "Bearer secret-canary"
    assert "canary" not in result.out + result.err
    agent.problems["/api/v1/users"] = (401, "the token is not known")
    refused = cli("user", "list", "--server", agent.url).is_(2)
    assert "the token is not known" in refused.err and "--token-file" in refused.err
    assert "Authorization" not in agent.requests[-1].headers


def test_a_server_that_is_no_agent_is_said_to_be_none(agent, cli):
    agent.raw["/api/v1/users"] = b"<html>hello</html>"
    assert "no pgitops agent" in cli("user", "list", "--server", agent.url).is_(2).err
    assert "cannot reach the agent at http://127.0.0.1:1" in cli("user", "list", "--server", "http://127.0.0.1:1").is_(2).err
    assert "ftp" in cli("user", "list", "--server", "ftp://127.0.0.1").is_(2).err


def test_a_state_folder_with_a_long_path_has_a_reachable_socket(tmp_path):
    state = tmp_path / ("deep" * 30) / "state"
    story.tell(state).close()
    with played.Agent(state) as agent:
        agent.operation({"phase": "Succeeded", "message": "compared"})
        agent.cli("app", "refresh", "postgres-users").ok()


# ---- acting ----------------------------------------------------------------------------------------------------------


def test_an_action_without_an_agent_says_what_to_do(ask):
    for arguments in ("app sync postgres-users", "app refresh postgres-users", "app rollback postgres-users 0",
                      "app terminate postgres-users", "app manifests postgres-users", "user plan", "user sync"):
        result = ask(*arguments.split()).is_(2)
        assert result.out == ""
        assert re.search("no agent is running on .*: start one with `pgitops agent --config FILE`", result.err), result


def test_sync_asks_waits_and_shows_the_result(agent):
    agent.operation({"phase": "Succeeded", "message": "1 object configured", "result": {"message": "", "resources": [
        {"group": "", "kind": "ConfigMap", "namespace": "postgres", "name": "users", "status": "Synced",
         "message": "configured\nsecond line"}]}}, polls=3)
    result = agent.cli("app", "sync", "postgres-users", "--prune", "--confirm", "abc123").ok()
    assert result.out == "OBJECT                    STATUS  MESSAGE\n" \
                         "ConfigMap postgres/users  Synced  configured\n" \
                         "1 object configured\n"
    post = agent.posts[-1]
    assert post.path == "/api/v1/applications/postgres-users/sync"
    assert post.json == {"prune": True, "dryRun": False, "confirm": "abc123"}
    assert post.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("arguments, path, body", [
    ("app sync a --dry-run", "/applications/a/sync", {"prune": False, "dryRun": True}),
    ("app sync a --force --apply-only --revision v1 --option PruneLast=true --option=Prune=false", "/applications/a/sync",
     {"prune": False, "dryRun": False, "force": True, "applyOnly": True, "revision": "v1",
      "syncOptions": ["PruneLast=true", "Prune=false"]}),
    ("app sync --resource apps:Deployment:team/web a --resource=:ConfigMap:b --resource rbac:Role:n/system:x",
     "/applications/a/sync", {"prune": False, "dryRun": False, "resources": [
         {"group": "apps", "kind": "Deployment", "namespace": "team", "name": "web"}, {"kind": "ConfigMap", "name": "b"},
         {"group": "rbac", "kind": "Role", "namespace": "n", "name": "system:x"}]}),
    ("app rollback a 0 --prune", "/applications/a/rollback", {"id": 0, "prune": True, "dryRun": False}),
    ("app rollback a 12 --dry-run --confirm f0", "/applications/a/rollback",
     {"id": 12, "prune": False, "dryRun": True, "confirm": "f0"}),
    ("app terminate a", "/applications/a/terminate", {}),
    ("app refresh a --hard", "/applications/a/refresh", {"hard": True}),
    ("user sync --database main --confirm=f00", "/users/sync", {"database": "main", "dryRun": False, "confirm": "f00"}),
    ("user sync", "/users/sync", {"dryRun": False}),
    ("user plan", "/users/sync", {"dryRun": True}),
    ("user export --database main", "/users/export", {"database": "main"}),
    ("user sync --dry-run --database main", "/users/sync", {"database": "main", "dryRun": True}),
    ("app sync .%2F..", "/applications/.%252F../sync", {"prune": False, "dryRun": False}),
])
def test_an_action_posts_what_was_asked(agent, arguments, path, body):
    agent.operation({"phase": "Succeeded", "message": "", "result": {"items": []}})
    agent.cli(*arguments.split()).ok()
    assert agent.posts[-1].path == "/api/v1" + path
    assert agent.posts[-1].json == body


def test_a_refresh_that_finds_a_commit_of_no_use_says_why(agent):
    agent.operation({"phase": "Succeeded", "message": "Unknown at 3f2a1b4"})
    result = agent.cli("app", "refresh", "postgres-cluster").is_(1)
    assert result.out == "Unknown at 3f2a1b4\n"
    assert result.err.startswith("ComparisonError\n  ") and "cluster.yaml:14:3: " in result.err
    assert agent.cli("app", "refresh", "postgres-users").ok().err == ""


def test_a_list_without_items_says_so(cli, tmp_path):
    Store(tmp_path).close()
    for arguments, said in ((("app", "list"), "no Applications"), (("user", "list"), "no users are managed"),
                            (("drift", "list"), "no drift"), (("user", "history"), "nothing was done")):
        result = cli(*arguments, "--state", tmp_path).ok()
        assert result.out == "" and said in result.err, result
        assert cli(*arguments, "--state", tmp_path, "-o", "json").ok().json == {"items": []}


def test_a_failed_operation_is_a_no(agent):
    agent.operation({"phase": "Failed", "message": "held back: 7 objects would go\nconfirm with --confirm abc"})
    result = agent.cli("app", "sync", "postgres-users").is_(1)
    assert result.err == "held back: 7 objects would go\nconfirm with --confirm abc\n" and result.out == ""


def test_a_refusal_of_the_agent_is_passed_on(agent):
    agent.problems["/api/v1/applications/nope/sync"] = (404, "there is no application \"nope\"")
    assert agent.cli("app", "sync", "nope").is_(2).err == 'pgitops: there is no application "nope"\n'


def test_async_does_not_wait(agent):
    agent.operation({"phase": "Pending"}, polls=10 ** 6)
    assert agent.cli("app", "sync", "a", "--async").ok().out == "operation 7\n"
    assert not any(request.path.startswith("/api/v1/operations") for request in agent.requests)


def test_waiting_ends_with_the_timeout(agent):
    agent.operation({"phase": "Running"}, polls=10 ** 6)
    assert "operation 7 is not finished" in agent.cli("app", "sync", "a", "--timeout", "1s").is_(2).err
    for plan in ("user plan", "user plan --revision v1"):
        assert "operation 7 is not finished" in agent.cli(*plan.split(), "--timeout", "1s").is_(2).err


def test_sync_wait_waits_for_health_too(agent):
    agent.operation({"phase": "Succeeded", "message": "in sync"})
    result = agent.cli("app", "sync", "postgres-users", "--wait").ok()
    assert result.out == f"in sync\npostgres-users: Synced, Healthy, revision {story.GOOD[:7]}\n"
    late = agent.cli("app", "sync", "postgres-cluster", "--wait", "--timeout", "1s").is_(1)
    assert "still waiting for postgres-cluster: OutOfSync, Progressing" in late.err


def test_wait_says_yes_no_or_that_nothing_will_change(agent, ask):
    agent.cli("app", "wait", "postgres-users", "--timeout", "1s").ok()
    agent.cli("app", "wait", "postgres-users", "--revision", story.GOOD[:9], "--timeout", "1s").ok()
    agent.cli("app", "wait", "postgres-users", "--revision", story.BROKEN, "--timeout", "1s").is_(1)
    agent.cli("app", "wait", "postgres-cluster", "--sync", "--timeout", "1s").is_(1)
    assert "no agent is running" in ask("app", "wait", "postgres-cluster").is_(2).err
    assert agent.cli("app", "wait", "nope", "--timeout", "1s").is_(2)


def test_health_that_was_never_compared_is_not_healthy(cli, agent, tmp_path):
    """An Application without objects is Healthy; one that was never read, or cannot be compared now, is only not known to be ill."""
    store = Store(agent.state)
    never = store.application("never", sync="Unknown")
    del never["status"]["reconciledAt"]
    store.db.execute("UPDATE application SET document = ? WHERE name = 'never'", [json.dumps(never)])
    store.application("unknown", sync="Unknown")
    store.application("behind", sync="OutOfSync")
    store.close()
    agent.cli("app", "wait", "never", "--health", "--timeout", "1s").is_(1)
    agent.cli("app", "wait", "unknown", "--health", "--timeout", "1s").is_(1)
    agent.cli("app", "wait", "behind", "--health", "--timeout", "1s").ok()


def test_manifests_are_a_stream_of_documents(agent):
    items = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"n": "1"}},
             {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "b"}, "data": {"p": "<hidden>"}}]
    path = "/api/v1/applications/a/manifests"
    agent.answers[path] = {"revision": story.GOOD, "items": items}
    assert list(yaml.safe_load_all(agent.cli("app", "manifests", "a").ok().out)) == items
    for form, load in (("json", json.loads), ("yaml", yaml.safe_load)):
        assert load(agent.cli("app", "manifests", "a", "-o", form).ok().out) == {"revision": story.GOOD, "items": items}
    agent.problems[path] = (503, "nothing was read from Git yet")
    assert "nothing was read from Git yet" in agent.cli("app", "manifests", "a").is_(2).err


# ---- plans -----------------------------------------------------------------------------------------------------------

SCRIPT = """\\set ON_ERROR_STOP on

\\connect "postgres"
BEGIN;
-- eve: create
CREATE ROLE "eve" LOGIN PASSWORD :'eve_verifier';
COMMIT;
COMMENT ON ROLE "eve" IS 'two
lines and \x1b[31m';
"""
PLAN = {"items": [
    {"database": "main", "confirm": "4e1f", "blocked": True, "deletions": ["mallory", "trudy"], "script": SCRIPT, "steps": [
        {"user": "eve", "action": "create", "database": "main", "statement": "CREATE ROLE \"eve\" LOGIN PASSWORD :'eve_verifier'"},
        {"user": "eve", "action": "grant", "database": "main", "statement": 'GRANT "readers" TO "eve";'},
        {"user": "ada\nDROP ROLE x; --", "action": "revoke", "database": "main", "statement": 'REVOKE "writers" FROM "ada"'}]},
    {"database": "reports", "confirm": "", "blocked": False, "deletions": [], "steps": []}]}


def test_a_plan_is_sql_ready_to_read(agent):
    agent.operation({"phase": "Succeeded", "result": PLAN})
    result = agent.cli("user", "plan").is_(1)
    assert result.out == """\
-- database main: 3 steps
-- these would be removed only when confirmed: mallory, trudy
-- to confirm: pgitops user sync --database main --confirm 4e1f
\\set ON_ERROR_STOP on

\\connect "postgres"
BEGIN;
-- eve: create
CREATE ROLE "eve" LOGIN PASSWORD :'eve_verifier';
COMMIT;
COMMENT ON ROLE "eve" IS 'two
lines and \\x1b[31m';

-- database reports: nothing to do
"""
    assert agent.cli("user", "plan", "-o", "json").is_(1).json == PLAN


def test_a_plan_with_nothing_to_do_is_a_yes(agent):
    agent.operation({"phase": "Succeeded", "result": {"items": PLAN["items"][1:]}})
    assert agent.cli("user", "plan").ok().out == "-- database reports: nothing to do\n"


def test_a_plan_that_could_not_be_made_is_no_answer(agent):
    agent.operation({"phase": "Error", "message": "connection refused", "result": None})
    result = agent.cli("user", "plan").is_(2)
    assert result.out == "" and "connection refused" in result.err


DIFFERENCE = {"group": "", "kind": "ConfigMap", "namespace": "team", "name": "a", "change": "update", "fields": [
    {"path": "data.x", "found": '"1"', "wanted": '"`2`"'}]}


def test_what_a_revision_would_change_is_objects_and_sql(agent):
    agent.operation({"phase": "Succeeded", "result": {"items": [DIFFERENCE], "users": PLAN["items"]}})
    result = agent.cli("app", "diff", "postgres-users", "--revision", "feature").is_(1)
    assert "~ ConfigMap team/a differs" in result.out and 'database main: GRANT "readers" TO "eve";' in result.out
    (asked,) = [r for r in agent.requests if r.method == "POST"]
    assert asked.path == "/api/v1/applications/postgres-users/diff" and asked.json == {"revision": "feature"}
    told = agent.cli("app", "diff", "postgres-users", "--revision", "feature", "-o", "json").is_(1).json
    assert told["items"] == [DIFFERENCE] and told["users"] == PLAN["items"]
    comment = agent.cli("app", "diff", "postgres-users", "--revision", "feature", "-o", "markdown").is_(1).out
    assert "**Objects: 1 differs.**" in comment and "**Database <code>main</code>:** 3 steps" in comment
    sql = agent.cli("user", "plan", "--revision", "feature", "--database", "main").is_(1).out
    assert sql.startswith("-- database main: 3 steps") and "ConfigMap" not in sql


def test_a_revision_that_changes_nothing_is_a_yes_and_one_that_is_not_known_no_answer(agent):
    agent.operation({"phase": "Succeeded", "result": {"items": [], "users": PLAN["items"][1:]}})
    agent.cli("app", "diff", "postgres-users", "--revision", "feature").ok()
    agent.cli("user", "plan", "--revision", "feature").ok()
    agent.operation({"phase": "Error", "message": "no branch \"nope\"", "result": None})
    for command in (["app", "diff", "postgres-users"], ["user", "plan"]):
        result = agent.cli(*command, "--revision", "nope").is_(2)
        assert 'no branch "nope"' in result.err and result.out == ""


def test_a_plan_and_a_diff_are_comments_for_a_forge(agent, ask):
    agent.operation({"phase": "Succeeded", "result": PLAN})
    comment = agent.cli("user", "plan", "-o", "markdown").is_(1).out
    assert "<summary><code>eve</code>: create, grant</summary>" in comment and "```sql" in comment
    assert "DROP ROLE x" in comment and "\nDROP ROLE x" not in comment
    comment = ask("app", "diff", "postgres-cluster", "-o", "markdown").is_(1).out
    assert comment.startswith("**Objects: ") and "<details>" in comment


def test_user_sync_shows_what_was_done(agent):
    agent.operation({"phase": "Succeeded", "message": "2 users changed", "result": PLAN})
    out = agent.cli("user", "sync").ok().out
    assert out.splitlines()[:3] == ["USER                  DATABASE  ACTION", "eve                   main      create",
                                    "eve                   main      grant"]
    assert out.endswith("2 users changed\n")


# ---- usage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments, said", [
    ("", "usage: pgitops COMMAND"),
    ("app", "app list"),
    ("app lst", "Did you mean `pgitops app list`?"),
    ("usr list", "there is no command \"usr\""),
    ("stats", "Did you mean `pgitops status`?"),
    ("xyzzy", "`pgitops help` lists the commands"),
    ("app get", "NAME is missing"),
    ("app get a b", "b is one argument too many"),
    ("app sync a --purne", "unknown option --purne"),
    ("app sync a --confirm", "--confirm wants a value"),
    ("app sync a --prune=yes", "--prune takes no value"),
    ("app sync a --timeout soon", "--timeout soon is no duration"),
    ("app sync a --wait --async", "--wait goes with neither"),
    ("app sync a --resource ConfigMap:b", "--resource ConfigMap:b is no GROUP:KIND:NAMESPACE/NAME"),
    ("app sync a --resource apps::b", "is no GROUP:KIND:NAMESPACE/NAME"),
    ("app sync a --resource :ConfigMap:b/", "is no GROUP:KIND:NAMESPACE/NAME"),
    ("app sync a --option", "--option wants a value"),
    ("app sync -- a --resource", "--resource is one argument too many"),
    ("app rollback", "NAME is missing"),
    ("app rollback a", "ID is missing"),
    ("app rollback a v1", "v1 is no ID: `pgitops app history a` shows them"),
    ("app rollback a 99999999999999999999", "is no ID"),
    ("drift list --since yesterday", "--since yesterday is neither"),
    ("user sync --dry-run --confirm x", "nothing to confirm"),
    ("app list -o xml", "-o takes table, wide, json, yaml, markdown or csv"),
    ("app list -o markdown", "-o markdown is for app diff, user plan, user access and cluster failover-drill"),
    ("user list -o csv", "-o csv is for user access"),
    ("app list --config", "--config wants a value"),
    ("completion tcsh", "tcsh is no shell"),
    ("version now", "now is one argument too many"),
    ("app get \x1b[2Ja \x1b[2Jb", "\\x1b[2Jb is one argument too many"),
])
def test_wrong_usage_is_no_answer_and_says_what_is_wrong(cli, tmp_path, arguments, said):
    words = arguments.split(" ") if arguments else []
    result = cli(*words, *(["--state", tmp_path] if words else [])).is_(2)
    assert said in result.err and result.out == "", result


def commands(cli):
    """Every command's name, from the overview."""
    overview = cli("help").ok().out
    return [match[1].strip() for match in re.finditer(r"(?m)^  ((?:[a-z][a-z-]* ){1,2})[A-Z\[a-z|.\] ]* +\S", overview)]


def test_every_command_has_help_with_examples(cli):
    names = commands(cli)
    assert {"status", "app list", "user plan", "drift list", "completion"} <= set(names)
    for name in names:
        shown = cli("help", *name.split()).ok().out
        assert shown == cli(*name.split(), "--help").ok().out == cli(*name.split(), "-h").ok().out
        assert "Examples:\n  " in shown, name
        assert max(map(len, shown.splitlines())) <= 130, name


def test_version_is_said_in_two_ways(cli):
    assert cli("--version").ok().out == cli("version").ok().out == "pgitops 0.1.0\n"
    assert cli("version", "-o", "json").ok().json == {"version": "0.1.0"}


# ---- the terminal and the pipe ---------------------------------------------------------------------------------------


def on_terminal(program, *arguments, **more):
    """The command's output when it believes to be on a terminal."""
    if not shutil.which("script"):
        pytest.fail("script (bsdutils) is needed")
    line = " ".join([str(program), *map(str, arguments)])
    return subprocess.run(["script", "-qec", line, "/dev/null"], capture_output=True, text=True, check=False, timeout=60,
                          stdin=subprocess.DEVNULL, env=agents.environment(TERM="xterm", **more)).stdout


def test_colours_are_for_terminals_only(program, told, ask):
    assert "\x1b" not in ask("app", "list", TERM="xterm").ok().out
    assert "\x1b[32mSynced\x1b[0m" in on_terminal(program, "app", "list", "--state", told)
    assert "\x1b" not in on_terminal(program, "app", "list", "--state", told, NO_COLOR="1")


def test_hostile_names_do_not_reach_the_terminal(cli, tmp_path):
    store = Store(tmp_path / "state")
    hostile = "\x1b]0;owned\x07\u202egnp.exe\u009b31m\n\ttail"
    store.application("x", health=hostile, conditions=[{"type": "SyncError", "message": hostile}],
                      resources=[{"kind": hostile, "name": hostile, "message": hostile}])
    store.user(hostile, status=hostile, roles=[hostile], reason=hostile)
    store.drift(story.now(minutes=1), user=hostile, database=hostile, field=hostile, wanted=hostile, found=hostile)
    store.revision("x", hostile, story.now(minutes=1), author=hostile, message=hostile)
    store.user_change(hostile, hostile, story.now(minutes=1), outcome=hostile, statement=hostile)
    store.close()
    for arguments in ("status", "app list -o wide", "app get x", "app history x -o wide", "user list -o wide", "drift list",
                      "user history -o wide", "app get x -o json", "user list -o yaml", "status -o yaml"):
        out = cli(*arguments.split(), "--state", tmp_path / "state").ok().out
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out), arguments


def test_a_full_disk_behind_the_answer_is_an_error(program, told):
    with open("/dev/full", "w") as full:
        done = subprocess.run([program, "app", "list", "--state", told], stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False, env=agents.environment())
    assert done.returncode == 2 and "cannot write the answer" in done.stderr


def test_a_reader_that_went_away_is_nobodys_mistake(program, told):
    done = subprocess.run(f"{program} app list --state {told} 2>&1 >&3 3>&- | cat", shell=True, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, env=agents.environment(), pass_fds=())
    assert "cannot write" not in done.stderr


def test_the_process_is_hardened_before_it_does_anything(agent, program):
    waiting = subprocess.Popen([program, "app", "wait", "postgres-cluster", "--state", agent.state, "--timeout", "60s"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=agents.environment())
    try:
        agents.wait_for("the first request", lambda: agent.requests)
        proc = pathlib.Path(f"/proc/{waiting.pid}")
        status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        assert status["Umask"].strip() == "0077"
        assert int(status["SigIgn"], 16) & 1 << signal.SIGPIPE - 1
        limits = (proc / "limits").read_text()
        assert re.search(r"Max core file size +0 +0 ", limits)
        assert (proc / "environ").stat().st_uid == 0  # not dumpable: only root may look inside
    finally:
        waiting.kill()
        waiting.wait()


# ---- completion ------------------------------------------------------------------------------------------------------


def complete(program, told, line):
    """What bash would offer at the end of the line."""
    words = line.split(" ")
    script = f"""
        source <({program} completion bash)
        pgitops() {{ {program} "$@" --state {told}; }}
        COMP_WORDS=({' '.join(f"'{word}'" for word in words)}); COMP_CWORD={len(words) - 1}
        _pgitops; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=False, timeout=60,
                          env=agents.environment())
    assert done.returncode == 0 and "error" not in done.stderr, done.stderr
    return done.stdout.split()


def test_bash_completes_commands_verbs_options_and_names(program, told):
    assert {"app", "status", "user", "drift", "help"} <= set(complete(program, told, "pgitops "))
    assert complete(program, told, "pgitops stat") == ["status"]
    assert set(complete(program, told, "pgitops app re")) == {"refresh", "resources"}
    assert "--prune" in complete(program, told, "pgitops app sync --")
    assert "--prune" not in complete(program, told, "pgitops app list --")
    assert complete(program, told, "pgitops app get postgres-") == ["postgres-cluster", "postgres-users"]
    assert complete(program, told, "pgitops user get e") == ["eve"]
    assert complete(program, told, "pgitops app list -o j") == ["json"]
    assert complete(program, told, "pgitops completion z") == ["zsh"]
    assert {"users", "cert", "keys"} <= set(complete(program, told, "pgitops seal "))
    assert "new" in complete(program, told, "pgitops seal keys ") and "new" not in complete(program, told, "pgitops seal ")
    assert "--apply" in complete(program, told, "pgitops seal keys new --") and "--apply" not in complete(program, told, "pgitops seal keys --")


def test_completing_a_name_never_runs_it(program, tmp_path):
    store = Store(tmp_path / "state")
    store.user(f"$(touch${{IFS}}{tmp_path}/owned)")
    store.user("eve;reboot")
    store.close()
    offered = complete(program, store.folder, "pgitops user get ")
    assert "eve\\;reboot" in offered and len(offered) == 2 and all("\\" in name for name in offered)
    assert not (tmp_path / "owned").exists()


def test_every_option_that_help_names_is_completed(cli, program, told):
    for name in commands(cli):
        named = set(re.findall(r"(?m)^  (?:-\w, )?(--[a-z-]+)", cli("help", *name.split()).ok().out))
        offered = set(complete(program, told, f"pgitops {name} --"))
        assert named <= offered, f"{name}: {named - offered}"


def test_fish_and_zsh_scripts_name_every_command(cli):
    for shell in ("zsh", "fish"):
        script = cli("completion", shell).ok().out
        for name in commands(cli):
            assert name.split()[-1] in script
    assert cli("completion", "zsh").ok().out.startswith("#compdef pgitops\n")
