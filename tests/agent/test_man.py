"""The manual page: the formatter has nothing to say about it, and it says what --help says."""

import re
import shutil
import subprocess

import pytest

from parts import agent as agents


def formatted(page, *arguments):
    assert shutil.which("groff"), "groff is not installed (apt-get install groff-base)"
    return subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-P-cbou", *arguments], input=page, capture_output=True, text=True,
                          check=True, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})


@pytest.fixture(scope="module")
def page(program):
    return agents.run("help", "--man").ok().out


@pytest.fixture(scope="module")
def text(page):
    return formatted(page, "-rLL=200n").stdout


@pytest.fixture(scope="module")
def names(program):
    """Every command, from the overview."""
    overview = agents.run("help").ok().out.split("Options that every command knows")[0]
    known = [match.split("  ")[0] for match in re.findall(r"(?m)^  ([a-z].*)$", overview)]
    words = [re.match(r"[a-z]+(?: [a-z]+)?(?= |$)", name)[0] for name in known]
    return [word for word in words if agents.run("help", *word.split()).code == 0]


def test_the_formatter_warns_of_nothing(page):
    assert formatted(page, "-z").stderr == ""


def test_the_hooks_program_has_a_page_that_says_how_it_is_called():
    page = (agents.TOP / "manifests/package/pgitops-hook.1").read_text()
    done = formatted(page, "-rLL=200n")
    assert done.stderr == "" and "pgitops-hook hook run NAME -- [ARGUMENT...]" in done.stdout
    shims = re.search(r"shim_names\[\] = \{(.*?)\}", (agents.TOP / "agent/hook/shim.c").read_text(), re.S)[1]
    for name in re.findall(r'"(.*?)"', shims):
        assert name in done.stdout, name


def test_the_build_makes_it(page):
    assert (agents.PROGRAM.parent / "pgitops.1").read_text() == page


def test_each_command_is_there_with_its_options_and_examples(page, text, names):
    assert len(names) > 20 and "app sync" in names and "doctor" in names
    for name in names:
        assert re.search(rf'(?m)^\.SS "pgitops {name}(?: .*)?"$', page), name
        for line in agents.run("help", *name.split()).out.split("Options that every command knows")[0].splitlines():
            if re.match(r"  +(pgitops|kubectl|git|printf|source|watch) ", line):
                assert line.strip() in text, f"an example of {name} cannot be pasted: {line}"
            elif line.startswith("  -"):
                assert line.split("  ")[1] in text, f"{name}: {line}"


def test_the_sections_that_people_look_for(text):
    heads = re.findall(r"(?m)^[A-Z][A-Z ]+$", text)
    assert heads == ["NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"]
    for word in ("PGITOPS_CONFIG", "PGITOPS_SERVER", "NO_COLOR", "/etc/pgitops/agent.yaml", "STATE/agent.sock", "--no-headers"):
        assert word in text, word
