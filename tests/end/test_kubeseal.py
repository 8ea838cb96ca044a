"""pgitops in the place of kubeseal, beside the real one: the same words in, files that each opens of the other."""

import base64
import json
import pathlib
import re

import pytest
import yaml

from parts import kubeseal
from parts.checkout import VECTORS, Checkout

ROOT = pathlib.Path(__file__).resolve().parents[2]
CERT, KEY = VECTORS / "cert-a.pem", VECTORS / "key-a.pem"
OTHER_KEY = VECTORS / "key-b.pem"
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: one
contexts:
  - {name: one, context: {cluster: c, user: u, namespace: from-one}}
  - {name: two, context: {cluster: c, user: u, namespace: from-two}}
  - {name: none, context: {cluster: c, user: u}}
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: team, labels: {app: web}, annotations: {note: hello}}
type: kubernetes.io/basic-auth
data: {username: Ym9i}
stringData: {password: "hunter2 \\u2713\\n"}
"""
HOMELESS = "apiVersion: v1\nkind: Secret\nmetadata: {name: second}\nstringData: {token: abc}\n"
SCOPES = ["strict", "namespace-wide", "cluster-wide"]


@pytest.fixture
def desk(program, tmp_path):
    made = Checkout(tmp_path / "desk", folder=".", init=False, certificate=False)
    made.environment["KUBECONFIG"] = str(made.write("kubeconfig", KUBECONFIG))
    made.kubeseal = lambda *words, **more: made.run(kubeseal.binary(), *words, **more)
    return made


def documents(text):
    """Of either program's output, JSON objects one behind the other included."""
    if not text.lstrip().startswith("{"):
        return [one for one in yaml.safe_load_all(text) if one]
    found, decoder = [], json.JSONDecoder()
    while text := text.lstrip():
        one, end = decoder.raw_decode(text)
        found.append(one)
        text = text[end:]
    return found


def values(secret):
    return {name: base64.b64decode(value) for name, value in secret["data"].items()}


def shape(sealed):
    """A SealedSecret without its ciphertexts and what only old versions write."""
    for metadata in (sealed["metadata"], sealed["spec"]["template"]["metadata"]):
        metadata.pop("creationTimestamp", None)
    sealed.pop("status", None)
    return sealed | {"spec": sealed["spec"] | {"encryptedData": sorted(sealed["spec"]["encryptedData"])}}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("form", ["json", "yaml"])
def test_each_opens_what_the_other_seals(desk, scope, form):
    words = ("--cert", CERT, "--scope", scope, "--format", form)
    ours, theirs = (program(*words, stdin=SECRET).ok().out for program in (
        lambda *w, **m: desk.pgitops("seal", *w, **m), desk.kubeseal))
    assert shape(documents(ours)[0]) == shape(documents(theirs)[0])
    expected = {"username": b"bob", "password": "hunter2 ✓\n".encode()}
    for sealed in (ours, theirs):
        recover = ("--recovery-unseal", "--recovery-private-key", KEY)
        opened = [documents(desk.kubeseal(*recover, stdin=sealed).ok().out)[0],
                  documents(desk.pgitops("seal", *recover, stdin=sealed).ok().out)[0]]
        for secret in opened:
            secret["metadata"].pop("creationTimestamp", None)
            # There is no SealedSecret in a cluster that could own it; the real one writes an owner without a uid.
            secret["metadata"].pop("ownerReferences", None)
        assert values(opened[0]) == values(opened[1]) == expected
        assert opened[0]["metadata"] == opened[1]["metadata"] and opened[0]["type"] == opened[1]["type"]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_value_moved_elsewhere_opens_where_its_scope_allows_it_and_nowhere_else(desk, scope):
    sealed = desk.pgitops("seal", "--cert", CERT, "--scope", scope, stdin=SECRET).ok().out
    for name, namespace in (("login", "team"), ("other", "team"), ("login", "elsewhere")):
        moved = documents(sealed)[0]
        for metadata in (moved["metadata"], moved["spec"]["template"]["metadata"]):
            metadata.update(name=name, namespace=namespace)
        recover = ("--recovery-unseal", "--recovery-private-key", KEY)
        codes = [desk.kubeseal(*recover, stdin=json.dumps(moved)).code, desk.pgitops("seal", *recover, stdin=json.dumps(moved)).code]
        fits = scope == "cluster-wide" or (scope == "namespace-wide" and namespace == "team") or (name, namespace) == ("login", "team")
        assert codes == ([0, 0] if fits else [1, 1]), (name, namespace)


