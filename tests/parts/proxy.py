"""A proxy that does what networks and servers do at bad moments, between the agent and the real API server.

It ends TLS on both sides and relays HTTP/1.1. Faults are rules, asked in order for each request:

    proxy.add(faults.status(429, {"Retry-After": "1"}), method="PATCH", times=2)
    proxy.add(faults.cut(after=100), path="watch=true")

A rule without `times` holds until proxy.clear().
"""

import http.client
import json
import pathlib
import re
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from parts.process import stop_accepting


class Fault:
    def __init__(self, kind, **values):
        self.kind = kind
        self.__dict__.update(values)


class faults:
    @staticmethod
    def status(code, headers=None, reason="", message="injected"):
        """An answer of the proxy itself, shaped like the API server's; the server is not asked."""
        return Fault("status", code=code, headers=headers or {}, reason=reason, message=message)

    @staticmethod
    def drop():
        """The connection closes without an answer; the server is not asked."""
        return Fault("drop")

    @staticmethod
    def lose_answer():
        """The server does it, the answer never arrives."""
        return Fault("lose_answer")

    @staticmethod
    def delay(seconds):
        return Fault("delay", seconds=seconds)

    @staticmethod
    def wait(moment):
        """The server is asked once the test says so: `moment` is a threading.Event."""
        return Fault("wait", moment=moment)

    @staticmethod
    def cut(after):
        """The connection closes after so many bytes of the answer's body."""
        return Fault("cut", after=after)

    @staticmethod
    def hang(seconds=3600, said=b""):
        """Accepts, says that much of an answer, and then nothing."""
        return Fault("hang", seconds=seconds, said=said)

    @staticmethod
    def garble():
        """200 and something that is no JSON."""
        return Fault("garble")


class Rule:
    def __init__(self, fault, method, path, times, skip):
        self.fault, self.path, self.times, self.skip = fault, path, times, skip
        self.method = (method,) if isinstance(method, str) else method
        self.hits = 0


class FaultProxy:
    def __init__(self, upstream_port, folder=None):
        self.upstream_port = upstream_port
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="pgitops-proxy-"))
        self.rules = []
        self.seen = []  # (method, path) of every request
        self.accepted = 0  # connections
        self.plain_accept = False  # ask the server for plain JSON, whatever the client would take: an older server
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.open_sockets = set()
        self._certificate()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.server_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server_tls.load_cert_chain(self.ca_file, self.folder / "proxy.key")
        self.client_tls = ssl._create_unverified_context()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca_file(self):
        return self.folder / "proxy.crt"

    def _certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "proxy.key", "-out", "proxy.crt", "-subj",
             "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"],
            check=True, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kubeconfig(self, plane, user="admin", **more):
        """A kubeconfig of the plane whose server is this proxy."""
        path = plane.kubeconfig(user, server=self.url, folder=self.folder, **more)
        config = json.loads(path.read_text())
        cluster = config["clusters"][0]["cluster"]
        cluster.pop("certificate-authority-data", None)
        cluster.pop("insecure-skip-tls-verify", None)
        cluster["certificate-authority"] = str(self.ca_file)
        path.write_text(json.dumps(config))
        return path

    def add(self, fault, method=None, path=None, times=None, skip=0):
        """`method` is one or several; `path` is a regular expression searched in path and query; the first `skip`
        requests that fit pass."""
        rule = Rule(fault, method, path and re.compile(path), times, skip)
        with self.lock:
            self.rules.append(rule)
        return rule

    def clear(self):
        with self.lock:
            self.rules.clear()

    def cut_all(self):
        """Every open connection ends now."""
        with self.lock:
            sockets = list(self.open_sockets)
        for sock in sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def count(self, method=None, path=None):
        with self.lock:
            return sum(1 for m, p in self.seen if (not method or m == method) and (not path or re.search(path, p)))

    def close(self):
        self.closing.set()
        stop_accepting(self.listener, self.thread)
        self.cut_all()

    def _accept(self):
        while not self.closing.is_set():
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, raw):
        upstream = None
        try:
            sock = self.server_tls.wrap_socket(raw, server_side=True)
        except OSError:
            raw.close()
            return
        with self.lock:
            self.open_sockets.add(sock)
        try:
            reader = sock.makefile("rb")
            upstream = http.client.HTTPSConnection("127.0.0.1", self.upstream_port, context=self.client_tls)
            while self._one(sock, reader, upstream):
                pass
        except (OSError, http.client.HTTPException, ValueError):
            pass
        finally:
            with self.lock:
                self.open_sockets.discard(sock)
            if upstream is not None:
                upstream.close()
            try:
                sock.close()
            except OSError:
                pass

    def _pick(self, method, path):
        with self.lock:
            self.seen.append((method, path))
            for rule in self.rules:
                if rule.method and method not in rule.method or rule.path and not rule.path.search(path):
                    continue
                if rule.times is not None and rule.times <= 0:
                    continue
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                if rule.times is not None:
                    rule.times -= 1
                rule.hits += 1
                return rule.fault
        return None

    def _one(self, sock, reader, upstream):
        line = reader.readline().decode()
        if not line:
            return False
        method, path, _ = line.split(" ", 2)
        headers = http.client.parse_headers(reader)
        body = reader.read(int(headers.get("Content-Length", 0))) or None
        fault = self._pick(method, path)
        kind = fault.kind if fault else None
        if kind == "drop":
            return False
        if kind == "hang":
            sock.sendall(fault.said)
            self.closing.wait(fault.seconds)
            return False
        if kind == "delay":
            time.sleep(fault.seconds)
        if kind == "wait":
            fault.moment.wait(60)
        if kind == "status":
            return self._answer(sock, fault)
        if kind == "garble":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 6\r\n\r\n{\"a\":]")
            return True
        return self._relay(sock, upstream, method, path, headers, body, fault)

    def _answer(self, sock, fault):
        status = json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": fault.message,
                             "reason": fault.reason, "code": fault.code}).encode()
        lines = [f"HTTP/1.1 {fault.code} Injected", "Content-Type: application/json", f"Content-Length: {len(status)}"]
        lines += [f"{name}: {value}" for name, value in fault.headers.items()]
        sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + status)
        return True

    def _relay(self, sock, upstream, method, path, headers, body, fault):
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "connection")}
        if self.plain_accept:
            kept["Accept"] = "application/json"
        try:
            upstream.request(method, path, body, kept)
            answer = upstream.getresponse()
        except (ConnectionError, ssl.SSLEOFError):  # an idle connection that the server had closed, or just closes, as after a 401
            upstream.close()
            upstream.request(method, path, body, kept)
            answer = upstream.getresponse()
        if fault and fault.kind == "lose_answer":
            answer.read()
            return False
        left = fault.after if fault and fault.kind == "cut" else None
        head = [f"HTTP/1.1 {answer.status} {answer.reason}", "Transfer-Encoding: chunked"]
        head += [f"{n}: {v}" for n, v in answer.getheaders()
                 if n.lower() not in ("transfer-encoding", "content-length", "connection")]
        sock.sendall("\r\n".join(head).encode() + b"\r\n\r\n")
        while True:
            part = answer.read1(65536)
            if not part:
                break
            if left is not None and len(part) >= left:
                part = part[:left]
                sock.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
                return False
            if left is not None:
                left -= len(part)
            sock.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        answer.close()  # read1() does not, and an open answer blocks the connection's next one
        sock.sendall(b"0\r\n\r\n")
        return True
