"""`pgitops check` in a Git checkout: what a change of a `postgresql` object would lose, before it is pushed. Which changes those are is
tested beside the rules (test_postgresql.py, test_postgresql_gone.c); here is with what they are compared."""

import os
import shutil
import subprocess

import pytest

from parts import tools

CLUSTER = """\
# The database.
apiVersion: acid.zalan.do/v1
kind: postgresql
metadata:
  name: acid-main
  annotations: {{pgitops.dev/allow: "{allow}"}}
spec:
  teamId: acid
  numberOfInstances: {instances}
  volume: {{size: {size}}}
  postgresql: {{version: "{version}"}}
  users: {{{users}}}
  databases: {{{databases}}}
  preparedDatabases: {{{prepared}}}
"""
AS_IT_WAS = {"allow": "", "instances": 2, "size": "20Gi", "version": "16", "users": "app: []", "databases": "shop: app", "prepared": "bar: {}"}


def cluster(**changed):
    return CLUSTER.format(**{**AS_IT_WAS, **changed})


class Checkout:
    def __init__(self, folder):
        self.folder = folder
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments):
        return subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=self.folder, check=True,
                              capture_output=True, text=True).stdout.strip()

    def write(self, **files):
        """a_yaml="..." is a.yaml; None takes it away; a dict is its folder."""
        self.put(self.folder, files)

    def put(self, folder, files):
        for name, text in files.items():
            path = folder / (name if isinstance(text, dict) else name.replace("_yaml", ".yaml"))
            if isinstance(text, dict):
                path.mkdir(exist_ok=True)
                self.put(path, text)
            elif text is None:
                path.unlink()
            else:
                path.write_text(text)

    def commit(self, **files):
        self.write(**files)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    folder.mkdir()
    return Checkout(folder)


@pytest.fixture
def with_upstream(checkout, tmp_path):
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "upstream"], check=True)
    checkout.git("remote", "add", "origin", str(tmp_path / "upstream"))
    checkout.pushed = checkout.commit(a_yaml=cluster())
    checkout.git("push", "-q", "-u", "origin", "main")
    return checkout


LOSSES = [
    ({"size": "10Gi"}, "spec.volume.size goes down from 20Gi to 10Gi", "shrink-volume"),
    ({"version": "15"}, "spec.postgresql.version goes down from 16 to 15", "lower-version"),
    ({"version": "17"}, "spec.postgresql.version goes up from 16 to 17", "upgrade-version"),
    ({"instances": 0}, "spec.numberOfInstances goes down to 0", "no-instances"),
    ({"databases": "store: app"}, "spec.databases loses shop", "remove-database"),
    ({"users": "app: [], b: []", "prepared": ""}, "spec.preparedDatabases loses bar", "remove-prepared-database"),
    ({"users": "", "databases": ""}, "spec.users loses app", "remove-user,remove-database"),
]


def test_a_change_that_loses_data_is_a_mistake_with_its_place_and_the_word_that_allows_it(cli, checkout):
    head = checkout.commit(a_yaml=cluster())
    assert cli("check", ".", cwd=checkout.folder).ok().out.startswith("1 file, 1 object: 0 mistakes, 0 warnings; compared with nothing")
    for change, text, allow in LOSSES:
        checkout.write(a_yaml=cluster(**change))
        lines = cli("check", ".", cwd=checkout.folder).is_(1).out.splitlines()
        assert any(line.startswith(f"a.yaml:2: {text}") for line in lines), lines
        assert any(f'pgitops.dev/allow: "{allow.split(",")[0]}" allows it' in line for line in lines), lines
        assert lines[-1].endswith(f"; compared with HEAD ({head[:12]})"), lines
    for change, _, allow in (LOSSES[0], LOSSES[-1]):
        checkout.write(a_yaml=cluster(**change, allow=allow))
        assert "0 mistakes" in cli("check", "a.yaml", cwd=checkout.folder).ok().out
    checkout.write(a_yaml=cluster(size="30Gi", users="app: [], more: []", databases="shop: app, more: more"))
    told = cli("check", "-o", "json", checkout.folder).ok().json
    assert told["items"] == [] and told["since"] == head


SETTINGS = """apiVersion: v1
kind: ConfigMap
metadata: {{name: postgres-operator, namespace: operator}}
data: {{major_version_upgrade_mode: "{mode}"}}
"""


