"""Random lists of users on servers that random hands have been at.

A round: a random users.yaml is applied to a server with databases and roles of other people; hands change things; another random
users.yaml comes. Then
  - one pass brings it about, and what it cannot bring is told with a reason (a group goes in a pass of its own, once its members went);
  - the next plan has nothing to do, and reads with as many statements as the first;
  - what belongs to roles that are not ours is as it was;
  - the script of the plan is what the server's log has.
"""

import argparse
import copy
import datetime
import json
import os
import pathlib
import random
import re
import subprocess
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parent.parent)]

import hands  # noqa: E402
import world  # noqa: E402
from parts import postgres  # noqa: E402
from parts.roles import DRIVER, Result, Users  # noqa: E402
from parts.script import sent_statements, shown, squeezed  # noqa: E402
from untouched import Picture, changed  # noqa: E402

# A step may fail for these, and stands in the next plan again.
TOLD = ("does not exist", "dependent privileges exist", "not tried: an earlier step of this user failed",
        # A group goes a pass later than the leaver by whose right it gave on: as a member of the owner it lost the right and not what it gave.
        "some objects depend on it",
        # Others than ours would lose it.
        "have it from nobody else and would lose it",
        # A hand closed the circle, through a role that is nobody's.
        "is a member of role",
        # He would take what the owner gave.
        "who is a superuser by now")

# What is in the way may be taken by the pass that fails on it: rights that come by a membership, a circle of grants or of roles.
PASSING_WITH_A_PASS = ("dependent privileges exist", "is a member of role", "who is a superuser by now")

DATABASE = 1262  # pg_database in pg_shdepend
ROUNDS_PER_SERVER = 100  # without autovacuum its catalogs grow with each: after some hundred a round takes five times as long


class Wrong(AssertionError):
    pass


def check(good, *said):
    if not good:
        raise Wrong("\n".join(str(one) for one in said))


def is_part(sql, whole):
    """The same statement, about some of the privileges and objects: the others went through."""
    (one, privileges, objects), (other, all_privileges, all_objects) = split(sql), split(whole)
    return one == other and privileges <= all_privileges and objects <= all_objects


def split(sql):
    """What is the same in a part of it, privileges, objects. What is lent to whoever takes it back, the schema or the right to give, is left out."""
    sql = re.sub(r"^(?:GRANT .*; )?(SET LOCAL ROLE .*?; SET LOCAL ROLE NONE)(?:; REVOKE .*)?$", r"\1", sql)
    found = re.fullmatch(r"((?:SET LOCAL ROLE .*?; )?(?:GRANT|REVOKE) )(.*)( ON (?:[A-Z]+ )+)(\".*)( (?:TO|FROM) \".*)", sql)
    return (found[1] + found[3] + found[5], set(found[2].split(", ")), set(found[4].split(", "))) if found else (sql, set(), set())


