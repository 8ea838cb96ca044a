"""source_read() as the agent calls it: the driver of tests/reconcile/source, and questions about its answers."""

import faulthandler
import json
import os
import pathlib
import subprocess
import sys

from parts import agent as agents

DRIVER = pathlib.Path(os.environ.get("PGITOPS_TEST_SOURCE_DRIVER")
                      or agents.PROGRAM.parent / "tests/reconcile/source/source_driver")

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  value: \"{value}\"\n"


def config_map(name, value="1"):
    return CONFIG_MAP.format(name=name, value=value)


class Source:
    """Reads one repository again and again, as the agent does: `known` is the last commit that was read."""

    def __init__(self, folder, url, **fields):
        self.folder = folder
        self.fields = {"url": url, "folder": str(folder), "paths": [{"path": "users"}], **fields}
        self.known = None

    def command(self):
        return [str(DRIVER)]

    def start(self, **fields):
        request = {**self.fields, **({"known": self.known} if self.known else {}), **fields}
        request = {name: value for name, value in request.items() if value is not None}
        process = subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        process.stdin.write(json.dumps(request).encode())
        process.stdin.close()
        process.stdin = None
        return process

    def finish(self, process):
        out, err = process.communicate(timeout=150)
        assert process.returncode == 0 and not err, err.decode(errors="replace")
        answers = [json.loads(line) for line in out.splitlines()]
        return answers[-1]

    def read(self, **fields):
        """The result; an error fails the test."""
        answer = self.finish(self.start(**fields))
        if "is silent" in answer.get("text", ""):
            faulthandler.dump_traceback(sys.stderr, all_threads=True)  # it is our own server: where does it stand?
        assert "error" not in answer, answer
        self.known = answer["commit"]
        return answer

    def fail(self, **fields):
        """(kind, text) of the error that is expected."""
        answer = self.finish(self.start(**fields))
        assert "error" in answer, answer
        return answer["error"], answer["text"]

    def place(self):
        places = [entry for entry in pathlib.Path(self.folder).iterdir() if entry.is_dir()]
        assert len(places) == 1
        return places[0]

    def repository(self):
        return self.place() / "repository.git"


def names(answer, path=0):
    return [item["key"] for item in answer["contents"][path]["objects"]]


def value(answer, path=0):
    return json.loads(answer["contents"][path]["objects"][0]["json"])["data"]["value"]
