"""What the documents and help texts say is true: each `pgitops ...` line is a command with options that exist, each snippet of an
agent file or of users.yaml is one that the program takes, each link leads somewhere, and what can be run here is run."""

import pathlib
import re
import shlex
import subprocess

import pytest

from parts import agent as agents
from parts.git import Repository

TOP = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = TOP / "manifests/examples"
DOCUMENTS = [*sorted(TOP.glob("*.md")), *sorted((TOP / "docs").glob("*.md")), *sorted((TOP / "manifests").rglob("*.md"))]
SOURCES = [*sorted((TOP / "agent").rglob("*.c")), *sorted((TOP / "reconcile").rglob("*.c")), *sorted((TOP / "store").rglob("*.c"))]
OPERATORS = {"|", "||", "&&", ";", ">", ">>", "<", "#", "2>"}


# ---- what the program knows: made from its own completion script --------------------------------------------------------


class Known:
    INTERNAL = {"help --man", "git-worker", "jq-worker", "render-worker"}  # for the build; processes of their own

    def __init__(self):
        script = agents.run("completion", "fish").ok().out
        self.commands, self.options = set(), {}
        for line in script.splitlines():
            found = re.match(r"complete -c pgitops (?:-f )?-n (?:'([^']+)'|(\S+))( .*)", line)
            if not found:
                continue
            seen = re.findall(r"(?<!not )__fish_seen_subcommand_from ([a-z-]+)", found[1] or "")
            option = re.search(r"^ -(?:l|s) (\S+)( -r)?$", found[3])
            offered = re.search(r" -a ([a-z-]+) -d", found[3])
            if offered:
                self.commands.add(" ".join([*seen, offered[1]]))
            elif option:
                dashes = "--" if " -l " in found[3] else "-"
                self.options.setdefault(" ".join(seen), {})[dashes + option[1]] = bool(option[2])
        self.commands |= {"help"} | self.INTERNAL
        self.options[""] |= {"-o": True, "-h": False}
        self.groups = {name.split()[0] for name in self.commands if " " in name and not name.startswith("help")}
        self.commands -= {group for group in self.groups if agents.run("help", group).out.startswith(f"usage: pgitops {group} VERB")}

    def first_words(self):
        return {name.split()[0] for name in self.commands} | self.groups

    def mistake(self, words, named=False):
        """What is wrong with a command line (without `pgitops`), or None. In running text an option may be `named` without a value."""
        name = next((name for name in (" ".join(words[:3]), " ".join(words[:2]), words[0]) if name in self.commands), None)
        if name is None:
            return None if words[0] in self.groups and len(words) == 1 else f"no command {' '.join(words[:2])}"
        rest = iter(words[len(name.split()):])
        for word in rest:
            option = word.split("=")[0]
            if option == "--":
                break  # what follows is another program's
            if not option.startswith("-") or option == "-":
                continue
            takes = self.options[""].get(option, self.options.get(name, {}).get(option))
            if takes is None:
                return f"{name} has no option {option}"
            if takes and "=" not in word and next(rest, None) is None and not named:
                return f"{option} of {name} wants a value"
        return None


@pytest.fixture(scope="module")
def known(program):
    found = Known()
    assert {"app sync", "user plan", "check", "seal", "seal users", "doctor"} <= found.commands
    assert found.options["app sync"] == {
        "--prune": False, "--dry-run": False, "--revision": True, "--resource": True, "--force": False, "--apply-only": False,
        "--option": True, "--confirm": True, "--wait": False, "--async": False, "--timeout": True,
        "--revisions": True, "--source-positions": True}
    assert found.options["seal"]["-f"] is True and found.options[""]["--config"] is True
    return found


def test_the_check_itself_finds_mistakes(known):
    assert known.mistake(["app", "sync", "x", "--prune", "--confirm", "abc"]) is None
    assert known.mistake(["app", "snyc", "x"]) and known.mistake(["statsu"]) and known.mistake(["app", "sync", "--purge"])
    assert known.mistake(["app", "sync", "x", "--confirm"]) and known.mistake(["status", "--once"])


# ---- what the texts say -----------------------------------------------------------------------------------------------


def fences(text):
    """(language, content, line) of each fenced block."""
    found, inside, start = [], None, 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            if inside is None:
                inside, language, start = [], line.strip().strip("`"), number
            else:
                found.append((language, "\n".join(inside) + "\n", start))
                inside = None
        elif inside is not None:
            inside.append(line)
    assert inside is None, "a fenced block does not end"
    return found


def spans(text):
    """(text, line) of each `span` outside of fenced blocks."""
    without = re.sub(r"(?ms)^ *```.*?^ *```", lambda block: "\n" * block[0].count("\n"), text)
    return [(match[1], without.count("\n", 0, match.start()) + 1) for match in re.finditer(r"`([^`\n]+)`", without)]


