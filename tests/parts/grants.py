"""Passes over the privileges of roles, made by grants_driver.

    grants = Grants(server, roles=["readers"])
    grants.want("app", "readers", "tables", "SELECT", schema="public", name="*")
    grants.apply().good()
"""

import json
import os
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
DRIVER = pathlib.Path(os.environ.get("PGITOPS_TEST_GRANTS_DRIVER") or
                      TOP / "build/test/tests/reconcile/grants/grants_driver")


class Result:
    def __init__(self, answer):
        self.answer = answer
        self.steps, self.differences = answer.get("steps"), answer.get("differences")
        self.asked, self.writes = answer.get("asked"), answer.get("writes")

    @property
    def sql(self):
        return [step["sql"] for step in self.steps]

    def good(self):
        assert not self.answer["error"] and all(step["done"] for step in self.steps), self.answer
        return self

    def quiet(self):
        assert self.good().steps == [] and self.differences == [] and self.writes == 0, self.answer
        return self

    def failed(self):
        """{role: what the server said} of the steps that failed; the others are done."""
        assert all(step["done"] != bool(step["error"]) for step in self.steps), self.steps
        return {step["role"]: step["error"] for step in self.steps if step["error"]}


class Grants:
    def __init__(self, server, roles, users=()):
        self.server, self.roles, self.users = server, sorted(roles), sorted(users)
        self.wanted = []
        self.database = "postgres"  # of the agent's own connection

    def want(self, database, role, on, *privileges, **fields):
        for privilege in privileges:
            self.wanted.append({"database": database, "role": role, "on": on, "privilege": privilege} | fields)
        return self

    def run(self, mode):
        message = {"mode": mode, "connection": self.server.conninfo(self.database), "password": self.server.password, "roles": self.roles,
                   "users": self.users, "grants": self.wanted}
        done = subprocess.run([str(DRIVER)], input=json.dumps(message), check=False, capture_output=True, text=True, timeout=170)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return Result(json.loads(done.stdout))

    def plan(self):
        return self.run("plan")

    def apply(self):
        return self.run("apply")
