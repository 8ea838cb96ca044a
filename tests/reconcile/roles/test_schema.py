"""The JSON Schema that editors take says of a users.yaml what the agent says of it."""

import copy
import json
import pathlib
import re

import jsonschema
import pytest
import yaml

from parts.roles import Users

TOP = pathlib.Path(__file__).resolve().parents[3]
SCHEMA = json.loads((TOP / "manifests/users.schema.json").read_text())


def group(*grants, **fields):
    return {"version": 2, "users": [], "groups": [{"name": "g", "grants": list(grants)} | fields]}


def tables(**fields):
    return {"on": "tables", "schema": "s", "names": ["*"], "privileges": ["SELECT"]} | fields


GOOD = {
    "nobody": {"users": []},
    "typical": {"users": [{"username": "a", "database": "d", "roles": ["r"], "ensure": "absent"}], "timestamp": "2026-01-02"},
    "old": {"version": 1, "users": [{"username": "a", "roles": None, "privileges": {}}]},
    "two": {"version": 2, "users": [{"username": "a", "grants": [tables()]}], "groups": None},
    "options of roles": {"version": 2, "users": [{"username": "a", "roles": ["r", {"name": "s", "admin": True, "inherit": False, "set": False}]}]},
    "modes": {"version": 2, "defaults": {"memberships": "report", "grants": "additive"}, "users": [{"username": "a", "memberships": "exact", "grants": [], "grantsMode": "report"}],
              "groups": [{"name": "g", "memberships": "additive", "memberOf": [], "grants": [], "grantsMode": "exact"}]},
    "settings": {"version": 2, "defaults": {"resetUnlistedParameters": True}, "users": [{"username": "a", "parametersIn": {"d": {"work_mem": "1MB"}},
                 "parameters": {"search_path": ["$user", "public"], "app.x": 1, "enable_sort": False, "seq_page_cost": 1.5}}]},
    "groups of groups": group(memberOf=["r", {"name": "s", "admin": True}], dropWhenUnused=True),
    "empty lists": group(defaultPrivileges=[]),
    "columns": group(tables(names=["t"], columns=["a"], privileges=["select", "REFERENCES"])),
    "schemas": group({"on": "schema", "names": ["a", "b"], "privileges": ["ALL"]}, {"database": "d", "on": "schema", "schema": "s", "privileges": ["USAGE"]}),
    "functions": group({"on": "functions", "schema": "s", "names": ["f", "f(integer, text)", "*"], "privileges": ["EXECUTE"]}),
    "others": group({"on": "database", "privileges": ["temp"]}, {"on": "languages", "names": ["sql"], "privileges": ["USAGE"]},
                    {"on": "foreignServers", "names": ["x"], "privileges": ["USAGE"]}, {"on": "sequences", "schema": "s", "names": ["q"], "privileges": ["USAGE"]},
                    {"on": "types", "schema": "s", "names": ["*"], "privileges": ["USAGE"]}),
    "defaults": group(defaultPrivileges=[{"owner": "o", "on": "schemas", "privileges": ["CREATE"]},
                                         {"owner": "o", "schema": "s", "on": "tables", "privileges": ["MAINTAIN"]}]),
    "databases": {"version": 2, "defaults": {"database": "d"}, "users": [{"username": "a", "databases": ["d", "e"]}, {"username": "b", "databases": []}]},
    "locked": {"version": 2, "users": [{"username": "a", "ensure": "locked"}]},
    "fields": {"version": 2, "groups": [{"name": "g", "comment": ""}], "users": [
        {"username": "a", "login": False, "connectionLimit": 0, "validUntil": "2030-01-01T00:00:00+01:00", "comment": "x", "attributes": {"createdb": True}},
        {"username": "b", "validUntil": "infinity", "attributes": None}, {"username": "c", "validUntil": None, "connectionLimit": -1}]},
    "an end": {"version": 2, "users": [{"username": "a", "until": "2030-01-01T00:00:00+01:00", "ensure": "locked", "onRemove": "lock"}]},
    "no defaults": {"version": 2, "defaults": None, "users": []},
    "removal": {"version": 2, "defaults": {"onRemove": "keep"}, "users": [{"username": "a", "onRemove": "lock"}, {"username": "b", "onRemove": "drop"}]},
    "passwords": {"version": 2, "users": [
        {"username": "a", "password": {"secretRef": {"name": "s.x", "key": "PW_1.x", "namespace": "vault"}}}, {"username": "b"},
        {"username": "c", "password": {"verifierSecretRef": {"name": "v"}}}, {"username": "d", "password": {"disabled": True}},
        {"username": "e", "password": {"ignore": True}}, {"username": "f", "password": {"generate": True}}]},
    "defaults of passwords": {"version": 2, "users": [], "defaults": {
        "passwordSecret": {"nameTemplate": "pg-{name}.x", "key": "PW", "trim": "none", "namespace": "vault"}, "scramIterations": 10000,
        "passwordEncryption": "keep"}},
}
GOOD["databases"] = {"version": 2, "users": [], "databases": [
    {"name": "app", "owner": "o", "comment": "", "revokePublicConnect": True, "extensions": ["pgcrypto", {"name": "citext", "schema": "s"}],
     "encoding": "UTF8", "locale": "C", "ensure": "present"}, {"name": "b", "extensions": None}, {"name": "postgres", "revokePublicConnect": False}]}