class Driver(Users):
    """One process for all passes."""

    def __init__(self, server):
        super().__init__(server)
        self.process = subprocess.Popen([str(DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.give_secrets()

    def give_secrets(self, but=()):
        self.known, self.secrets = {}, {}
        for name in (*world.USERS, world.KEEP):
            if name not in but:
                self.secret(name, world.ALIKE)
        self.secrets["a-secret"] = self.secrets[f"user-{world.KEEP}-secret"]  # the one that some name

    def run(self, mode, users, **request):
        message = {"mode": mode, "connection": self.server.conninfo(), "password": self.server.password, "secrets": self.secrets,
                   "known": self.known, "users": users if isinstance(users, str) else json.dumps(users)}
        self.process.stdin.write(json.dumps(message | request) + "\n")
        self.process.stdin.flush()
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(self.process.stdout.readline())
            assert lines[-1], f"the driver ended: {self.process.wait()}"
        result = Result(json.loads("".join(lines)), "")
        self.known = result.known
        self.secrets |= result.generated
        return result

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0


class Round:
    """The plan of a round: what is wanted at first, the hands, what is wanted then."""

    def __init__(self, seed, major):
        dice = random.Random(seed)
        self.first, self.second = world.wanted(dice, major), world.wanted(dice, major)
        self.hands = [hands.hand(dice) for _ in range(dice.randint(0, 25))]
        self.policy = {"max_deletions": 100, "adopt": dice.random() < 0.3, "attributes": world.ATTRIBUTES,
                       "allow_grants": ["*"]}  # what is refused for its danger is no matter of converging: tests/reconcile/grants/test_danger.py
        if dice.random() < 0.5:  # nobody is new: then there is no password in the plan, and all of it is in the log
            names = {user["username"] for user in self.second["users"]}
            self.first["users"] += [{"username": name} for name in sorted(names - {user["username"] for user in self.first["users"]})]
            self.first["users"] = [user for user in self.first["users"] if user["username"] not in names or user.get("ensure") != "absent"]
            known = {user["username"] for user in self.first["users"]}
            self.first["users"] += [{"username": name} for name in sorted(names - known)]
        if dice.random() < 0.3:
            world.rename(dice, self.first, self.second)
        self.no_secret = dice.sample(world.USERS, 1) if dice.random() < 0.3 else []

    def smaller(self):
        """Rounds with one thing less."""
        many = len(self.hands)
        while many > 1:
            many = (many + 1) // 2
            for i in range(0, len(self.hands), many):
                made = copy.deepcopy(self)
                del made.hands[i:i + many]
                yield made
        for which in ("first", "second"):
            for key in ("users", "groups", "databases"):
                for i, item in enumerate(getattr(self, which).get(key, [])):
                    if item.get("username") != world.KEEP:  # with a user there is the agent's table
                        yield self.without((which, key, i))
                    for field, value in item.items():
                        if field not in ("username", "name"):
                            yield self.without((which, key, i, field))
                        if isinstance(value, list):
                            yield from (self.without((which, key, i, field, n)) for n in range(len(value)))

    def without(self, path):
        made = copy.deepcopy(self)
        at = getattr(made, path[0])
        for step in path[1:-1]:
            at = at[step]
        del at[path[-1]]
        return made

    def __str__(self):
        lines = [f"first: {json.dumps(self.first, ensure_ascii=False)}"]
        lines += [f"{who}@{database}: {statement}" for one in self.hands for who, database, statement in one]
        return "\n".join([*lines, f"second: {json.dumps(self.second, ensure_ascii=False)}", f"policy: {self.policy}", f"without a Secret: {self.no_secret}"])


class Property:
    def __init__(self, major):
        self.server = postgres.Postgres(major, {"log_statement": "all"})
        self.major = major
        self.driver = Driver(self.server)
        self.server.run(*(f"CREATE DATABASE {name}" for name in world.DATABASES))
        self.connections = {name: self.server.connect(name, options="-c log_statement=none -c allow_system_table_mods=on")
                            for name in ("postgres", *world.DATABASES)}

    def close(self):
        self.driver.close()
        for session in self.connections.values():
            session.close()
        self.server.close()

    # --- the server as it is at first ---

    def clean(self):
        cluster = self.connections["postgres"]
        for name in world.DATABASES:
            cluster.execute(f"ALTER DATABASE {name} OWNER TO postgres")
            cluster.execute(f"COMMENT ON DATABASE {name} IS NULL")
        for name, session in self.connections.items():
            session.execute("DO $$ DECLARE name text; BEGIN"
                            " FOR name IN SELECT rolname FROM pg_roles WHERE oid >= 16384 LOOP"
                            " EXECUTE format('DROP OWNED BY %I CASCADE', name); END LOOP;"
                            " FOR name IN SELECT nspname FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_' LOOP"
                            " EXECUTE format('DROP SCHEMA %I CASCADE', name); END LOOP;"
                            " FOR name IN SELECT fdwname FROM pg_foreign_data_wrapper LOOP"
                            " EXECUTE format('DROP FOREIGN DATA WRAPPER %I CASCADE', name); END LOOP;"
                            " FOR name IN SELECT oid FROM pg_largeobject_metadata LOOP PERFORM lo_unlink(name::oid); END LOOP; END $$")
            session.execute("DELETE FROM pg_default_acl")
            session.execute("UPDATE pg_language SET lanacl = NULL")
        # DROP OWNED leaves what others than the owner gave.
        cluster.execute("UPDATE pg_database SET datacl = NULL")
        cluster.execute("DELETE FROM pg_shdepend WHERE refclassid = 1260 AND refobjid >= 16384")
        cluster.execute("DO $$ DECLARE name text; BEGIN FOR name IN SELECT rolname FROM pg_roles WHERE oid >= 16384 LOOP"
                        " EXECUTE format('DROP ROLE %I', name); END LOOP; END $$")

    def prepare(self, no_secret=()):
        self.clean()
        for statement in world.OTHERS_SQL:
            self.connections["postgres"].execute(statement)
        for name in world.DATABASES:
            for statement in world.THINGS_SQL:
                self.connections[name].execute(statement)
        self.connections["postgres"].execute("ALTER DATABASE app OWNER TO app_owner")
        self.driver.give_secrets(no_secret)

    # --- a round ---

    def ours(self):
        """OIDs of roles that the agent has in its table under their name."""
        return {oid for (oid,) in self.connections["postgres"].execute(
            "SELECT m.oid FROM pgitops.managed_role m JOIN pg_roles r ON r.oid = m.oid AND r.rolname = m.name").fetchall()}

    def play(self, round):
        self.prepare(round.no_secret)
        result = self.driver.apply(round.first, policy=round.policy | {"adopt": False})
        check(not result.error and not result.mistakes, "first:", result.error, result.mistakes)
        for one in round.hands:
            hands.play(self.connections, one)
        ours, before = self.ours(), Picture(self.connections, self.major)
        plan = self.driver.plan(round.second, policy=round.policy)
        check(not plan.error and not plan.mistakes, "plan:", plan.error, plan.mistakes)
        mark = self.server.log_mark()
        result = self.driver.apply(round.second, policy=round.policy)
        check(not result.error, "apply:", result.error)
        self.check_failures(result)
        check([step["sql"] for step in plan.steps] == [step["sql"] for step in result.steps], "another plan", plan.steps, result.steps)
        if "_verifier" not in plan.script and "verifier_of" not in plan.script and all(step["done"] for step in result.steps):
            script, log = squeezed(shown(plan.script)), squeezed(sent_statements(self.server, mark))
            check(script == log, "script and log differ:", script, log)
        listed = {name for user in round.second["users"] for name in (user["username"], user.get("renamedFrom"))} if round.policy["adopt"] else set()
        taken = {oid for oid in self.ours() if oid in before.roles and before.roles[oid][1] in listed}
        after = Picture(self.connections, self.major)
        differs = changed(before, after, ours | taken, [one["name"] for one in round.second.get("databases", [])])
        check(not differs, "not ours, and changed:", *differs, self.names(before, after))
        self.check_heirs(before, after, ours, {before.databases.get(one["name"]) for one in round.second.get("databases", [])})
        self.check_quiet(round, result)

    def check_heirs(self, before, after, ours, listed):
        """What a leaver owned is hers while she is there, and goes to the heir of her own then, who is nobody else's and may nothing. Whose
        a listed database is says users.yaml."""
        heirs = {oid: row[1] for oid, row in after.roles.items() if row[1].startswith("pgitops_left_")}
        now = {tuple(row[:3]): row[3] for row in after.owners}
        for *thing, owner in before.owners:
            after_it = now.get(tuple(thing))
            if owner not in ours or after_it in (None, owner) or (thing[1] == DATABASE and thing[2] in listed):
                continue
            check(heirs.get(after_it, "").endswith(f"_{owner}"), "somebody else has what she owned:", thing, before.roles[owner],
                  after.roles.get(after_it))
        for oid, name in heirs.items():
            row = after.roles[oid]
            check(not any(row[i] for i in (2, 4, 5, 6, 7, 8, 11)), "an heir with powers:", row)
            check(not any(oid in member[:2] for member in after.members), "an heir with a membership:", name)
            check(not any(acl[6] == oid and acl[4] != oid for acl in after.acls), "an heir with a privilege:", name)

    @staticmethod
    def names(before, after):
        return {oid: row[1] for picture in (before, after) for oid, row in picture.roles.items() if oid >= 16384}

    @staticmethod
    def check_failures(result):
        for step in result.steps:
            check(step["done"] or any(word in step["error"] for word in TOLD), "failed:", step)
        for report in result.reports:
            check(report["status"] == "Synced" or report["reason"] or report["progress"], "no reason:", report)

    def check_quiet(self, round, result):
        undone = [step for step in result.steps if not step["done"]]
        stuck_for = {step["user"] for step in undone if PASSING_WITH_A_PASS[-1] in step["error"]}
        failed = [step["sql"] for step in undone]
        went = False
        stuck = {step["user"] for step in undone if step["action"] in ("retire", "drop")}
        removal = ("end", "revoke", "retire", "drop")
        for again in range(len(world.GROUPS)):  # groups go once nobody has them any more, another group neither
            rest = [step for step in self.driver.plan(round.second, policy=round.policy).steps
                    if not any(is_part(step["sql"], one) for one in failed) and step["user"] not in stuck
                    and not ("SET LOCAL ROLE" in step["sql"] and step["user"] in stuck_for)]
            check(all(self.was_refused(step, result) or (step["user"] in world.GROUPS and step["action"] in removal) for step in rest) and
                  (not rest or again < len(world.GROUPS) - 1), "not quiet:", *rest,
                  "after:", *(step["sql"] for step in result.steps if step["action"] != "retire"))
            if rest:
                went = True
                more = self.driver.apply(round.second, policy=round.policy).steps
                stuck |= {step["user"] for step in more if not step["done"] and step["action"] in ("retire", "drop")}
        again = self.driver.apply(round.second, policy=round.policy)
        there = {role[0] for role in self.connections["postgres"].execute("SELECT rolname FROM pg_roles").fetchall()}
        failed = [step["sql"] for step in undone if step["sql"] in failed and step["user"] in there]  # a group may be gone since
        check(again.writes == 0 or failed or stuck, "writes:", again.writes, again.steps)
        still = [step["sql"] for step in again.steps if not step["done"] and step["user"] not in stuck]
        failed = [step["sql"] for step in undone if step["sql"] in failed and step["user"] not in stuck]
        # A group went, and what depended on it; or what was in the way was taken by the same pass.
        passing = {step["sql"] for step in undone if any(word in step["error"] for word in PASSING_WITH_A_PASS)}
        failed = [one for one in failed if not (went or one in passing) or one in still]
        told = {step["sql"] for step in again.steps if any(word in step["error"] for word in TOLD)}
        check(all(one in told or any(is_part(one, sql) for sql in failed) for one in still)
              and all(any(is_part(one, sql) for one in still) for sql in failed),
              "failed once, and not again:", failed, again.steps)

    @staticmethod
    def was_refused(step, result):
        """A membership that would have given what a leaver still had; once she went it is harmless."""
        return step["action"] == "grant" and any(
            report["name"] == step["user"] and report["reason"] and any(group in report["reason"] for group in world.GROUPS if f'"{group}"' in step["sql"])
            for report in result.reports)

    def fails(self, round):
        try:
            self.play(round)
        except Wrong as wrong:
            return wrong
        return None

    def shrunk(self, round, wrong):
        """The smallest that is wrong in the same way, found by leaving things out."""
        kind, found = str(wrong).split("\n", 1)[0], True
        while found:
            found = False
            for smaller in round.smaller():
                again = self.fails(smaller)
                if again and str(again).split("\n", 1)[0] == kind:
                    round, wrong, found = smaller, again, True
                    break
        return round, wrong

    def run(self, seeds, shrink=True):
        for seed in seeds:
            round = Round(seed, self.major)
            wrong = self.fails(round)
            if wrong:
                if shrink:
                    round, wrong = self.shrunk(round, wrong)
                raise Wrong(f"PostgreSQL {self.major}, seed {seed}: {wrong}\n{round}\n"
                            f"again: tests/property/run.sh --major {self.major} --seed {seed}")


def today():
    """A seed that is another one each day."""
    return int(datetime.date.today().strftime("%Y%m%d"))


def main():
    parser = argparse.ArgumentParser(prog="tests/property/run.sh")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=today())
    parser.add_argument("--major", type=int, action="append", choices=postgres.MAJORS)
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--keep-going", action="store_true", help="play on after a round that is wrong")
    options = parser.parse_args()
    bad = 0
    for major in options.major or postgres.MAJORS:
        playing = Property(major)
        played = 0
        for number, seed in enumerate(range(options.seed, options.seed + options.rounds)):
            if number and number % ROUNDS_PER_SERVER == 0:
                playing.close()
                playing = Property(major)
            try:
                playing.run([seed], not options.no_shrink)
                played += 1
            except Wrong as wrong:
                bad += 1
                print(wrong, flush=True)
                if not options.keep_going:
                    return 1
        playing.close()
        print(f"PostgreSQL {major}: {played} of {options.rounds} rounds as they should be", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=1")
    sys.exit(main())
