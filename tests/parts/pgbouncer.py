"""A real PgBouncer (Debian's package) before a server of parts.postgres, on loopback.

    with PgBouncer(server, pool_mode="session", ignore_startup_parameters="options") as pool:
        users.apply(wanted, connection=pool.conninfo())

`databases` are lines of its own for some of them: "app = host=127.0.0.1 port=5432 dbname=shop".
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

from parts.postgres import server_account
from parts.process import die_with_parent, free_port


class PgBouncer:
    def __init__(self, server, databases="", **settings):
        self.server = server
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="pgitops-pgbouncer-"))
        self.account = server_account()
        users = self.folder / "users"
        users.write_text(f'"{server.superuser}" "{server.password}"\n')
        lines = {"listen_addr": "127.0.0.1", "listen_port": self.port, "unix_socket_dir": "", "auth_type": "scram-sha-256",
                 "auth_file": users, "logfile": self.folder / "log", "server_tls_sslmode": "disable"} | settings
        (self.folder / "ini").write_text(
            f"[databases]\n{databases}\n* = host=127.0.0.1 port={server.port}\n[pgbouncer]\n" +
            "".join(f"{name} = {value}\n" for name, value in lines.items()))
        who = {}
        if self.account:
            who = {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
            for path in (self.folder, users, self.folder / "ini"):
                shutil.chown(path, self.account.pw_uid, self.account.pw_gid)
        program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
        self.process = subprocess.Popen([program, "-q", str(self.folder / "ini")], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
                                        preexec_fn=die_with_parent, **who)
        self._wait()

    def _wait(self):
        for _ in range(500):
            try:
                psycopg.connect(host="127.0.0.1", port=self.port, dbname="postgres", user=self.server.superuser,
                                password=self.server.password, autocommit=True).close()
                return
            except psycopg.OperationalError:
                assert self.process.poll() is None, self.log()
                time.sleep(0.02)
        raise RuntimeError(f"PgBouncer is not ready: {self.log()}")

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def conninfo(self, database="postgres"):
        return f"host=127.0.0.1 port={self.port} dbname={database} user={self.server.superuser}"

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
