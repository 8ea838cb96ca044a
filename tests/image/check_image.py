"""The image of the Dockerfile, and the program on Debian 13: what build.sh made. Not test_*.py: `tests/run.sh image` runs it when that is built."""

import json
import pathlib
import re
import stat
import subprocess

import pytest

from parts.agent import PROGRAM, Agent, wait_for
from parts.git import Repository
from parts.manifests import config_map, users

HERE = pathlib.Path(__file__).resolve().parent
MADE = HERE.parent / ".cache/image"
ROOT = MADE / "root"
VERSION = re.search(r"project\(pgitops VERSION ([\d.]+)", (HERE.parents[1] / "CMakeLists.txt").read_text()).group(1)
PLACES = {"image": (ROOT, "/usr/local/bin/pgitops"), "Debian 13": (MADE / "trixie", "/build/pgitops")}


@pytest.fixture(params=PLACES)
def inside(request, tmp_path):
    """An agent whose program is in the root of a Debian."""
    root, path = PLACES[request.param]
    program = tmp_path / "inside"
    program.write_text(f'#!/bin/sh\nexec unshare --mount {HERE}/inside.sh "$@"\n')
    program.chmod(0o755)
    made = Agent(tmp_path / "agent", program=program, environment={
        "PGITOPS_IMAGE_ROOT": str(root), "PGITOPS_IMAGE_FOLDER": str(tmp_path), "PGITOPS_IMAGE_PROGRAM": path})
    yield made
    made.close()


def test_it_keeps_a_cluster_and_a_database_with_a_read_only_root_and_without_rights(inside, crds, server, tmp_path):
    server.run("CREATE DATABASE app")
    namespace, people = crds.namespace(), crds.namespace()
    repository = Repository(tmp_path / "db.git")
    repository.commit({"app/a.yaml": config_map("a"), "users/users.yaml": users(alice=["readers"])})
    crds.admin.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "user-alice-secret", "namespace": people},
                       "stringData": {"password": "password of alice"}})
    inside.kubernetes(crds)
    inside.database(server)
    inside.application("team", repository.url, "app", namespace)
    inside.application("postgres-users", repository.url, "users", people)
    inside.start()
    inside.program = PROGRAM  # commands are asked from outside
    inside.wait_app("team", "Synced", repository.head)
    wait_for("alice", lambda: server.can_login("alice", "password of alice", "app"))
    status = pathlib.Path(f"/proc/{inside.process.pid}/status").read_text()
    assert re.search(r"^Uid:\t65532\t65532\t65532\t65532$", status, re.M) and re.search(r"^CapEff:\t0+$", status, re.M), status
    with pytest.raises(OSError):
        pathlib.Path("/proc", str(inside.process.pid), "root", "usr/written").touch()
    assert inside.stop() == 0


def test_it_says_what_it_is():
    config = json.loads((MADE / "image.json").read_text())["OCIv1"]["config"]
    assert config["User"] == "65532:65532" and config["Entrypoint"] == ["/usr/local/bin/pgitops"]
    labels = {key.removeprefix("org.opencontainers.image."): value for key, value in config["Labels"].items()}
    assert labels["version"] == VERSION and labels["licenses"] == "Apache-2.0" and labels["title"] == "pgitops"


def test_it_adds_less_to_its_base_than_the_readme_says():
    layers = json.loads(json.loads((MADE / "image.json").read_text())["Manifest"])["layers"]
    added = sum(layer["size"] for layer in layers[1:])
    assert len(layers) > 1 and 10e6 < added < 30e6, layers


def test_its_bill_of_materials_is_what_dpkg_says():
    bill = json.loads((ROOT / "usr/share/doc/pgitops/sbom.spdx.json").read_text())
    named = {package["name"]: package["versionInfo"] for package in bill["packages"]}
    paragraphs = [dict(re.findall(r"^(Package|Status|Version): (.*)$", one, re.M)) for one in (ROOT / "var/lib/dpkg/status").read_text().split("\n\n")]
    installed = {one["Package"]: one["Version"] for one in paragraphs if one.get("Status") == "install ok installed"}
    assert len(installed) > 50 and named == installed | {"pgitops": VERSION}
    linked = {relation["relatedSpdxElement"].removeprefix("SPDXRef-deb-") for relation in bill["relationships"]
              if relation["relationshipType"] == "DYNAMIC_LINK"}
    assert {"libgit2-1.5", "libpq5", "libssl3", "libsqlite3-0", "libc6"} <= linked <= named.keys()


def test_nothing_in_it_gives_rights_to_whoever_starts_it():
    """A setuid program would be a way, were it not for no_new_privs: there are Debian's own and none of ours."""
    ours = [ROOT / "usr/local/bin/pgitops", *(ROOT / "usr/share/doc/pgitops").iterdir()]
    for file in ours:
        assert not file.stat().st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWGRP | stat.S_IWOTH), file
    assert not list((ROOT / "var/lib/apt/lists").glob("*"))


def test_two_builds_of_one_commit_have_one_digest():
    first, second = (MADE / "digests").read_text().split()
    assert first == second and first.startswith("sha256:")


@pytest.mark.parametrize("log", ["build-first.log", "trixie-build.log"])
def test_it_compiles_without_a_warning(log):
    said = (MADE / log).read_text()
    assert re.search(r"Linking C executable (agent/)?pgitops$", said, re.M) and "warning:" not in said, said[-2000:]


def test_the_package_installs_on_debian_13_and_goes_again():
    done = subprocess.run([HERE / "trixie.sh", "package"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
    assert done.returncode == 0 and re.search(rf"^pgitops {re.escape(VERSION)}$", done.stdout, re.M), done.stdout
