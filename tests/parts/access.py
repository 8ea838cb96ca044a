"""Questions about who may do what, asked by access_driver, and what the server itself says.

    access = Access(server)
    access.ask(role="alice").ways("table", "shop.orders", "SELECT")
"""

import json
import os
import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
DRIVER = pathlib.Path(os.environ.get("PGITOPS_TEST_ACCESS_DRIVER") or
                      TOP / "build/test/tests/reconcile/access/access_driver")


class Answer:
    def __init__(self, answer):
        self.items, self.notes, self.error, self.statements = (answer[key] for key in ("items", "notes", "error", "statements"))

    def good(self):
        assert not self.error, self.error
        return self

    def find(self, **fields):
        return [item for item in self.items if all(item[key] == value for key, value in fields.items())]

    def ways(self, kind, name, privilege, **fields):
        """[via] of each way to this privilege."""
        return [item["via"] for item in self.find(kind=kind, object=name, privilege=privilege, **fields)]

    def one(self, **fields):
        found = self.find(**fields)
        assert len(found) == 1, (fields, found)
        return found[0]


class Access:
    def __init__(self, server, users=None):
        self.server, self.users = server, users

    def ask_all(self, questions):
        message = {"connection": self.server.conninfo(), "password": self.server.password, "users": self.users,
                   "questions": questions}
        done = subprocess.run([str(DRIVER)], input=json.dumps(message), check=False, capture_output=True, text=True, timeout=170)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return [Answer(answer) for answer in json.loads(done.stdout)]

    def ask(self, **question):
        return self.ask_all([question])[0]


# ---- what the server says ----

TABLE = "SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER"
ORACLE = {  # kind -> objects (oid for the function, name as in the answer), privileges, has_..._privilege
    "schema": ("SELECT n.oid, nspname::text FROM pg_namespace n WHERE nspname !~ '^(pg_|information_schema)'", "USAGE, CREATE", "schema"),
    "table": ("SELECT c.oid, nspname || '.' || relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid >= 16384 AND"
              " relkind IN ('r', 'v', 'm', 'p', 'f') AND nspname !~ '^pg_toast'", TABLE, "table"),
    "sequence": ("SELECT c.oid, nspname || '.' || relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE c.oid >= 16384"
                 " AND relkind = 'S'", "USAGE, SELECT, UPDATE", "sequence"),
    "function": ("SELECT p.oid, nspname || '.' || proname || '(' || oidvectortypes(proargtypes) || ')' FROM pg_proc p JOIN pg_namespace n"
                 " ON n.oid = pronamespace WHERE p.oid >= 16384", "EXECUTE", "function"),
    "type": ("SELECT t.oid, nspname || '.' || typname FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace LEFT JOIN pg_class c"
             " ON c.oid = typrelid WHERE t.oid >= 16384 AND typtype IN ('b', 'c', 'd', 'e', 'r') AND typcategory <> 'A' AND"
             " COALESCE(relkind, 'c') = 'c'", "USAGE", "type"),
}


def truth(server, database):
    """{role: {(kind, object, privilege)}} of everything in the database, for every role that is not PostgreSQL's own."""
    found = {}
    with server.connect(database) as session:
        for kind, (objects, privileges, function) in ORACLE.items():
            words = [word.strip() for word in privileges.split(",")]
            if kind == "table" and server.major >= 17:
                words.append("MAINTAIN")
            rows = session.execute(
                f"SELECT r.rolname, o.name, p FROM pg_roles r, ({objects}) o(oid, name), unnest(%s::text[]) p"
                f" WHERE r.rolname !~ '^pg_' AND has_{function}_privilege(r.oid, o.oid, p)", [words])
            for role, name, privilege in rows:
                found.setdefault(role, set()).add((kind, name, privilege))
        for role, name, privilege in session.execute(
                "SELECT r.rolname, nspname || '.' || relname || '.' || attname, p FROM pg_roles r, pg_attribute a JOIN pg_class c ON"
                " c.oid = attrelid JOIN pg_namespace n ON n.oid = relnamespace, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) p"
                " WHERE r.rolname !~ '^pg_' AND c.oid >= 16384 AND relkind IN ('r', 'v') AND attnum > 0 AND NOT attisdropped AND"
                " nspname !~ '^pg_' AND has_column_privilege(r.oid, c.oid, attnum, p)"):
            found.setdefault(role, set()).add(("column", name, privilege))
    return found


def defaults(server, database):
    """{(kind, schema): {object}} of functions and types with PostgreSQL's default."""
    found = {}
    with server.connect(database) as session:
        for kind, acl in (("function", "proacl"), ("type", "typacl")):
            objects = ORACLE[kind][0].replace("WHERE", f"WHERE {acl} IS NULL AND", 1)
            for _, name in session.execute(objects):
                found.setdefault((kind, name.split(".")[0]), set()).add(name)
    return found


def databases(server):
    return {(role, database, privilege) for role, database, privilege in server.query(
        "SELECT r.rolname, d.datname, p FROM pg_roles r, pg_database d, unnest(ARRAY['CONNECT', 'CREATE', 'TEMPORARY']) p"
        " WHERE r.rolname !~ '^pg_' AND NOT datistemplate AND has_database_privilege(r.oid, d.oid, p)")}


def memberships(server, word):
    return {(role, other) for role, other in server.query(
        "SELECT r.rolname, o.rolname FROM pg_roles r, pg_roles o WHERE r.rolname !~ '^pg_' AND r.oid <> o.oid AND NOT r.rolsuper AND"
        f" pg_has_role(r.oid, o.oid, '{word}') AND o.rolname <> 'pg_database_owner'")}
