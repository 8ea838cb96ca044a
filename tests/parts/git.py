"""Git on loopback: repositories made without a work tree, and servers that speak http(s) and ssh, well or badly.

    repository = Repository(tmp_path / "db.git")
    first = repository.commit({"users/a.yaml": "kind: ConfigMap\n"}, "add a")
    with GitHttpServer(tmp_path) as server:
        url = server.url("db.git")
        server.fault = Fault("stall", path="/git-upload-pack")
"""

import base64
import hashlib
import http.server
import os
import pathlib
import pwd
import re
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

from parts.process import stop_accepting

ENVIRONMENT = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "LC_ALL": "C.UTF-8",
}


def git(path, *arguments, stdin=None):
    """One git command in a repository; its output without the line end."""
    run = subprocess.run(["git", "--git-dir", str(path), *arguments], input=stdin, capture_output=True,
                         env=ENVIRONMENT, check=False)
    if run.returncode:
        raise RuntimeError(f"git {' '.join(arguments)}: {run.stderr.decode(errors='replace')}")
    return run.stdout.decode(errors="replace").rstrip("\n")


class Link(str):
    """Content of a symbolic link: where it leads."""


class Submodule(str):
    """A submodule: the commit of the other repository."""


class Repository:
    """A bare repository that is written with fast-import."""

    def __init__(self, path, branch="main", object_format="sha1"):
        self.path = pathlib.Path(path)
        self.branch = branch
        self.object_format = object_format
        self.clock = int(time.time()) - 100000
        self.init()

    def init(self):
        subprocess.run(["git", "init", "-q", "--bare", f"--object-format={self.object_format}", "-b", self.branch,
                        str(self.path)], env=ENVIRONMENT, check=True)

    def git(self, *arguments, stdin=None):
        return git(self.path, *arguments, stdin=stdin)

    @property
    def url(self):
        return f"file://{self.path}"

    @property
    def head(self):
        return self.tip()

    def tip(self, branch=None):
        return self.git("rev-parse", f"refs/heads/{branch or self.branch}")

    def exists(self, branch):
        return self.git("for-each-ref", f"refs/heads/{branch}") != ""

    def commit(self, files, message="change", branch=None, parent=None, orphan=False, author="Ada <ada@example.org>"):
        """One commit on top of the branch, of `parent` (a force-push), or of nothing (`orphan`). None removes a file."""
        return self.commits([(files, message)], branch, parent, orphan, author)

    def commits(self, changes, branch=None, parent=None, orphan=False, author="Ada <ada@example.org>"):
        """Many commits, fast. Returns the last one."""
        branch = branch or self.branch
        if parent is None and not orphan and self.exists(branch):
            parent = self.tip(branch)
        stream = []
        for index, (files, message) in enumerate(changes):
            self.clock += 1
            stream.append(b"commit refs/heads/%s\n" % branch.encode())
            if isinstance(author, bytes):
                stream.append(b"author %s %d +0000\n" % (author, self.clock))
            else:
                stream.append(b"author %s %d +0000\n" % (author.encode(), self.clock))
            stream.append(b"committer Ada <ada@example.org> %d +0000\n" % self.clock)
            stream.append(self._data(message))
            if index == 0 and parent:
                stream.append(b"from %s\n" % parent.encode())
            for name, content in files.items():
                stream.append(self._file(name, content))
        if parent is None and self.exists(branch):
            self.git("update-ref", "-d", f"refs/heads/{branch}")
        self.git("fast-import", "--quiet", "--force", stdin=b"".join(stream))
        return self.tip(branch)

    @staticmethod
    def _data(content):
        content = content.encode() if isinstance(content, str) else content
        return b"data %d\n%s\n" % (len(content), content)

    def _file(self, name, content):
        name = name if isinstance(name, bytes) else name.encode()
        if content is None:
            return b"D %s\n" % name
        if isinstance(content, Submodule):
            return b"M 160000 %s %s\n" % (content.encode(), name)
        mode = b"120000" if isinstance(content, Link) else b"100644"
        return b"M %s inline %s\n" % (mode, name) + self._data(content)

    def tag(self, name, commit=None, annotated=False):
        arguments = ["-a", "-m", name] if annotated else []
        self.git("tag", *arguments, name, commit or self.tip())

    def delete_branch(self, name):
        self.git("update-ref", "-d", f"refs/heads/{name}")

    def set_ref(self, name, commit):
        self.git("update-ref", name, commit)

    def blob(self, content):
        content = content.encode() if isinstance(content, str) else content
        return self.git("hash-object", "-w", "--stdin", stdin=content)

    def raw_tree(self, entries):
        """A tree as no git would make it: [(mode, name, id)]."""
        raw = b"".join(b"%s %s\0%s" % (mode.encode(), name if isinstance(name, bytes) else name.encode(),
                                      bytes.fromhex(oid)) for mode, name, oid in entries)
        return self.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", stdin=raw)

    def commit_tree(self, tree, message="raw", branch=None):
        commit = self.git("commit-tree", "-m", message, tree)
        self.set_ref(f"refs/heads/{branch or self.branch}", commit)
        return commit


