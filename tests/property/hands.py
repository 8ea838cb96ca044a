"""What people do to a server while the agent does not look.

A hand is a few statements "who: SQL" with places that are filled by the dice, the same place with the same thing: {user1}, {group1},
{ours1} = a user or group of users.yaml, {other1} = a role that is not ours, {role1} = any, {new1} = a new name, {on1} = privileges on
something ("SELECT ON TABLE s.t1"), {thing1} = the same, but not on a database, {schema1}, {option} = with or without the right to give it on. "who" may have a database:
"postgres@app". A statement that the server refuses did not happen.
"""

import re

import psycopg

from world import DATABASES, GROUPS, OTHERS, TABLE, USERS, some

ON = [
    (TABLE + ["ALL"], ['TABLE s.t1', 'TABLE s."T 2"', 'TABLE "P 2".t1', "TABLE s.v", "TABLE s.m", "ALL TABLES IN SCHEMA s"]),
    (["USAGE", "CREATE", "ALL"], ["SCHEMA s", 'SCHEMA "P 2"']), (["USAGE", "SELECT", "UPDATE", "ALL"], ["SEQUENCE s.q"]),
    (["EXECUTE", "ALL"], ["FUNCTION s.f()", "FUNCTION s.f(int, text)", "PROCEDURE s.p(int)", "ALL ROUTINES IN SCHEMA s"]),
    (["USAGE", "ALL"], ["TYPE s.e", "DOMAIN s.d", "TYPE s.c", "LANGUAGE sql", "LANGUAGE plpgsql", "FOREIGN SERVER fs"]),
    (["CONNECT", "CREATE", "TEMP", "ALL"], ["DATABASE app", "DATABASE shop"]),
    (["SELECT (a)", "UPDATE (a, b)", "INSERT (b)", "REFERENCES (a)"], ["TABLE s.t1", 'TABLE "P 2".t1']),
]
DEFAULT_ON = ["SELECT, INSERT ON TABLES", "ALL ON TABLES", "USAGE ON SEQUENCES", "EXECUTE ON ROUTINES", "USAGE ON TYPES"]
ATTRIBUTES = ["NOLOGIN", "LOGIN", "CREATEROLE", "CREATEDB", "SUPERUSER", "NOINHERIT", "BYPASSRLS", "REPLICATION", "CONNECTION LIMIT 2",
              "VALID UNTIL '2031-01-01'", "VALID UNTIL 'infinity'", "PASSWORD NULL", "CREATEROLE NOLOGIN"]
COMMENTS = ["NULL", "'said by people'", "'managed by pgitops (main)'", "'managed by pgitops (main) retiring'", "'managed by pgitops (other)'"]
OBJECTS = ["TABLE s.{new1}", "VIEW s.{new1}", "FUNCTION s.{new1}()", "TYPE s.{new1}", "SEQUENCE s.{new1}", "SCHEMA {new1}"]
MAKE = {"TABLE": "CREATE TABLE s.{new1} (a int)", "VIEW": "CREATE VIEW s.{new1} AS SELECT 1 AS one",
        "FUNCTION": "CREATE FUNCTION s.{new1}() RETURNS int LANGUAGE sql AS 'SELECT 1'", "TYPE": "CREATE TYPE s.{new1} AS ENUM ('x')",
        "SEQUENCE": "CREATE SEQUENCE s.{new1}", "SCHEMA": "CREATE SCHEMA {new1}"}

