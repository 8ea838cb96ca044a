"""./quickstart.sh as a newcomer runs it: to its end, what it prints to try, and what it leaves behind."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

from parts import agent as agents
from parts.kube import wait_for

TOP = pathlib.Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(600)  # it may build what it starts


@pytest.fixture
def place():
    """A folder that the account of PostgreSQL can reach, and a home of which nothing is used."""
    base = pathlib.Path(tempfile.mkdtemp(prefix="pgitops-quickstart-"))
    base.chmod(0o755)
    (base / "home").mkdir()
    yield base
    if (base / "files/stop").exists():
        subprocess.run([base / "files/stop"], check=False)
    shutil.rmtree(base, ignore_errors=True)


def environment(place):
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "GIT_"))}
    return keep | {"HOME": str(place / "home"), "GOMODCACHE": go("GOMODCACHE"), "GOCACHE": go("GOCACHE"),
                   # Names of the machine's own that must not matter.
                   "PGHOST": "192.0.2.1", "PGPASSWORD": "other", "KUBECONFIG": "/nonexistent", "GIT_DIR": "/nonexistent"}


def go(name):
    if not shutil.which("go"):
        return "/nonexistent"
    return subprocess.run(["go", "env", name], capture_output=True, text=True, check=True).stdout.strip()


def quickstart(place, *arguments, timeout=500):
    agents.as_shipped()  # what it builds itself is there then, and nobody else is at it
    done = subprocess.run([TOP / "quickstart.sh", "--dir", place / "files", *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=timeout, check=False, env=environment(place))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list((place / "home").iterdir()), "the home folder was used"
    return done.stdout


def processes(place):
    """Command lines of what runs with its folder."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(place / "files") in text and "pytest" not in text:
            found.append(text)
    return found


def pgitops(place, *arguments):
    return agents.run(*arguments, program=TOP / "build/pgitops", PGITOPS_CONFIG=place / "files/agent.yaml")


def passwords(place):
    found = [(place / "files/secrets/superuser").read_bytes().strip()]
    for file in (place / "files/secrets").glob("user-*.yaml"):
        found.append(re.search(rb"password: (\w+)", file.read_bytes())[1])
    assert len(found) == 5 and all(len(password) == 32 for password in found)
    return found


def synced(place):
    return {item["metadata"]["name"]: item["status"]["sync"]["status"]
            for item in pgitops(place, "app", "list", "-o", "json").ok().items}


def users(place):
    return {item["name"]: item["status"] for item in pgitops(place, "user", "list", "-o", "json").ok().items}


def test_once_standalone_ends_with_everything_synced_and_stopped(place):
    said = quickstart(place, "--once", "--standalone")
    assert not processes(place)
    assert synced(place) == {"postgres-cluster": "Synced", "postgres-users": "Synced"}
    assert users(place) == {"alice": "Synced", "bob": "Synced", "report_service": "Synced"}
    assert "postgres-users" in said
    seen = said.encode() + b"".join(file.read_bytes() for file in (place / "files").glob("*.log"))
    seen += b"".join(file.read_bytes() for file in (place / "files/state").glob("pgitops.db*"))
    for password in passwords(place):
        assert password not in seen


def test_once_with_kubernetes_ends_with_everything_synced(place, plane):
    # `plane` is asked for only so that the control plane is built by now.
    quickstart(place, "--once")
    assert not processes(place)
    assert synced(place) == {"postgres-cluster": "Synced", "postgres-users": "Synced"}
    assert users(place) == {"alice": "Synced", "bob": "Synced", "report_service": "Synced"}


def test_what_it_prints_to_try_works(place):
    said = quickstart(place, "--standalone")
    commands = [line.strip() for line in said.splitlines() if line.startswith("    ")]
    setting = commands[:2]
    assert setting[0].startswith("export PGITOPS_CONFIG=")
    page = re.search(r"Page: (http://127\.0\.0\.1:\d+/)", said)
    assert subprocess.run(["curl", "-sf", "--noproxy", "*", page[1]], capture_output=True, check=True).stdout

    def run(*lines):
        script = "\n".join(["set -e", *setting, *lines])
        own = {name: value for name, value in environment(place).items() if name != "GIT_DIR"}
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, env=own)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    add, heal, remove = commands[2:4], commands[4:5], commands[5:7]
    run(*add)  # the five seconds in it are for people
    wait_for("carol", lambda: users(place).get("carol") == "Synced")

    assert "alice" in run(*heal)
    flags = subprocess.run([place / "files/psql", "-Atc", "SELECT rolcreatedb FROM pg_roles WHERE rolname = 'alice'"],
                           capture_output=True, text=True, check=True)
    assert flags.stdout == "f\n"

    run(*remove)
    wait_for("bob to be gone", lambda: "bob" not in users(place))
    there = subprocess.run([place / "files/psql", "-Atc", "SELECT count(*) FROM pg_roles WHERE rolname = 'bob'"],
                           capture_output=True, text=True, check=True)
    assert there.stdout == "0\n"

    assert processes(place)
    subprocess.run([place / "files/stop"], check=True)
    assert not processes(place)


def test_a_folder_that_is_not_empty_is_refused(place):
    (place / "files").mkdir()
    (place / "files/mine").write_text("keep")
    done = subprocess.run([TOP / "quickstart.sh", "--dir", place / "files", "--once", "--standalone"], capture_output=True,
                          text=True, check=False, env=environment(place))
    assert done.returncode == 2 and "not empty" in done.stderr
    assert (place / "files/mine").read_text() == "keep"
