"""Random hands of a DBA and of users, then a random list: one pass brings what can be brought, the next has nothing to do, and no role
that is not ours is changed."""

import random

import psycopg
import pytest

from parts.roles import Users

NAMES = [f"u{number}" for number in range(6)]
GROUPS = ["g0", "g1", "g2"]
OTHERS = ["dba", "app_owner"]
MARKS = ["NULL", "'said by people'", "'managed by pgitops (main)'", "'managed by pgitops (main) retiring'", "'managed by pgitops (other)'"]


def wanted_list(dice):
    users = []
    for name in NAMES:
        if dice.random() < 0.75:
            users.append({"username": name, "roles": sorted(dice.sample(GROUPS, dice.randint(0, 2)))}
                         | ({"ensure": "absent", "roles": []} if dice.random() < 0.1 else {}))
    return users + [{"username": "always"}]


def hand(dice):
    """One statement of somebody, as who."""
    name, other = dice.choice(NAMES + GROUPS), dice.choice(NAMES + GROUPS + OTHERS)
    role = dice.choice(NAMES + GROUPS + OTHERS)
    return dice.choice([
        ("postgres", f"ALTER ROLE {name} RENAME TO {name}_old"), ("postgres", f"ALTER ROLE {name}_old RENAME TO {other}_new"),
        ("postgres", f"ALTER ROLE {name}_old RENAME TO {name}"), ("postgres", f"COMMENT ON ROLE {role} IS {dice.choice(MARKS)}"),
        ("postgres", f"GRANT {name} TO {other}"), ("postgres", f"GRANT {role} TO {name} WITH ADMIN OPTION"),
        ("postgres", f"REVOKE {name} FROM {other}"), ("postgres", f"ALTER ROLE {name} CREATEROLE NOLOGIN CONNECTION LIMIT 2"),
        ("postgres", f"DROP OWNED BY {name}; DROP ROLE {name}"), ("postgres", f"CREATE ROLE {name} LOGIN"),
        (name, f"GRANT {role} TO {other} WITH ADMIN OPTION"), (name, f"GRANT {role} TO {other}"), (name, f"CREATE ROLE {other}_made"),
        (name, f"GRANT {other}_made TO {dice.choice(NAMES)}"), (name, f"COMMENT ON ROLE {other} IS {dice.choice(MARKS)}"),
    ])


def meddle(server, dice):
    done = []
    with server.connect() as session:
        for _ in range(dice.randint(3, 25)):
            who, sql = hand(dice)
            try:
                session.execute(f"SET SESSION AUTHORIZATION {who}")
                session.execute(sql)
                done.append(f"{who}: {sql}")
            except psycopg.Error:
                pass  # it may not, or there is nothing to do it to
            session.execute("RESET SESSION AUTHORIZATION")
    return done


def not_ours(server):
    """Roles without a row of their OID and name, as they are."""
    return server.query(
        "SELECT oid, rolname::text, rolcanlogin, rolcreaterole, rolconnlimit, rolpassword, shobj_description(oid, 'pg_authid')"
        " FROM pg_authid a WHERE NOT EXISTS (SELECT FROM pgitops.managed_role m WHERE m.oid = a.oid AND m.name = a.rolname) ORDER BY 1")


@pytest.mark.parametrize("server", [13, 16, 18], indirect=True)
@pytest.mark.parametrize("seed", range(8))
def test_one_pass_is_enough_whatever_hands_did(server, seed):
    dice = random.Random(seed)
    users = Users(server)
    for name in NAMES + ["always"]:
        users.secret(name, "SCRAM-SHA-256$1:c2FsdHNhbHQ=$" + "A" * 43 + "=:" + "A" * 43 + "=")
    server.run(*(f"CREATE ROLE {name}" for name in OTHERS))
    first = wanted_list(dice)
    users.apply(first, policy={"max_deletions": 100})
    done = meddle(server, dice)
    before = not_ours(server)
    wanted = wanted_list(dice)
    result = users.apply(wanted, policy={"max_deletions": 100})
    assert not result.error and not result.mistakes and all(step["done"] for step in result.steps), (done, result.steps, result.reports)
    after = {row[0]: row for row in not_ours(server)}
    assert [row for row in before if after.get(row[0]) != row] == [], done
    users.apply(wanted, policy={"max_deletions": 100})  # groups go once their last member has gone
    again = users.apply(wanted, policy={"max_deletions": 100})
    assert again.steps == [] and again.writes == 0, (done, again.steps)
    for report in again.reports:
        assert report["status"] == "Synced" or report["reason"], (done, report)