# ---- certificates -----------------------------------------------------------------------------------------------------


class Certificates:
    """A CA of its own, a server certificate for 127.0.0.1 and localhost, a client certificate."""

    def __init__(self, folder, name="git"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca = self.folder / f"{name}-ca.pem"
        self.ca_key = self.folder / f"{name}-ca.key"
        self._openssl("req", "-x509", *self._new_key(self.ca_key), "-out", self.ca, "-days", "30", "-subj",
                      f"/CN={name} CA", "-addext", "basicConstraints=critical,CA:TRUE")
        self.cert, self.key = self.issue(f"{name}-server", "subjectAltName=IP:127.0.0.1,DNS:localhost")
        self.client_cert, self.client_key = self.issue(f"{name}-client", "extendedKeyUsage=clientAuth")

    @staticmethod
    def _new_key(path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def issue(self, name, extension):
        cert, key, request = (self.folder / f"{name}.{ending}" for ending in ("pem", "key", "csr"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(extension + "\n")
        self._openssl("req", *self._new_key(key), "-out", request, "-subj", f"/CN={name}")
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial", "-out",
                      cert, "-days", "30", "-extfile", extensions)
        return cert, key


# ---- http -------------------------------------------------------------------------------------------------------------


class Fault:
    """What goes wrong: silent, stall, cut, flip, login, garbage, redirect (`location`), answer (`content`), or a status
    such as 404. `path` and `method` choose the
    requests, `times` how many of them, `bytes` how much of the body is sent before."""

    def __init__(self, what, path="", method="", times=None, bytes=0, headers=None, location=None, command=None,
                 content=b""):
        self.what = what
        self.path = path
        self.method = method
        self.times = times
        self.bytes = bytes
        self.headers = headers or {}
        self.location = location
        self.command = command
        self.content = content

    def applies(self, method, path, body):
        if self.path not in path or (self.method and self.method != method) or self.times == 0:
            return False
        if self.command and f"command={self.command}".encode() not in body:
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Request:
    def __init__(self, method, path, headers, body):
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body

    @property
    def command(self):
        """ls-refs or fetch of protocol v2, "" otherwise."""
        marker = self.body.find(b"command=")
        return self.body[marker + 8:].split(b"\n", 1)[0].decode() if 0 <= marker < 8 else ""

    def __repr__(self):
        return f"{self.method} {self.path} {self.command}".strip()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        if self.server.owner.tls:
            self.request.do_handshake()
        super().setup()

    def log_message(self, format, *arguments):
        pass

    def _body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while True:
                size = int(self.rfile.readline().split(b";")[0], 16)
                parts.append(self.rfile.read(size))
                self.rfile.readline()
                if not size:
                    return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status, body=b"", headers=None, kind="text/plain"):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if "Content-Type" not in (headers or {}):
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _handle(self):
        owner = self.server.owner
        body = self._body()
        owner.note(Request(self.command, self.path, dict(self.headers), body))
        fault = owner.fault if owner.fault and owner.fault.applies(self.command, self.path, body) else None
        if fault and self._fail_at_once(fault):
            return
        if not owner.allows(self.headers.get("Authorization")):
            self._answer(401, b"who are you?", {"WWW-Authenticate": f'{owner.scheme} realm="git"'})
            return
        status, headers, content = owner.backend(self.command, self.path, self.headers, body)
        if fault:
            self._fail_later(fault, status, headers, content)
        else:
            self._answer(status, content, headers)

    def _fail_at_once(self, fault):
        if isinstance(fault.what, int):
            self._answer(fault.what, b"no", fault.headers)
        elif fault.what == "login":
            self._answer(200, b"<html><form>password?</form></html>", kind="text/html; charset=utf-8")
        elif fault.what == "redirect":
            self._answer(fault.headers.get("status", 302), b"", {"Location": fault.location})
        elif fault.what == "silent":
            self.server.owner.wait_for_end(self.connection)
        elif fault.what == "garbage":
            self._answer(200, b"\0\1\2 this is not git", {"Content-Type": self._wanted_type()})
        elif fault.what == "answer":
            self._answer(200, fault.content, {"Content-Type": self._wanted_type()})
        else:
            return False
        self.close_connection = True
        return True

    def _wanted_type(self):
        if self.command == "GET":
            return "application/x-git-upload-pack-advertisement"
        return "application/x-git-upload-pack-result"

    def _fail_later(self, fault, status, headers, content):
        """A true answer, damaged on its way."""
        if fault.what == "flip":
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1:]
            self._answer(status, content, headers)
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[:fault.bytes or len(content) // 2])
        self.wfile.flush()
        self.close_connection = True
        if fault.what == "stall":
            self.server.owner.wait_for_end(self.connection)

    do_GET = do_POST = _handle


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def get_request(self):
        connection, address = super().get_request()
        if self.owner.tls:
            connection = self.owner.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request, client_address):
        pass


BACKEND_SECONDS = 20  # less than the agent's patience: then it was git that was silent, and the test says so


class GitHttpServer:
    """`git http-backend` for all repositories below `root`, with what a forge has in front of it."""

    def __init__(self, root, user=None, password=None, token=None, certificates=None, client_ca=None, version_2=True,
                 tls_minimum=None, port=0, hidden=()):
        self.root = pathlib.Path(root)
        self.hidden = hidden  # capabilities of protocol v2 that this server is too old for
        self.user, self.password, self.token = user, password, token
        self.version_2 = version_2
        self.fault = None
        self.requests = []
        self.ended = threading.Event()
        self.tls = self._tls(certificates, client_ca, tls_minimum) if certificates else None
        self.server = _Server(("127.0.0.1", port), _Handler)
        self.server.owner = self
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @staticmethod
    def _tls(certificates, client_ca, minimum):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.cert, certificates.key)
        if minimum:
            context.minimum_version = minimum
        if client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        return context

    @property
    def scheme(self):
        return "Bearer" if self.token else "Basic"

    def url(self, name, host="127.0.0.1", user=None):
        return f"http{'s' if self.tls else ''}://{user + '@' if user else ''}{host}:{self.port}/{name}"

    def note(self, request):
        self.requests.append(request)

    def commands(self):
        """What was asked since the last call: "GET /info/refs", "ls-refs", "fetch"."""
        asked = [request.command or f"{request.method} {urllib.parse.urlsplit(request.path).path}"
                 for request in self.requests]
        self.requests.clear()
        return asked

    def allows(self, authorization):
        if self.token:
            return authorization == f"Bearer {self.token}"
        if self.user:
            pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            return authorization == f"Basic {pair}"
        return True

    def wait_for_end(self, connection):
        """Until the other side gives up, or the test ends."""
        connection.settimeout(0.05)
        while not self.ended.is_set():
            try:
                if not connection.recv(4096):
                    return
            except (TimeoutError, ssl.SSLError):
                continue
            except OSError:
                return

    def backend(self, method, path, headers, body):
        parts = urllib.parse.urlsplit(path)
        environment = dict(ENVIRONMENT, GIT_PROJECT_ROOT=str(self.root), GIT_HTTP_EXPORT_ALL="1",
                           PATH_INFO=urllib.parse.unquote(parts.path), QUERY_STRING=parts.query, REQUEST_METHOD=method,
                           CONTENT_TYPE=headers.get("Content-Type", ""), CONTENT_LENGTH=str(len(body)),
                           REMOTE_ADDR="127.0.0.1")
        if self.version_2 and headers.get("Git-Protocol"):
            environment["GIT_PROTOCOL"] = headers["Git-Protocol"]
        if headers.get("Content-Encoding"):
            environment["HTTP_CONTENT_ENCODING"] = headers["Content-Encoding"]
        try:
            run = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False,
                                 timeout=BACKEND_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"git http-backend of {method} {path} did not end in {BACKEND_SECONDS} s", file=sys.stderr)
            raise
        head, _, content = run.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(fields.pop("Status", "200 OK").split()[0])
        return status, fields, self._as_older(content, body)

    def _as_older(self, content, body):
        """What is hidden is not offered, and a command that brings it nevertheless ends as git 2.18 ends it: without a word."""
        for name in self.hidden:
            if b"command=" in body[:16] and f"{name}=".encode() in body.split(b"0001", 1)[0]:
                return b""
            for line in re.findall(rb"[0-9a-f]{4}%s=[^\n]*\n" % name.encode(), content[:2000]):
                content = content.replace(line, b"", 1)
        return content

    def close(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class SilentServer:
    """Accepts connections and never says anything, whatever the protocol."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.accepted = []
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                self.accepted.append(self.socket.accept()[0])
            except OSError:
                return

    def close(self):
        stop_accepting(self.socket, self.thread)
        for connection in self.accepted:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- ssh --------------------------------------------------------------------------------------------------------------


def ssh_key(path, kind="ed25519", passphrase="", bits=None, comment="test", form=None):
    """A key pair; returns the path of the private half."""
    path = pathlib.Path(path)
    for old in (path, path.with_name(path.name + ".pub")):
        old.unlink(missing_ok=True)
    size = ["-b", str(bits)] if bits else []
    subprocess.run(["ssh-keygen", "-q", "-t", kind, *size, "-N", passphrase, "-C", comment, *(["-m", form] if form else []),
                    "-f", str(path)], check=True)
    return path


class GitSshServer:
    """A private sshd. It is started for each connection (inetd mode), so the port is ours without a race."""

    def __init__(self, folder, key_kinds=("ed25519",), address=("127.0.0.1", 0), settings=()):
        self.settings = list(settings)
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key_kinds = key_kinds
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.client_key = ssh_key(self.folder / "client")
        self.connections = 0
        self.authorize(self.client_key)
        self.new_host_key()
        if os.geteuid() == 0:
            pathlib.Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd refuses to start as root without it
        self.socket = socket.create_server(address)
        self.host, self.port = self.socket.getsockname()
        self.children = []
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def new_host_key(self, kinds=None):
        self.key_kinds = kinds or self.key_kinds
        self.host_keys = [ssh_key(self.folder / f"host_{kind}", kind) for kind in self.key_kinds]
        self._configure()

    def authorize(self, *keys):
        lines = [key.with_name(key.name + ".pub").read_text() for key in keys]
        (self.folder / "authorized_keys").write_text("".join(lines))

    def _configure(self):
        lines = [
            *self.settings,  # of two the first counts
            *(f"HostKey {key}" for key in self.host_keys),
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "PermitRootLogin prohibit-password",
            "PidFile none",
            "LogLevel ERROR",
        ]
        (self.folder / "sshd_config").write_text("\n".join(lines) + "\n")

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            log = open(self.folder / "sshd.log", "ab")
            self.children.append(subprocess.Popen(
                ["/usr/sbin/sshd", "-i", "-e", "-f", str(self.folder / "sshd_config")],
                stdin=connection.fileno(), stdout=connection.fileno(), stderr=log, env=ENVIRONMENT))
            connection.close()
            log.close()

    def url(self, path, user=True):
        return f"ssh://{self.user + '@' if user else ''}127.0.0.1:{self.port}{path}"

    def known_hosts(self, host=None):
        host = host or (self.host if self.port == 22 else f"[{self.host}]:{self.port}")
        lines = []
        for key in self.host_keys:
            kind, blob = key.with_name(key.name + ".pub").read_text().split()[:2]
            lines.append(f"{host} {kind} {blob}\n")
        return "".join(lines)

    def fingerprint(self, index=0):
        key = self.host_keys[index]
        blob = base64.b64decode(key.with_name(key.name + ".pub").read_text().split()[1])
        return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")

    def close(self):
        stop_accepting(self.socket, self.thread)
        for child in self.children:
            if child.poll() is None:
                child.terminate()
            child.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- a proxy ----------------------------------------------------------------------------------------------------------


class _ProxyHandler(socketserver.StreamRequestHandler):
    def handle(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self.rfile.readline()
            if not line:
                return
            head += line
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        self.server.owner.seen.append(f"{method} {target}")
        if self.server.owner.refuse:
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        address = target if method == "CONNECT" else urllib.parse.urlsplit(target).netloc
        host, _, port = address.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as server:
            if method == "CONNECT":
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                server.sendall(head)
            self._pump(server)

    def _pump(self, server):
        def copy(source, sink):
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        back = threading.Thread(target=copy, args=(server, self.connection), daemon=True)
        back.start()
        copy(_Buffered(self.rfile, self.connection), server)
        back.join()


class _Buffered:
    """What readline() has read too much comes first."""

    def __init__(self, file, connection):
        self.file, self.connection = file, connection

    def recv(self, size):
        return self.file.read1(size)


class HttpProxy:
    """Forwards http and tunnels https; `seen` holds "METHOD TARGET"."""

    def __init__(self, refuse=False):
        self.seen = []
        self.refuse = refuse
        self.server = _Server(("127.0.0.1", 0), _ProxyHandler)
        self.server.owner = self
        self.tls = None
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