def test_several_objects_are_read_as_they_are_written(desk):
    """Two Secrets give two JSON objects one behind the other, without anything between; the real one reads neither of the two."""
    for program in (lambda *w, **m: desk.pgitops("seal", *w, **m), desk.kubeseal):
        sealed = program("--cert", CERT, stdin=SECRET + "---\n" + HOMELESS).ok().out
        assert len(documents(sealed)) == 2
        for text in (sealed, json.dumps({"apiVersion": "v1", "kind": "List", "items": documents(sealed)}),
                     yaml.safe_dump_all(documents(sealed))):
            opened = documents(desk.pgitops("unseal", "--private-key", KEY, stdin=text).ok().out)
            assert [one["metadata"]["name"] for one in opened] == ["login", "second"]
        again = desk.pgitops("seal", "--re-encrypt", "--private-key", KEY, "--cert", CERT, stdin=sealed).ok().out
        assert len(documents(again)) == 2
    both = "".join(json.dumps(one, indent=2) for one in yaml.safe_load_all(SECRET + "---\n" + HOMELESS))
    assert len(documents(desk.pgitops("seal", "--cert", CERT, stdin=both).ok().out)) == 2


@pytest.mark.parametrize("words, namespace", [
    ((), "from-one"), (("--context", "two"), "from-two"), (("--context", "none"), "default"), (("-n", "said"), "said"), (("-nsaid",), "said")])
def test_the_namespace_is_the_one_of_the_kubeconfigs_context(desk, words, namespace):
    for program in (lambda *w, **m: desk.pgitops("seal", *w, **m), desk.kubeseal):
        assert documents(program("--cert", CERT, *words, stdin=HOMELESS).ok().out)[0]["metadata"]["namespace"] == namespace
        value = program("--raw", "--cert", CERT, "--name", "x", *words, stdin="abc").ok().out
        document = {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": "x", "namespace": namespace},
                    "spec": {"encryptedData": {"v": value}}}
        opened = desk.pgitops("unseal", "--private-key", KEY, stdin=json.dumps(document)).ok().out
        assert values(documents(opened)[0]) == {"v": b"abc"}


def test_keys_may_be_given_again_and_again(desk):
    sealed = desk.pgitops("seal", "--cert", CERT, stdin=SECRET).ok().out
    for option in ("--private-key", "--recovery-private-key"):
        for first, second in ((KEY, OTHER_KEY), (OTHER_KEY, KEY)):
            desk.pgitops("unseal", option, first, option, second, stdin=sealed).ok()
    desk.pgitops("unseal", "--private-key", OTHER_KEY, stdin=sealed).refused("no key could decrypt")
    desk.write("sealed.json", sealed)
    desk.pgitops("seal", "keys", "sealed.json", "--private-key", OTHER_KEY, "--private-key", KEY).ok()
    desk.pgitops("seal", "--rotate", "--private-key", OTHER_KEY, "--private-key", KEY, "--cert", CERT, stdin=sealed).ok()


def test_merge_into_gives_what_kubeseal_gives(desk):
    addition = HOMELESS.replace("metadata: {name: second}", "metadata: {name: second, labels: {more: yes-it-is}, annotations: {and: too}}")
    for name, program in (("ours", lambda *w, **m: desk.pgitops("seal", *w, **m)), ("theirs", desk.kubeseal)):
        desk.kubeseal("--cert", CERT, "-w", f"{name}.json", stdin=SECRET).ok()
        program("--cert", CERT, "--merge-into", f"{name}.json", stdin=addition).ok()
    ours, theirs = (documents((desk.root / f"{name}.json").read_text())[0] for name in ("ours", "theirs"))
    assert shape(ours) == shape(theirs)