def test_what_the_operator_of_this_checkout_makes_of_a_higher_version_is_said(cli, checkout):
    checkout.commit(a_yaml=cluster())
    checkout.write(a_yaml=cluster(version="17"))

    def said():
        return cli("check", "a.yaml", cwd=checkout.folder).is_(1).out

    assert "where its major_version_upgrade_mode is off all pods roll" in said()
    checkout.write(operator_yaml=SETTINGS.format(mode="off"))
    assert "the operator will not upgrade: its major_version_upgrade_mode is off (ConfigMap operator/postgres-operator)" in said()
    checkout.write(operator_yaml=SETTINGS.format(mode="manual"))
    assert "(its major_version_upgrade_mode is manual: ConfigMap operator/postgres-operator), and there is no way back" in said()


def test_a_commit_is_read_once_for_all_paths(cli, checkout, monkeypatch, tmp_path):
    checkout.commit(a_yaml=cluster(), b_yaml=cluster().replace("acid-main", "acid-other"))
    checkout.write(a_yaml=cluster(size="10Gi"), b_yaml=cluster(size="10Gi").replace("acid-main", "acid-other"))
    counting, calls, counts = tmp_path / "git", tmp_path / "calls", []
    counting.write_text(f'#!/bin/sh\necho "$1" >>{calls}\nexec {shutil.which("git")} "$@"\n')
    counting.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for paths in (["a.yaml"], ["a.yaml", "b.yaml"]):
        calls.write_text("")
        assert cli("check", *paths, cwd=checkout.folder).is_(1).out.count("goes down from 20Gi to 10Gi") == len(paths)
        counts.append(calls.read_text().split().count("cat-file"))
    assert counts == [1, 1]


def test_it_is_compared_with_what_was_pushed_else_with_the_commit_before(cli, with_upstream):
    here = {"cwd": with_upstream.folder}
    assert f"0 mistakes, 0 warnings; compared with what the upstream has ({with_upstream.pushed[:12]})" in cli("check", ".", **here).ok().out
    smaller = with_upstream.commit(a_yaml=cluster(size="10Gi"))
    with_upstream.write(b_yaml=cluster().replace("acid-main", "acid-other"))
    result = cli("check", ".", **here).is_(1)
    assert "a.yaml:2: spec.volume.size goes down" in result.out and "1 mistake" in result.out
    with_upstream.git("branch", "-q", "--unset-upstream")
    assert "compared with HEAD" in cli("check", ".", **here).ok().out
    with_upstream.git("clean", "-q", "-f")
    assert f"compared with the commit before HEAD ({with_upstream.pushed[:12]})" in cli("check", ".", **here).is_(1).out
    assert f"compared with {smaller[:8]} ({smaller[:12]})" in cli("check", "--since", smaller[:8], ".", **here).ok().out
    assert "spec.volume.size" in cli("check", "--since", "origin/main", ".", **here).is_(1).out
    for nonsense in ("no-such", "HEAD:a.yaml"):
        result = cli("check", "--since", nonsense, ".", **here).is_(2)
        assert f"--since {nonsense}" in result.err and result.out == ""


def test_an_object_is_found_wherever_it_stood(cli, checkout):
    checkout.commit(team={"old": {"a_yaml": cluster()}}, copy={"a_yaml": cluster(size="50Gi")})
    here = {"cwd": checkout.folder}
    checkout.write(team={"old": {"a_yaml": None}, "new": {"db_yaml": "---\n" + cluster(size="10Gi")}})
    result = cli("check", "team", **here).is_(1)
    assert "team/new/db.yaml:3: spec.volume.size goes down from 20Gi to 10Gi" in result.out, "moved; not the copy, which stands still"
    assert cli("check", "new/db.yaml", cwd=checkout.folder / "team").is_(1).out.startswith("new/db.yaml:3: spec.volume.size")
    assert "0 mistakes" in cli("check", "copy", **here).ok().out
    checkout.write(copy={"b_yaml": cluster(size="1Gi").replace("name: acid-main", "name: acid-main\n  namespace: other")})
    assert "0 mistakes" in cli("check", "copy", **here).ok().out, "another object of another namespace"


