"""The real kubeseal (tests/kubeseal/build.sh), whose library is the controller's own."""

import functools
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent


@functools.cache
def binary():
    return subprocess.run([HERE.parent / "kubeseal" / "build.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
