"""What every part has in common: it is a child of this process, it has a port of its own, and it takes a moment."""

import ctypes
import itertools
import os
import random
import signal
import socket
import subprocess
import time

PATIENCE = float(os.environ.get("PGITOPS_TEST_PATIENCE") or 30)  # seconds, before a wait is a failure


def _of_this_worker():
    """Below those that outgoing connections get, and for each worker of a run others: of two that ask at once, both would find the same one free."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ports = range(10000 + worker, 32000, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    return random.sample(ports, len(ports))


_ports = itertools.cycle(_of_this_worker())


def free_port():
    """One that nobody listens at, and that nobody here was given of late: its server may not be there yet."""
    while True:
        port = next(_ports)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def stop_accepting(listener, thread):
    """A close alone leaves the thread in accept(), on a number that the next server's socket gets: it takes that one's connections away."""
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    listener.close()


def private(path, text):
    """A file that nobody else reads, put in place at once; its name. The agent takes a secret from no other."""
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.chmod(0o600)
    new.replace(path)
    return str(path)


def wait_for(what, question, seconds=None, pause=0.02):
    """Asks until the answer is true, and returns it."""
    seconds = seconds or PATIENCE
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s (last answer: {answer!r})")
        time.sleep(pause)


def die_with_parent(with_signal=signal.SIGKILL):
    """In the child, before the program starts: no part outlives its test, however that ends."""
    ctypes.CDLL(None).prctl(1, with_signal)  # PR_SET_PDEATHSIG


def read_exactly(sock, count):
    """So many bytes; OSError when the other side ends before."""
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise OSError
        data += part
    return data


def own_address():
    """Of this machine: the API server takes no loopback address into Endpoints, proxies to none, and Pods have none either."""
    return subprocess.run(["hostname", "-I"], check=True, capture_output=True, text=True).stdout.split()[0]
