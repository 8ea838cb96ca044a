"""What a terminal obeys, or shows as something else than it is, comes out of no command as it is.

Every text of a recorded store, of an agent's answers and of a checkout gets such characters; every command of the program's own list is
asked in every format, so one that is added is asked, too. JSON and YAML hold the values themselves, written as escapes.
"""

import concurrent.futures
import json
import os
import re
import sqlite3
import subprocess

import pytest
import yaml

from parts import agent as agents
from parts import played, story
from parts.patroni import pretend

# ESC sequences, C0, DEL, C1 (as UTF-8), direction marks, overrides and isolates, zero widths, line separators, tags.
HOSTILE = "\x1b[31m\x1b]0;t\x07\x9b2J\x85\x08\r\x7f\u200b\u200e\u202e\u2066\u2028\u2060\ufeff\u061c\U000e0041"
HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\U000e0000-\U000e0fff]")
FORMATS = ("table", "wide", "json", "yaml", "markdown", "csv")
OFFLINE = ("seal", "unseal", "hook", "check", "completion")
SLOW = ("doctor", "app wait")  # they ask servers, or wait for one: once


def forms(name):
    """All of them where one has a writer of its own; the writers of JSON and YAML are the same everywhere."""
    return FORMATS[:1] if name in SLOW else FORMATS if name in ("app get", "app diff", "user access", "user plan") else ("table", "wide", "json")


# By these a row is found again, or they are numbers and times in texts.
KEYS = {"name", "application", "database", "key", "id", "time", "started", "finished", "updated", "path", "apiVersion", "revision", "commit", "user", "target"}

ARGUMENTS = {  # of a command whose first argument is no application of the story
    "user get": ["eve"], "cluster get": ["acid-minimal-cluster"], "cluster connect": ["acid-minimal-cluster"], "cluster logs": ["acid-minimal-cluster"], "cluster credentials": ["acid-minimal-cluster"], "cluster events": ["acid-minimal-cluster"], "cluster switchover": ["acid-minimal-cluster"],
    "cluster failover-drill": ["acid-minimal-cluster"], "cluster restart": ["acid-minimal-cluster"], "cluster reinit": ["acid-minimal-cluster", "acid-minimal-cluster-1"], "app rollback": ["postgres-cluster", "3"], "check": ["."], "seal keys": ["key.yaml"],
    "hook run": ["pre-push"], "completion": ["bash"], "seal users": ["edit-users.yaml"], "user access": ["eve"], "user history": ["eve"],
    "app wait": ["postgres-cluster", "--timeout", "0s"],
}
ELSEWHERE = {"agent": "it runs on: its log is in tests/base/test_log.c and tests/end/test_json_logs.py, the page in tests/agent/test_page.py"}


def clean(result, what):
    """No byte of it does anything, and all of it is text. CR and the clearing of a line belong to progress on a terminal, which this is not."""
    for name, stream in (("stdout", result.stdout), ("stderr", result.stderr)):
        text = stream.decode("utf-8", "strict")
        text = text.replace("\r\n", "\n") if " -o csv" in what else text.replace("\t", "") if what.startswith("completion") else text
        found = HIDDEN.search(text)
        assert not found, f"{what}: {name}: {text[max(0, found.start() - 200):found.start() + 40]!r}"
    return result


def hostile(value, key=None):
    """The same document with such characters in every text that is no key of ours."""
    if isinstance(value, dict):
        return {name: hostile(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [hostile(one, key) for one in value]
    return value + HOSTILE if isinstance(value, str) and key not in KEYS and not re.match(r"\d{4}-\d\d-\d\dT", value) else value


def spoil(database):
    """Every text of the store."""
    with sqlite3.connect(database) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'").fetchall():
            columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[2] == "TEXT" and not row[5] and row[1] not in KEYS]
            for column in columns:
                for row, text in db.execute(f"SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL").fetchall():
                    try:
                        document = json.loads(text)
                        new = json.dumps(hostile(document)) if isinstance(document, (dict, list)) else text
                    except ValueError:
                        new = text if table == "fact" else text + HOSTILE
                    try:
                        db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (new, row))
                    except sqlite3.IntegrityError:
                        pass  # the schema allows some words only


