"""kubectl's own reader of manifests as a program (tests/kube/reader), built once."""

import functools
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent


@functools.cache
def reader():
    return subprocess.run([HERE.parent / "kube/reader/build.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
