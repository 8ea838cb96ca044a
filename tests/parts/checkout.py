"""A checkout with an edit file, as a user of `pgitops seal users` and the Git hooks has it.

    one = Checkout(tmp_path)
    one.edit(bob="correct horse")
    one.hook("install").ok()
    one.git("commit", "--allow-empty", "-m", "bob")
    assert one.passwords() == {"user-bob-secret": "correct horse"}
    one.assert_clean()
"""

import base64
import pathlib
import shutil
import subprocess

import yaml

from parts import agent as agents

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "reconcile/sealed/vectors"
HEAD = "apiVersion: v1\ndata:\n  users.yaml: |\n    users:\n"
TAIL = "kind: ConfigMap\nmetadata:\n  name: postgres-users-config\n  namespace: postgres\n"


def users_text(users, head=HEAD, tail=TAIL):
    """The predecessor's file; a password of None is left out."""
    text = head
    for name, password in users.items():
        text += f"      - username: {name}\n        database: postgres\n"
        text += f"        password: {password}\n" if password is not None else ""
        text += "        roles:\n          - read\n"
    return text + tail


class Answer:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        self.text = f"{done.args}: {done.returncode}\n{done.stdout}{done.stderr}"

    def ok(self):
        assert self.code == 0, self.text
        return self

    def refused(self, *words):
        assert self.code != 0, self.text
        for word in words:
            assert word in self.out + self.err, self.text
        return self


class Checkout:
    """`folder` below the root holds the edit file; `root` is made, and a repository unless `init` is False."""

    def __init__(self, root, folder="team", init=True, certificate=True):
        self.root = pathlib.Path(root)
        self.folder = folder
        self.known = set()  # every password that ever was
        self.root.mkdir(parents=True, exist_ok=True)
        self.home = self.root.parent / (self.root.name + "-home")
        self.home.mkdir(exist_ok=True)
        self.environment = agents.environment(
            HOME=self.home, XDG_STATE_HOME=self.home / "state", XDG_CACHE_HOME=self.home / "cache",
            GIT_CONFIG_GLOBAL=self.home / "gitconfig", GIT_CONFIG_NOSYSTEM="1", GIT_TERMINAL_PROMPT="0",
            KUBECONFIG=self.home / "no-kubeconfig", GIT_AUTHOR_NAME="Ann", GIT_AUTHOR_EMAIL="ann@example.org",
            GIT_COMMITTER_NAME="Ann", GIT_COMMITTER_EMAIL="ann@example.org")
        (self.home / "gitconfig").write_text("[init]\n\tdefaultBranch = main\n[protocol \"file\"]\n\tallow = always\n")
        self.place.mkdir(parents=True, exist_ok=True)
        if init:
            self.git("init", "-q").ok()
        if certificate:
            shutil.copy(VECTORS / "cert-a.pem", self.place / "pub-cert.pem")

    @property
    def place(self):
        return self.root / self.folder

    def run(self, *arguments, stdin=None, cwd=None, **more):
        done = subprocess.run([str(word) for word in arguments], cwd=cwd or self.root, capture_output=True, text=True, input=stdin,
                              env=self.environment | {name: str(value) for name, value in more.items()}, timeout=60, check=False)
        return Answer(done)

    def git(self, *arguments, **more):
        return self.run("git", *arguments, **more)

    def pgitops(self, *arguments, **more):
        return self.run(agents.PROGRAM, *arguments, **more)

    def hook(self, verb, **more):
        return self.pgitops("hook", verb, **more)

    def commit(self, message, *arguments, **more):
        return self.git("commit", "-q", "-m", message, *arguments, **more)

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def edit(self, users=None, **named):
        """Writes the edit file; passwords are remembered for assert_clean()."""
        users = dict(users or {}, **named)
        self.known |= {password for password in users.values() if password}
        (self.place / "edit-users.yaml").write_text(users_text(users))

    def with_plain(self, password="plain-secret-1"):
        """A Secret in plain text."""
        self.known.add(password)
        return f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n  namespace: y\nstringData:\n  password: {password}\n"

    # ---- what Git has ----

    def committed(self, path, revision="HEAD"):
        return self.git("show", f"{revision}:{path}").ok().out

    def names(self, revision="HEAD"):
        """The files that the commit changed."""
        shown = self.git("show", "--format=", "--name-only", "--no-renames", "-m", "--first-parent", "-z", revision).ok().out
        return {name for name in shown.split("\0") if name}

    def status(self):
        return self.git("status", "--porcelain", "-uno").ok().out

    def users(self, revision="HEAD"):
        config_map = yaml.safe_load(self.committed(f"{self.folder}/users.yaml", revision))
        return [user["username"] for user in yaml.safe_load(config_map["data"]["users.yaml"])["users"] or []]

    def sealed(self, revision="HEAD"):
        """Name of the Secret -> ciphertext."""
        text = self.committed(f"{self.folder}/sealed-users.yaml", revision)
        return {one["metadata"]["name"]: one["spec"]["encryptedData"]["password"] for one in yaml.safe_load_all(text) if one}

    def passwords(self, revision="HEAD"):
        """Opened with the private key, as the cluster would."""
        text = self.committed(f"{self.folder}/sealed-users.yaml", revision)
        if not any(yaml.safe_load_all(text)):
            return {}  # the last user went
        opened = self.pgitops("unseal", "--private-key", VECTORS / "key-a.pem", "-o", "yaml", stdin=text).ok().out
        return {one["metadata"]["name"]: base64.b64decode(one["data"]["password"]).decode()
                for one in yaml.safe_load_all(opened) if one}

    def objects(self, everything=False):
        """What refs, reflogs, the stash and the index reach; `everything`: what Git will prune one day, too."""
        command = ["git", "cat-file", "--batch"]
        names = None
        if everything:
            command.append("--batch-all-objects")
        else:
            listed = self.git("rev-list", "--objects", "--no-object-names", "--all", "--reflog", "--indexed-objects").out
            names = listed.encode()
        done = subprocess.run(command, cwd=self.root, capture_output=True, input=names, env=self.environment, timeout=60, check=True)
        return done.stdout

    def assert_clean(self, *others, everything=False):
        """No password that ever was in the edit file is in an object, the receipts or any file that Git tracks. Of a refused commit
        objects may be left that nothing refers to."""
        everything = self.objects(everything)
        common = pathlib.Path(self.git("rev-parse", "--git-common-dir").ok().out.strip())
        common = common if common.is_absolute() else self.root / common
        for file in (common / "pgitops").rglob("*"):
            everything += file.read_bytes() if file.is_file() else b""
        for password in self.known | set(others):
            raw = password.encode()
            assert raw not in everything, f"{password} is in an object"
            assert base64.b64encode(raw) not in everything, f"{password} is in an object, in base64"
