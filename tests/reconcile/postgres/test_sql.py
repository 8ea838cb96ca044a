"""Names and texts arrive at a real server as they were written."""

import random

from parts.roles import Users, comment


def test_names_and_comments_come_back_unchanged(server):
    letters = "'\"\\;%$-/*{}()[] \u00e9\u0130\u0131\u202e\ud7ff\U0001f600EeUu&\u00df"
    dice = random.Random(20260101)
    names = {"".join(dice.choice(letters) for _ in range(dice.randint(1, 12))) for _ in range(150)}
    target = "it's \\ \"main\" E'"
    users = Users(server, name=target)
    wanted = []
    for name in sorted(names):
        users.secret(name, "SCRAM-SHA-256$1:c2FsdHNhbHQ=$" + "A" * 43 + "=:" + "A" * 43 + "=")
        wanted.append({"username": name, "roles": ["g " + name]})
    result = users.apply(wanted)
    refused = {mistake for mistake in result.mistakes if "share the Secret" not in mistake}
    assert not refused, refused
    result.good()
    users.apply(wanted).quiet()
    found = {name for (name,) in server.query("SELECT rolname FROM pg_roles WHERE oid >= 16384 AND rolcanlogin")}
    assert found == names
    assert {comment(server, name) for name in names} == {f"managed by pgitops ({target})"}
