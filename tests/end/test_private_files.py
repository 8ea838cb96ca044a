"""The agent does not start with a state folder or a file with a secret that others may read or change; Kubernetes' volumes work as they are."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from parts import agent as agents
from parts.checkout import VECTORS

USER = 65532  # of install.yaml: runAsUser, runAsGroup, fsGroup
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.mark.parametrize("setting, kept", [
    ("webhook", lambda file: {"webhook": {"secretFile": file}}),
    ("api", lambda file: {"api": {"tokenFile": file}}),
    ("databases", lambda file: {"databases": [{"name": "main", "connection": "host=127.0.0.1 user=postgres", "passwordFrom": {"file": file},
                                               "users": {"application": "team", "configMap": "c", "key": "users.yaml"}}]}),
    ("password", lambda file: {"repositories": [{"url": "https://127.0.0.1/x.git", "username": "ci", "passwordFile": file}]}),
    ("token", lambda file: {"repositories": [{"url": "https://127.0.0.1/x.git", "tokenFile": file}]}),
])
@pytest.mark.parametrize("mode, may", [(0o644, "read"), (0o604, "read"), (0o602, "write")])
def test_a_secret_that_others_may_read_or_write_ends_the_start(agent, tmp_path, setting, kept, mode, may):
    file = tmp_path / "secret"
    file.write_text("0123456789abcdef0123456789abcdef\n")
    (tmp_path / "link").symlink_to(file)
    file.chmod(mode)
    agent.config |= kept(str(tmp_path / "link"))
    result = agent.once().is_(2)
    assert f"everybody may {may} (mode {mode:04o}): chmod 0600" in result.err and "0123456789" not in result.err, result
    assert not agent.state.exists()


def test_a_sealing_key_that_others_may_read_ends_the_start(agent, tmp_path):
    """It opens every password there is in Git. Certificates beside it are everybody's."""
    folder = tmp_path / "keys"
    folder.mkdir()
    shutil.copy(VECTORS / "key-a.pem", folder / "key.pem")
    shutil.copy(VECTORS / "cert-a.pem", folder / "cert.pem")
    (folder / "cert.pem").chmod(0o644)
    agent.config["sealing"] = {"keys": [str(folder)]}
    for mode in (0o644, 0o602):
        (folder / "key.pem").chmod(mode)
        assert f"{folder}/key.pem" in agent.once().is_(2).err
    assert not agent.state.exists()
    (folder / "key.pem").chmod(0o440)
    assert "there are no applications" in agent.once().is_(1).err


def test_a_secret_that_is_opened_while_the_agent_runs_is_read_no_more(agent, tmp_path):
    file = tmp_path / "token"
    file.write_text("0123456789abcdef0123456789abcdef\n")
    file.chmod(0o600)
    agent.config |= {"api": {"tokenFile": str(file)}}
    agent.start()
    bearer = {"Authorization": "Bearer 0123456789abcdef0123456789abcdef"}
    assert agent.get("/api/v1/applications", headers=bearer).status == 200
    file.chmod(0o644)
    assert agent.get("/api/v1/applications", headers=bearer).status == 503
    file.chmod(0o600)
    assert agent.get("/api/v1/applications", headers=bearer).status == 200


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_a_state_folder_that_everybody_may_write_to_ends_the_start(agent, mode):
    agent.state.mkdir()
    agent.state.chmod(mode)
    result = agent.once().is_(2)
    assert "everybody may write to the state folder" in result.err and f"chmod o-rwx {agent.state}" in result.err
    assert not list(agent.state.iterdir())
    agent.state.chmod(0o775)
    assert "there are no applications" in agent.once().is_(1).err


@root
def test_a_state_folder_of_another_user_ends_the_start(agent):
    agent.state.mkdir()
    os.chown(agent.state, USER, USER)
    assert f"belongs to user {USER}, and the agent runs as user 0" in agent.once().is_(2).err


@pytest.fixture
def pod():
    """Files as a Pod has them: nobody else's way leads through them."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pgitops-pod-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@root
@pytest.mark.parametrize("opened", [0o440, 0o444])
def test_the_volumes_of_install_yaml_work_as_they_are(program, pod, opened):
    """A Secret's volume: files of root's behind two links, for the group of fsGroup; a claim's: of root's, for that group to write."""
    assert os.access(program, os.X_OK)
    data = pod / "secrets/..2026_11_28"
    data.mkdir(parents=True)
    for name in ("token", "webhook"):
        (data / name).write_text("0123456789abcdef0123456789abcdef\n")
        (data / name).chmod(opened)
        os.chown(data / name, 0, USER)
        (pod / "secrets" / name).symlink_to(f"..data/{name}")
    (pod / "secrets/..data").symlink_to(data.name)
    (pod / "secrets").chmod(0o1755)
    (pod / "state").mkdir()
    os.chown(pod / "state", 0, USER)
    (pod / "state").chmod(0o2775)
    (pod / "applications").mkdir()
    config = {"version": 1, "state": str(pod / "state"), "listen": "", "kubernetes": {"none": True},
              "applications": str(pod / "applications"), "api": {"tokenFile": str(pod / "secrets/token")},
              "webhook": {"secretFile": str(pod / "secrets/webhook")}}
    (pod / "agent.yaml").write_text(json.dumps(config))
    binary = pod / "pgitops"
    shutil.copy(agents.PROGRAM, binary)
    done = subprocess.run([binary, "agent", "--config", pod / "agent.yaml", "--once"], capture_output=True, text=True, timeout=60,
                          user=USER, group=USER, extra_groups=[USER], env=agents.environment(HOME=pod), cwd=pod, check=False)
    if opened == 0o444:
        assert done.returncode == 2 and "defaultMode: 0440" in done.stderr, done.stderr
    else:
        assert done.returncode == 1 and "there are no applications" in done.stderr, done.stderr


@root
@pytest.mark.parametrize(("mode", "below", "starts"), [
    ("0777", "", True),        # an emptyDir, a volume of k3s or kind: nobody else's way leads to it
    ("1777", "", False),       # /tmp: everybody's all the same
    ("0777", "/state", False)  # a folder in such a volume is no volume
], ids=["a volume", "with the sticky bit", "a folder in a volume"])
def test_the_root_of_a_mount_may_be_open_and_nothing_else(program, tmp_path, mode, below, starts):
    volume, applications = tmp_path / "volume", tmp_path / "applications"
    volume.mkdir()
    applications.mkdir()
    state = f"{volume}{below}"
    config = {"version": 1, "state": state, "listen": "", "kubernetes": {"none": True}, "applications": str(applications)}
    (tmp_path / "agent.yaml").write_text(json.dumps(config))
    script = (f'mount -t tmpfs -o mode={mode},size=64m tmpfs {volume} && mkdir -p {state} && '
              f'{{ [ -z "{below}" ] || chmod 0777 {state}; }} && exec {program} agent --config {tmp_path}/agent.yaml --once')
    done = subprocess.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script], capture_output=True, text=True,
                          timeout=60, env=agents.environment(), check=False)
    if starts:
        assert done.returncode == 1 and "there are no applications" in done.stderr, done.stderr
    else:
        assert done.returncode == 2 and f"everybody may write to the state folder {state} " in done.stderr, done.stderr