def commands_in(line):
    """The command lines (lists of words after `pgitops`) in a line of shell or of a synopsis."""
    for match in re.finditer(r"(?:^|[\s(`])pgitops +(.*)", line):
        text = re.split(r"\s{2,}", match[1])[0]  # a synopsis explains itself behind a gap
        text = re.sub(r"[\[\]]|`.*", "", text)
        alternatives = text.split(" | ")
        group = alternatives[0].split()[0]
        try:
            words = shlex.split(alternatives[0], comments=True)
        except ValueError:
            words = alternatives[0].split()
        until = next((i for i, word in enumerate(words) if word in OPERATORS or word.endswith(";")), len(words))
        words = [word.strip(",:;)\"'") for word in words[:until]]
        yield words
        if len(words) == 2 and all(re.match(r"[a-z]+( [A-Z]+)?$", other) for other in alternatives[1:]):
            for other in alternatives[1:]:
                yield [group, *other.split()]


def said():
    """(place, line) of all that looks like a command line."""
    for file in DOCUMENTS:
        text = file.read_text()
        name = file.relative_to(TOP)
        for language, content, line in fences(text):
            for offset, one in enumerate(content.splitlines(), 1):
                if language != "yaml":
                    yield f"{name}:{line + offset}", one
        for span, line in spans(text):
            if span.startswith("pgitops "):
                yield f"{name}:{line}", span
    for file in SOURCES:
        for number, line in enumerate(file.read_text().splitlines(), 1):
            for span in re.findall(r"`(pgitops [^`\"\\]+)`", line):
                yield f"{file.relative_to(TOP)}:{number}", span


def test_each_command_that_a_document_names_exists(known):
    wrong, count = [], 0
    for place, line in said():
        for words in commands_in(line):
            if not words or not re.match(r"[a-z]", words[0]):
                continue
            count += 1
            mistake = known.mistake(words, named=line.startswith("pgitops ") and "  " not in line)
            if mistake:
                wrong.append(f"{place}: {mistake}: {line.strip()}")
    assert not wrong, "\n".join(wrong)
    assert count > 20


def test_each_command_in_manifests_and_the_quick_start_exists(known):
    words_of = known.first_words()
    wrong, count = [], 0
    for file in [TOP / "quickstart.sh", *sorted((TOP / "manifests").rglob("*.yaml"))]:
        for number, line in enumerate(file.read_text().splitlines(), 1):
            for words in commands_in(line):
                if words and words[0] in words_of:
                    count += 1
                    mistake = known.mistake(words)
                    if mistake:
                        wrong.append(f"{file.relative_to(TOP)}:{number}: {mistake}: {line.strip()}")
    assert not wrong, "\n".join(wrong)
    assert count > 3


def test_each_command_in_a_help_text_exists(known):
    wrong, count = [], 0
    for name in sorted(known.commands - Known.INTERNAL):
        for line in agents.run("help", *name.split()).out.splitlines():
            for words in commands_in(line) if not line.startswith("usage:") else ():
                count += 1
                mistake = known.mistake(words)
                if mistake:
                    wrong.append(f"help {name}: {mistake}: {line.strip()}")
    assert not wrong, "\n".join(wrong)
    assert count > 40


def test_each_option_is_explained_and_each_explained_option_exists(known):
    wrong = []
    for name in sorted(known.commands - {"help"} - Known.INTERNAL):
        text = agents.run("help", *name.split()).ok().out.split("Options that every command knows")[0].split("Examples:")[0]
        explained = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", "\n".join(text.splitlines()[1:])))
        has = known.options.get(name, {})
        wrong += [f"{name}: {option} is not in its help" for option in has if option not in explained]
    assert not wrong, "\n".join(wrong)


def test_each_script_and_path_that_the_readme_names_is_there():
    text = (TOP / "README.md").read_text()
    for script, arguments in re.findall(r"(?m)^(\./[\w./-]+)((?: --[\w-]+)*)", "\n".join(block for _, block, _ in fences(text))):
        assert (TOP / script).exists(), script
        said = (TOP / script).read_text()
        assert all(option in said for option in arguments.split()), (script, arguments)
    for path in re.findall(r"(?:-f |`)(manifests/[\w./-]*)", text):
        assert (TOP / path).exists(), path


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(TOP)))
def test_links_lead_somewhere(file):
    for link in re.findall(r"\]\(([^)#\s]+)\)", file.read_text()):
        if not re.match(r"[a-z]+:", link):
            assert (file.parent / link).exists(), f"{file.name}: {link}"


# ---- snippets ---------------------------------------------------------------------------------------------------------


