"""Passes over the users of one server, made by roles_driver: plan or apply, with Secrets from a dictionary.

    users = Users(server)
    users.secret("alice", "geheim")
    result = users.apply([{"username": "alice", "roles": ["read_only"]}])
    assert result.status("alice") == "Synced"
"""

import base64
import json
import os
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
DRIVER = pathlib.Path(os.environ.get("PGITOPS_TEST_ROLES_DRIVER") or
                      TOP / "build/test/tests/reconcile/roles/roles_driver")

MARK = "managed by pgitops (main)"


class Result:
    """The answer of one pass. `steps`, `reports`, `warnings`, `statements`, ... are those of the driver."""

    def __init__(self, answer, output):
        self.answer = answer
        self.output = output

    def __getattr__(self, name):
        try:
            return self.answer[name]
        except KeyError:
            raise AttributeError(name) from None

    def report(self, user):
        found = [report for report in self.reports if report["name"] == user]
        assert len(found) == 1, f"{user} in {self.reports}"
        return found[0]

    def status(self, user):
        return self.report(user)["status"]

    def reason(self, user):
        return self.report(user)["reason"]

    def fields(self, user):
        return {one["field"]: (one["wanted"], one["found"]) for one in self.report(user)["differences"]}

    @property
    def sql(self):
        return [step["sql"] for step in self.steps]

    @property
    def actions(self):
        return [(step["action"], step["user"]) for step in self.steps]

    def good(self):
        """Itself, after making sure that nothing went wrong."""
        assert not self.error and not self.mistakes, self.answer
        assert all(step["done"] for step in self.steps), self.steps
        assert all(report["status"] == "Synced" for report in self.reports), self.reports
        return self

    def quiet(self):
        assert self.good().steps == [] and self.writes == 0, self.answer
        return self


class Users:
    def __init__(self, server, **request):
        self.server = server
        self.secrets = {}
        self.known = {}
        self.request = request

    def secret(self, user, password, version=None):
        """Puts a password (text or bytes) into the user's Secret; its version moves."""
        name = f"user-{user.replace('_', '-')}-secret"
        before = int(self.secrets.get(name, {"version": "0"})["version"])
        encoded = password if isinstance(password, bytes) else password.encode()
        self.secrets[name] = {"version": version or str(before + 1),
                              "password64": base64.b64encode(encoded).decode()}

    def message(self, mode, users):
        return {"mode": mode, "connection": self.server.conninfo(), "password": self.server.password,
                "secrets": self.secrets, "known": self.known,
                "users": users if isinstance(users, str) else json.dumps({"users": users})}

    def run(self, mode, users, **request):
        message = self.message(mode, users)
        done = subprocess.run([str(DRIVER)], input=json.dumps(message | self.request | request), check=False,
                              capture_output=True, text=True, timeout=170)
        assert done.returncode == 0 and not done.stderr, done.stderr
        result = Result(json.loads(done.stdout), done.stdout)
        self.known = result.known
        self.secrets |= result.generated
        return result

    def apply(self, users, **request):
        return self.run("apply", users, **request)

    def plan(self, users, **request):
        return self.run("plan", users, **request)

    def check(self, users, **request):
        return self.run("check", users, **request)

    def check_all(self, texts, **request):
        """The mistakes of each text, by one process."""
        done = subprocess.run([str(DRIVER)], input="\n".join(json.dumps(self.message("check", text) | request) for text in texts),
                              check=False, capture_output=True, text=True, timeout=170)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return [answer["mistakes"] for answer in json.loads(f"[{done.stdout.replace(chr(10) + '}' + chr(10) + '{', chr(10) + '},{')}]")]


def catalog(server):
    """Everything about roles that a pass could change, with the row versions: equal = nothing was written."""
    return [server.query(sql) for sql in (
        "SELECT oid, xmin::text, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,"
        " rolbypassrls, rolconnlimit, rolvaliduntil::text, rolpassword FROM pg_authid ORDER BY oid",
        "SELECT m.xmin::text, m::text FROM pg_auth_members m ORDER BY roleid, member, grantor",
        "SELECT xmin::text, datname, datdba, datacl::text FROM pg_database ORDER BY oid",
        "SELECT xmin::text, objoid, description FROM pg_shdescription ORDER BY objoid",
        "SELECT count(*) FROM pg_shdepend")]


def verifier(server, user):
    return server.value("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [user])


def members(server, role):
    return sorted(name for (name,) in server.query(
        "SELECT DISTINCT m.rolname FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid"
        " JOIN pg_roles m ON m.oid = a.member WHERE r.rolname = %s", [role]))


def exists(server, role):
    return server.value("SELECT count(*) FROM pg_roles WHERE rolname = %s", [role]) == 1


def comment(server, role):
    return server.value("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = %s", [role])


def oid(server, role):
    return server.value("SELECT oid FROM pg_roles WHERE rolname = %s", [role])


def heir(server, user):
    """Who is made to get what this user owns (heir.h): ask while the user is there."""
    return f"pgitops_left_{user}_{oid(server, user)}"


def databases_with_connect(server, user):
    return sorted(name for (name,) in server.query(
        "SELECT d.datname FROM pg_database d, aclexplode(d.datacl) x JOIN pg_roles r ON r.oid = x.grantee"
        " WHERE x.privilege_type = 'CONNECT' AND r.rolname = %s", [user]))
