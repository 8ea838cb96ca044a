"""An agent that is played: the API on STATE/agent.sock and on a TCP port, with the answers the test gives it.

    with played.Agent(state) as agent:
        agent.operation({"phase": "Succeeded", "message": "in sync"}, polls=3)
        agent.cli("app", "sync", "postgres-users").ok()
        agent.posts[-1].json
"""

import http.server
import json
import os
import pathlib
import socketserver
import threading

from parts import agent as agents

OPERATION = 7


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "-"

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        played = self.server.played
        played.requests.append(Request(self.command, self.path, dict(self.headers), body))
        if self.path in played.raw:
            return self.answer(200, played.raw[self.path], "text/html")
        if self.path in played.problems:
            status, detail = played.problems[self.path]
            problem = {"type": "about:blank", "title": "refused", "status": status, "detail": detail}
            return self.answer(status, json.dumps(problem).encode(), "application/problem+json")
        if self.command == "POST":
            return self.answer(202, json.dumps({"operation": OPERATION}).encode())
        if self.path == f"/api/v1/operations/{OPERATION}":
            return self.answer(200, json.dumps(played.poll()).encode())
        if self.path == "/healthz":
            return self.answer(200, b"ok", "text/plain")
        if self.path in played.answers:
            return self.answer(200, json.dumps(played.answers[self.path]).encode())
        return self.answer(404, b"{}")

    do_POST = do_GET


class _Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class Agent:
    def __init__(self, state):
        self.state = pathlib.Path(state)
        self.answers, self.problems, self.raw, self.requests = {}, {}, {}, []
        self.finished, self.left = {}, 0

    def __enter__(self):
        here = os.open(self.state, os.O_PATH)
        try:  # the path of the folder may be longer than a socket's address
            self.servers = [_Unix(f"/proc/self/fd/{here}/agent.sock", _Handler),
                            http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)]
        finally:
            os.close(here)
        self.url = f"http://127.0.0.1:{self.servers[1].server_address[1]}"
        for server in self.servers:
            server.played = self
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def operation(self, document, polls=1):
        """What every action becomes; it is finished when it has been asked for `polls` times."""
        self.finished, self.left = document, polls

    def poll(self):
        self.left -= 1
        done = self.left <= 0
        base = {"id": OPERATION, "kind": "sync", "target": "a", "phase": "Running", "message": "", "result": None,
                "finished": None}
        return base | self.finished | {"finished": "2026-01-02T03:04:05.000Z"} if done else base

    @property
    def posts(self):
        return [request for request in self.requests if request.method == "POST"]

    def cli(self, *arguments, **more):
        return agents.run(*arguments, "--state", self.state, **more)