def agent_files():
    found = [(str(file.relative_to(TOP)), file.read_text()) for file in sorted(EXAMPLES.parent.glob("agent-*.yaml"))]
    for file in DOCUMENTS:
        for language, content, line in fences(file.read_text()):
            if re.search(r"(?m)^version: ", content) and not re.search(r"(?m)^users:", content):  # a list of users has a version, too
                found.append((f"{file.relative_to(TOP)}:{line}", content))
    return found


@pytest.mark.parametrize("place, text", agent_files(), ids=[place for place, _ in agent_files()])
def test_an_agent_file_is_one_that_the_agent_reads(cli, tmp_path, place, text):
    file = tmp_path / "agent.yaml"
    # Where this machine's agent may be is no business of the test.
    file.write_text(re.sub(r"(?m)^state: \S+", "state: ./state", text))
    result = cli("status", "--config", file)
    assert result.code == 2 and result.err.startswith("pgitops: there is no store in "), result
    file.write_text(text + "nonsense: 1\n")
    assert "nonsense" in cli("status", "--config", file).is_(2).err


def user_lists():
    return [(f"{file.relative_to(TOP)}:{line}", content) for file in DOCUMENTS
            for language, content, line in fences(file.read_text()) if re.search(r"(?m)^users:", content)]


@pytest.mark.parametrize("place, text", user_lists(), ids=[place for place, _ in user_lists()])
def test_a_list_of_users_has_no_mistake(cli, tmp_path, place, text):
    block = "".join(f"    {line}\n" for line in text.splitlines())
    (tmp_path / "users.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: postgres-users-config\n"
                                         f"  namespace: postgres\ndata:\n  users.yaml: |\n{block}")
    cli("check", tmp_path).ok()


def test_the_examples_have_no_mistake(cli):
    """As a whole, as in the checkout of a team, and each path as its Application has it."""
    assert ": 0 mistakes, 0 warnings" in cli("check", EXAMPLES).ok().out
    for folder in ("postgres-cluster", "postgres-users", "billing"):
        assert ": 0 mistakes, 0 warnings" in cli("check", EXAMPLES / folder).ok().out


# ---- what can be run here -----------------------------------------------------------------------------------------------


@pytest.fixture
def setting(agent, server, tmp_path):
    """The example repository, served from this machine, with an agent that has done its work."""
    server.run("CREATE DATABASE app")
    repository = Repository(tmp_path / "db.git")
    repository.commit({str(file.relative_to(EXAMPLES)): file.read_text() for file in sorted(EXAMPLES.rglob("*"))
                       if file.is_file()})
    for example in ("refs/heads/feature/new-users", "refs/pull/7/head"):  # of the help texts
        repository.set_ref(example, repository.head)
    agent.database(server)
    for name, namespace in (("postgres-cluster", "default"), ("postgres-users", "postgres")):
        agent.application(name, repository.url, name, namespace)
    for user in ("alice", "bob", "report-service"):
        agent.secret("postgres", f"user-{user}-secret", f"password of {user}")
    agent.start()
    agent.wait_app("postgres-users")
    subprocess.run(["git", "clone", "-q", repository.path, tmp_path / "checkout"], check=True, env=agents.environment())
    return agent


READING = ("status", "app list", "app get", "app diff", "app history", "app refresh", "user list", "user get", "user plan", "user export",
           "user history", "drift list", "check", "doctor", "completion", "version", "help")


def test_what_the_readme_and_the_help_show_can_be_run(setting, known):
    """Every line without a placeholder whose command only reads: it gives an answer, yes or no."""
    lines = [line for file in DOCUMENTS for _, content, _ in fences(file.read_text()) for line in content.splitlines()]
    for name in sorted(known.commands - Known.INTERNAL):
        lines += [line for line in agents.run("help", *name.split()).out.splitlines() if not line.startswith("usage:")]
    done = set()
    for line in lines:
        if not line.strip().startswith("pgitops ") or " --secrets" in line:
            continue
        found = list(commands_in(line))
        for words in found if len(found) == 1 else ():  # more are a synopsis
            name = next((name for name in (" ".join(words[:3]), " ".join(words[:2]), words[0]) if name in READING), None)
            if not name or re.search(r"\b[A-Z]{2,}|[%…|]", " ".join(words)):
                continue
            words = ["alice" if word in ("eve", "carol") else word for word in words]  # of the help texts, of docs
            if "--config" in words or tuple(words) in done:
                continue
            done.add(tuple(words))
            result = setting.cli(*words, cwd=setting.folder / "checkout")
            assert result.code in (0, 1), (line, str(result))
            assert result.out + result.err or name == "app diff", f"{line}: not a word"  # as diff itself
    assert {words[0] for words in done} >= {"status", "app", "user", "drift", "check", "doctor"} and len(done) > 20, done
