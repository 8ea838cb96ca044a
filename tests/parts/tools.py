"""The real kustomize and helm, built once (tests/render/build.sh)."""

import functools
import pathlib
import subprocess

import yaml

HERE = pathlib.Path(__file__).resolve().parent


@functools.cache
def folder():
    place = subprocess.run([HERE.parent / "render" / "build.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return pathlib.Path(place.strip())


def kustomize():
    return str(folder() / "kustomize")


def helm():
    return str(folder() / "helm")


def kustomized(folder):
    """The documents of a kustomization."""
    text = subprocess.run([kustomize(), "build", str(folder)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return list(yaml.safe_load_all(text))
