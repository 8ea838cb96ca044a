"""Runs a control plane (tests/parts/kube.py) until it is told to stop, for quickstart.sh.

    serve.py --folder FOLDER --kubeconfig FILE [--namespace NAME]... [--apply FILE]...

The namespaces are made and the files applied before the kubeconfig appears, at once and complete: whoever waits for it finds
everything there.
"""

import argparse
import os
import pathlib
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from parts import kube  # noqa: E402


def split(text):
    """The documents of a YAML file: they are sent as they are, so nothing here reads YAML."""
    documents = [[]]
    for line in text.splitlines(keepends=True):
        if line.startswith("---"):
            documents.append([])
        else:
            documents[-1].append(line)
    return ["".join(lines) for lines in documents if any(line.strip() and line[0] != "#" for line in lines)]


def field(document, path):
    """`kind` or `metadata.name` of a document in the block style."""
    at = None
    for line in document.splitlines():
        name, colon, value = line.strip().partition(":")
        if colon and not line.startswith((" ", "#")):
            at = name
        key = name if not line.startswith(" ") else f"{at}.{name}"
        if key == path and value.strip():
            return value.strip().strip('"')
    return None


def apply(client, text):
    kind, name = field(text, "kind"), field(text, "metadata.name")
    namespace = field(text, "metadata.namespace")
    path = client.path(field(text, "apiVersion"), kind, namespace, name)
    client.request("PATCH", f"{path}?fieldManager=quickstart&force=true", text.encode(), "application/apply-patch+yaml")
    if kind == "CustomResourceDefinition":
        kube.wait_for(f"CRD {name}", lambda: established(client, name))


def established(client, name):
    found = client.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", None, name)
    return any(c["type"] == "Established" and c["status"] == "True" for c in found["status"].get("conditions") or [])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--folder", type=pathlib.Path, required=True)
    arguments.add_argument("--kubeconfig", type=pathlib.Path, required=True)
    arguments.add_argument("--namespace", action="append", default=[])
    arguments.add_argument("--apply", action="append", default=[], type=pathlib.Path)
    options = arguments.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(options.folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    plane = kube.ControlPlane()
    try:
        plane.start()
        for name in options.namespace:
            if not plane.admin.get("v1", "Namespace", None, name):
                plane.admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for file in options.apply:
            for document in split(file.read_text()):
                apply(plane.admin, document)
        config = pathlib.Path(plane.kubeconfig("admin"))
        config.chmod(0o600)
        os.replace(config, options.kubeconfig)
        while True:
            signal.pause()
    finally:
        plane.stop()


if __name__ == "__main__":
    main()
