"""Servers that misbehave: the read ends at its deadline, nothing half is kept, the last good commit stays."""

import os
import pathlib
import signal
import time

import pytest

from parts import git
from parts.source import config_map, names


def children_of(pid):
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for_child(process):
    while not (children := children_of(process.pid)):
        assert process.poll() is None
        time.sleep(0.01)
    return children[0]


def is_clean(source):
    pack = source.repository() / "objects/pack"
    return not [entry.name for entry in pack.iterdir() if not entry.name.startswith("pack-")]


@pytest.mark.parametrize("what", ["silent", "stall"])
def test_a_silent_server_meets_the_deadline(source, http, repository, what):
    source.read()
    repository.commit({"users/b.yaml": config_map("b", "x" * 5000)})
    http.fault = git.Fault(what, path="/git-upload-pack", command="fetch", bytes=300)
    kind, text = source.fail(deadline=1500)
    assert kind == "retry" and ("silent" in text or "no end within" in text)
    http.fault = None
    assert names(source.read(offline=True)) == ["ConfigMap a"]
    assert names(source.read()) == ["ConfigMap a", "ConfigMap b"] and is_clean(source)


@pytest.mark.parametrize("scheme", ["http", "ssh"])
def test_a_server_that_accepts_and_says_nothing_meets_the_deadline(make_source, scheme):
    with git.SilentServer() as server:
        kind, text = make_source(f"{scheme}://127.0.0.1:{server.port}/db.git").fail(deadline=1200)
    assert kind == "retry" and ("silent" in text or "while connecting" in text or "no end within" in text)


@pytest.mark.parametrize("version_2", [True, False])
@pytest.mark.parametrize("what", ["cut", "flip"])
def test_a_damaged_pack_is_refused_whole(source, http, repository, what, version_2):
    http.version_2 = version_2
    source.read()
    for i in range(20):
        repository.commit({f"users/b{i}.yaml": config_map(f"b{i}", os.urandom(2000).hex())})
    http.fault = git.Fault(what, path="/git-upload-pack", command="fetch" if version_2 else "")
    kind, _ = source.fail()
    assert kind == "retry"
    http.fault = None
    assert len(names(source.read())) == 21 and is_clean(source)


@pytest.mark.parametrize("path", ["/info/refs", "/git-upload-pack"])
def test_garbage_is_no_answer(source, http, path):
    http.fault = git.Fault("garbage", path=path)
    kind, text = source.fail()
    assert kind == "retry" and "Git protocol" in text


OID = b"1" * 40


def line(text):
    return b"%04x%s\n" % (len(text) + 5, text)


@pytest.mark.parametrize("answer", [
    b"", b"0000"[:2], line(b"zz"), line(b"z" * 40 + b" HEAD"), line(OID), line(OID + b" "), line(OID[:39] + b" HEAD") + b"0000",
    line(OID + b" HEAD peeled:zz") + b"0000", line(OID + b" HEAD"), line(b"ERR \x1b[31mgo away"),
])
def test_a_broken_list_of_refs_is_an_error(source, http, answer):
    """Also before libgit2 was started, which only a commit to read does."""
    source.read()
    http.fault = git.Fault("answer", command="ls-refs", content=answer)
    kind, text = source.fail()
    assert kind == "retry" and "\x1b" not in text


@pytest.mark.parametrize("answer", [
    b"", b"0000", line(b"packfile") + b"0000", line(b"packfile") + line(b"\1PACK") + b"0000",
    line(b"packfile") + line(b"\3quota exceeded") + b"0000", line(b"packfile") + line(b"\7x") + b"0000",
    line(b"shallow-info") + line(b"shallow zz") + b"0001", line(b"ERR upload-pack: not our ref " + OID),
    line(b"packfile") + line(b"\1PACK\0\0\0\2\xff\xff\xff\xff") + b"0000",
])
def test_a_broken_answer_to_a_fetch_is_an_error(source, http, repository, answer):
    source.read()
    repository.commit({"users/b.yaml": config_map("b")})
    http.fault = git.Fault("answer", command="fetch", content=answer)
    kind, _ = source.fail()
    assert kind in ("retry", "missing", "invalid")
    http.fault = None
    assert names(source.read()) == ["ConfigMap a", "ConfigMap b"] and is_clean(source)


def test_a_repository_deleted_during_a_fetch_is_missing(source, http, repository):
    source.read()
    repository.commit({"users/b.yaml": config_map("b")})
    http.fault = git.Fault(404, command="fetch")
    kind, text = source.fail()
    assert kind == "missing" and "404" in text
    assert names(source.read(offline=True)) == ["ConfigMap a"]


def test_an_unreachable_server_is_to_be_tried_again(source, http):
    source.read()
    http.close()
    kind, text = source.fail()
    assert kind == "retry" and "cannot reach" in text
    assert names(source.read(offline=True)) == ["ConfigMap a"]


def test_a_killed_child_is_reported_and_nothing_is_lost(source, http, repository):
    source.read()
    repository.commit({"users/b.yaml": config_map("b")})
    http.fault = git.Fault("stall", command="fetch", bytes=100)
    process = source.start()
    child = wait_for_child(process)
    while not any(request.command == "fetch" for request in http.requests[3:]):
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    answer = source.finish(process)
    assert answer["error"] == "retry" and "signal 9" in answer["text"] and "receiving objects" in answer["text"]
    http.fault = None
    assert names(source.read()) == ["ConfigMap a", "ConfigMap b"] and is_clean(source)


def test_the_child_has_no_environment_no_secret_arguments_and_no_foreign_files(source, http, monkeypatch):
    monkeypatch.setenv("CANARY", "in-the-environment")
    http.fault = git.Fault("silent")
    process = source.start(username="ci", password="hunter2-canary")
    child = wait_for_child(process)
    while not http.requests:
        time.sleep(0.01)
    proc = pathlib.Path(f"/proc/{child}")
    assert (proc / "cmdline").read_bytes() == b"pgitops\0git-worker\0"
    assert (proc / "environ").read_bytes() == b"HOME=/nonexistent\0"
    status = (proc / "status").read_text()
    assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status
    opened = [os.readlink(entry) for entry in (proc / "fd").iterdir()]
    assert all(name.startswith(("pipe:", "socket:", "/dev/null", str(source.folder))) for name in opened), opened
    process.kill()
    process.wait()


def test_the_child_ends_with_its_parent(source, http):
    http.fault = git.Fault("silent")
    process = source.start()
    child = wait_for_child(process)
    while not http.requests:
        time.sleep(0.01)
    process.kill()
    process.wait()
    for _ in range(500):
        try:
            state = pathlib.Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return
        if state in "ZX":
            return
        time.sleep(0.01)
    pytest.fail("the Git process outlived its parent")


def test_the_agents_end_ends_a_read(source, http):
    http.fault = git.Fault("silent")
    process = source.start()
    wait_for_child(process)
    while not http.requests:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGTERM)
    answer = source.finish(process)
    assert answer["error"] == "stopped"
