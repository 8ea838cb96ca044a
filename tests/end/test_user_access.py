"""`pgitops user access` from a push on: the agent, a Git repository and a real server."""

import csv
import io
import json

import pytest

from parts.git import Repository
from parts.users import config_map

LIST = """version: 2
groups:
  - name: readers
    grants:
      - {database: app, on: schema, schema: shop, privileges: [USAGE]}
      - {database: app, on: tables, schema: shop, names: ["*"], privileges: [SELECT]}
    defaultPrivileges:
      - {database: app, owner: app_owner, schema: shop, on: tables, privileges: [SELECT]}
users:
  - {username: alice, database: app, roles: [readers]}
  - {username: bob, database: app}
"""


@pytest.fixture
def setting(agent, server, tmp_path):
    server.run("CREATE ROLE app_owner", "CREATE ROLE analyst", "CREATE ROLE \"=cmd|calc\" LOGIN", "CREATE DATABASE app OWNER app_owner")
    server.run("SET ROLE app_owner", "CREATE SCHEMA shop", *(f"CREATE TABLE shop.{name} (id int, price int)" for name in
                                                           ("orders", "items", "odd", "last")),
               "ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY", "GRANT DELETE ON shop.orders TO analyst",
               "GRANT INSERT ON shop.orders TO \"=cmd|calc\"", database="app")
    repository = Repository(tmp_path / "db.git")
    head = repository.commit({"postgres-users/users.yaml": config_map(LIST)})
    agent.database(server)
    agent.application("postgres-users", repository.url, "postgres-users", "postgres")
    for name in ("alice", "bob"):
        agent.secret("postgres", f"user-{name}-secret", name)
    agent.start()
    agent.wait_user("alice")
    return agent, server, head


def access(agent, *arguments):
    return json.loads(agent.cli("user", "access", *arguments, "-o", "json").out)


def items(agent, *arguments, **fields):
    return [item for item in access(agent, *arguments)["items"] if all(item.get(key) == value for key, value in fields.items())]


def line_of(words):
    return next(number for number, line in enumerate(config_map(LIST).splitlines(), 1) if words in line)


def test_each_privilege_has_its_way_and_the_line_that_gave_it(setting):
    agent, server, head = setting
    answer = access(agent, "alice")
    assert answer["commit"] == head and answer["entry"] == "main"
    reads = items(agent, "alice", kind="table", object="shop.orders", privilege="SELECT")
    assert [(one["via"], one["byHand"], one["commit"], one["line"]) for one in reads] == [
        (["readers"], False, head, line_of('names: ["*"]'))], reads
    assert reads[0]["file"].endswith("users.yaml") and reads[0]["rowSecurity"] is True
    later = items(agent, "alice", kind="new tables")
    assert [(one["object"], one["privilege"], one["line"]) for one in later] == [
        ("by app_owner in shop", "SELECT", line_of("owner: app_owner"))], later
    assert [one["line"] for one in items(agent, "alice", kind="database", privilege="CONNECT", via=[])] == [line_of("username: alice")]


def test_a_hand_is_named_and_what_has_no_effect_says_so(setting):
    agent, server, _ = setting
    server.run("GRANT analyst TO bob" + (" WITH INHERIT FALSE" if server.major >= 16 else ""), *(
        ["ALTER ROLE bob NOINHERIT"] if server.major < 16 else []))
    text = agent.cli("user", "access", "--table", "shop.orders", "--database", "app").out
    # The agent heals the membership: until then, and after it, the answer is what the server has.
    assert "alice" in text and "users.yaml:" in text and "row security" in text, text
    one = items(agent, "--table", "shop.orders", "--database", "app", user="=cmd|calc", privilege="INSERT")
    assert [(item["byHand"], item["needs"]) for item in one] == [(True, "USAGE on schema shop")], one
    assert items(agent, "--table", "shop.orders", user="postgres", privilege="ALL")


def test_a_spreadsheet_gets_no_formula(setting):
    agent, _, _ = setting
    done = agent.cli("user", "access", "--table", "shop.orders", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out.replace("\r\n", "\n"))))
    assert any(row["user"] == "'=cmd|calc" for row in rows) and not any(row["user"].startswith("=") for row in rows), rows
    assert {row["via"] for row in rows if row["user"] == "alice"} == {"readers"}
    markdown = agent.cli("user", "access", "--table", "shop.orders", "-o", "markdown").out
    assert markdown.startswith("| User |") and "=cmd&#124;calc" in markdown, markdown
    assert agent.cli("user", "list", "-o", "csv").code == 2


def test_the_answer_no_and_no_answer(setting):
    agent, _, _ = setting
    assert agent.cli("user", "access", "bob", "--table", "shop.orders").code == 1
    done = agent.cli("user", "access", "alise")
    assert done.code == 2 and 'there is no role "alise", did you mean "alice"?' in done.err, done.err
    done = agent.cli("user", "access", "--table", "shop.order", "--database", "app")
    assert done.code == 2 and 'did you mean "shop.orders"?' in done.err, done.err
    assert agent.cli("user", "access", "--table", "orders").code == 2
    assert agent.get("/api/v1/users/access?user=alise", over="socket").status == 404
    assert agent.get("/api/v1/users/access?usr=alice", over="socket").status == 400


def test_asking_changes_nothing_and_reads_no_verifier(setting):
    agent, server, _ = setting
    server.run("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
    before = server.value("SELECT count(*) FROM pg_shdepend")
    for arguments in (["alice"], ["--database", "app"], ["--table", "shop.orders"], [], ["public"], ["alice", "--groups", "-o", "wide"]):
        assert agent.cli("user", "access", *arguments).code == 0
    assert server.value("SELECT count(*) FROM pg_shdepend") == before
    text = agent.cli("user", "access").out
    assert "SUPERUSER" in text and "alice" in text, text
