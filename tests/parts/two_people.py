"""Two people, one repository: random sequences of what they do with Git and their edit files, and an oracle.

    world = World(folder, seed)          # a bare repository, two clones with the hooks
    world.play(steps)                    # each step: (person, name of a move, number for its choices)

A step that cannot be done where things stand does nothing, so any part of a sequence is a sequence, and a failing one shrinks.

The oracle, after each step: a password that somebody typed and did not take out again is in the person's edit file; nobody who is in Git
went out of it unless a person took him out of the edit file (what was amended to a merge commit a rebase drops: then the edit file still has
him, and the next sealing brings him back); what is sealed opens to a password that somebody typed for that user. And at
the end, when both have committed, pulled and pushed: every user is in Git whom nobody took out, with the password of whoever typed it.
"""

import functools
import random
import re
import shutil
import subprocess

import yaml

from parts.checkout import Checkout, users_text

BLOCK = "      - username: {name}\n        database: postgres\n        password: {password}\n        roles:\n          - read\n"


class Lost(AssertionError):
    """What the oracle finds."""


Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.lru_cache(maxsize=4096)
def load_all(text):
    """The documents of a text; what is asked again after each step is mostly what it was. Nobody changes them."""
    return list(yaml.load_all(text, Loader))


@functools.lru_cache(maxsize=4096)
def users_of(text):
    """Of an edit file or a users file: user -> password or None."""
    inner = load_all(load_all(text)[0]["data"]["users.yaml"])[0]
    return {user["username"]: user.get("password") for user in inner["users"] or []}


def index_entries(index):
    """Of .git/index, version 2: (mode, object and flags, path) of each, without what the files' times are."""
    assert index[:8] == b"DIRC\0\0\0\2", index[:8]
    entries, at = [], 12
    for _ in range(int.from_bytes(index[8:12], "big")):
        end = index.index(b"\0", at + 62)
        entries.append((index[at + 24:at + 28], index[at + 40:at + 62], index[at + 62:end]))
        at += (end - at) // 8 * 8 + 8
    return entries


