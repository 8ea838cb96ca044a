"""The connection is cut at every message that changes something: carried out, committed, and its answer never seen."""

import base64
import json
import socket
import struct
import threading

from parts.process import read_exactly, stop_accepting
from parts.roles import Users, heir, members


CHANGES = (b"ALTER ROLE", b"CREATE ROLE", b"GRANT", b"REVOKE", b"BEGIN; SELECT CAST", b"DROP ROLE")


class Cutting:
    """Between agent and server. Of the messages that change something, number `at` is the last of its connection: its answer is not given back."""

    def __init__(self, server, at):
        self.server, self.at = server, at
        self.changes, self.lock = [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop_accepting(self.listener, self.thread)

    def conninfo(self):
        return f"host=127.0.0.1 port={self.listener.getsockname()[1]} dbname=postgres user=postgres"

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            One(self, client)


class One:
    """One connection."""

    def __init__(self, all_of_them, client):
        self.all, self.client, self.last = all_of_them, client, False
        self.upstream = socket.create_connection(("127.0.0.1", all_of_them.server.port))
        threading.Thread(target=self._there, daemon=True).start()

    def _message(self, source, kind=5):
        head = read_exactly(source, kind)
        return head, read_exactly(source, struct.unpack("!I", head[-4:])[0] - 4)

    def _close(self):
        for end in (self.client, self.upstream):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _there(self):
        try:
            head, body = self._message(self.client, 4)
            while len(body) == 4 and body[:2] == b"\x04\xd2" and body != b"\x04\xd2\x16\x2e":
                self.client.sendall(b"N")  # neither TLS nor GSSAPI here
                head, body = self._message(self.client, 4)
            self.upstream.sendall(head + body)
            threading.Thread(target=self._back, daemon=True).start()
            while True:
                head, body = self._message(self.client)
                if body.startswith(CHANGES):
                    self._note(body)
                self.upstream.sendall(head + body)
        except OSError:
            pass
        self._close()

    def _note(self, body):
        with self.all.lock:
            self.all.changes.append(body[:-1].decode(errors="replace"))
            self.last = len(self.all.changes) == self.all.at

    def _back(self):
        try:
            while True:
                head, body = self._message(self.upstream)
                if not self.last:
                    self.client.sendall(head + body)
                elif head[:1] == b"Z":
                    break
        except OSError:
            pass
        self._close()


def verifier_of(user):
    """A ready verifier that costs nothing to check."""
    key = base64.b64encode(user[0].encode() * 32).decode()
    return f"SCRAM-SHA-256$1:c2FsdHNhbHRzYWx0c2FsdA==${key}:{key}"


GRANTS = [{"database": "app", "on": "tables", "schema": "public", "names": ["t"], "privileges": ["SELECT"]}]
STATES = ("readers", "bob", -1), ("writers", "carol", 3)


def wanted(group, other, limit):
    return json.dumps({"version": 2, "groups": [{"name": group, "grants": GRANTS}], "users": [
        {"username": "alice", "roles": [group], "connectionLimit": limit}, {"username": other, "roles": [group]}]})


def is_as_wanted(server, group, other, limit, left):
    there = {name for (name,) in server.query("SELECT rolname FROM pg_roles WHERE oid >= 16384")}
    return there == {"alice", other, "readers", "writers", *left} and members(server, group) == ["alice", other] and \
        server.value("SELECT rolconnlimit FROM pg_roles WHERE rolname = 'alice'") == limit and \
        server.value("SELECT has_table_privilege(%s, 't', 'SELECT')", [other], "app") and all(
            server.value("SELECT tableowner FROM pg_tables WHERE tablename = %s", [table], "app") == owner for owner, table in left.items())


def test_a_pass_whose_answer_is_lost_anywhere_is_brought_to_its_end_by_the_next(server):
    """A user leaves with a table, one comes, one changes, a group and its privileges come: what was done before the cut is not done again."""
    users = Users(server)
    server.run("CREATE DATABASE app")
    server.run("CREATE TABLE t (x int)", database="app")
    for name in ("alice", "bob", "carol"):
        users.secret(name, verifier_of(name))
    users.apply(wanted(*STATES[1])).good()
    users.apply(wanted(*STATES[0])).good()
    left, at = {}, 0
    while not at or at <= len(cutting.changes):
        at += 1
        leaver, (group, other, limit) = STATES[(at + 1) % 2][1], STATES[at % 2]
        server.run(f"CREATE TABLE t{at} (x int)", f"ALTER TABLE t{at} OWNER TO {leaver}", database="app")
        left[heir(server, leaver)] = f"t{at}"
        with Cutting(server, at) as cutting:
            result = users.apply(wanted(group, other, limit), connection=cutting.conninfo())
        if at <= len(cutting.changes):  # in the database of the connection it is the end of the pass, in another one that of a step
            assert "lost" in result.error or any("lost" in step["error"] for step in result.steps), (cutting.changes, result.answer)
            users.apply(wanted(group, other, limit)).good()
        users.apply(wanted(group, other, limit)).quiet()
        assert is_as_wanted(server, group, other, limit, left), cutting.changes
    assert at > 7, cutting.changes
