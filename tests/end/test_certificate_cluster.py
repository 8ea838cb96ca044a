"""The cluster's own certificate is taken at each sealing without a question; any other of a checkout only after `seal cert --trust`.

On the real controller: what is taken opens there, and what had to be trusted by hand does not.
"""

import shutil
import subprocess

import pytest
import yaml

from parts.checkout import VECTORS, Checkout, users_text
from parts.process import wait_for

REFUSED = "is not a certificate that this clone has sealed with"


class Clone(Checkout):
    def __init__(self, root, controller):
        super().__init__(root, certificate=False)
        self.controller, self.certificate = controller, self.place / "pub-cert.pem"
        self.environment |= {"KUBECONFIG": str(controller.kubeconfig), "SEALED_SECRETS_CONTROLLER_NAMESPACE": controller.namespace}

    def users_are(self, **users):
        self.known |= set(users.values())
        text = users_text(users).replace("namespace: postgres", f"namespace: {self.controller.namespace}")
        (self.place / "edit-users.yaml").write_text(text)

    def secret(self, name):
        return (f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {self.controller.namespace}}}\n"
                "stringData: {password: hunter2-hunter2}\n")

    def fingerprint(self):
        return yaml.safe_load(self.pgitops("seal", "cert", "--cert", self.certificate, "-o", "json").ok().out)["fingerprint"]

    def opens(self, text):
        """What the controller says of each document, by name: does it open?"""
        admin, said = self.controller.plane.admin, {}
        for one in yaml.safe_load_all(text):
            made = admin.apply(one, force=True)

            def judged(made=made):
                now = admin.get("bitnami.com/v1alpha1", "SealedSecret", self.controller.namespace, made["metadata"]["name"])
                status = now.get("status") or {}
                return status.get("observedGeneration") == now["metadata"]["generation"] and status.get("conditions")

            said[made["metadata"]["name"]] = wait_for("the controller's word", judged)[0]["status"] == "True"
        return said

    def sealed_users(self):
        return (self.place / "sealed-users.yaml").read_text()


@pytest.fixture
def clone(program, controller, tmp_path):
    return Clone(tmp_path / "clone", controller)


@pytest.fixture
def sealed_before(clone):
    """A clone that sealed with another certificate until now."""
    shutil.copy(VECTORS / "cert-b.pem", clone.certificate)
    clone.users_are(ann="ann-password")
    clone.pgitops("seal", "users", "--commit", "ann").ok()
    return clone


def test_the_doctor_tells_a_certificate_that_is_not_the_clusters(sealed_before):
    clone = sealed_before
    clone.hook("install").ok()
    answer = clone.pgitops("doctor", "certificate-mismatch").refused("pub-cert.pem", "pgitops seal cert")
    assert clone.fingerprint()[:12] in answer.text and "ann-password" not in answer.text
    clone.pgitops("seal", "cert", "-w", clone.certificate).ok()
    assert "no cause was found in this clone" in clone.pgitops("doctor", "certificate-mismatch").ok().out
    clone.environment["KUBECONFIG"] = "/nowhere"
    assert "SEALED_SECRETS_CONTROLLER_NAMESPACE" in clone.pgitops("doctor", "certificate-mismatch").refused("/nowhere").text


def pull_the_clusters(clone, tmp_path, controller):
    """A colleague, whose clone is not this one, fetched the cluster's certificate and pushed it; this person has asked the cluster elsewhere."""
    other = Clone(tmp_path / "other", controller)
    other.environment = other.environment | {name: clone.environment[name] for name in ("HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")}
    other.pgitops("seal", "cert", "-w", "team/pub-cert.pem").ok()
    shutil.copy(other.certificate, clone.certificate)


def test_the_clusters_own_is_taken_by_seal_and_by_seal_users(sealed_before, tmp_path, controller):
    clone = sealed_before
    pull_the_clusters(clone, tmp_path, controller)
    answer = clone.pgitops("seal", "-o", "yaml", stdin=clone.secret("own"), cwd=clone.place).ok()
    assert [line for line in answer.err.splitlines() if "the hook pre-commit is not installed" not in line] == []
    assert clone.opens(answer.out) == {"own": True}
    (clone.root / ".git/pgitops/certificates").write_text("0" * 64 + "\n")  # as before this sealing
    clone.users_are(ann="ann-password", bob="bob-password")
    answer = clone.pgitops("seal", "users", "--commit", "bob").ok()
    assert "--trust" not in answer.text and "warning: team" not in answer.text, answer.text
    assert clone.opens(clone.sealed_users())["user-bob-secret"]
    assert clone.fingerprint() in (clone.root / ".git/pgitops/certificates").read_text()


def test_after_that_the_hooks_take_it_too(sealed_before, tmp_path, controller):
    clone = sealed_before
    clone.hook("install").ok()
    pull_the_clusters(clone, tmp_path, controller)
    clone.git("add", clone.certificate).ok()
    clone.users_are(ann="ann-password", bob="bob-password")
    clone.commit("bob").refused(REFUSED, "`pgitops seal cert` asks the cluster")  # a hook looks at what this clone knows
    clone.pgitops("seal", "cert").ok()
    clone.commit("bob").ok()
    assert clone.opens(clone.sealed_users())["user-bob-secret"]


def test_another_one_is_refused_until_its_fingerprint_is_named(clone):
    clone.pgitops("seal", "cert", "-w", "team/pub-cert.pem").ok()
    clone.users_are(ann="ann-password")
    clone.pgitops("seal", "users", "--commit", "ann").ok()
    before = clone.sealed_users()
    assert clone.opens(before) == {"user-ann-secret": True}
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", clone.root.parent / "foreign.key", "-out",
                    clone.certificate, "-days", "30", "-subj", "/"], check=True, capture_output=True, timeout=60)
    clone.users_are(ann="ann-password", bob="bob-password")
    for words, stdin in ((("seal", "users"), None), (("seal", "users", "--commit", "bob"), None), (("seal",), clone.secret("foreign"))):
        answer = clone.pgitops(*words, stdin=stdin, cwd=clone.place)
        answer.refused(REFUSED, f"seal cert --trust {clone.fingerprint()}")
        assert "foreign" not in answer.out and clone.sealed_users() == before
    clone.pgitops("seal", "cert", "--trust", clone.fingerprint()).ok()
    answer = clone.pgitops("seal", "users", "--commit", "bob").ok()
    assert "is not the certificate that the cluster gave last" in answer.err
    assert clone.opens(clone.sealed_users()) == {"user-ann-secret": True, "user-bob-secret": False}


def test_a_clone_that_knows_none_believes_what_the_cluster_told_this_person(clone, tmp_path, controller):
    pull_the_clusters(clone, tmp_path, controller)
    shutil.copy(VECTORS / "cert-b.pem", clone.certificate)
    clone.users_are(ann="ann-password")
    for words, stdin in ((("seal", "users"), None), (("seal",), clone.secret("foreign"))):
        answer = clone.pgitops(*words, stdin=stdin, cwd=clone.place)
        answer.refused(REFUSED, "the cluster gave another one", f"seal cert --trust {clone.fingerprint()}")
    assert not (clone.place / "sealed-users.yaml").exists()
    clone.pgitops("seal", "cert", "--trust", clone.fingerprint()).ok()
    clone.pgitops("seal", "users").ok()