# Code of somebody who may leave: whatever it is, nobody but her own heir may have it then (test_retire_attack.py has each by itself).
CODE = [
    ["CREATE FUNCTION s.{new1}() RETURNS int LANGUAGE sql IMMUTABLE SECURITY DEFINER AS 'SELECT 1'",
     "CREATE TABLE s.{new2} (a int DEFAULT s.{new1}(), CHECK (a <> s.{new1}()))", "CREATE INDEX ON s.{new2} ((a + s.{new1}())) WHERE s.{new1}() > 0"],
    ["CREATE FUNCTION s.{new1}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'", "CREATE TABLE s.{new2} (a int)",
     "CREATE TRIGGER t BEFORE INSERT ON s.{new2} FOR EACH ROW EXECUTE FUNCTION s.{new1}()"],
    ["CREATE FUNCTION s.{new1}(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true'",
     "CREATE DOMAIN s.{new2} AS int CHECK (s.{new1}(VALUE))", "CREATE TABLE s.{new3} (a s.{new2}, b int)",
     "ALTER TABLE s.{new3} ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON s.{new3} TO {role1} USING (s.{new1}(b))"],
    ["CREATE VIEW s.{new1} AS SELECT current_user AS who", "CREATE MATERIALIZED VIEW s.{new2} AS SELECT * FROM s.{new1}",
     "GRANT SELECT ON s.{new1} TO {role1}", "CREATE RULE r AS ON INSERT TO s.{new1} DO INSTEAD NOTHING"],
    ["CREATE FUNCTION s.{new1}(int, int) RETURNS bool LANGUAGE sql AS 'SELECT true'",
     "CREATE OPERATOR s.=== (FUNCTION = s.{new1}, LEFTARG = int, RIGHTARG = int)"],
    ["CREATE TYPE s.{new1} AS ENUM ('a')", "CREATE FUNCTION s.{new2}(s.{new1}) RETURNS int LANGUAGE sql AS 'SELECT 1'",
     "CREATE CAST (s.{new1} AS int) WITH FUNCTION s.{new2}(s.{new1}) AS IMPLICIT"],
    ["CREATE TABLE s.{new1} (a int)", "CREATE PUBLICATION {new2} FOR TABLE s.{new1}"],
    ["CREATE FUNCTION s.{new1}(int, int) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT 1.0::float8'",
     "CREATE TYPE s.{new2} AS RANGE (SUBTYPE = int, SUBTYPE_DIFF = s.{new1})", "CREATE TABLE s.{new3} (a s.{new2})"],
    ["CREATE FUNCTION s.{new1}(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1'",
     "CREATE TABLE s.{new2} (a int) PARTITION BY RANGE (s.{new1}(a))", "CREATE TABLE s.{new3} PARTITION OF s.{new2} DEFAULT"],
    ["CREATE SCHEMA {new1}", "CREATE COLLATION {new1}.co FROM \"C\"", "CREATE TEXT SEARCH CONFIGURATION {new1}.ts (COPY = simple)"],
]

# weight, statements
HANDS = [
    (3, ["postgres: ALTER ROLE {ours1} {attribute}"]),
    (1, ["postgres: ALTER ROLE {other1} {attribute}"]),
    (1, ["postgres: ALTER ROLE {user1} PASSWORD 'changed'"]),
    (1, ["postgres: ALTER ROLE {ours1} RENAME TO {new1}"]),
    (1, ["postgres: ALTER ROLE {user1} RENAME TO {new1}", "postgres: CREATE ROLE {user1} LOGIN"]),
    (2, ["postgres: COMMENT ON ROLE {role1} IS {comment}"]),
    (1, ["postgres: DROP OWNED BY {ours1}", "postgres: DROP ROLE {ours1}"]),
    (1, ["postgres: CREATE ROLE {ours1} LOGIN"]),
    (1, ["postgres: CREATE ROLE {new1}", "postgres: GRANT {new1} TO {ours1}", "postgres: GRANT {ours2} TO {new1}"]),
    (1, ["postgres: ALTER ROLE {ours1} SET work_mem = '4MB'"]),
    (1, ["postgres: ALTER ROLE {ours1} IN DATABASE app SET search_path = s"]),
    # memberships
    (2, ["postgres: GRANT {role1} TO {role2}"]),
    (2, ["postgres: GRANT {role1} TO {ours1} WITH ADMIN OPTION"]),
    (1, ["postgres: GRANT {group1} TO {user1} WITH INHERIT FALSE, SET TRUE"]),
    (1, ["postgres: GRANT {group1} TO {user1} WITH INHERIT TRUE, SET FALSE"]),
    (2, ["postgres: REVOKE {group1} FROM {user1}"]),
    (2, ["postgres: GRANT {group1} TO {role1} WITH ADMIN OPTION", "{role1}: GRANT {group1} TO {role2} WITH ADMIN OPTION",
         "{role2}: GRANT {group1} TO {role3}"]),
    (1, ["postgres: ALTER ROLE {user1} CREATEROLE", "{user1}: CREATE ROLE {new1}", "{user1}: GRANT {new1} TO {role1}"]),
    # privileges
    (4, ["postgres@{database}: GRANT {on1} TO {ours1} {option}"]),
    (2, ["postgres@{database}: REVOKE {on1} FROM {role1} CASCADE"]),
    (1, ["postgres@{database}: GRANT {on1} TO {other1} {option}"]),
    (1, ["postgres@{database}: GRANT {on1} TO PUBLIC"]),
    (1, ["postgres@{database}: REVOKE {on1} FROM PUBLIC"]),
    (3, ["postgres@{database}: GRANT {thing1} TO {role1} WITH GRANT OPTION",
         "{role1}@{database}: GRANT {thing1} TO {role2} WITH GRANT OPTION", "{role2}@{database}: GRANT {thing1} TO {role3}"]),
    (2, ["postgres@{database}: GRANT {thing1} TO {ours1}, {ours2} WITH GRANT OPTION", "{ours1}@{database}: GRANT {thing1} TO {ours3}",
         "{ours2}@{database}: GRANT {thing1} TO {ours3}", "{ours2}@{database}: GRANT {thing1} TO {other1}"]),
    (2, ["postgres@{database}: ALTER DEFAULT PRIVILEGES FOR ROLE {role1} GRANT {default} TO {ours1} {option}"]),
    (2, ["postgres@{database}: ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema1} GRANT {default} TO {role1} {option}"]),
    (1, ["postgres@{database}: ALTER DEFAULT PRIVILEGES FOR ROLE {role1} REVOKE {default} FROM {role1}"]),
    (1, ["postgres@{database}: ALTER DEFAULT PRIVILEGES FOR ROLE app_owner REVOKE EXECUTE ON ROUTINES FROM PUBLIC"]),
    # things
    (2, ["postgres@{database}: {make}", "postgres@{database}: ALTER {object} OWNER TO {role1}"]),
    (2, ["postgres@{database}: {make}", "postgres@{database}: ALTER {object} OWNER TO {ours1}",
         "{ours1}@{database}: GRANT ALL ON {object} TO {ours2} WITH GRANT OPTION", "{ours2}@{database}: GRANT ALL ON {object} TO {role1}"]),
    (1, ["postgres@{database}: ALTER TABLE s.t1 OWNER TO {ours1}"]),
    (1, ["postgres@{database}: ALTER SCHEMA {schema1} OWNER TO {ours1}"]),
    (1, ["postgres: ALTER DATABASE {database} OWNER TO {role1}"]),
    (1, ["postgres@{database}: CREATE POLICY {new1} ON s.t1 TO {role1} USING (true)"]),
    (1, ["{ours1}@{database}: SELECT lo_create(0)"]),
    (1, ["postgres@{database}: CREATE USER MAPPING FOR {role1} SERVER fs"]),
    (1, ["postgres@{database}: DROP TABLE s.t1 CASCADE"]),
] + [(0.5, ["postgres@{database}: GRANT ALL ON SCHEMA s TO {ours1}", "postgres: GRANT CREATE ON DATABASE {database} TO {ours1}",
            *("{ours1}@{database}: " + sql for sql in code)]) for code in CODE]


