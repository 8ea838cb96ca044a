"""An agent whose state lies on a small disk of its own, and what fills it."""

import os
import pathlib

from parts import agent as agents


class SmallDisk(agents.Agent):
    """Its state is a file system of its own, which only it (and who goes through /proc) sees."""

    def start(self, ready=True, seconds=30):
        self.state.mkdir(mode=0o700)
        plain, self.program = self.program, self._inside()
        try:
            return super().start(ready, seconds)
        finally:
            self.program = plain

    def _inside(self):
        script = self.folder / "inside.sh"
        script.write_text(f'#!/bin/sh\nmount -t tmpfs -o size=16m,mode=700 none "{self.state}" && exec "{self.program}" "$@"\n')
        script.chmod(0o755)
        outer = self.folder / "outer.sh"
        user = "" if os.geteuid() == 0 else "--user --map-root-user"
        outer.write_text(f'#!/bin/sh\nexec unshare {user} --mount --propagation private "{script}" "$@"\n')
        outer.chmod(0o755)
        return outer

    def answers_over_tcp(self):
        return self.get("/healthz").status == 200

    @property
    def disk(self):
        return pathlib.Path(f"/proc/{self.process.pid}/root{self.state}")


def fill(path):
    """To the last block."""
    with open(path, "wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass
