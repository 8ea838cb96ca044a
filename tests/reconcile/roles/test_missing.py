"""What users.yaml names and nobody has made is told by the plan, and not only by the server once it is tried."""

import json

import pytest

from parts import postgres
from parts.roles import Users, catalog

every_major = pytest.mark.parametrize("server", postgres.MAJORS, indirect=True)
SOME = pytest.mark.parametrize("server", [13, 16, 18], indirect=True)


def group(name, *grants, **more):
    return {"name": name, "grants": [{"database": "shop"} | grant for grant in grants]} | more


def document(*groups, **more):
    return json.dumps({"version": 2, "users": [], "groups": list(groups)} | more)


def on(kind, *names, privileges=("USAGE",), **fields):
    return {"on": kind, "names": list(names), "privileges": list(privileges)} | fields


@pytest.fixture
def users(server):
    server.run("CREATE DATABASE shop")
    server.run("CREATE SCHEMA s", "CREATE TABLE s.t (a int)", "CREATE SEQUENCE s.q", "CREATE TYPE s.mood AS ENUM ('good')",
               "CREATE FUNCTION s.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'", database="shop")
    return Users(server)


THERE = [{"on": "schema", "schema": "s", "privileges": ["USAGE"]}, {"on": "database", "privileges": ["CONNECT"]},
         on("tables", "t", schema="s", privileges=["SELECT"]), on("tables", "*", schema="s", privileges=["SELECT"]),
         on("sequences", "q", schema="s"), on("types", "mood", schema="s"), on("languages", "plpgsql"),
         on("functions", "f(integer)", schema="s", privileges=["EXECUTE"])]


@every_major
def test_what_is_there_is_no_word(server, users):
    wanted = document(group("g", *THERE))
    assert not users.check(wanted).mistakes
    result = users.plan(wanted)
    assert result.missing == [] and result.steps
    users.apply(wanted).good()
    quiet = users.apply(wanted).quiet()
    assert quiet.missing == []


@every_major
def test_each_kind_that_is_not_there_is_named_before_it_is_tried(server, users):
    wanted = document(
        group("a", on("tables", "nothing", schema="s", privileges=["SELECT"]), *THERE),
        group("b", on("tables", "t", schema="none", privileges=["SELECT"])), group("c", on("tables", "*", schema="none", privileges=["SELECT"])),
        group("d", {"on": "schema", "schema": "none", "privileges": ["USAGE"]}), group("e", on("sequences", "t", schema="s")),
        group("f", on("types", "anger", schema="s")), group("i", on("foreignServers", "far")),
        {"name": "j", "grants": [on("tables", "t", database="nowhere", schema="s", privileges=["SELECT"])]})
    assert not users.check(wanted).mistakes
    before = catalog(server)
    result = users.plan(wanted)
    assert catalog(server) == before
    assert sorted((role, what) for role, what, _ in result.missing) == [
        ("a", "shop: table s.nothing"), ("b", "shop: schema none"), ("c", "shop: schema none"), ("d", "shop: schema none"),
        ("e", "shop: sequence s.t"), ("f", "shop: type s.anger"), ("i", "shop: foreign server far"),
        ("j", "database nowhere")]
    applied = users.apply(wanted)
    assert applied.status("a") == "Degraded" and 'relation "s.nothing" does not exist' in applied.reason("a")


@SOME
def test_it_costs_no_statement_however_much_is_named(server, users):
    one = users.plan(document(group("g", on("tables", "n1", schema="s", privileges=["SELECT"]))))
    many = [group(f"g{i}", *(on("tables", f"n{j}", schema="s", privileges=["SELECT"]) for j in range(20))) for i in range(20)]
    more = users.plan(document(*many))
    assert len(one.missing) == 1 and len(more.missing) == 400 and one.statements == more.statements


@SOME
def test_of_a_database_that_this_plan_makes_nothing_is_said(server, users):
    grant = on("tables", "t", database="new", schema="public", privileges=["SELECT"])
    wanted = document({"name": "g", "grants": [grant]}, databases=[{"name": "new", "owner": "g"}])
    assert users.plan(wanted).missing == []


@SOME
def test_of_a_database_that_lets_nobody_in_nothing_is_said(server, users):
    server.run("ALTER DATABASE shop ALLOW_CONNECTIONS false")
    assert users.plan(document(group("g", on("tables", "nothing", schema="s", privileges=["SELECT"])))).missing == []


@SOME
def test_a_name_is_no_way_into_the_statement(server, users):
    name = "o'x\"; DROP SCHEMA s CASCADE; --\\"
    result = users.plan(document(group("g", on("tables", name, schema="s", privileges=["SELECT"]))))
    assert [what for _, what, _ in result.missing] == [f"shop: table s.{name}"]