def commands():
    text = agents.run("help").ok().out
    listed = text.partition("[OPTION...]\n\n")[2].partition("\n\nOptions")[0]
    return [" ".join(re.match(r"  ((?:[a-z-]+ ?)+)", line).group(1).split()) for line in listed.splitlines() if re.match(r"  [a-z]", line)]


@pytest.fixture(scope="module")
def names(program):
    found = commands()
    assert len(found) > 30
    return found


@pytest.fixture
def state(tmp_path):
    story.tell(tmp_path / "state").close()
    spoil(tmp_path / "state/pgitops.db")
    return tmp_path / "state"


@pytest.fixture
def checkout(tmp_path):
    """Files with such names and values: mistakes are told of them, and nothing can be sealed."""
    folder = tmp_path / f"check{HOSTILE.replace('/', '')}out"
    folder.mkdir()
    git = {**os.environ, "GIT_AUTHOR_NAME": f"A{HOSTILE}", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": f"A{HOSTILE}",
           "GIT_COMMITTER_EMAIL": "a@example.org", "GIT_CONFIG_GLOBAL": "/dev/null"}
    (folder / f"a{HOSTILE}.yaml").write_text(f'apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: "a\\e[31m", labels: {{"k\\e": 1}}}}\n')
    (folder / "b.yaml").write_text('kind: "\\e[31m\\u202e"\n"\\u009b2J": 1\n"\\u009b2J": 2\n')
    (folder / "key.yaml").write_text(f"# {HOSTILE[:1]}\n")
    (folder / f"s{HOSTILE}.yaml").write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {password: hunter2-hunter2}\n")
    (folder / "edit-users.yaml").write_text('users:\n  - name: "a\\e[31m\\u202e"\n    password: "x\\e"\n')
    (folder / os.fsdecode(b"c\xff\x1b[31m\xc2\x9b.yaml")).write_text("a: [\n")
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", f"m{HOSTILE}"]):
        subprocess.run(["git", *command], cwd=folder, env=git, check=True)
    return folder


def ask(words, folder, *options):
    return subprocess.run([agents.PROGRAM, *words, *options], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False,
                          env={**os.environ, "PGITOPS_CONFIG": str(folder / "none.yaml"), "KUBECONFIG": str(folder / "none"), "HOME": str(folder)})


def sweep(calls):
    """calls: (what it is, words, folder, options...). They wait for answers more than they work."""
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for what, result in pool.map(lambda call: (call[0], ask(*call[1:])), calls):
            clean(result, what)


def words_of(name):
    return [*name.split(), *ARGUMENTS.get(name, ["postgres-cluster"] if name.startswith("app ") and name != "app list" else [])]


def test_what_a_store_holds_reaches_no_terminal(names, state, tmp_path):
    sweep((f"{name} -o {form}", words_of(name), tmp_path, "--state", state, "-o", form) for name in names for form in forms(name)
          if name not in ELSEWHERE and name.split()[0] not in OFFLINE)


@pytest.mark.parametrize("kind", ["answers", "problems", "raw"])
def test_what_an_agent_answers_reaches_no_terminal(names, state, tmp_path, kind):
    """Documents, whichever is asked for; problems; no JSON at all."""
    story_app = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "postgres-cluster"},
                 "status": {"sync": {"status": "S", "revision": "r"}, "health": {"status": "H", "message": "m"}, "conditions": [{"type": "T", "message": "m"}],
                            "operationState": {"phase": "P", "message": "m"}, "resources": [{"kind": "K", "name": "n", "status": "S"}]}}
    anything = hostile(story_app | {"items": [story_app | {"name": "n", "status": "Drifted", "reason": "r", "roles": ["r"], "message": "m", "author": "a",
                                                           "privilege": "p", "object": "o", "via": ["v"], "by": "b", "field": "f", "wanted": "w", "found": "f"}],
                                    "warnings": ["w"], "databases": [{"name": "main", "status": "S", "reason": "r", "statements": [{"sql": "s", "reason": "r"}]}],
                                    "detail": "d", "reason": "r", "sql": "SELECT 1", "text": "t"})

    class Answers(dict):
        def __contains__(self, path):
            return path.startswith("/api/v1/") and "operations" not in path

        def __getitem__(self, path):
            return anything

    class Problems(Answers):
        def __getitem__(self, path):
            return 409, f"refused{HOSTILE}"

    class Raw(Answers):
        def __getitem__(self, path):
            return b"<html>\xff\xc2\x9b\x1b[31m" + HOSTILE.encode()

    with played.Agent(state) as agent:
        agent.operation(hostile({"phase": "Failed", "message": "no", "result": {"resources": [{"name": "a", "message": "m"}]}}))
        setattr(agent, kind, {"answers": Answers, "problems": Problems, "raw": Raw}[kind]())
        sweep((f"{name} -o {form} {kind}", words_of(name), tmp_path, "--state", state, "-o", form) for name in names
              for form in (forms(name) if kind == "answers" else FORMATS[:1])
              if name not in ELSEWHERE and name.split()[0] not in OFFLINE and name not in SLOW)


