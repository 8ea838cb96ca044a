"""The three nets over files of public shapes (corpus.py): nothing of the first two is missed, nothing innocent is refused."""

import json
import sys
import pathlib

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import corpus
from parts.checkout import HEAD, TAIL, Checkout


def edit_text():
    """The passwords of the clone, as YAML."""
    users = "".join(f"      - username: {name}\n        database: postgres\n        password: {json.dumps(password, ensure_ascii=False)}\n"
                    for name, password in corpus.PASSWORDS.items())
    return HEAD + users + TAIL


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """{path: [(rule, severity)]} of one look at all files."""
    one = Checkout(tmp_path_factory.mktemp("corpus") / "repo")
    (one.place / "edit-users.yaml").write_text(edit_text())
    one.git("config", "core.safecrlf", "false").ok()
    for _, path, data in corpus.cases():
        file = one.root / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(data)
    one.git("add", *sorted({path.split("/")[0] for _, path, _ in corpus.cases()})).ok()
    answer = one.pgitops("check", "--secrets", "-o", "json")
    assert answer.code == 1, answer.text
    found = {}
    for item in json.loads(answer.out)["items"]:
        found.setdefault(item["path"], []).append((item["rule"], item["severity"]))
        for password in (*corpus.PASSWORDS.values(), corpus.FAKE, corpus.FAKE64):
            assert password not in item["text"], item
    return found


def refused(findings, path, rule=None):
    return any(severity == "refused" and rule in (None, name) for name, severity in findings.get(path, []))


def test_the_corpus_prints_both_rates(findings):
    cases = list(corpus.cases())
    wrong = {
        "known": [path for net, path, _ in cases if net == "known" and not refused(findings, path, "known")],
        "structure": [path for net, path, _ in cases if net == "structure" and not refused(findings, path)],
        "innocent": [path for net, path, _ in cases if net == "innocent" and refused(findings, path)],
    }
    for net, paths in wrong.items():
        total = sum(1 for name, _, _ in cases if name == net)
        word = "refused" if net == "innocent" else "missed"
        print(f"\n{net}: {total} files, {len(paths)} {word} ({100 * len(paths) / total:.1f} %)", *paths)
    warned = sum(1 for net, path, _ in cases if net == "innocent" and path in findings and not refused(findings, path))
    print(f"innocent with a warning: {warned}")
    assert len(cases) >= 200
    assert not any(wrong.values()), wrong


def test_a_known_password_of_structure_is_told_by_its_user(findings):
    assert ("known", "refused") in findings["known/template.yaml"]
    assert ("sealed", "refused") in findings["known/sealed.yaml"]
