"""People who sign commits, with keys of their own: real git with ssh-keygen or gpg.

    key = SshKey(tmp_path, "id")
    signed = key.sign(repository, repository.head)
"""

import subprocess

from parts import git

TIME = "2026-06-01T00:00:00Z"


class Signer:
    """Signs commits of a bare repository with `git commit-tree -S`."""

    def __init__(self, *settings, **environment):
        self.settings = [word for setting in settings for word in ("-c", setting)]
        self.environment = {**git.ENVIRONMENT, "GIT_COMMITTER_DATE": TIME, **environment}

    def sign(self, repository, commit, branch="main"):
        """The branch gets the same commit with a signature instead."""
        parents = repository.git("rev-parse", f"{commit}^@").split()
        run = subprocess.run(["git", "--git-dir", str(repository.path), *self.settings, "commit-tree", "-S", "-m", "signed",
                              *(word for parent in parents for word in ("-p", parent)), f"{commit}^{{tree}}"],
                             capture_output=True, text=True, check=False, env=self.environment)
        assert run.returncode == 0, run.stderr
        signed = run.stdout.strip()
        repository.set_ref(f"refs/heads/{branch}", signed)
        return signed


class SshKey(Signer):
    def __init__(self, folder, name, *kind):
        self.path = folder / name
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", name, "-f", str(self.path), "-t", *(kind or ("ed25519",))],
                       check=True)
        self.public = self.path.with_name(f"{name}.pub").read_text().rsplit(" ", 1)[0].strip()
        super().__init__("gpg.format=ssh", f"user.signingkey={self.path}")

    @property
    def fingerprint(self):
        return subprocess.run(["ssh-keygen", "-l", "-f", str(self.path)], capture_output=True, text=True,
                              check=True).stdout.split()[1]


class GpgKey(Signer):
    """A key ring with one key, in a folder short enough for the socket of its agent."""

    def __init__(self, home, name, expire="never", kind="ed25519", program="gpg"):
        self.program = program
        self.home = home
        self.home.mkdir(mode=0o700)
        self.name = name
        self.gpg("--passphrase", "", "--quick-gen-key", f"{name} <{name}@example.org>", kind, "sign", expire)
        listed = self.gpg("--with-colons", "--list-keys").splitlines()
        self.fingerprint = next(line.split(":")[9] for line in listed if line.startswith("fpr:"))
        super().__init__("gpg.format=openpgp", f"gpg.program={program}", f"user.signingkey={self.fingerprint}",
                         GNUPGHOME=str(home))

    def gpg(self, *arguments):
        run = subprocess.run([self.program, "--batch", "--quiet", "--homedir", str(self.home), *arguments], capture_output=True,
                             check=False)
        assert run.returncode == 0, run.stderr.decode()
        return run.stdout.decode(errors="replace")

    def export(self, path, armour=True):
        self.gpg(*(["--armor"] if armour else []), "--output", str(path), "--export", self.fingerprint)
        return path

    def stop(self):
        subprocess.run(["gpgconf", "--homedir", str(self.home), "--kill", "gpg-agent"], check=False)