def test_what_a_checkout_holds_reaches_no_terminal(names, checkout, tmp_path):
    for name in names:
        if name.split()[0] in (*OFFLINE, "doctor"):
            clean(ask(words_of(name), checkout), name)
    for more in (["check", f"a{HOSTILE}.yaml"], ["check", ".", "-o", "json"], ["check", "--secrets", "HEAD"], ["check", "--secrets", "-o", "json"], ["check", f"none{HOSTILE}"],
                 ["seal", "-f", f"s{HOSTILE}.yaml"], ["unseal", "-f", f"s{HOSTILE}.yaml"], ["seal", "users", f"none{HOSTILE}.yaml"], ["hook", "run", "pre-commit"],
                 ["hook", "run", f"x{HOSTILE}"], ["seal", "cert", "--cert", f"x{HOSTILE}"]):
        clean(ask(more, checkout), " ".join(more))


def test_what_a_person_mistypes_comes_back_readable(names, tmp_path):
    sweep((f"{name} x y", [*words_of(name), f"x{HOSTILE}", f"y{HOSTILE}", *([f"--x{HOSTILE}"] if len(name) % 2 else [])], tmp_path,
           "--state", tmp_path / f"no{HOSTILE}") for name in [*names, "", "app", f"x{HOSTILE}"] if name not in ELSEWHERE)
    clean(ask(["agent", "--once", "--config", f"x{HOSTILE}"], tmp_path), "agent --config")


def quoted(first):
    return f'"{first}{HOSTILE}"'


def spoil_server(server):
    """Whoever may create something in PostgreSQL gives it such a name: roles, databases, schemas, tables, types, functions, comments, settings."""
    server.run("CREATE ROLE alice LOGIN", f"CREATE ROLE {quoted('r')} LOGIN", f"GRANT {quoted('r')} TO alice", f"COMMENT ON ROLE {quoted('r')} IS '{HOSTILE}'",
               f"ALTER ROLE alice SET application_name = '{HOSTILE}'", f"CREATE DATABASE {quoted('d')} OWNER {quoted('r')}", "CREATE DATABASE app")
    server.run("CREATE SCHEMA shop", f"CREATE TABLE shop.{quoted('u')} (id int)", f"CREATE SCHEMA {quoted('s')}", f"CREATE TABLE {quoted('s')}.{quoted('t')} ({quoted('c')} int)", f"CREATE TYPE {quoted('s')}.{quoted('y')} AS ENUM ()",
               f"CREATE FUNCTION {quoted('s')}.{quoted('f')}({quoted('a')} int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
               f"GRANT SELECT ON ALL TABLES IN SCHEMA {quoted('s')} TO alice, {quoted('r')}", f"ALTER SCHEMA {quoted('s')} OWNER TO {quoted('r')}",
               f"GRANT SELECT ({quoted('c')}) ON {quoted('s')}.{quoted('t')} TO alice", f"CREATE FOREIGN DATA WRAPPER {quoted('w')}",
               f"CREATE SERVER {quoted('v')} FOREIGN DATA WRAPPER {quoted('w')}", f"GRANT USAGE ON FOREIGN SERVER {quoted('v')} TO {quoted('r')}", database="app")


LIST = {"version": 2, "groups": [{"name": "readers", "grants": [{"database": "app", "on": "tables", "schema": "shop", "names": ["*"], "privileges": ["SELECT"]}]}],
        "users": [{"username": "alice", "database": "app", "roles": ["readers"]}, {"username": "bob", "database": "app"}]}