class Reader:
    """What a repository has, by one `git cat-file` that stays, instead of a process for each question."""

    def __init__(self, one):
        self.process = subprocess.Popen(["git", "cat-file", "--batch"], cwd=one.root, env=one.environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def ask(self, name):
        """(object's name, content) of HEAD, HEAD:path, ...; (None, None) when it is not there."""
        self.process.stdin.write(name.encode() + b"\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        if len(words) != 3 or words[1] not in (b"commit", b"tree", b"blob", b"tag"):
            return None, None
        content = self.process.stdout.read(int(words[2]))
        self.process.stdout.read(1)
        return words[0].decode(), content

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Person:
    def __init__(self, world, name, checkout):
        self.world, self.name, self.one = world, name, checkout
        self.typed = {}  # user -> password, as it must stand in the edit file
        self.done = {}  # move of the end -> the state that it left
        self.reader = Reader(checkout)

    def show(self, path, revision="HEAD"):
        """The text of a file of a commit, or None."""
        content = self.reader.ask(f"{revision}:{path}")[1]
        return None if content is None else content.decode()

    @property
    def file(self):
        return self.one.place / "edit-users.yaml"

    def entries(self):
        """Of the edit file: user -> password or None."""
        return users_of(self.file.read_text())

    def block_of(self, name):
        found = re.search(rf"^( *)- username: {name}\n(?:\1 .*\n)*", self.file.read_text(), re.M)
        return found.group(0) if found else None

    def replace(self, old, new):
        text = self.file.read_text()
        assert text.count(old) == 1, (old, text)
        self.file.write_text(text.replace(old, new))

    def head(self):
        return self.reader.ask("HEAD")[0]

    def state(self):
        """All that a move of the end goes by: the commits here and at the other end, the index, the files and what goes on; what this clone
        keeps for itself follows from them."""
        files = (self.file, self.one.place / "users.yaml", self.one.place / "sealed-users.yaml", self.one.root / ".git/HEAD",
                 self.world.folder / "remote.git/refs/heads/main")
        refs = [self.reader.ask(name)[0] for name in ("HEAD", "refs/heads/main", "refs/heads/topic", "refs/remotes/origin/main")]
        return (self.is_busy(), refs, index_entries((self.one.root / ".git/index").read_bytes()),
                [file.read_bytes() if file.exists() else None for file in files])

    def is_busy(self):
        folder = self.one.root / ".git"
        return any((folder / name).exists() for name in ("MERGE_HEAD", "rebase-merge", "rebase-apply", "CHERRY_PICK_HEAD", "REVERT_HEAD"))

    def is_ahead(self):
        return self.one.git("rev-list", "--count", "origin/main..HEAD").out.strip() not in ("", "0")

    def has_merge(self):
        return self.one.git("rev-list", "--merges", "--count", "origin/main..HEAD").out.strip() not in ("", "0")

    def is_on_main(self):
        return (self.one.root / ".git/HEAD").read_text().strip() == "ref: refs/heads/main"

    def users(self, revision="HEAD"):
        text = self.show("team/users.yaml", revision)
        return set() if text is None else set(users_of(text))

    def passwords(self, revision="HEAD"):
        """Secret -> password, opened with the private key, as the cluster would; each sealed text once."""
        text = self.show("team/sealed-users.yaml", revision) or ""
        if text not in self.world.opened:
            self.world.opened[text] = self.one.passwords(revision)
        return self.world.opened[text]


SEALED = "team/sealed-users.yaml"
FIRST = {name: f"{name}-password-0" for name in ("alice", "bob", "carl")}


class World:
    """It begins as the first one of the process did: that one is kept beside the folder and copied back to the same place."""

    def __init__(self, folder, seed=0):
        self.folder, self.seed, self.count, self.log = folder, seed, 0, []
        self.passwords, self.typists, self.removed, self.opened = {}, {}, set(), {}
        kept = folder.with_name(folder.name + "-kept")
        shutil.rmtree(folder, ignore_errors=True)
        if not kept.exists():
            self.make()
            shutil.copytree(folder, kept, symlinks=True)
        else:
            shutil.copytree(kept, folder, symlinks=True)
        self.people = [Person(self, name, Checkout(folder / name, init=False, certificate=False)) for name in ("ann", "ben")]
        for name, password in FIRST.items():
            self.type(self.people[0], name, password)

    def make(self):
        first = Checkout(self.folder / "ann")
        first.git("init", "-q", "--bare", self.folder / "remote.git").ok()
        first.git("remote", "add", "origin", self.folder / "remote.git").ok()
        first.hook("install").ok()
        first.edit(FIRST)
        first.write("README", "one\n")
        first.git("add", "-A").ok()
        first.commit("first").ok()
        first.git("push", "-q", "-u", "origin", "main").ok()
        first.git("clone", "-q", self.folder / "remote.git", self.folder / "ben").ok()
        other = Checkout(self.folder / "ben", init=False, certificate=False)
        other.hook("install").ok()

    def close(self):
        for person in self.people:
            person.reader.close()

    def type(self, person, user, password):
        person.typed[user] = password
        self.passwords.setdefault(user, set()).add(password)
        self.typists.setdefault(user, set()).add(person.name)

    def next(self):
        self.count += 1
        return self.count

    def play(self, steps):
        for index, name, number in steps:
            self.step(self.people[index], name, random.Random(number))
        self.finish()

    def step(self, person, name, chance):
        before, users = person.head(), person.users()
        dropped = name == "pull_rebase" and person.has_merge()  # a rebase leaves merge commits out, with all that was amended to them
        answer = MOVES[name](person, chance)
        self.log.append(f"{person.name} {name}: {answer.text.strip() if answer else 'nothing'}")
        self.check(person, name, before, set() if dropped else users)

    def fail(self, person, text):
        shown = "\n".join(self.log)
        raise Lost(f"{person.name}: {text}\nseed {self.seed}\n{shown}\n--- edit file\n{person.file.read_text()}")

    def check(self, person, name, before, users):
        entries = person.entries()
        for user, password in person.typed.items():
            if entries.get(user) != password:
                self.fail(person, f"{user}'s password went out of the edit file ({entries.get(user)} for {password})")
        if person.head() == before or person.is_busy():
            return
        has = person.users()
        if name in KEEPS:
            gone = users - has - self.removed
            if gone:
                self.fail(person, f"{name} took {sorted(gone)} out of Git")
        if name.startswith("pull"):
            gone = (users | person.users("origin/main")) - has - self.removed
            if gone:
                self.fail(person, f"{name} lost {sorted(gone)}")
        text = person.show("team/users.yaml") + person.show("team/sealed-users.yaml")
        if "<<<<" in text or ">>>>" in text:
            self.fail(person, "conflict markers are committed")
        self.check_sealed(person)

    def check_sealed(self, person):
        opened = person.passwords()
        for user in person.users():
            password = opened.get(f"user-{user}-secret")
            if password not in self.passwords[user]:
                self.fail(person, f"{user} has the password {password} in Git, which nobody typed for them")

    def finish(self):
        """Both commit, pull and push until nothing is left to do. What was done already, and nothing is other than right after that, is not
        done again: it is most of what a sequence would take."""
        for round_ in range(2):
            for person in self.people:
                chance = random.Random(round_)
                if person.is_busy():
                    self.step(person, "resolve", chance)
                for name in ("abort_all", "to_main", "seal_resolve", "pull_rebase", "resolve", "seal_resolve", "push"):
                    if person.done.get(name) != person.state():
                        self.step(person, name, chance)
                        person.done[name] = person.state()
        final = self.people[0]
        final.one.git("fetch", "-q").ok()
        has, opened = final.users("origin/main"), final.passwords("origin/main")
        for user in self.passwords:
            if user in has or user in self.removed:
                continue
            self.fail(self.people[0], f"{user} is not in Git at the end")
        for person in self.people:
            for user, password in person.typed.items():
                if user not in self.removed and self.typists[user] == {person.name} and opened[f"user-{user}-secret"] != password:
                    self.fail(person, f"{user} has {opened[f'user-{user}-secret']} in Git at the end, not {password}")
        for person in self.people:
            person.one.known = {password for all_of in self.passwords.values() for password in all_of}
            person.one.assert_clean()


# ---- what people do ----


def some_user(person, chance, with_password=None):
    entries = person.entries()
    names = sorted(name for name in entries if with_password is None or (entries[name] is not None) == with_password)
    return chance.choice(names) if names else None


def add(person, chance):
    number = person.world.next()
    user, password = f"user{number}", f"password-{number}-of-user"
    person.world.type(person, user, password)
    at = "kind: ConfigMap" if chance.random() < 0.7 else chance.choice(re.findall(r"^      - username: .*$", person.file.read_text(), re.M)
                                                                     or ["kind: ConfigMap"])
    text = person.file.read_text().replace("users: []\n", "users:\n")
    position = text.index(at)
    person.file.write_text(text[:position] + BLOCK.format(name=user, password=password) + text[position:])


def change_password(person, chance):
    user = some_user(person, chance)
    if user:
        give_password(person, user)


def give_password(person, user):
    block, password = person.block_of(user), f"password-{person.world.next()}-changed"
    new = re.sub(r"\n *password: .*", "", block)
    new = new.replace(f"username: {user}\n", f"username: {user}\n        password: {password}\n", 1)
    person.world.type(person, user, password)
    person.replace(block, new)


def strip_password(person, chance):
    """What is sealed need not stay in the file. Only what Git has already: else it is the person who loses it."""
    user = some_user(person, chance, with_password=True)
    if not user or user not in person.users("origin/main"):
        return
    block = person.block_of(user)
    person.typed.pop(user, None)
    person.world.typists[user].add("nobody")
    person.replace(block, re.sub(r"\n *password: .*", "", block))


def change_roles(person, chance):
    user = some_user(person, chance)
    if user:
        block = person.block_of(user)
        person.replace(block, block + f"          - role{person.world.next()}\n")


def remove(person, chance):
    user = some_user(person, chance)
    if not user:
        return
    person.typed.pop(user, None)
    person.world.removed.add(user)
    person.replace(person.block_of(user), "")


def seal_commit(person, chance):
    if not person.is_busy():
        return person.one.pgitops("seal", "users", "--commit", "users")


def seal(person, chance):
    if not person.is_busy():
        return person.one.pgitops("seal", "users")


def seal_resolve(person, chance):
    if not person.is_busy():
        return follow(person, "--commit", "users")


def follow(person, *arguments):
    """`seal users --resolve`, and what it asks a person for: a password that nobody here has, or which side's is to stay."""
    for _ in range(4):
        answer = person.one.pgitops("seal", "users", "--resolve", *arguments)
        asked = [user for user in re.findall(r'user "(\w+)" has no password|SealedSecret "user-(\w+)-secret" was sealed on both sides', answer.text)]
        if answer.code == 0 or not asked:
            break
        for user in (one or other for one, other in asked):
            if user in person.entries():
                give_password(person, user)
            else:
                person.one.git("checkout", "--ours", "--", SEALED)
                person.one.git("add", SEALED)
    return answer


def commit_work(person, chance):
    if not person.is_busy():
        person.one.write("README", f"{person.world.next()}\n" if chance.random() < 0.1 else person.one.root.joinpath("README").read_text())
        person.one.write(f"work-{person.name}", f"{person.world.next()}\n")
        person.one.git("add", f"work-{person.name}")
        return person.one.commit("work", *chance.choice([[], ["-a"], ["--", f"work-{person.name}"]]))


def commit_abort(person, chance):
    """The editor is left without a message."""
    if not person.is_busy():
        person.one.write(f"work-{person.name}", f"{person.world.next()}\n")
        person.one.git("add", f"work-{person.name}")
        return person.one.git("commit", *chance.choice([[], ["-a"]]), GIT_EDITOR="true")


def commit_with_own_index(person, chance):
    """As some clients do."""
    if not person.is_busy():
        own = person.one.root / ".git/own-index"
        person.one.git("read-tree", "HEAD", GIT_INDEX_FILE=own)
        person.one.write(f"work-{person.name}", f"{person.world.next()}\n")
        person.one.git("add", f"work-{person.name}", GIT_INDEX_FILE=own)
        answer = person.one.commit("own index", GIT_INDEX_FILE=own)
        person.one.git("add", f"work-{person.name}")  # of its own files such a client tells the real index
        return answer


def amend(person, chance):
    if not person.is_busy() and person.is_ahead():
        return person.one.git("commit", "-q", "--amend", "--no-edit")


def reset(person, chance):
    if person.is_busy():
        return None
    where = chance.choice(["HEAD", "HEAD~1", "origin/main"])
    if where == "HEAD~1" and not person.is_ahead():
        where = "HEAD"
    return person.one.git("reset", "-q", chance.choice(["--hard", "--hard", "--mixed", "--soft"]), where)


def checkout_files(person, chance):
    if not person.is_busy():
        return person.one.git("checkout", "HEAD", "--", "team/users.yaml", "team/sealed-users.yaml")


def stash(person, chance):
    if not person.is_busy():
        return person.one.git("stash", "-q")


def stash_pop(person, chance):
    if not person.is_busy():
        return person.one.git("stash", "pop", "-q")


def pull_rebase(person, chance):
    if not person.is_busy():
        return person.one.git("pull", "-q", "--rebase", "origin", "main")


def pull_merge(person, chance):
    if not person.is_busy():
        return person.one.git("pull", "-q", "--no-rebase", "--no-edit", "origin", "main")


def resolve(person, chance):
    """Conflicts, as the program says and as Git does, and on."""
    answer = None
    for _ in range(8):
        if not person.is_busy():
            return answer
        answer = follow(person)
        for file in ("README", "work-ann", "work-ben"):
            path = person.one.root / file
            if path.exists() and "<<<<" in path.read_text():
                person.one.write(file, "both\n")
                person.one.git("add", file)
        going = (person.one.root / ".git/MERGE_HEAD").exists()
        answer = person.one.git("commit", "-q", "--no-edit") if going else person.one.git("rebase", "--continue", GIT_EDITOR="true")
        if "nothing to commit" in answer.text or "No changes" in answer.text or "git rebase --skip" in answer.text:
            answer = person.one.git("rebase", "--skip")
    return answer


def abort(person, chance):
    if (person.one.root / ".git/MERGE_HEAD").exists():
        return person.one.git("merge", "--abort")
    return person.one.git("rebase", "--abort") if person.is_busy() else None


def abort_all(person, chance):
    """To clean ground: what is in the edit file is all that counts."""
    abort(person, chance)
    answer = person.one.git("reset", "-q", "--hard", "HEAD")
    person.one.git("clean", "-q", "-f", "-d")  # a mixed reset leaves files behind that another branch has; what is ignored stays
    return answer


def push(person, chance):
    if not person.is_busy() and person.is_on_main():
        return person.one.git("push", "-q", "origin", "main")


def to_topic(person, chance):
    if not person.is_busy():
        exists = person.reader.ask("refs/heads/topic")[0] is not None
        return person.one.git("checkout", "-q", *([] if exists else ["-b"]), "topic")


def to_main(person, chance):
    if not person.is_busy() and not person.is_on_main():
        answer = person.one.git("checkout", "-q", "main")
        return answer if chance.random() < 0.3 else person.one.git("merge", "-q", "--no-edit", "topic")


MOVES = {move.__name__: move for move in (
    add, change_password, strip_password, change_roles, remove, seal_commit, seal, seal_resolve, commit_work, commit_abort,
    commit_with_own_index, amend, reset, checkout_files, stash, stash_pop, pull_rebase, pull_merge, resolve, abort, abort_all, push,
    to_topic, to_main)}
KEEPS = {"seal_commit", "commit_work", "commit_abort", "commit_with_own_index", "amend", "resolve"}
WEIGHTS = {"add": 6, "change_password": 3, "change_roles": 2, "remove": 2, "seal_commit": 8, "commit_work": 5, "pull_rebase": 5,
           "pull_merge": 4, "push": 6, "resolve": 5, "seal_resolve": 1, "abort_all": 0}


def steps_of(seed, length):
    chance = random.Random(seed)
    names = list(MOVES)
    weights = [WEIGHTS.get(name, 2) for name in names]
    return [(chance.randrange(2), chance.choices(names, weights)[0], chance.randrange(1 << 30)) for _ in range(length)]


def play(folder, steps, seed=0):
    """The oracle's complaint, or None."""
    world = World(folder, seed)
    try:
        world.play(steps)
    except Lost as lost:
        return str(lost)
    finally:
        world.close()
    return None


def shrink(folder, steps):
    """Fewer steps that fail as well: parts are left out while that is so."""
    size = len(steps) // 2
    while size:
        at = 0
        while at < len(steps):
            fewer = steps[:at] + steps[at + size:]
            if play(folder, fewer):
                steps = fewer
            else:
                at += size
        size //= 2
    return steps
