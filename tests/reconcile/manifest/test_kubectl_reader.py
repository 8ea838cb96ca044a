"""YAML as kubectl reads it: each snippet is the same to its own reader (tests/kube/reader) and to us, or we refuse it and say where.

Whatever is an object is applied as well, by the agent and as kubectl would send it, and the API server holds the same. What we refuse is
in REFUSED with the reason, what we read although kubectl's way of cutting a file cannot is in READ with what it must be.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from yaml_snippets import A, B, FAMILIES, JA, JB, MARK, STREAMS

from parts import agent as agents
from parts import kube, kubectl

PRINTER = agents.PROGRAM.parent / "tests/reconcile/manifest/manifest_printer"
HEADER = "apiVersion: tests.pgitops.dev/v1\nkind: Thing\nmetadata: {name: @-a}\nspec:\n  value:\n"

# The beginning of the message, and why kubectl's answer is not good enough. {kubectl} = kubectl refuses it, too.
REFUSED = {
    "not valid YAML: ": "{kubectl}; or it drops the rest of the file without a word, or makes U+FFFD of an escape",
    "byte 0x": "{kubectl}",
    "UTF-16 or UTF-32 text": "{kubectl}",
    "tags such as !!str or !custom are not supported": "most readers disagree on them, kubectl drops unknown ones, and each can be written without",
    "directives (%YAML, %TAG) are not supported": "{kubectl}, where they begin a file; they change what the values below mean",
    "the number does not fit 64 bits": "it becomes another number",
    "the number is larger than JSON's numbers can be": "{kubectl}, in JSON; a text in YAML",
    "infinity and not-a-number": "{kubectl}",
    "NUL character in a string": "the API server cannot store it everywhere, PostgreSQL nowhere",
    "key \"": "of two values the last one wins without a word",
    "the merge would replace key": "what is written first loses to what is merged behind it",
    "the merge sets key": "which value wins is chance (the order of a Go map)",
    "\"<<\" stands here twice": "{kubectl}, or one is lost",
    "\"<<\" merges a map or a list of maps": "{kubectl}",
    "a key cannot be empty or null": "{kubectl}, or the key becomes \"null\"",
    "a list or a map cannot be a key": "{kubectl}",
    "the alias names an anchor": "{kubectl}",
    "the alias stands inside what it names": "{kubectl}",
    "more than 64 levels of nesting": "a limit of ours: no kind of Kubernetes is as deep",
    "text stands behind \"---\"": "{kubectl}",
    "\"---\" stands behind a line break that is none to kubectl": "all that follows is lost to kubectl without a word",
    "a byte order mark (U+FEFF) begins a line": "it becomes a part of the key there",
}
REFUSED_OBJECTS = {
    "is no Kubernetes object": "{kubectl}",
    "no Kubernetes object: apiVersion": "{kubectl}",
    "apiVersion is ": "{kubectl}",
    "kind is ": "{kubectl}",
    "metadata must be a map": "{server}",
    "metadata.name is ": "{server}",
    "metadata.labels: ": "{server}",
    "a List has \"items\"": "{server}; an empty set that nobody meant would be pruned to",
    "\"items\" here makes a list of the object": "kubectl and Argo CD apply its items and lose the object itself",
}
# Texts that kubectl refuses only because of the way in which it cuts a file, and what they are.
READ = {
    "---# c\n" + A: [A], A + "\n" + MARK + "---\n" + B: [A, B], A + MARK + "---\n" + B: [A, B], "---\n" + MARK + A: [A], A + "---\n" + MARK + B: [A, B],
    '{"a": 1} # c': ['{"a": 1}'], JA + JB + "\n---\n" + JA.replace("@-a", "@-c"): [JA, JB, JA.replace("@-a", "@-c")],
    'a: "\\/"\nb: 1\n': ['{"a": "/", "b": 1}'],
    # A list in a list: the server knows no kind List.
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  - " + A.replace("\n", "\n    ").rstrip(" "): None,
}


# Server-side apply refuses them by name, which is how the agent applies; kubectl's other way drops the field with a warning.
UNKNOWN = [A + "extra: 1\n", A.replace("spec:", "SPEC:")]
LONGEST_KEY = 1024  # bytes: the server reads the body of an apply as YAML


def canonical(value):
    """Types count, and numbers by their value: what is no 64-bit integer is a double to the API server."""
    def plain(one):
        if isinstance(one, dict):
            return {key: plain(inside) for key, inside in one.items()}
        if isinstance(one, list):
            return [plain(inside) for inside in one]
        return float(one) if isinstance(one, int) and not isinstance(one, bool) and not -2**63 <= one < 2**63 else one
    return json.dumps(plain(value), sort_keys=True)


def answers(program, files):
    found = subprocess.run([program, *files], capture_output=True, check=True, encoding="utf-8", errors="surrogatepass")
    return [json.loads(line) for line in found.stdout.split("\n") if line]


class Snippet:
    def __init__(self, family, source, text, name):
        self.family, self.source, self.text, self.name = family, source, text, name
        self.bytes = text if isinstance(text, bytes) else text.encode()
        self.kubectl = self.ours = None

    def __str__(self):
        shown = repr(self.text) if len(self.text) < 300 else repr(self.text[:300]) + "..."
        return f"{self.family} {shown}\n  kubectl: {self.kubectl}\n  pgitops: {self.ours}\n"


def read(folder, made):
    """Both readers over snippets, each a file."""
    folder.mkdir()
    for one in made:
        (folder / f"{one.name}.yaml").write_bytes(one.bytes)
    files = [folder / f"{one.name}.yaml" for one in made]
    for one, kubectls, ours in zip(made, answers(kubectl.reader(), files), answers(PRINTER, files), strict=True):
        one.kubectl, one.ours = kubectls, ours
    return made


def indented(text):
    return "".join(f"    {line}\n" if line else "\n" for line in text.rstrip("\n").split("\n"))


@pytest.fixture(scope="module")
def plain(program, tmp_path_factory):
    made = [(family, text, text) for family, texts in FAMILIES.items() for text in texts]
    made += [("streams", text, text.replace("@", f"w{number}") if isinstance(text, str) else text) for number, text in enumerate(STREAMS)]
    made += [("read", text, text.replace("@", "read")) for text in READ]
    return read(tmp_path_factory.mktemp("yaml") / "plain", [Snippet(*one, f"p{number:04}") for number, one in enumerate(made)])


@pytest.fixture(scope="module")
def objects(program, tmp_path_factory):
    made = [(family, text, HEADER.replace("@", f"s{number}") + indented(text)) for number, (family, text) in enumerate(
        (family, text) for family, texts in FAMILIES.items() for text in texts)]
    made += [("streams", text, text.replace("@", f"t{number}")) for number, text in enumerate(STREAMS) if isinstance(text, str)]
    return read(tmp_path_factory.mktemp("yaml") / "objects", [Snippet(*one, f"o{number:04}") for number, one in enumerate(made)])


def reason(message, file, reasons):
    """The row of the refusal: each has its file and its line."""
    place = re.match(rf"{file}\.yaml:(\d+:\d+: )?", message)
    return place and next((row for row in reasons if message[place.end():].removeprefix("a map ").startswith(row) or
                           (row.startswith("is ") and row in message)), None)


def silent(made, ours, kubectls, mistakes, reasons):
    """The snippets that both read otherwise without a word of ours, and how often each refusal was met."""
    different, met = [], collections.Counter()
    for one in made:
        if one.ours[mistakes]:
            rows = [reason(message, one.name, reasons) for message in one.ours[mistakes]]
            met.update(row for row in rows if row)
            if None in rows:
                different.append(one)
        elif (one.kubectl.get("error") or canonical(one.kubectl[kubectls] or []) != canonical(one.ours[ours])) and one.source not in READ:
            different.append(one)
    return different, met


def test_each_snippet_is_read_as_kubectl_reads_it_or_refused_with_its_place(plain):
    different, met = silent(plain, "documents", "documents", "mistakes", REFUSED)
    assert not different, "\n".join(map(str, different))
    assert not [row for row in REFUSED if not met[row]]
    assert len([one for one in plain if not one.ours["mistakes"]]) > 350


def test_what_kubectl_cannot_cut_is_read_as_yaml_has_it(plain):
    for one, wanted in zip([one for one in plain if one.family == "read"], READ.values(), strict=True):
        assert not one.ours["mistakes"], str(one)
        if wanted is not None:
            assert canonical(one.ours["documents"]) == canonical([yaml.safe_load(text.replace("@", "read")) for text in wanted]), str(one)


def test_each_snippet_is_the_same_object_or_refused_with_its_place(objects):
    different, met = silent(objects, "objects", "objects", "refusals", REFUSED | REFUSED_OBJECTS)
    assert not different, "\n".join(map(str, different))
    assert not [row for row in REFUSED_OBJECTS if not met[row]]


def send(client, value):
    """As kubectl apply sends what it has read."""
    return client.request("POST", client.path_of(value).rpartition("/")[0], json.dumps(value, ensure_ascii=False).encode())


def test_the_api_server_holds_the_same_of_the_agent_and_of_kubectl(objects, world):
    world.kube.create_crd(kube.simple_crd("tests.pgitops.dev", "Thing", "things"))
    good, taken = [], collections.Counter()
    for one in objects:
        taken[one.family] += 1
        if one.ours["objects"] and not one.ours["refusals"] and one.source not in [*READ, *UNKNOWN] and "k" * LONGEST_KEY not in one.text and \
                (one.family == "streams" or taken[one.family] % 2 == 1):
            good.append(one)
    assert len(good) > 350
    app = world.application("snippets")
    head = world.push({f"snippets/{one.name}.yaml": one.bytes for one in good})
    world.begin()
    theirs = world.plane.namespace()
    for one in good:
        for made in one.kubectl["objects"]:
            send(world.kube, made | {"metadata": made["metadata"] | {"namespace": theirs}})
    app.synced(head)

    def held(namespace):
        return {found["metadata"]["name"]: canonical({key: value for key, value in found.items() if key not in ("metadata", "apiVersion", "kind")})
                for found in world.kube.list("tests.pgitops.dev/v1", "Thing", namespace)}

    wanted, found = held(theirs), held(world.namespace)
    assert len(wanted) >= len(good)
    assert {name: (wanted.get(name), found.get(name)) for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)} == {}