def test_what_live_servers_hold_reaches_no_terminal(names, world, server, tmp_path):
    """A real PostgreSQL and a real API server, an agent on both, and each command asked of it, while it runs and afterwards."""
    spoil_server(server)
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": f"{world.namespace}{HOSTILE}"}, "rules": []}
    users = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "users", "namespace": world.namespace}, "data": {"users.yaml": json.dumps(LIST)}}
    drifted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "drifted", "namespace": world.namespace}, "data": {"value": "wanted"}}
    pretend(world.plane, world.namespace, "acid-main", word={"state": f"s{HOSTILE}", "version": HOSTILE, "tags": {"t": HOSTILE}, "pending_restart_reason": {"x": {"old_value": HOSTILE, "new_value": "2"}}},
            leader=f"l{HOSTILE}")
    world.push({f"team/{number}.yaml": json.dumps(one) for number, one in enumerate((role, users, drifted))}, message=f"m{HOSTILE}")
    team = world.application("team", heal=False)
    world.agent.database(server, application="team", config_map="users", policy={"adopt": "listed"})
    for user in ("alice", "bob"):
        world.kube.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"user-{user}-secret", "namespace": world.namespace},
                           "data": {"password": "aHVudGVyMg=="}})
    world.begin()
    team.synced()
    world.agent.wait_user("bob")
    world.kube.patch("v1", "ConfigMap", world.namespace, "drifted", {"data": {"value": HOSTILE}, "metadata": {"labels": None}})
    server.run(f"GRANT {quoted('r')} TO bob", f"COMMENT ON ROLE bob IS '{HOSTILE}'")
    team.sync_status("OutOfSync")
    words = {name: [*name.split(), *{"user get": ["alice"], "user access": ["alice"], "user history": [], "cluster get": ["acid-main", "-n", world.namespace], "cluster connect": ["acid-main", "-n", world.namespace], "cluster logs": ["acid-main", "-n", world.namespace], "cluster credentials": ["acid-main", "-n", world.namespace], "cluster events": ["acid-main", "-n", world.namespace], "cluster list": ["-n", world.namespace],
                                     "app wait": ["team", "--timeout", "0s"], "app rollback": ["team", "0"]}.get(name, ["team"] if name.startswith("app ") and name != "app list" else [])]
             for name in names if name not in ELSEWHERE and name.split()[0] not in OFFLINE and name not in ("app terminate", "app rollback")}
    more = [("user access --table", ["user", "access", "--table", f"s{HOSTILE}.t{HOSTILE}", "--database", "app"]), ("user access public", ["user", "access", "public"]),
            ("user access r", ["user", "access", f"r{HOSTILE}"]), ("user plan -o sql", ["user", "plan", "-o", "sql"]), ("user history --sql", ["user", "history", "--sql"]),
            ("user list --unmanaged", ["user", "list", "--unmanaged"]), ("app diff -o markdown", ["app", "diff", "team", "-o", "markdown"]),
            ("user access -o csv", ["user", "access", "-o", "csv"])]
    calls = [(f"{name} -o {form}", [*said, "-o", form]) for name, said in words.items() for form in forms(name)[:2]] + more
    for said in (["user", "list", "--unmanaged"], words["cluster get"], words["app diff"], words["app resources"], ["user", "access", f"r{HOSTILE}"]):
        shown = ask(said, tmp_path, "--config", world.agent.file).stdout.decode().lower()
        assert "\\x1b" in shown or "\\u001b" in shown, said  # it was there, and is shown
    sweep((what, said, tmp_path, "--config", world.agent.file) for what, said in calls)
    for path in ("/metrics", "/"):
        assert not HIDDEN.search(world.agent.get(path).body.replace("\t", "")), path
    assert world.agent.stop() == 0
    log = world.agent.log()
    assert not HIDDEN.search(log), re.findall(f".{{0,200}}{HIDDEN.pattern}.{{0,40}}", log)[:3]
    sweep((f"{what}, afterwards", said, tmp_path, "--config", world.agent.file) for what, said in calls)


def test_json_and_yaml_hold_the_values_themselves(state, tmp_path):
    reads = {"json": json.loads, "yaml": yaml.safe_load}
    for form, read in reads.items():
        found = read(ask(["app", "get", "postgres-cluster"], tmp_path, "--state", state, "-o", form).stdout)
        assert found["status"]["health"]["status"] == f"Progressing{HOSTILE}", form