def name(text):
    return '"' + text.replace('"', '""') + '"'


class Filling:
    """What stands in the places of one hand."""

    def __init__(self, dice):
        self.dice, self.known = dice, {}
        self.object = dice.choice(OBJECTS)

    def __call__(self, match):
        place = match.group(1)
        if place not in self.known:
            self.known[place] = self.made(re.sub(r"\d", "", place))
        return self.known[place]

    def made(self, kind):
        dice = self.dice
        roles = {"user": USERS, "group": GROUPS, "ours": USERS + GROUPS, "other": OTHERS, "role": USERS + GROUPS + OTHERS}
        if kind in roles:
            return name(dice.choice(roles[kind]))
        if kind in ("on", "thing"):
            words, things = dice.choice(ON if kind == "on" else [one for one in ON if "CONNECT" not in one[0]])
            word = [dice.choice(words)] if "ALL" in words and dice.random() < 0.2 else some(dice, [one for one in words if one != "ALL"], 2)
            return f"{', '.join(word)} ON {dice.choice(things)}"
        if kind in ("object", "make"):
            text = self.object if kind == "object" else MAKE[self.object.split()[0]]
            return re.sub(r"\{(\w+)\}", self, text)
        return {
            "new": lambda: name(f"n{dice.randint(0, 9)} {dice.choice(USERS)}"),
            "option": lambda: dice.choice(["", "", "WITH GRANT OPTION"]), "attribute": lambda: dice.choice(ATTRIBUTES),
            "comment": lambda: dice.choice(COMMENTS), "database": lambda: dice.choice(DATABASES),
            "schema": lambda: dice.choice(["s", '"P 2"']), "default": lambda: dice.choice(DEFAULT_ON),
            "owner": lambda: dice.choice(["app_owner", "postgres", "robot"]),
        }[kind]()


def hand(dice):
    """A list of (who, database, SQL)."""
    template = dice.choices([one[1] for one in HANDS], [one[0] for one in HANDS])[0]
    filling = Filling(dice)
    done = []
    for line in template:
        who, statement = re.sub(r"\{(\w+)\}", filling, line).split(": ", 1)
        who, _, database = who.partition("@") if not who.startswith('"') else who.rpartition("@") if '"@' in who else (who, "", "")
        done.append((who, database or "postgres", statement))
    return done


def play(connections, steps):
    """Does what the server lets it; whether it did stands in the answer, one for each."""
    done = []
    for who, database, statement in steps:
        session = connections[database]
        try:
            session.execute(f"SET SESSION AUTHORIZATION {who}")
            session.execute(statement)
            done.append(True)
        except psycopg.Error:
            done.append(False)
        session.execute("RESET SESSION AUTHORIZATION")
        session.execute("RESET ROLE")
    return done
