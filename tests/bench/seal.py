#!/usr/bin/env python3
"""The figures of sealing, measured on this machine: each with its goal and, where it is there, kubeseal beside it.

    PGITOPS_TEST_PROGRAM=build/pgitops tests/bench/seal.py

kubeseal is taken from KUBESEAL. Times are of whole processes, from start to end: the best and the median of several, and
the processor time of one, which a busy machine changes least.
"""

import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from parts import agent as agents  # noqa: E402
from parts.checkout import Checkout  # noqa: E402

USERS = 1000


def row(what, value, limit="", note=""):
    print(f"  {what:58} {value:>22}  {limit:24} {note}", flush=True)


def openssl(folder, name):
    """A key and certificate as the controller makes them: RSA 4096."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:4096", "-nodes", "-keyout", key, "-out", certificate, "-days",
                    "3650", "-subj", "/CN=bench"], check=True, capture_output=True)
    return key, certificate


def spent():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Times:
    """Of some runs."""

    def __init__(self, desk, *arguments, runs=1, before=None, **more):
        self.seconds, self.processor = [], []
        for _ in range(runs):
            if before:
                before()
            start, used = time.monotonic(), spent()
            desk.run(*arguments, **more).ok()
            self.seconds.append(time.monotonic() - start)
            self.processor.append(spent() - used)

    @property
    def best(self):
        return min(self.seconds)

    @property
    def cpu(self):
        return statistics.median(self.processor)

    def __str__(self):
        return f"median {ms(statistics.median(self.seconds))}, processor {ms(self.cpu)}"


def peak_memory(desk, *arguments):
    """Resident bytes of one run, as the kernel counted them."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        subprocess.run([str(word) for word in arguments], cwd=desk.root, env=desk.environment, capture_output=True, check=True)
        os.write(write, str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        kilobytes = int(answer.read())
    os.waitpid(child, 0)
    return kilobytes * 1024


def ms(seconds):
    return f"{seconds * 1000:.1f} ms"


def sealing(folder):
    desk = Checkout(folder / "users", folder=".", init=False, certificate=False)
    key, certificate = openssl(folder, "key0")
    (desk.root / "pub-cert.pem").write_bytes(certificate.read_bytes())
    users = {f"user_{number:04d}": f"password-{number:04d}" for number in range(USERS)}
    desk.edit(users)

    def fresh():
        for name in ("sealed-users.yaml", "users.yaml"):
            (desk.root / name).unlink(missing_ok=True)
        shutil.rmtree(desk.root / "../users-home/state/pgitops", ignore_errors=True)  # what was sealed last, and by whom

    first = Times(desk, agents.PROGRAM, "seal", "users", runs=5, before=fresh)
    row(f"{USERS:,} users sealed, RSA 4096, first", ms(first.best), "goal 300 ms", str(first))

    numbers = iter(range(100))

    def one_change():
        users["user_0500"] = f"another-{next(numbers)}"
        desk.edit(users)

    changed = Times(desk, agents.PROGRAM, "seal", "users", runs=9, before=one_change)
    row("one password changed", ms(changed.best), "goal 50 ms", str(changed))
    same = Times(desk, agents.PROGRAM, "seal", "users", runs=9)
    row("nothing changed", ms(same.best), "", str(same))
    row("memory at the most", f"{peak_memory(desk, agents.PROGRAM, 'seal', 'users') / 2**20:.1f} MiB")

    keys = [str(openssl(folder, f"key{number}")[0]) for number in range(1, 10)] + [str(key)]
    opening = Times(desk, agents.PROGRAM, "unseal", "-f", "sealed-users.yaml", "--private-key", ",".join(keys), runs=1)
    row(f"{USERS:,} opened with 10 keys, the last one fits", ms(opening.best), "",
        f"{opening.best / USERS * 1000:.2f} ms for each value")
    opening = Times(desk, agents.PROGRAM, "unseal", "-f", "sealed-users.yaml", "--private-key", str(key), runs=1)
    row(f"{USERS:,} opened with one key", ms(opening.best))
    speed = subprocess.run(["openssl", "speed", "-seconds", "1", "rsa4096"], capture_output=True, text=True, check=False).stdout
    row("openssl speed rsa4096, for comparison", " ".join(speed.split("\n")[-2].split()[-2:]), "sign/s verify/s")


def peer(folder):
    kubeseal = os.environ.get("KUBESEAL")
    desk = Checkout(folder / "peer", folder=".", init=False, certificate=False)
    _, certificate = openssl(folder, "peer")
    ours = Times(desk, agents.PROGRAM, "seal", "--raw", "--cert", certificate, "--namespace", "postgres", "--name", "user-x-secret",
                 runs=20, stdin="password")
    row("one value sealed, process and all", ms(ours.best), "", str(ours))
    if not kubeseal:
        row("kubeseal --raw", "not measured", "", "KUBESEAL does not name it; 13 ms each where it was")
        return
    theirs = Times(desk, kubeseal, "--raw", "--cert", certificate, "--namespace", "postgres", "--name", "user-x-secret", runs=20,
                   stdin="password")
    row("kubeseal --raw", ms(theirs.best), f"{theirs.best / ours.best:.1f} times ours", f"x {USERS:,} = {theirs.best * USERS:.1f} s")


def hooks(folder):
    """A commit with nothing to seal, with and without the hooks."""
    one = Checkout(folder / "repo")
    for number in range(1000):
        one.write(f"manifests/m{number:04d}.yaml", f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{number}}}\n")
    one.edit({f"user_{number}": f"password-{number}" for number in range(20)})
    one.hook("install").ok()
    one.git("add", "-A").ok()
    one.commit("first").ok()

    def measure():
        numbers = iter(range(1000))

        def change():
            one.write("README", f"{time.monotonic()} {next(numbers)}\n")
            one.git("add", "README").ok()
        return Times(one, "git", "commit", "-q", "-m", "x", runs=25, before=change)

    measure()
    with_hooks = measure()
    one.hook("uninstall").ok()
    without = measure()
    row("added to a commit with nothing to seal", ms(with_hooks.best - without.best), "goal 20 ms",
        f"{ms(without.best)} -> {ms(with_hooks.best)}, processor {ms(with_hooks.cpu - without.cpu)} more")


def main():
    if not agents.PROGRAM.exists():
        sys.exit(f"{agents.PROGRAM} is not built: set PGITOPS_TEST_PROGRAM")
    print(f"sealing, {os.cpu_count()} cores, {agents.PROGRAM}")
    with tempfile.TemporaryDirectory() as folder:
        sealing(pathlib.Path(folder))
        peer(pathlib.Path(folder))
        hooks(pathlib.Path(folder))


if __name__ == "__main__":
    main()
