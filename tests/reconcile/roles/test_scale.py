"""The longest list that is read, with a role for each user: planned in memory that is bounded, and in one go."""

from parts.roles import Users


def test_twenty_thousand_users_with_roles_of_their_own_are_planned(server):
    users = Users(server)
    verifier = "SCRAM-SHA-256$1:c2FsdHNhbHQ=$" + "A" * 43 + "=:" + "A" * 43 + "="
    wanted = [{"username": f"user{number}x", "roles": [f"role{number}"]} for number in range(20000)]
    for one in wanted:
        users.secret(one["username"], verifier)
    for first in range(0, 20000, 4000):  # each role takes a lock until the end of its transaction
        server.run(f"DO $$ BEGIN FOR i IN {first}..{first + 3999} LOOP EXECUTE format('CREATE ROLE role%s', i); END LOOP; END $$")
    result = users.plan(wanted)
    assert not result.error and len(result.steps) == 60001 and result.writes == 0