def test_words_are_taken_in_every_form_that_its_flags_have(desk):
    desk.write("s.yaml", SECRET)
    for words in (("-fs.yaml", "-oyaml", f"--cert={CERT}"), ("-f=s.yaml", "--format=YAML", f"--cert=file://{CERT}"),
                  ("--secret-file", "s.yaml", "--raw=false", "--cert", CERT, "-o", "yaml")):
        for program in (lambda *w: desk.pgitops("seal", *w), desk.kubeseal):
            assert program(*words).ok().out.startswith("---\n"), words
    assert desk.pgitops("seal", "-f", "s.yaml", "--cert", CERT, "-w", "-").ok().out.startswith("{")
    assert not (desk.root / "-").exists()
    for program in (lambda *w, **m: desk.pgitops("seal", *w, **m), desk.kubeseal):
        said = program("--cert", CERT, stdin=SECRET, SEALED_SECRETS_FORMAT="yaml", SEALED_SECRETS_SCOPE="cluster-wide").ok().out
        assert yaml.safe_load(said)["metadata"]["annotations"] == {"sealedsecrets.bitnami.com/cluster-wide": "true"}
        program("--cert", CERT, "--format", "xml", stdin=SECRET).refused("unsupported output format: xml")
        program("--cert", CERT, "--from-file", "s.yaml", stdin="").refused("--from-file requires --raw")
        program("--cert", CERT, "--raw", "--name", "x", "--from-file", "a", "--from-file", "b").refused("must provide only one --from-file")
        program("--cert", CERT, stdin=SECRET.split("data: {username")[0]).refused("--allow-empty-data can be used")
        program("--cert", CERT, "--allow-empty-data", stdin=SECRET.split("data: {username")[0]).ok()
        assert program("--cert", CERT, "--fetch-cert", "-o", "json").ok().out == CERT.read_text()


def options_of_kubeseal(desk):
    said = desk.kubeseal("--help").ok().out
    return set(re.findall(r"^ {2,6}(?:-\w, )?(--[\w-]+)", said, re.M)) | {"--rotate"}


def table_of_readme():
    text = (ROOT / "README.md").read_text().split("| kubeseal | pgitops |", 1)[1].split("\n\n", 1)[0]
    rows = [line.strip("|").split("|", 1) for line in text.splitlines() if line.startswith("| `")]
    return {option: answer.strip() for names, answer in rows for option in re.findall(r"`(--[\w-]+)", names)}


def test_readme_names_every_option_of_the_real_program_and_says_what_it_does_here(desk):
    """Each option is either taken or refused by its name; none is unknown."""
    desk.environment["KUBECONFIG"] = "none-is-asked"
    table = table_of_readme()
    assert options_of_kubeseal(desk) == set(table)
    numbers = {"--request-timeout": "5", "--v": "2", "--log_file_max_size": "1", "--format": "json", "--scope": "strict",
               "--cert": CERT, "--certificate-authority": CERT, "--server": "https://127.0.0.1:1"}
    flags = {"--allow-empty-data", "--disable-compression", "--fetch-cert", "--insecure-skip-tls-verify", "--raw", "--re-encrypt", "--rotate",
             "--recovery-unseal", "--validate", "--logtostderr", "--alsologtostderr", "--add_dir_header", "--skip_headers", "--skip_log_headers",
             "--one_output", "--legacy_stderr_threshold_behavior", "--help", "--version"}
    for option, answer in table.items():
        words = (option,) if option in flags else (option, numbers.get(option, "x"))
        said = desk.pgitops("seal", *words, *(() if option == "--cert" else ("--cert", CERT)), stdin="")
        assert "unknown option" not in said.err and "too many" not in said.err, said.text
        if answer.startswith("refused"):
            said.refused(option)
        if answer.startswith("no log"):
            assert "there is no log" in said.err
