"""A memory group of the kernel, as a container has one: what is started in it is killed when it takes more.

Version 1 and 2 of the hierarchy, below the group that the tests are in. Where none may be made, `MemoryGroup.make()` is None, and tests measure
resident memory instead.
"""

import contextlib
import os
import pathlib
import signal


def own_folder():
    """(folder, version) of the group this process is in."""
    root = pathlib.Path("/sys/fs/cgroup")
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return root / "memory" / path.lstrip("/"), 1
        if number == "0" and (root / "cgroup.controllers").exists():
            return root / path.lstrip("/"), 2
    return None, 0


class MemoryGroup:
    def __init__(self, folder, version, size):
        self.folder, self.version, self.size = folder, version, size

    @classmethod
    def make(cls, name, size):
        parent, version = own_folder()
        if not parent:
            return None
        made = cls(parent / name, version, size)
        try:
            made.folder.mkdir()
            (made.folder / ("memory.limit_in_bytes" if version == 1 else "memory.max")).write_text(str(size))
            with contextlib.suppress(OSError):  # without it a swap would hide what is too much
                (made.folder / ("memory.memsw.limit_in_bytes" if version == 1 else "memory.swap.max")).write_text(
                    str(size if version == 1 else 0))
        except OSError:
            made.close()
            return None
        return made

    def enter(self):
        """In the child, before it becomes the program."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def most(self):
        """Bytes, the most there ever were; where the kernel does not say, those of now."""
        for name in ("memory.max_usage_in_bytes", "memory.peak", "memory.current"):
            if (self.folder / name).exists():
                return int((self.folder / name).read_text())
        return 0

    def resident(self):
        """Bytes that the processes have for themselves: without the files that the kernel keeps in memory while there is room."""
        text = dict(line.split() for line in (self.folder / "memory.stat").read_text().splitlines())
        return int(text["rss" if self.version == 1 else "anon"])

    def killed(self):
        """How often something in it was killed for want of memory."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        text = dict(line.split() for line in (self.folder / name).read_text().splitlines())
        return int(text.get("oom_kill", 0))

    def close(self):
        with contextlib.suppress(OSError):
            for number in (self.folder / "cgroup.procs").read_text().split():
                os.kill(int(number), signal.SIGKILL)
        with contextlib.suppress(OSError):
            self.folder.rmdir()
