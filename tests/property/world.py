"""What a round is made of: the names, the databases with something of each kind, and a random users.yaml.

Tables, so that what users.yaml learns is a line here: USER_KEYS, GROUP_KEYS and DATABASE_KEYS say which keys an entry may get, GRANTS what
may be granted, HANDS (hands.py) what people do to the server behind the agent's back.
"""

USERS = ["ann", "Bo b", 'c"d', "e;--x", "fü", "g%s'"]
KEEP = "keep"  # is always wanted, so that no list removes everybody
GROUPS = ["readers", "Wri ters", "staff", "ops"]
OTHERS = ["dba", "app_owner", "robot"]  # made by people, and theirs
DATABASES = ["app", "shop"]
OWNERS = ["app_owner", "postgres", "robot"]
ALIKE = "SCRAM-SHA-256$1:c2FsdHNhbHQ=$" + "A" * 43 + "=:" + "A" * 43 + "="  # a ready verifier: nothing to derive

OTHERS_SQL = ["CREATE ROLE dba CREATEROLE LOGIN", "CREATE ROLE app_owner", "CREATE ROLE robot LOGIN CONNECTION LIMIT 3",
              "GRANT app_owner TO robot", "COMMENT ON ROLE robot IS 'drives'", "ALTER ROLE robot SET work_mem = '8MB'"]

# What a user may be, by policy.allowAttributes, and what may be set.
ATTRIBUTES = ["createdb", "createrole", "inherit", "replication", "bypassrls"]
PARAMETERS = [("work_mem", "4MB"), ("search_path", ["s", "P 2", "$user"]), ("statement_timeout", 1500), ("jit", False), ("my.own", "it's")]
UPKEEP = ["exact", "additive", "report"]

THINGS_SQL = [
    "CREATE SCHEMA s AUTHORIZATION app_owner", 'CREATE SCHEMA "P 2"', "SET ROLE app_owner", "CREATE TABLE s.t1 (a int, b int)",
    'CREATE TABLE s."T 2" (a int)', "CREATE VIEW s.v AS SELECT 1 AS one", "CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS one",
    "CREATE SEQUENCE s.q", "CREATE FUNCTION s.f(int, text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION s.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE PROCEDURE s.p(int) LANGUAGE sql AS 'SELECT 1'",
    "CREATE TYPE s.e AS ENUM ('x')", "CREATE DOMAIN s.d AS int", "CREATE TYPE s.c AS (x int)", "RESET ROLE",
    'CREATE TABLE "P 2".t1 (a int, b int)', "CREATE FOREIGN DATA WRAPPER w", "CREATE SERVER fs FOREIGN DATA WRAPPER w",
    "GRANT SELECT ON s.t1 TO robot WITH GRANT OPTION", "GRANT USAGE ON SCHEMA s TO robot, dba",
    "ALTER DEFAULT PRIVILEGES FOR ROLE app_owner IN SCHEMA s GRANT SELECT ON TABLES TO robot",
]

TABLE = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]
# on, what names the thing, its privileges; a list of things is one to be picked of.
GRANTS = [
    ("database", [{}], ["CREATE", "TEMPORARY", "temp"]),
    ("database", [{}], ["CONNECT"]),
    ("schema", [{"schema": "s"}, {"schema": "P 2"}, {"names": ["s", "P 2"]}], ["USAGE", "CREATE"]),
    ("tables", [{"schema": "s", "names": ["t1"]}, {"schema": "s", "names": ["T 2", "v"]}, {"schema": "P 2", "names": ["t1"]},
                {"schema": "s", "names": ["m"]}], TABLE),
    ("tables", [{"schema": "s", "names": ["*"]}, {"schema": "P 2", "names": ["*"]}], TABLE),
    ("tables", [{"schema": "s", "names": ["t1"], "columns": ["a"]}, {"schema": "P 2", "names": ["t1"], "columns": ["a", "b"]}],
     ["SELECT", "INSERT", "UPDATE", "REFERENCES"]),
    ("sequences", [{"schema": "s", "names": ["q"]}, {"schema": "s", "names": ["*"]}], ["USAGE", "SELECT", "UPDATE"]),
    ("functions", [{"schema": "s", "names": ["f"]}, {"schema": "s", "names": ["f(integer, text)", "p(integer)"]},
                   {"schema": "s", "names": ["*"]}], ["EXECUTE"]),
    ("types", [{"schema": "s", "names": ["e"]}, {"schema": "s", "names": ["d", "c"]}, {"schema": "s", "names": ["*"]}], ["USAGE"]),
    ("languages", [{"names": ["plpgsql"]}, {"names": ["sql", "plpgsql"]}], ["USAGE"]),
    ("foreignServers", [{"names": ["fs"]}], ["USAGE"]),
]
DEFAULTS = [("schemas", False, ["USAGE", "CREATE"]), ("tables", True, TABLE), ("sequences", True, ["USAGE", "SELECT", "UPDATE"]),
            ("functions", True, ["EXECUTE"]), ("types", True, ["USAGE"])]


def some(dice, items, most=3):
    return dice.sample(items, dice.randint(1, min(most, len(items))))


def privileges(dice, words):
    return ["ALL"] if dice.random() < 0.15 and len(words) > 1 else some(dice, words)


def grant(dice, user):
    on, things, words = dice.choice([one for one in GRANTS if not user or one[2] != ["CONNECT"]])
    if user and on == "database":
        words = ["CREATE", "TEMPORARY"]
        return {"database": dice.choice(DATABASES), "on": on, "privileges": some(dice, words)}
    return {"database": dice.choice(DATABASES), "on": on} | dice.choice(things) | {"privileges": privileges(dice, words)}


def default_privilege(dice):
    on, in_schema, words = dice.choice(DEFAULTS)
    schema = {"schema": dice.choice(["s", "P 2"])} if in_schema and dice.random() < 0.5 else {}
    return {"database": dice.choice(DATABASES), "owner": dice.choice(OWNERS), "on": on} | schema | {
        "privileges": privileges(dice, words)}


def several(dice, make, *arguments, most=4):
    return [make(dice, *arguments) for _ in range(dice.randint(0, most))]


def member_of(dice, major, names):
    """A membership, with options where the server has them."""
    options = ["admin", "inherit", "set"] if major >= 16 else ["admin"]
    said = {key: dice.random() < 0.5 for key in options if dice.random() < 0.3}
    return [{"name": name} | said if said else name for name in names]


def roles_of(dice, _major):
    return dice.sample(GROUPS, dice.randint(0, 3))


def roles_with_options(dice, major):
    return member_of(dice, major, roles_of(dice, major))


def settings(dice, _major):
    return {key: value for key, value in PARAMETERS if dice.random() < 0.4}


