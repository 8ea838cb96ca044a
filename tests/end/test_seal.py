"""seal and unseal on the command line, against an independent implementation and against what kubeseal's users expect."""

import base64
import fcntl
import os
import pathlib
import shutil
import signal
import ssl
import struct
import subprocess
import termios
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from parts import agent as agents
from parts import kubeseal
from parts.checkout import VECTORS, Checkout, users_text

TESTS = pathlib.Path(__file__).resolve().parents[1]
DATA = TESTS / "reconcile/sealed/data"
CERT, KEY = VECTORS / "cert-a.pem", VECTORS / "key-a.pem"

SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: login
  namespace: team
  labels: {app: web}
  annotations: {note: hello}
type: kubernetes.io/basic-auth
immutable: true
data: {username: Ym9i}
stringData: {password: hunter2-hunter2}
"""


@pytest.fixture
def desk(program, tmp_path):
    """A folder outside of any repository."""
    return Checkout(tmp_path / "desk", folder=".", init=False, certificate=False)


@pytest.fixture(scope="session")
def oracle():
    """The implementation in tests/kubeseal/sealed."""
    binary = kubeseal.folder() / "sealed"

    def run(*arguments, stdin):
        done = subprocess.run([binary, *map(str, arguments)], input=stdin, capture_output=True, timeout=60, check=False)
        return done.stdout if done.returncode == 0 else None

    return run


def opened(desk, text, *keys):
    answer = desk.pgitops("unseal", "-o", "yaml", "--private-key", ",".join(map(str, keys or (KEY,))), stdin=text).ok()
    return [one for one in yaml.safe_load_all(answer.out) if one]


VALUES = [b"hunter2", b"", "pässwörd ✓".encode(), b"a\0b\n", b"\xff\xfe binary", b"x" * 100_000, b"'\"\\ {}"]
SCOPES = [("strict", "ns/name"), ("namespace-wide", "ns"), ("cluster-wide", "")]


@pytest.mark.parametrize("scope, label", SCOPES)
def test_what_we_seal_opens_in_an_independent_implementation(desk, oracle, scope, label):
    for number, value in enumerate(VALUES):
        file = desk.root / f"value-{number}"
        file.write_bytes(value)
        sealed = desk.pgitops("seal", "--raw", "--cert", CERT, "--scope", scope, "--namespace", "ns", "--name", "name",
                              "--from-file", file).ok().out
        assert not sealed.endswith("\n")
        assert oracle("open", KEY, label, stdin=sealed.encode()) == value
        assert oracle("open", KEY, label + "x", stdin=sealed.encode()) is None
        assert oracle("open", DATA / "key-a-pkcs1.pem", label, stdin=sealed.encode()) == value


@pytest.mark.parametrize("scope, label", SCOPES)
def test_what_an_independent_implementation_seals_opens_here(desk, oracle, scope, label):
    items = {f"item-{number}": oracle("seal", CERT, label, stdin=value).decode() for number, value in enumerate(VALUES)}
    annotations = {} if scope == "strict" else {f"sealedsecrets.bitnami.com/{scope}": "true"}
    document = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
                "metadata": {"name": "name", "namespace": "ns", "annotations": annotations}, "spec": {"encryptedData": items}}
    found = opened(desk, yaml.safe_dump(document), KEY)[0]["data"]
    assert {name: base64.b64decode(text) for name, text in found.items()} == {
        f"item-{number}": value for number, value in enumerate(VALUES)}


def test_a_secret_is_sealed_as_kubeseal_lays_it_out(desk):
    desk.write("secret.yaml", SECRET)
    desk.pgitops("seal", "-f", "secret.yaml", "-w", "sealed.yaml", "--cert", CERT).ok()
    text = (desk.root / "sealed.yaml").read_text()
    assert text.startswith("---\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: login\n  namespace: team\nspec:\n")
    sealed = yaml.safe_load(text)
    assert sealed["metadata"] == {"name": "login", "namespace": "team"}
    assert sealed["spec"]["template"] == {
        "metadata": {"name": "login", "namespace": "team", "labels": {"app": "web"}, "annotations": {"note": "hello"}},
        "type": "kubernetes.io/basic-auth", "immutable": True}
    assert "hunter2" not in text
    secret, = opened(desk, text)
    assert base64.b64decode(secret["data"]["password"]) == b"hunter2-hunter2"
    assert secret["immutable"] is True and secret["type"] == "kubernetes.io/basic-auth"
    piped = desk.pgitops("seal", "--cert", CERT, stdin=SECRET).ok().out
    assert piped.startswith("{\n") and yaml.safe_load(piped)["kind"] == "SealedSecret"


def test_several_documents_and_lists_give_several_documents(desk):
    other = SECRET.replace("login", "other")
    text = desk.pgitops("seal", "--cert", CERT, "-o", "yaml", stdin=SECRET + "---\n" + other).ok().out
    assert [one["metadata"]["name"] for one in opened(desk, text)] == ["login", "other"]
    items = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [yaml.safe_load(SECRET), yaml.safe_load(other)]})
    assert len(opened(desk, desk.pgitops("seal", "--cert", CERT, "-o", "yaml", stdin=items).ok().out)) == 2


def test_merge_into_keeps_the_other_items_and_re_encrypt_changes_all(desk):
    desk.pgitops("seal", "--cert", CERT, "-w", "sealed.yaml", stdin=SECRET).ok()
    before = yaml.safe_load((desk.root / "sealed.yaml").read_text())["spec"]["encryptedData"]
    desk.pgitops("seal", "--cert", CERT, "--merge-into", "sealed.yaml",
                 stdin="apiVersion: v1\nkind: Secret\nmetadata: {name: bad name}\nstringData: {token: t, password: new}\n").ok()
    after = yaml.safe_load((desk.root / "sealed.yaml").read_text())
    assert after["metadata"]["name"] == "login"
    assert after["spec"]["encryptedData"]["username"] == before["username"]
    assert after["spec"]["encryptedData"]["password"] != before["password"]
    commented = "# for the team\n" + (desk.root / "sealed.yaml").read_text().replace("kind: SealedSecret", "kind: SealedSecret # sealed")
    desk.write("sealed.yaml", commented)
    desk.pgitops("seal", "--cert", CERT, "--merge-into", "sealed.yaml", stdin=SECRET.replace("password:", "another:")).ok()
    merged = (desk.root / "sealed.yaml").read_text()
    assert merged.startswith("# for the team\n") and "# sealed" in merged and "\n    another: " in merged
    desk.pgitops("seal", "--cert", CERT, "--merge-into", "sealed.yaml",
                 stdin="apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {password: new}\n").ok()
    desk.pgitops("seal", "--re-encrypt", "-f", "sealed.yaml", "--private-key", KEY, "--cert", VECTORS / "cert-b.pem").ok()
    secret, = opened(desk, (desk.root / "sealed.yaml").read_text(), VECTORS / "key-b.pem")
    assert base64.b64decode(secret["data"]["password"]) == b"new"
    assert base64.b64decode(secret["data"]["username"]) == b"bob"


def test_merge_into_with_labels_keeps_every_byte_that_it_does_not_change(desk):
    desk.pgitops("seal", "--cert", CERT, "-w", "sealed.yaml", stdin=SECRET).ok()
    text = "# for the team\n" + (desk.root / "sealed.yaml").read_text().replace("  template:", "  # why\n  template: # as it was")
    desk.write("sealed.yaml", text)
    labelled = ("apiVersion: v1\nkind: Secret\nmetadata: {name: x, labels: {team: db}, annotations: {a/b: 'c: d'}}\n"
                "stringData: {token: t}\n")
    desk.pgitops("seal", "--cert", CERT, "--merge-into", "sealed.yaml", stdin=labelled).ok()
    merged = (desk.root / "sealed.yaml").read_text()
    lines = iter(merged.splitlines())
    assert all(line in lines for line in text.splitlines()), merged
    secret, = opened(desk, merged)
    assert secret["metadata"]["labels"]["team"] == "db" and secret["metadata"]["annotations"]["a/b"] == "c: d"
    assert base64.b64decode(secret["data"]["token"]) == b"t"
    desk.pgitops("seal", "--cert", CERT, "--merge-into", "sealed.yaml", stdin=labelled.replace("db", "dba")).ok()
    again = (desk.root / "sealed.yaml").read_text().splitlines()
    assert [line for line in again if line not in merged.splitlines()] == [
        next(line for line in again if "token:" in line), next(line for line in again if "team:" in line)]


BAD = [
    ("a: [", "stdin:2:1"),
    ("", "no secrets found"),
    ("kind: ConfigMap\napiVersion: v1\n", "expected a Secret"),
    (SECRET.replace("Ym9i", "'hunter2-hunter2'"), "data.\"username\" is not base64"),
    (SECRET.replace("  name: login\n", ""), "missing metadata.name"),
    (SECRET.replace("  namespace: team\n", ""), "secret must declare a namespace"),
    (SECRET.split("data: {")[0], "secret.data is empty"),
    (SECRET.replace("hunter2-hunter2", "a" * (1 << 20)), "larger than 1048576 bytes"),
]


@pytest.mark.parametrize("text, says", BAD, ids=[says for _, says in BAD])
def test_bad_input_is_named_and_leaves_the_old_file(desk, text, says):
    old = desk.write("sealed.yaml", "old\n")
    answer = desk.pgitops("seal", "--cert", CERT, "-w", old, stdin=text).refused(says)
    assert answer.code in (1, 2)
    assert old.read_text() == "old\n"
    assert "hunter2" not in answer.text
    assert os.listdir(desk.root) == ["sealed.yaml"]


CERTIFICATES = [
    ("data/expired.pem", "expired certificate"),
    ("data/future.pem", "valid only from 2120"),
    ("data/small.pem", "1024 bits is too weak"),
    ("data/ec.pem", "not an RSA key"),
    ("vectors/key-a.pem", "holds a PRIVATE KEY"),
    ("vectors/vectors.json", "holds no certificate"),
    ("nowhere.pem", "cannot open"),
]


@pytest.mark.parametrize("file, says", CERTIFICATES)
def test_a_certificate_that_cannot_be_used_is_said_before_sealing(desk, file, says):
    answer = desk.pgitops("seal", "--cert", DATA.parent / file, stdin=SECRET).refused(says)
    assert answer.out == ""
    for line in KEY.read_text().splitlines()[1:-1]:
        assert line not in answer.text


def test_a_wrong_place_is_named_and_a_key_that_is_gone_too(desk):
    text = desk.pgitops("seal", "--cert", CERT, "-o", "yaml", stdin=SECRET).ok().out
    moved = text.replace("name: login", "name: renamed") + text
    answer = desk.pgitops("unseal", "--private-key", KEY, stdin=moved).refused("sealed for team/login")
    assert answer.out == ""
    desk.pgitops("unseal", "--private-key", VECTORS / "key-b.pem", stdin=text).refused("a key that is not here")
    desk.write("moved.yaml", moved)
    listed = desk.pgitops("seal", "keys", "moved.yaml", "--private-key", f"{VECTORS / 'key-b.pem'},{KEY}", "-o", "json")
    assert listed.code == 1
    items = {(item["name"], item["item"]): item for item in yaml.safe_load(listed.out)["items"]}
    assert items["login", "password"]["status"] == "Opens" and "key-a.pem" in items["login", "password"]["key"]
    assert items["renamed", "password"]["status"] == "Closed"
    assert "sealed for team/login" in items["renamed", "password"]["note"]


def test_an_opened_secret_is_written_for_its_owner_only(desk):
    desk.pgitops("seal", "--cert", CERT, "-w", "sealed.yaml", stdin=SECRET).ok()
    desk.pgitops("unseal", "-f", "sealed.yaml", "-w", "secret.yaml", "--private-key", KEY).ok()
    assert (desk.root / "secret.yaml").stat().st_mode & 0o777 == 0o600
    assert (desk.root / "sealed.yaml").stat().st_mode & 0o777 == 0o644


def test_raw_wants_what_its_scope_binds(desk):
    desk.pgitops("seal", "--raw", "--cert", CERT, stdin="x").refused("must provide the --namespace flag with --raw")
    desk.pgitops("seal", "--raw", "--cert", CERT, "--namespace", "n", stdin="x").refused("must provide the --name flag")
    desk.pgitops("seal", "--raw", "--cert", CERT, "--scope", "cluster-wide", stdin="x").ok()
    assert "line break" in desk.pgitops("seal", "--raw", "--cert", CERT, "--scope", "cluster-wide", stdin="x\n").ok().err
    desk.pgitops("seal", "--scope", "everywhere", stdin="x").refused("strict, namespace-wide or cluster-wide")


@pytest.fixture
def web(tmp_path):
    """GET /cert.pem, as a controller behind an ingress."""
    pem = CERT.read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path == "/v1/cert.pem"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(pem if found else b"{}")

        def log_message(self, *_):
            pass

    key, ca = tmp_path / "tls.key", tmp_path / "tls.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", ca, "-days", "30", "-subj",
                    "/CN=web", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True, timeout=60)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://127.0.0.1:{server.server_port}", ca
    server.shutdown()
    server.server_close()


def test_a_certificate_behind_a_url_is_fetched_and_shown(desk, web):
    url, ca = web
    shown = desk.pgitops("seal", "cert", "--cert", f"{url}/v1/cert.pem", "--ca", ca, "-w", "pub-cert.pem").ok()
    assert "RSA 2048 bits" in shown.err and "days left" in shown.err and "fingerprint" in shown.err
    assert (desk.root / "pub-cert.pem").read_bytes() == CERT.read_bytes()
    desk.pgitops("seal", "--cert", f"{url}/v1/cert.pem", "--ca", ca, stdin=SECRET).ok()
    desk.pgitops("seal", "--cert", f"{url}/nowhere", "--ca", ca, stdin=SECRET).refused("404")
    desk.pgitops("seal", "--cert", f"{url}/v1/cert.pem", stdin=SECRET).refused("certificate")
    desk.pgitops("seal", "--cert", "http://127.0.0.1:1/cert.pem", stdin=SECRET).refused("only https")


def test_the_certificate_is_found_in_the_environment_and_in_the_folders_above(desk):
    below = desk.root / "a/b"
    below.mkdir(parents=True)
    desk.pgitops("seal", stdin=SECRET).refused("no certificate was given")
    desk.pgitops("seal", stdin=SECRET, SEALED_SECRETS_CERT=CERT).ok()
    shutil.copy(CERT, desk.root / "pub-cert.pem")
    desk.pgitops("seal", stdin=SECRET, cwd=below).ok()


# ---- users ----


def test_users_are_sealed_and_opened_outside_of_a_repository(desk):
    desk.edit(alice="alice-password", bob="bob-password")
    shutil.copy(CERT, desk.root / "pub-cert.pem")
    assert "sealed alice, bob" in desk.pgitops("seal", "users").ok().out
    first = (desk.root / "sealed-users.yaml").read_text()
    assert "nothing to write" in desk.pgitops("seal", "users").ok().out
    assert (desk.root / "sealed-users.yaml").read_text() == first
    desk.edit(alice="alice-password", bob="bob-password", carol="carol-password")
    assert "sealed carol; 2 unchanged" in desk.pgitops("seal", "users", "edit-users.yaml").ok().out
    assert (desk.root / "sealed-users.yaml").read_text().startswith(first)
    passwords = {one["metadata"]["name"]: base64.b64decode(one["data"]["password"]).decode()
                 for one in opened(desk, (desk.root / "sealed-users.yaml").read_text())}
    assert passwords == {"user-alice-secret": "alice-password", "user-bob-secret": "bob-password",
                         "user-carol-secret": "carol-password"}
    for file in desk.root.parent.rglob("*"):
        if file.is_file() and file.name != "edit-users.yaml":
            assert b"alice-password" not in file.read_bytes(), file


def test_a_dry_run_writes_nothing(desk):
    desk.edit(alice="alice-password")
    shutil.copy(CERT, desk.root / "pub-cert.pem")
    desk.pgitops("seal", "users", "--dry-run").ok()
    assert sorted(os.listdir(desk.root)) == ["edit-users.yaml", "pub-cert.pem"]
    assert not (desk.home / "state").exists()


def test_all_is_sealed_anew_when_asked(desk):
    desk.edit(alice="alice-password")
    shutil.copy(CERT, desk.root / "pub-cert.pem")
    desk.pgitops("seal", "users").ok()
    first = (desk.root / "sealed-users.yaml").read_text()
    desk.pgitops("seal", "users", "--all").ok()
    assert (desk.root / "sealed-users.yaml").read_text() != first


GENERATED = "version: 2\nusers:\n- {username: alice, password: {generate: true}}\n- {username: bob, password: bob-password}\n"


def test_a_generated_password_is_sealed_when_asked_and_then_kept(desk):
    desk.write("edit-users.yaml", GENERATED)
    shutil.copy(CERT, desk.root / "pub-cert.pem")
    desk.pgitops("seal", "users").ok()
    assert "user-alice-secret" not in (desk.root / "sealed-users.yaml").read_text(), "the agent makes it otherwise"
    answer = desk.pgitops("seal", "users", "--generate").ok()
    sealed = (desk.root / "sealed-users.yaml").read_text()
    passwords = {one["metadata"]["name"]: base64.b64decode(one["data"]["password"]).decode() for one in opened(desk, sealed)}
    password = passwords["user-alice-secret"]
    assert len(password) == 32 and password.isalnum() and passwords["user-bob-secret"] == "bob-password"
    assert "sealed alice" in answer.out
    for file in desk.root.parent.rglob("*"):
        assert not file.is_file() or password.encode() not in file.read_bytes(), file
    assert "generate: true" in (desk.root / "users.yaml").read_text()
    for more in ((), ("--generate",)):
        desk.pgitops("seal", "users", *more).ok()
        assert (desk.root / "sealed-users.yaml").read_text() == sealed


BAD_USERS = [
    (users_text({"a_b": "pass-word-1", "a-b": "pass-word-2"}), "would share the Secret"),
    (users_text({"Alice": "pass-word-1"}), "cannot be the name of a Secret"),
    (users_text({"alice": None}), "has no password, and there is no sealed one"),
    (users_text({"alice": "12345678"}), "put it in quotes"),
    ("users: {", "edit-users.yaml:"),
]


@pytest.mark.parametrize("text, says", BAD_USERS, ids=[says for _, says in BAD_USERS])
def test_bad_users_are_named_and_nothing_is_written(desk, text, says):
    shutil.copy(CERT, desk.root / "pub-cert.pem")
    desk.write("edit-users.yaml", text)
    answer = desk.pgitops("seal", "users").refused(says)
    assert "pass-word" not in answer.text
    assert sorted(os.listdir(desk.root)) == ["edit-users.yaml", "pub-cert.pem"]


def test_an_interrupted_seal_leaves_the_old_files(desk):
    """Killed while it waits for its input: nothing was opened for writing."""
    old = desk.write("sealed.yaml", "old\n")
    child = subprocess.Popen([agents.PROGRAM, "seal", "--cert", CERT, "-w", old], stdin=subprocess.PIPE, env=desk.environment,
                             cwd=desk.root, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    child.stdin.write(SECRET.encode())
    child.stdin.flush()

    def unread():
        return struct.unpack("i", fcntl.ioctl(child.stdin, termios.FIONREAD, bytes(4)))[0]
    agents.wait_for("it has read what there is", lambda: unread() == 0)
    child.send_signal(signal.SIGINT)
    assert child.wait(30) != 0
    assert old.read_text() == "old\n"
    assert os.listdir(desk.root) == ["sealed.yaml"]


def test_no_secret_stands_in_the_arguments_or_the_environment_of_the_programs_it_runs(desk):
    """A git of our own notes what it is given."""
    desk.git("init", "-q").ok()
    noted = desk.root.parent / "noted"
    fake = desk.root.parent / "bin/git"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\n{{ printf '%s ' \"$@\"; env; }} >> '{noted}'\nexec /usr/bin/git \"$@\"\n")
    fake.chmod(0o755)
    desk.edit(alice="alice-password")
    shutil.copy(CERT, desk.root / "pub-cert.pem")
    desk.pgitops("seal", "users", "--commit", "alice", PATH=f"{fake.parent}:{os.environ['PATH']}").ok()
    assert "commit" in noted.read_text() and "alice-password" not in noted.read_text()


def locked_bytes(process):
    return int(pathlib.Path(f"/proc/{process.pid}/status").read_text().split("VmLck:")[1].split()[0]) * 1024


def test_plain_text_is_in_locked_memory(desk):
    """While it waits for its input; ordinary users may lock 8 MiB. A sanitizer turns locks off: there it is asked for at least."""
    libraries = subprocess.run(["ldd", agents.PROGRAM], capture_output=True, text=True, check=True).stdout
    if "libasan" in libraries or "libtsan" in libraries:
        imports = subprocess.run(["nm", "-D", agents.PROGRAM], capture_output=True, text=True, check=True).stdout
        assert "mlockall" in imports and "mlock2" in imports
        return
    child = subprocess.Popen([agents.PROGRAM, "unseal", "--private-key", KEY], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env=desk.environment, cwd=desk.root)
    try:
        agents.wait_for("locked memory", lambda: locked_bytes(child) >= 4 * 1024 * 1024)
    finally:
        child.stdin.close()
        child.wait(30)
