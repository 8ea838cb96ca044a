"""A plan as a script for psql, and what the server's log has of the pass: the same statements."""

import re
import subprocess

# What a pass reads, and what each connection begins with.
LOOKS = ("SELECT DISTINCT usename", "SET SESSION AUTHORIZATION", "SELECT session_user", "SELECT pg_catalog.pg_backend_pid()",
         "SELECT pg_catalog.pg_is_in_recovery()",  # libpq's own before 14
         "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SELECT oid, name, state, manager", "SELECT refobjid, dbid",
         "SELECT 2, ''::text", "SELECT 1, d.datname")


def squeezed(statements):
    """Statements as one text: without spaces, ends of statements, and the transactions that a message has by itself."""
    text = re.sub(r"\s+|;", "", "\n".join(statements))
    return text.replace("BEGIN", "").replace("COMMIT", "")


def sent_statements(server, mark):
    """What an agent sent to change something, without its looking whether sessions have ended."""
    statements = re.findall(r"^[^\n]* pgitops LOG:  statement: (.*(?:\n\t.*)*)", server.log_since(mark), re.M)
    changes = [text for text in statements if not text.startswith(LOOKS) and "pg_prepared_xacts" not in text]
    return [text for i, text in enumerate(changes) if not (i and text == changes[i - 1] and "pg_terminate" in text)]


def shown(script):
    """Its statements: without what tells psql where to go, and what the agent's sessions have from their beginning."""
    return [line for line in script.splitlines() if not line.startswith(("\\", "--", "SET quote_all_identifiers"))
            and "the plan is for another server" not in line]


def psql(server, script, *arguments, database="postgres"):
    return subprocess.run(
        ["psql", "-X", "-h", "127.0.0.1", "-p", str(server.port), "-U", server.superuser, "-d", database, *arguments],
        env={"PGPASSWORD": server.password, "PATH": "/usr/bin:/bin", "LC_ALL": "C"}, input=script, capture_output=True,
        text=True, check=False, timeout=60)
