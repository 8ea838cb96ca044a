#!/usr/bin/env python3
"""The figures of README.md, measured on this machine: each with its goal and the peer that ran beside it.

    tests/bench/run.sh [NAME...]      names: memory, announced, objects, users, git, start; ten-thousand, fifty-thousand,
                                      ten-thousand-users, secrets and ldap2pg only when named

Nothing here fails on a slow machine: it prints. Figures that have a limit of their own (clusters.py, takeover.py) say whether it holds, and end
with 1 where it does not. Requests are counted in the API server's audit log, writes by the agent.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from parts import agent as agents, kube, postgres  # noqa: E402
from parts.git import GitHttpServer, Repository  # noqa: E402

SECRET = "bench webhook secret"
ROWS, OVER = [], []


def row(what, value, limit="", note=""):
    ROWS.append((what, value, limit, note))
    print(f"  {what:58} {value:>22}  {limit:28} {note}", flush=True)


def limited(what, figure, limit, shown, note="", below=True):
    """A figure that has a limit: the row says whether it holds. What reaches the limit is over it, unless it is meant to be the most (`below`)."""
    holds = figure < limit if below else figure <= limit
    OVER.extend([] if holds else [what])
    row(what, shown(figure), f"{'<' if below else '<='} {shown(limit)}: {'yes' if holds else 'NO'}", note)


def verdict():
    """The exit code, after the last row."""
    print(f"over the limit: {', '.join(OVER)}" if OVER else "every limit holds", flush=True)
    return 1 if OVER else 0


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid):
    """Resident and private bytes."""
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in rollup.splitlines()[1:]}
    return sizes["Rss"], sizes["Private_Clean"] + sizes["Private_Dirty"]


def config_map(name, value):
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{key: {value}}}\n"


def users(count, roles=("read_only",), first=0):
    entries = "".join(f"    - {{username: u{i:04d}, database: app, roles: [{', '.join(roles)}]}}\n"
                      for i in range(first, first + count))
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: postgres-users-config}}\ndata:\n  users.yaml: |\n    users:\n{entries}"


class Bench:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.plane = None
        self.number = 0

    def cluster(self):
        if not self.plane:
            import yaml
            self.plane = kube.shared()
            for file in (*sorted((TESTS.parent / "manifests/crds").glob("*.yaml")), TESTS / "end/data/postgresql-crd.yaml"):
                for document in yaml.safe_load_all(file.read_text()):
                    self.plane.admin.create_crd(document)
        return self.plane

    def agent(self, **config):
        self.number += 1
        folder = self.folder / f"agent{self.number}"
        folder.mkdir()
        (folder / "webhook").write_text(SECRET)
        (folder / "webhook").chmod(0o600)
        config = {"webhook": {"secretFile": str(folder / "webhook")}, "log": {"level": "info", "format": "json"}} | config
        return agents.Agent(folder, **config)

    def repository(self, files):
        self.number += 1
        repository = Repository(self.folder / f"r{self.number}.git")
        repository.commit(files)
        return repository


def announce(agent, url):
    import hashlib
    import hmac
    body = json.dumps({"ref": "refs/heads/main", "repository": {"clone_url": url}}).encode()
    mac = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    answer = agent.request("POST", "/api/webhook", body, {
        "Content-Type": "application/json", "X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={mac}"})
    assert answer.status == 202, answer.body


def until(question, seconds=60):
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.001)


def quiet(agent, metric, seconds=12):
    """Passes, CPU seconds a pass of the agent, and what its metrics moved by, while nobody asks it anything."""
    before, cpu = agent.metrics(), cpu_seconds(agent.process.pid)
    time.sleep(seconds)
    cpu = cpu_seconds(agent.process.pid) - cpu
    after = agent.metrics()
    passes = after[metric] - before[metric]
    return passes, cpu / passes, {name: value - before.get(name, 0) for name, value in after.items()}


def two_applications(bench, url, poll="30s"):
    """The model: a cluster path and twenty users."""
    plane = bench.cluster()
    server = postgres.shared(17)
    server.clean()
    server.run("CREATE DATABASE app")
    agent = bench.agent(poll=poll).kubernetes(plane)
    agent.database(server)
    names = plane.namespace(), plane.namespace()
    for i in range(20):
        plane.admin.create({"apiVersion": "v1", "kind": "Secret", "stringData": {"password": f"p{i}"},
                            "metadata": {"name": f"user-u{i:04d}-secret", "namespace": names[1]}})
    agent.application("postgres-cluster", url, "cluster", names[0])
    agent.application("postgres-users", url, "users", names[1])
    return agent, names


MODEL = {
    "cluster/cluster.yaml": (TESTS.parent / "manifests/examples/postgres-cluster/minimal-cluster.yaml").read_text()
    .replace("  namespace: default\n", ""),
    "cluster/settings.yaml": config_map("settings", "v0"),
    "users/users.yaml": users(20),
}


def bench_memory(bench):
    repository = bench.repository(MODEL)
    with GitHttpServer(bench.folder) as server:
        agent, _ = two_applications(bench, server.url(repository.path.name), poll="2s")
        start = time.monotonic()
        agent.start(seconds=60)
        ready = time.monotonic() - start
        agent.wait_app("postgres-users", "Synced")
        time.sleep(8)
        rss, private = memory(agent.process.pid)
        row("resident memory, two Applications, 20 users", f"{rss / 2**20:.1f} MiB", "goal <= 16 MiB", "Argo CD 537 MB, Flux 211 MB")
        row("of it private", f"{private / 2**20:.1f} MiB", "goal <= 10 MiB", "")
        row("start to ready (cluster, Git, 20 new users)", f"{ready:.2f} s", "", "")
        begin, cpu = time.monotonic(), cpu_seconds(agent.process.pid)
        time.sleep(10)
        row("CPU while idle, polling every 2 s", f"{(cpu_seconds(agent.process.pid) - cpu) / (time.monotonic() - begin) * 100:.2f} %",
            "", "children counted by the kernel apart")
        agent.stop()


def bench_announced(bench):
    repository = bench.repository(MODEL)
    with GitHttpServer(bench.folder) as server:
        url = server.url(repository.path.name)
        agent, names = two_applications(bench, url, poll="5m")
        agent.start(seconds=60)
        agent.wait_app("postgres-cluster", "Synced")
        times = []
        client = bench.plane.client()
        for i in range(1, 9):
            repository.commit({"cluster/settings.yaml": config_map("settings", f"v{i}")})
            start = time.monotonic()
            announce(agent, url)
            until(lambda: client.get("v1", "ConfigMap", names[0], "settings")["data"]["key"] == f"v{i}")
            times.append(time.monotonic() - start)
            time.sleep(0.5)
        row("commit announced -> object changed, median of 8", f"{statistics.median(times) * 1000:.0f} ms", "goal <= 100 ms",
            "Argo CD 340 ms, Flux 1,260 ms")
        heals = []
        for i in range(4):
            start = time.monotonic()
            client.patch("v1", "ConfigMap", names[0], "settings", {"data": {"key": "by hand"}})
            until(lambda: client.get("v1", "ConfigMap", names[0], "settings")["data"]["key"] == "v8")
            heals.append(time.monotonic() - start)
        row("manual change -> healed, the first time", f"{heals[0] * 1000:.0f} ms", "goal <= 100 ms", "Argo CD 250 ms")
        row("the same again at once, 2nd, 3rd, 4th", ", ".join(f"{h:.1f} s" for h in heals[1:]), "", "Argo CD 1, 5, 17 s")
        agent.stop()


def bench_objects(bench, count=1000):
    plane = bench.cluster()
    bare = plane.namespace()
    client = pathlib.Path(os.environ["PGITOPS_BENCH_CLIENT"])
    token = bench.folder / "token"
    token.write_text(plane.token())
    ca = plane.ca_file() if callable(plane.ca_file) else plane.ca_file
    base = plane.url() if callable(plane.url) else plane.url

    def run_bare(namespace):
        out = subprocess.run([client, base, ca, token, namespace, str(count)], capture_output=True, text=True, check=True)
        return float(out.stdout)

    run_bare(plane.namespace())  # warms the server up
    seconds = run_bare(bare)
    repository = bench.repository({f"app/c{i:04d}.yaml": config_map(f"c{i:04d}", f"value{i}") for i in range(count)})
    agent = bench.agent(poll="2s").kubernetes(plane)
    namespace = plane.namespace()
    agent.application("many", repository.url, "app", namespace)
    mark = plane.mark()
    agent.start(seconds=120)
    agent.wait_app("many", "Synced", seconds=120)
    applies = plane.requests(mark, resource="configmaps", verb="patch")
    stamps = [event["requestReceivedTimestamp"] for event in applies] + [event["stageTimestamp"] for event in applies]
    from datetime import datetime
    parse = [datetime.fromisoformat(stamp.replace("Z", "+00:00")) for stamp in stamps]
    took = (max(parse) - min(parse)).total_seconds()
    row(f"{count:,} ConfigMaps, first sync, first to last apply", f"{took:.2f} s", "goal <= 1.2 x bare client",
        f"bare client, eight in flight: {seconds:.2f} s, ratio {took / seconds:.2f}; Argo CD 65 s, Flux 6.8 s")
    row("requests for them", f"{len(applies):,}", f"{count:,} objects", "Flux 3,013")
    time.sleep(6)
    mark = plane.mark()
    _, used, _ = quiet(agent, "pgitops_passes_total")
    asked = [event for event in plane.requests(mark) if event["verb"] not in ("watch", "list")]
    row("no-op over them", f"{len(asked)} requests, {used * 1000:.0f} ms CPU", "goal 0 requests, <= 20 ms CPU",
        "Flux 2,009 requests, 1.7 s CPU; Argo CD 0.67 s CPU")
    rss, _ = memory(agent.process.pid)
    row("resident memory with them", f"{rss / 2**20:.1f} MiB", "goal <= 64 MiB for 10,000", "")
    large_change(bench, agent, repository, plane, namespace, "c0042")
    agent.stop()


def large_change(bench, agent, repository, plane, namespace, name):
    """One object of many: from the commit, and from a hand, until it is as Git has it; and what was asked of the server for it."""
    client = plane.client()
    repository.commit({f"app/{name}.yaml": config_map(name, "changed")})
    mark, start = plane.mark(), time.monotonic()
    agent.cli("app", "refresh", "many", "--async")
    until(lambda: client.get("v1", "ConfigMap", namespace, name)["data"]["key"] == "changed")
    took = time.monotonic() - start
    time.sleep(3)
    asked = [e for e in plane.requests(mark) if e["verb"] not in ("watch", "list") and e.get("objectRef", {}).get("resource") == "configmaps"
             and "/pgitops" in e.get("userAgent", "pgitops/")]
    row("one changed object of them", f"{took:.2f} s", "goal < 0.2 s from commit", f"{len(asked)} requests about objects, our own looks included")
    start = time.monotonic()
    client.patch("v1", "ConfigMap", namespace, name, {"data": {"key": "by hand"}})
    until(lambda: client.get("v1", "ConfigMap", namespace, name)["data"]["key"] == "changed")
    row("one healed of them", f"{time.monotonic() - start:.2f} s", "goal < 0.1 s", "")


def bench_ten_thousand(bench):
    bench_objects(bench, 10000)


def bench_fifty_thousand(bench, applications=10, each=5000):
    """Ten Applications at once; the limit of one path is 10,000 files, so they are folders of one repository."""
    plane = bench.cluster()
    files = {f"app{a}/c{i:04d}.yaml": config_map(f"a{a}-c{i:04d}", "v") for a in range(applications) for i in range(each)}
    repository = bench.repository(files)
    agent = bench.agent(poll="2s").kubernetes(plane)
    namespace = plane.namespace()
    for a in range(applications):
        agent.application(f"many{a}", repository.url, f"app{a}", namespace)
    start = time.monotonic()
    agent.start(seconds=600)
    for a in range(applications):
        agent.wait_app(f"many{a}", "Synced", seconds=900)
    row(f"{len(files):,} ConfigMaps in {applications} Applications, first", f"{time.monotonic() - start:.1f} s", "", "start, fetch and parse included")
    time.sleep(10)
    mark = plane.mark()
    _, used, _ = quiet(agent, "pgitops_passes_total")
    asked = [event for event in plane.requests(mark) if event["verb"] not in ("watch", "list")]
    row("no-op over them, one Application", f"{len(asked)} requests, {used * 1000:.0f} ms CPU", "goal 0 requests", "")
    rss, _ = memory(agent.process.pid)
    row("resident memory with them", f"{rss / 2**20:.1f} MiB", "", "")
    agent.stop()


def bench_users(bench, count=1000):
    server = postgres.shared(17)
    server.clean()
    server.run("CREATE DATABASE app")
    repository = bench.repository({"users/users.yaml": users(count, ("read_only", "writers", "auditors"))})
    agent = bench.agent(poll="2s")
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    secret_files(agent.folder / "secrets", count, 250)
    start = time.monotonic()
    agent.start(seconds=120)
    took = time.monotonic() - start
    changes = agent.items("user", "list")
    assert len(changes) == count and all(item["status"] == "Synced" for item in changes), changes[:3]
    statements = user_statements(server)
    time.sleep(4)
    passes, cpu, moved = quiet(agent, "pgitops_user_passes_total")
    agent.stop()
    peer = psql_seconds(bench, server, statements)
    row(f"{count:,} users with three roles, start of the agent to ready", f"{took:.2f} s", "goal <= 1.1 x psql",
        f"psql, the fewest statements with verifiers, one transaction: {peer:.2f} s, ratio {took / peer:.2f}; Python controller 9.5 s")
    row("no-op over them", f"{cpu * 1000:.0f} ms CPU, {moved['pgitops_sql_writes_total']:.0f} writes",
        "goal <= 30 ms, 0 writes", f"statements a pass: {moved['pgitops_sql_statements_total'] / passes:.0f}")


def measured(command, env):
    """Seconds, and the most that was resident, of a command that ends."""
    start = time.monotonic()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said[-2000:]
    return time.monotonic() - start, usage.ru_maxrss * 1024


def bench_ldap2pg(bench, count=1000):
    """A peer on the same server: ldap2pg makes and compares as many users with the same roles; it sets no passwords."""
    peer = shutil.which("ldap2pg")
    server = postgres.shared(17)
    server.clean()
    if not peer:
        row(f"{count:,} users by ldap2pg", "not measured", "", "not on the PATH (pip install ldap2pg==5.9 psycopg2-binary; libldap2-dev, libsasl2-dev)")
        return
    names = ", ".join(f"u{number:04d}" for number in range(count))
    config = bench.folder / "ldap2pg.yml"
    config.write_text("version: 5\nsync_map:\n- roles:\n  - {names: [read_only, writers, auditors], options: NOLOGIN}\n"
                      f"  - {{names: [{names}], options: LOGIN, parents: [read_only, writers, auditors]}}\n")
    env = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "postgres", "PGPASSWORD": server.password,
           "PGDATABASE": "postgres", "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    for what in ("first", "no-op"):
        took, resident = measured([peer, "--config", config, "--real"], env)
        row(f"{count:,} users by ldap2pg, {what}", f"{took:.2f} s", "", f"{resident / 2**20:.1f} MiB resident, no passwords")


def derivation_seconds(count):
    """The key derivations that so many passwords need, on all cores, by the same OpenSSL."""
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda number: hashlib.pbkdf2_hmac("sha256", b"password-%d" % number, os.urandom(16), 4096), range(count)))
    return time.monotonic() - start


def user_statements(server):
    """The fewest statements that make the users there are, with their verifiers."""
    statements = [f"CREATE ROLE {name} NOLOGIN" for name in ("read_only", "writers", "auditors")]
    made = server.query("SELECT rolname, rolpassword FROM pg_authid WHERE rolname LIKE 'u%' AND rolcanlogin")
    for name, verifier in made:
        statements.append(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{verifier}'; COMMENT ON ROLE \"{name}\" IS 'managed'")
    everybody = ", ".join(f'"{name}"' for name, _ in made)
    return [*statements, f"GRANT read_only, writers, auditors TO {everybody}", f"GRANT CONNECT ON DATABASE app TO {everybody}"]


def psql_seconds(bench, server, statements):
    """The same users by psql on the emptied server, in one transaction."""
    server.clean()
    server.run("CREATE DATABASE app")
    script = bench.folder / "users.sql"
    script.write_text("BEGIN;\n" + ";\n".join(statements) + ";\nCOMMIT;\n")
    start = time.monotonic()
    run_psql(server, script)
    return time.monotonic() - start


def secret_files(folder, count, each):
    """Passwords of u0000... in files of so many Secrets."""
    folder.mkdir(exist_ok=True)
    for part in range(0, count, each):
        path = folder / f"part{part}.yaml"
        path.touch(mode=0o600)
        path.write_text("---\n".join(
            f"apiVersion: v1\nkind: Secret\nmetadata: {{name: user-u{i:04d}-secret, namespace: postgres}}\n"
            f"stringData: {{password: password-{i}}}\n" for i in range(part, min(part + each, count))))


def bench_ten_thousand_users(bench, count=10000):
    """First pass, quiet passes, one change and a restart over many users; what a quiet pass costs in the agent alone."""
    server = postgres.Postgres(17, {"max_locks_per_transaction": "1024"})  # they are all dropped in one transaction
    server.run("CREATE DATABASE app")
    repository = bench.repository({"users/users.yaml": users(count, ("read_only", "writers", "auditors"))})
    agent = bench.agent(poll="2s")
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    secret_files(agent.folder / "secrets", count, 250)
    start = time.monotonic()
    agent.start(seconds=900)
    took, used = time.monotonic() - start, cpu_seconds(agent.process.pid)
    statements = user_statements(server)
    time.sleep(15)
    passes, cpu, moved = quiet(agent, "pgitops_user_passes_total", 20)
    row("no-op over them", f"{cpu * 1000:.0f} ms CPU, {moved['pgitops_sql_writes_total']:.0f} writes", "goal <= 100 ms, 0 writes",
        f"statements a pass: {moved['pgitops_sql_statements_total'] / passes:.0f}")
    row("resident memory with them", f"{memory(agent.process.pid)[0] / 2**20:.1f} MiB", "goal <= 32 MiB", "")
    server.run("ALTER ROLE u0042 CREATEDB")
    start = time.monotonic()
    agent.cli("user", "sync").ok()
    row("one of them changed by hand and healed, asked for", f"{time.monotonic() - start:.2f} s", "", "")
    agent.stop()
    start = time.monotonic()
    agent.start(seconds=900)
    row("a restart over them to ready", f"{time.monotonic() - start:.1f} s", "", f"{cpu_seconds(agent.process.pid):.2f} s CPU of the agent")
    start = time.monotonic()
    repository.commit({"users/users.yaml": users(count - 1000, ("read_only", "writers", "auditors"))})
    agents.wait_for("1,000 are gone", lambda: server.query("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'u%' AND rolcanlogin")[0][0] == count - 1000
                    and agent.cli("user", "sync").code == 0, 120)
    row("1,000 of them removed, from the commit", f"{time.monotonic() - start:.1f} s", "", "a poll of 2 s with it")
    agent.stop()
    peer = psql_seconds(bench, server, statements)
    derived = derivation_seconds(count)
    row(f"{count:,} users with three roles, start of the agent to ready", f"{took:.1f} s", "goal <= 1.1 x psql and derivation",
        f"{used:.1f} s CPU of the agent; psql with verifiers {peer:.1f} s, derivation {derived:.1f} s: ratio {took / (peer + derived):.2f}")
    server.close()


def bench_grants(bench, roles=1000, schemas=100):
    """What groups may do in many schemas: the first pass beside psql with the fewest statements that there are, and quiet passes."""
    names = [f"s{number}" for number in range(schemas)]
    listed = json.dumps(names)

    def prepare():
        server = postgres.shared(17)
        server.clean()
        server.run("CREATE DATABASE app")
        server.run(*(f"CREATE SCHEMA {name}" for name in names), database="app")
        return server

    server, script = prepare(), bench.folder / "grants.sql"
    server.run(*(f"CREATE ROLE g{number:04d} NOLOGIN" for number in range(roles)))
    everybody = ", ".join(f"g{number:04d}" for number in range(roles))
    script.write_text(f"\\connect app\nGRANT USAGE ON SCHEMA {', '.join(names)} TO {everybody};\n")
    start = time.monotonic()
    run_psql(server, script)
    peer = time.monotonic() - start
    server = prepare()
    text = "version: 2\nusers: []\ngroups:\n" + "".join(
        f"- {{name: g{number:04d}, grants: [{{database: app, on: schema, names: {listed}, privileges: [USAGE]}}]}}\n" for number in range(roles))
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "postgres-users-config"}, "data": {"users.yaml": text}}
    repository = bench.repository({"users/users.yaml": json.dumps(config_map)})
    agent = bench.agent(poll="2s")
    agent.database(server)
    agent.application("postgres-users", repository.url, "users", "postgres")
    start = time.monotonic()
    agent.start(seconds=300)
    row(f"{roles:,} groups with privileges on {schemas} schemas, start to ready", f"{time.monotonic() - start:.2f} s", "",
        f"psql, the grants alone in one statement: {peer:.2f} s")
    time.sleep(8)
    passes, cpu, moved = quiet(agent, "pgitops_user_passes_total", 20)
    row("no-op over them", f"{cpu * 1000:.0f} ms CPU, {moved['pgitops_sql_writes_total']:.0f} writes", "goal <= 1 s, 0 writes",
        f"statements a pass: {moved['pgitops_sql_statements_total'] / passes:.0f}")
    row("resident memory with them", f"{memory(agent.process.pid)[0] / 2**20:.1f} MiB", "", "")
    agent.stop()


def bench_secrets(bench):
    """How long the Secrets of the folder are listed, one in each file, which holds the lock of whoever asks for one."""
    driver = os.environ["PGITOPS_BENCH_SECRETS"]
    for count, each in ((10000, 1), (20000, 1), (10000, 1000), (20000, 1000)):
        folder = bench.folder / f"secrets-{count}-{each}"
        secret_files(folder, count, each)
        out = subprocess.run([driver, folder, str(count)], capture_output=True, text=True, check=True).stdout.split()
        row(f"{count:,} Secrets, {each} in a file: listed; each asked for", f"{float(out[0]):.2f} s; {float(out[1]):.2f} s", "", "")


def run_psql(server, script):
    env = {"PGPASSWORD": server.password, "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(script), server.conninfo()], check=True, env=env)


def bench_git(bench, commits=10000):
    repository = Repository(bench.folder / "long.git")
    repository.commits([({"app/a.yaml": config_map("a", f"v{i}"), f"docs/{i % 500}.md": f"{i}\n" * 20}, f"commit {i}")
                        for i in range(commits)])
    with GitHttpServer(bench.folder) as server:
        agent = bench.agent(poll="2s", kubernetes={"none": True})
        agent.application("long", server.url("long.git"), "app", "x")
        start = time.monotonic()
        agent.start(seconds=120)
        took = time.monotonic() - start
        fetched = next(entry for entry in agent.lines(msg="new commit"))
        row(f"first fetch of a repository with {commits:,} commits", f"{took:.2f} s", "",
            f"{int(fetched['received_bytes']):,} bytes received; full clone: {sum(f.stat().st_size for f in (repository.path / 'objects/pack').glob('*.pack')):,}")
        agent.stop()


def bench_start(bench):
    program = pathlib.Path(agents.PROGRAM)
    row("binary size (stripped)", f"{program.stat().st_size / 2**20:.2f} MiB", "", "")
    times = []
    for _ in range(10):
        start = time.monotonic()
        subprocess.run([program, "version"], capture_output=True, check=True)
        times.append(time.monotonic() - start)
    row("start and end of `pgitops version`", f"{statistics.median(times) * 1000:.0f} ms", "", "")


BENCHES = {"start": bench_start, "memory": bench_memory, "announced": bench_announced, "objects": bench_objects,
           "users": bench_users, "grants": bench_grants, "git": bench_git}
# Minutes each: only when named.
LARGE = {"ten-thousand": bench_ten_thousand, "fifty-thousand": bench_fifty_thousand,
         "ten-thousand-users": bench_ten_thousand_users, "secrets": bench_secrets, "ldap2pg": bench_ldap2pg}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[*BENCHES, *LARGE, []])
    chosen = parser.parse_args().names or list(BENCHES)
    with tempfile.TemporaryDirectory(prefix="pgitops-bench-") as folder:
        bench = Bench(folder)
        for name in chosen:
            print(f"{name}:", flush=True)
            {**BENCHES, **LARGE}[name](bench)


if __name__ == "__main__":
    main()