def test_a_cluster_that_is_gone_or_has_another_name_is_a_warning(cli, checkout):
    checkout.commit(team={"a_yaml": cluster()}, keep_yaml="apiVersion: v1\nkind: ConfigMap\nmetadata: {name: keep}\n")
    here = {"cwd": checkout.folder}
    checkout.write(team={"a_yaml": cluster().replace("acid-main", "acid-new")})
    result = cli("check", "team", **here).ok()
    assert "team/a.yaml:2: warning: postgresql.acid.zalan.do acid-main stood here in HEAD and is gone: the cluster stays" in result.out
    checkout.write(team={"a_yaml": None}, other_yaml=cluster())
    result = cli("check", "team", **here).ok()
    assert result.out == "0 files, 0 objects: 0 mistakes, 0 warnings\n" and result.err == "", "it stands elsewhere"
    checkout.write(other_yaml=None)
    assert "is gone: the cluster stays" in cli("check", ".", **here).ok().out
    assert cli("check", "keep.yaml", **here).ok().out == "1 file, 1 object: 0 mistakes, 0 warnings\n"
    checkout.git("checkout", "-q", ".")
    checkout.commit(team={"a_yaml": cluster().replace("pgitops.dev/allow: ", 'pgitops.dev/allow-prune: "true", pgitops.dev/allow: ')})
    checkout.write(team={"a_yaml": None})
    assert "is gone: its annotation pgitops.dev/allow-prune lets a sync that prunes delete the cluster" in cli("check", "team", **here).ok().out


def test_a_new_object_is_judged_as_one(cli, checkout):
    checkout.commit(a_yaml=cluster())
    checkout.write(b_yaml=cluster(databases="shop: nobody").replace("acid-main", "acid-new"))
    assert 'b.yaml:2: spec.databases.shop belongs to "nobody", which is not in spec.users' in \
        cli("check", ".", cwd=checkout.folder).is_(1).out


def test_what_cannot_be_compared_is_said_once_and_outside_of_a_checkout_not_at_all(cli, checkout, tmp_path, monkeypatch):
    first = checkout.commit(a_yaml=cluster(databases="shop: nobody"))
    (tmp_path / "bare.yaml").write_text(cluster(databases="shop: nobody"))
    result = cli("check", tmp_path / "bare.yaml").ok()
    assert result.out == "1 file, 1 object: 0 mistakes, 0 warnings\n" and result.err == ""
    assert "is in no Git checkout" in cli("check", "--since", "HEAD", tmp_path / "bare.yaml").is_(2).err

    checkout.commit(a_yaml=cluster(size="10Gi"))
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{checkout.folder}", tmp_path / "shallow"], check=True)
    shallow = {"cwd": tmp_path / "shallow"}
    subprocess.run(["git", "checkout", "-q", "--detach"], check=True, **shallow)
    result = cli("check", ".", "a.yaml", **shallow).ok()
    assert result.err.count("not compared with what stood before: this clone has one commit alone") == 1
    assert "compared" not in result.out

    checkout.commit(a_yaml="apiVersion: acid.zalan.do/v1\nkind: postgresql\nmetadata: {name: 5}\n")
    checkout.write(a_yaml=cluster())
    result = cli("check", ".", cwd=checkout.folder).ok()
    assert "a.yaml:2: warning: not compared with what stood before: in HEAD it had a mistake (a.yaml:3:18: metadata.name is" in result.out
    assert "spec.databases loses" not in result.out
    assert "spec.users" not in cli("check", "--since", first, ".", cwd=checkout.folder).ok().out

    monkeypatch.setenv("PATH", "/nonexistent")
    result = cli("check", ".", cwd=checkout.folder).ok()
    assert "not compared with what stood before: cannot run git" in result.err


def test_what_is_rendered_is_compared_with_what_was_rendered(cli, checkout, monkeypatch):
    monkeypatch.setenv("PATH", f"{tools.folder()}:{os.environ['PATH']}")
    checkout.commit(base={"kustomization_yaml": "resources: [a.yaml]\n", "a_yaml": cluster()},
                    over={"kustomization_yaml": "resources: [../base]\nnamePrefix: p-\n"})
    index = (checkout.folder / ".git/index").read_bytes()
    checkout.write(base={"a_yaml": cluster(size="10Gi")})
    result = cli("check", "over", cwd=checkout.folder).is_(1)
    assert "kustomize build over: document 1" in result.out and "spec.volume.size goes down from 20Gi to 10Gi" in result.out
    assert (checkout.folder / ".git/index").read_bytes() == index and checkout.git("status", "--porcelain") == "M base/a.yaml"
