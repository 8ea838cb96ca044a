"""Every way to say who we are, to a real API server."""

from parts.cluster import config_map


def test_every_way_to_say_who_we_are_works(plane, make_cluster, tmp_path):
    certificate = plane.client_certificate("robot", "system:masters")
    token_file = tmp_path / "token"
    token_file.write_text(plane.token() + "\n")
    plugin = tmp_path / "plugin.sh"
    plugin.write_text('#!/bin/sh\necho \'{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
                      f'"status":{{"token":"{plane.token()}"}}}}\'\n')
    plugin.chmod(0o700)
    for more in ({"client_certificate": certificate}, {"token_file": token_file}, {"token": plane.token()},
                 {"tls_server_name": "kubernetes.default.svc"}, {"insecure": True}):
        one = make_cluster(plane.kubeconfig("admin", **more))
        assert one.do("ready")["version"], more
        assert one.opened["insecure"] == bool(more.get("insecure"))
    config = plane.kubeconfig("admin", exec=[str(plugin)])
    assert make_cluster(config, exec=True).do("ready")
    refused = make_cluster(config).opened
    assert not refused["ok"] and "exec plugin" in refused["error"] and "token file" in refused["error"]


def test_a_pod_finds_its_server_and_files(plane, make_cluster, tmp_path):
    (tmp_path / "token").write_text(plane.token())
    (tmp_path / "ca.crt").write_bytes(plane.ca_file.read_bytes())
    (tmp_path / "namespace").write_text("team")
    env = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(plane.port)}
    one = make_cluster(None, folder=str(tmp_path), env=env)
    assert one.opened["namespace"] == "team" and one.do("ready")


def test_a_wrong_ca_is_refused_with_the_next_step(plane, make_cluster, proxy):
    path = plane.kubeconfig("admin", server=proxy.url)
    answer = make_cluster(path).ask("ready")
    assert not answer["ok"] and answer["kind"] == "denied" and "certificate-authority" in answer["error"]


def test_a_wrong_token_is_denied(plane, make_cluster):
    answer = make_cluster(plane.kubeconfig("admin", token="wrong")).ask("ready")
    assert not answer["ok"] and answer["kind"] == "denied"


def test_a_token_that_was_replaced_on_disk_is_taken_up(plane, make_cluster, tmp_path, ns):
    token_file = tmp_path / "token"
    token_file.write_text(plane.token())
    one = make_cluster(plane.kubeconfig("admin", token_file=token_file))
    one.track(config_map(ns, "a"))
    token_file.write_text("wrong")
    # The server ends the old one: seen as a 401 that sends us to the file, which is replaced by then.
    token_file.write_text(plane.token("alice"))
    assert one.ask("ready")["ok"]