# key, how often it is there, what it says
USER_KEYS = [
    ("roles", 0.8, roles_with_options),
    ("database", 0.3, lambda dice, _: dice.choice(DATABASES)),
    ("databases", 0.4, lambda dice, _: dice.sample(DATABASES, dice.randint(0, 2))),
    ("grants", 0.4, lambda dice, _: several(dice, grant, True)),
    ("ensure", 0.1, lambda dice, _: "locked"),
    ("login", 0.1, lambda dice, _: dice.random() < 0.5),
    ("connectionLimit", 0.2, lambda dice, _: dice.choice([-1, 0, 5])),
    ("validUntil", 0.2, lambda dice, _: dice.choice(["infinity", "2020-01-01T00:00:00Z", "2099-12-31T23:59:59.5+02:00"])),
    ("until", 0.1, lambda dice, _: dice.choice(["2020-01-01T00:00:00Z", "2099-12-31T23:59:59+02:00"])),
    ("comment", 0.2, lambda dice, _: dice.choice(["", "writes\nbooks", "it's \\ ü"])),
    ("attributes", 0.3, lambda dice, _: {key: dice.random() < 0.5 for key in ATTRIBUTES if dice.random() < 0.4}),
    ("parameters", 0.3, settings),
    ("parametersIn", 0.3, lambda dice, major: {name: settings(dice, major) for name in DATABASES if dice.random() < 0.5}),
    ("password", 0.3, lambda dice, _: dice.choice([{"disabled": True}, {"ignore": True}, {"secretRef": {"name": "a-secret"}}, {"generate": True},
                                                 {"verifierSecretRef": {"name": "a-secret", "key": "password"}}])),
    ("onRemove", 0.2, lambda dice, _: dice.choice(["retire", "drop", "lock", "keep"])),
    ("memberships", 0.1, lambda dice, _: dice.choice(UPKEEP)),
    ("grantsMode", 0.1, lambda dice, _: dice.choice(UPKEEP)),
]
EITHER = [("database", "databases"), ("validUntil", "until")]  # the first goes
TOGETHER = [("grantsMode", "grants"), ("memberships", "memberOf")]  # the first needs the second
DATABASE_KEYS = [
    ("owner", 0.5, lambda dice, _: dice.choice(["app_owner", "robot"])),
    ("comment", 0.4, lambda dice, _: dice.choice(["", "the shop"])),
    ("revokePublicConnect", 0.4, lambda dice, _: True),
]
GROUP_KEYS = [
    ("grants", 0.7, lambda dice, _: several(dice, grant, False)),
    ("defaultPrivileges", 0.5, lambda dice, _: several(dice, default_privilege, most=2)),
    ("comment", 0.2, lambda dice, _: dice.choice(["", "who reads"])),
    ("dropWhenUnused", 0.2, lambda dice, _: True),
    ("memberships", 0.1, lambda dice, _: dice.choice(UPKEEP)),
    ("grantsMode", 0.1, lambda dice, _: dice.choice(UPKEEP)),
]


def entry(dice, major, first, keys):
    made = first | {key: make(dice, major) for key, often, make in keys if dice.random() < often}
    for key, other in TOGETHER:
        if key in made and other not in made:
            del made[key]
    for key, other in EITHER:
        if key in made and other in made:
            del made[key]
    if made.get("onRemove") == "keep":  # a mistake beside until
        made.pop("until", None)
    return made


def wanted(dice, major):
    """A users.yaml: as the predecessor had it, or of version 2."""
    version = 1 if dice.random() < 0.2 else 2
    keys = USER_KEYS if version == 2 else [("roles", 0.8, roles_of), USER_KEYS[1]]
    users = []
    for name in USERS:
        if dice.random() < 0.25:
            continue
        if dice.random() < 0.1:
            users.append({"username": name, "ensure": "absent"})
        else:
            users.append(entry(dice, major, {"username": name}, keys))
    users.append({"username": KEEP, "roles": roles_of(dice, major)})
    if version == 1:
        return {"users": users}
    groups = [entry(dice, major, {"name": name}, GROUP_KEYS) for name in GROUPS if dice.random() < 0.6]
    for group in groups:
        above = GROUPS[GROUPS.index(group["name"]) + 1:]  # no circle
        if above and dice.random() < 0.3:
            group["memberOf"] = member_of(dice, major, dice.sample(above, dice.randint(0, len(above))))
    databases = [entry(dice, major, {"name": name}, DATABASE_KEYS) for name in DATABASES if dice.random() < 0.2]
    return {"version": 2, "groups": groups, "databases": databases, "users": users}


def rename(dice, first, second):
    """Somebody of `second` was called otherwise in `first`; mostly so that she can be renamed."""
    names = {user["username"] for user in second["users"]}
    before = [name for name in USERS if name not in names]
    now = [user for user in second["users"] if user["username"] != KEEP and user.get("ensure") != "absent"]
    if second.get("version") != 2 or not before or not now:
        return
    user, was = dice.choice(now), dice.choice(before)
    user["renamedFrom"] = was
    if dice.random() < 0.7:
        first["users"] = [one for one in first["users"] if one["username"] not in (user["username"], was)] + [{"username": was}]
