"""KUBECONFIG=a:b is one configuration, as kubectl puts it together: asked of the real loader, which kubeseal is built with."""

import json

import pytest
import yaml

from parts import kube, kubeseal
from parts.checkout import VECTORS, Checkout

HOMELESS = "apiVersion: v1\nkind: Secret\nmetadata: {name: second}\nstringData: {token: abc}\n"


def config(current=None, **contexts):
    """Of contexts with their namespaces (None = it says none)."""
    listed = [{"name": name, "context": {"cluster": "c", "user": "u", **({"namespace": namespace} if namespace else {})}}
              for name, namespace in contexts.items()]
    return yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "contexts": listed, **({"current-context": current} if current else {}),
                           "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}], "users": [{"name": "u", "user": {}}]})


@pytest.fixture
def desk(program, tmp_path):
    return Checkout(tmp_path / "desk", folder=".", init=False, certificate=False)


@pytest.mark.parametrize("files, words", [
    ({"a": config(one="from-a"), "b": config("one", one="from-b")}, ()),
    ({"a": config("one", one="from-a"), "b": config("two", one="from-b", two="two-b")}, ()),
    ({"a": config("two", one="from-a"), "b": config("one", one="from-b", two="two-b")}, ()),
    ({"a": config("one", one="from-a"), "b": config(two="two-b")}, ("--context", "two")),
    ({"a": config("one", one=None), "b": config("one", one="from-b")}, ()),
    ({"a": "", "b": config("one", one="from-b")}, ()),
    ({"missing": None, "b": config("one", one="from-b")}, ()),
    ({"a": config("one", one="from-a"), "missing": None}, ()),
    ({"a": config("one", one="from-a"), "": None, "b": config("two", two="two-b")}, ()),
])
def test_two_files_are_one_as_the_real_loader_has_it(desk, files, words):
    for name, text in files.items():
        if text is not None:
            desk.write(name, text)
    listed = ":".join(str(desk.root / name) if name else "" for name in files)
    found = [json.loads(program("--cert", VECTORS / "cert-a.pem", *words, stdin=HOMELESS, KUBECONFIG=listed).ok().out)["metadata"]["namespace"]
             for program in (lambda *w, **m: desk.pgitops("seal", *w, **m), lambda *w, **m: desk.run(kubeseal.binary(), *w, **m))]
    assert found[0] == found[1], found


def test_entries_may_lie_in_different_files_and_paths_are_of_their_own(desk):
    plane = kube.shared()
    namespace = plane.namespace("merged")
    whole = json.loads(plane.kubeconfig(folder=desk.home).read_text())
    desk.write("deep/ca.crt", plane.ca_file.read_text())
    desk.write("deep/clusters", yaml.safe_dump({"clusters": [{"name": "test", "cluster": {"server": plane.url, "certificate-authority": "ca.crt"}}]}))
    desk.write("users", yaml.safe_dump({"users": whole["users"], "current-context": "test"}))
    desk.write("contexts", yaml.safe_dump({"contexts": whole["contexts"]}))
    listed = "users:contexts:deep/clusters"
    desk.pgitops("seal", "keys", "new", "--apply", "-n", namespace, "--bits", "2048", KUBECONFIG=listed).ok()
    shown = desk.pgitops("seal", "cert", "--controller-namespace", namespace, KUBECONFIG=listed).ok()
    assert shown.out == (desk.root / "pub-cert.pem").read_text()
    # What this cluster gave is remembered for these files, and serves offline.
    desk.write("deep/clusters", yaml.safe_dump({"clusters": [{"name": "test", "cluster": {"server": "https://127.0.0.1:1"}}]}))
    (desk.root / "pub-cert.pem").unlink()
    desk.pgitops("seal", "--controller-namespace", namespace, "-n", "x", stdin=HOMELESS, KUBECONFIG=listed).ok()
    plane.admin.delete("v1", "Namespace", None, namespace)


def test_what_cannot_be_read_is_named(desk):
    desk.write("a", config("one", one="from-a"))
    desk.write("b", "contexts: [\n")
    answer = desk.pgitops("seal", "cert", KUBECONFIG=f"{desk.root}/a:{desk.root}/b").refused("b:")
    assert answer.code == 2
    desk.pgitops("seal", "cert", KUBECONFIG="nowhere:neither").refused("none of the files is there", "nowhere")
    desk.pgitops("seal", "cert", "--context", "three", KUBECONFIG="a:nowhere").refused('no entry named "three"')
    desk.pgitops("seal", "cert", "--kubeconfig", "a:b").refused("a:b")  # an option names one file
    desk.write("a:b", config("one", one="from-a"))
    desk.pgitops("seal", "--cert", VECTORS / "cert-a.pem", "--kubeconfig", "a:b", stdin=HOMELESS).ok()