BAD = {
    "databases too early": {"users": [], "databases": []},
    "no name of a database": {"version": 2, "users": [], "databases": [{"owner": "o"}]},
    "a database that is dropped": {"version": 2, "users": [], "databases": [{"name": "app", "ensure": "absent"}]},
    "a template": {"version": 2, "users": [], "databases": [{"name": "template1"}]},
    "an owner of postgres": {"version": 2, "users": [], "databases": [{"name": "postgres", "owner": "o"}]},
    "no name of an extension": {"version": 2, "users": [], "databases": [{"name": "app", "extensions": [{"schema": "s"}]}]},
    "one extension twice": {"version": 2, "users": [], "databases": [{"name": "app", "extensions": ["x", "x"]}]},
    "no users": {"version": 2},
    "unknown version": {"version": 3, "users": []},
    "groups too early": {"users": [], "groups": []},
    "grants too early": {"users": [{"username": "a", "grants": []}]},
    "defaults too early": {"users": [], "defaults": {}},
    "databases too early": {"users": [{"username": "a", "databases": ["d"]}]},
    "an unknown default": {"version": 2, "users": [], "defaults": {"databases": ["d"]}},
    "database twice": {"version": 2, "users": [{"username": "a", "database": "d", "databases": ["d"]}]},
    "removal too early": {"users": [{"username": "a", "onRemove": "lock"}]},
    "an unknown removal": {"version": 2, "users": [{"username": "a", "onRemove": "locked"}]},
    "options too early": {"users": [{"username": "a", "roles": [{"name": "r"}]}]},
    "a role without a name": {"version": 2, "users": [{"username": "a", "roles": [{"admin": True}]}]},
    "an option that is no boolean": {"version": 2, "users": [{"username": "a", "roles": [{"name": "r", "set": "no"}]}]},
    "settings too early": {"users": [{"username": "a", "parameters": {}}]},
    "no value": {"version": 2, "users": [{"username": "a", "parameters": {"work_mem": None}}]},
    "no name of a setting": {"version": 2, "users": [{"username": "a", "parameters": {"a b": 1}}]},
    "settings of a group": group(parameters={"work_mem": "1MB"}),
    "modes too early": {"users": [{"username": "a", "memberships": "exact"}]},
    "an unknown mode": {"version": 2, "users": [], "defaults": {"memberships": "strict"}},
    "a group of one": group(memberOf="r"),
    "a word that is no boolean": group(dropWhenUnused="yes"),
    "locked too early": {"users": [{"username": "a", "ensure": "locked"}]},
    "fields too early": {"users": [{"username": "a", "connectionLimit": 1}]},
    "a word for login": {"version": 2, "users": [{"username": "a", "login": "no"}]},
    "a limit below": {"version": 2, "users": [{"username": "a", "connectionLimit": -2}]},
    "a limit above": {"version": 2, "users": [{"username": "a", "connectionLimit": 2147483648}]},
    "a limit as text": {"version": 2, "users": [{"username": "a", "connectionLimit": "3"}]},
    "a day": {"version": 2, "users": [{"username": "a", "validUntil": "2030-01-01"}]},
    "no zone": {"version": 2, "users": [{"username": "a", "validUntil": "2030-01-01T00:00:00"}]},
    "too fine": {"version": 2, "users": [{"username": "a", "validUntil": "2030-01-01T00:00:00.1234567Z"}]},
    "too old": {"version": 2, "users": [{"username": "a", "validUntil": "1969-01-01T00:00:00Z"}]},
    "an end too early": {"users": [{"username": "a", "until": "2030-01-01T00:00:00Z"}]},
    "no end": {"version": 2, "users": [{"username": "a", "until": "infinity"}]},
    "two ends": {"version": 2, "users": [{"username": "a", "until": "2030-01-01T00:00:00Z", "validUntil": "infinity"}]},
    "an end of who is absent": {"version": 2, "users": [{"username": "a", "until": "2030-01-01T00:00:00Z", "ensure": "absent"}]},
    "an end that keeps": {"version": 2, "users": [{"username": "a", "until": "2030-01-01T00:00:00Z", "onRemove": "keep"}]},
    "a comment that is a number": {"version": 2, "users": [{"username": "a", "comment": 7}]},
    "no attribute": {"version": 2, "users": [{"username": "a", "attributes": {"login": True}}]},
    "a word for an attribute": {"version": 2, "users": [{"username": "a", "attributes": {"createdb": "on"}}]},
    "a list of attributes": {"version": 2, "users": [{"username": "a", "attributes": ["createdb"]}]},
    "no username": {"users": [{"database": "d"}]},
    "misspelt": {"users": [{"username": "a", "role": ["r"]}]},
    "a number": {"users": [{"username": 7}]},
    "privileges of old": {"users": [{"username": "a", "privileges": {"t": ["SELECT"]}}]},
    "a plain password": {"version": 2, "users": [{"username": "a", "password": "x"}]},
    "a password too early": {"users": [{"username": "a", "password": {"disabled": True}}]},
    "no password": {"version": 2, "users": [{"username": "a", "password": None}]},
    "two passwords": {"version": 2, "users": [{"username": "a", "password": {"disabled": True, "ignore": True}}]},
    "not disabled": {"version": 2, "users": [{"username": "a", "password": {"disabled": False}}]},
    "passed through": {"version": 2, "users": [{"username": "a", "password": {"passthrough": True}}]},
    "a Secret without name": {"version": 2, "users": [{"username": "a", "password": {"secretRef": {"key": "x"}}}]},
    "a Secret of no such name": {"version": 2, "users": [{"username": "a", "password": {"secretRef": {"name": "A_b"}}}]},
    "a key of no Secret": {"version": 2, "users": [{"username": "a", "password": {"verifierSecretRef": {"name": "a", "key": "a b"}}}]},
    "one Secret for all": {"version": 2, "users": [], "defaults": {"passwordSecret": {"nameTemplate": "pg"}}},
    "no iterations": {"version": 2, "users": [], "defaults": {"scramIterations": 0}},
    "new md5": {"version": 2, "users": [], "defaults": {"passwordEncryption": "md5"}},
    "another trim": {"version": 2, "users": [], "defaults": {"passwordSecret": {"trim": "all"}}},
    "no names": group(tables(names=[])),
    "no schema": group({"on": "tables", "names": ["t"], "privileges": ["SELECT"]}),
    "no privilege": group(tables(privileges=[])),
    "another's privilege": group(tables(privileges=["CONNECT"])),
    "another's key": group({"on": "database", "schema": "s", "privileges": ["CONNECT"]}),
    "all columns": group({"on": "sequences", "schema": "s", "names": ["q"], "columns": ["a"], "privileges": ["USAGE"]}),
    "a language of superusers": group({"on": "languages", "names": ["plpython3u"], "privileges": ["USAGE"]}),
    "parameters": group({"on": "parameters", "names": ["work_mem"], "privileges": ["SET"]}),
    "no owner": group(defaultPrivileges=[{"on": "tables", "privileges": ["SELECT"]}]),
    "a schema of schemas": group(defaultPrivileges=[{"owner": "o", "on": "schemas", "schema": "s", "privileges": ["USAGE"]}]),
}


def by_schema(document):
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(document)


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_schema_and_agent_agree(server, name):
    document = GOOD.get(name) or BAD[name]
    mistakes = Users(server).check(yaml.safe_dump(document)).mistakes
    assert by_schema(document) == (name in GOOD) == (mistakes == []), mistakes


GONE, MORE = object(), object()
WRONG = [GONE, MORE, None, 7, True, "", "x" * 64, "a\nb", [], {}, [None], {"a": {}}]


def places(node, at=()):
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else []:
        yield (*at, key)
        yield from places(value, (*at, key))


def changed(document, place, value):
    made = copy.deepcopy(document)
    node = made
    for key in place[:-1]:
        node = node[key]
    if value is GONE:
        del node[place[-1]]
    elif value is not MORE:
        node[place[-1]] = value
    elif isinstance(node[place[-1]], dict):
        node[place[-1]]["unknwn"] = 1
    return made


def test_what_the_schema_refuses_the_agent_refuses_with_its_place(server):
    """At every place of the schema a value that cannot be there. The agent refuses more: names that PostgreSQL would change, for one."""
    kinds = {tuple("*" if isinstance(key, int) else key for key in place): (document, place) for document in GOOD.values() for place in places(document)}
    assert len(kinds) > 90
    documents = [changed(document, place, value) for document, place in kinds.values() for value in WRONG]
    for document, mistakes in zip(documents, Users(server).check_all([yaml.safe_dump(one) for one in documents]), strict=True):
        assert mistakes or by_schema(document), document
        assert all(re.match(r"users\.yaml:\d+:\d+: ", mistake) for mistake in mistakes), mistakes


def test_the_examples_are_as_the_schema_has_it():
    manifest = yaml.safe_load((TOP / "manifests/examples/postgres-users/users.yaml").read_text())
    assert by_schema(yaml.safe_load(manifest["data"]["users.yaml"]))
