"""Getting in over http and https: credentials, certificates, proxies, redirects, and refusals in plain words."""

import base64
import http.server
import json
import ssl
import subprocess
import threading
import time

import pytest

from parts import git
from parts.source import names

SECRET = "hunter2-canary"


@pytest.fixture
def serve(repository):
    """serve(**options) -> a server with the repository."""
    servers = []

    def make(**options):
        servers.append(git.GitHttpServer(repository.path.parent, **options))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return git.Certificates(tmp_path_factory.mktemp("tls"))


def sent(server):
    return [request.headers.get("Authorization") for request in server.requests]


def test_user_and_password_are_sent_at_once(serve, make_source):
    server = serve(user="ci", password=SECRET)
    source = make_source(server.url("db.git"), username="ci", password=SECRET)
    assert names(source.read()) == ["ConfigMap a"]
    assert server.commands() == ["GET /db.git/info/refs", "ls-refs", "fetch"]


def test_the_user_may_stand_in_the_url(serve, make_source):
    server = serve(user="ci", password=SECRET)
    assert names(make_source(server.url("db.git", user="ci"), password=SECRET).read()) == ["ConfigMap a"]


def test_a_bearer_token_is_sent_as_such(serve, make_source):
    server = serve(token=SECRET)
    assert names(make_source(server.url("db.git"), bearer=SECRET).read()) == ["ConfigMap a"]


def test_credentials_work_for_servers_without_protocol_version_2(serve, make_source):
    server = serve(user="ci", password=SECRET, version_2=False)
    assert names(make_source(server.url("db.git"), username="ci", password=SECRET).read()) == ["ConfigMap a"]


@pytest.mark.parametrize("version_2", [True, False])
def test_wrong_and_missing_credentials_are_told_apart(serve, make_source, version_2):
    server = serve(user="ci", password="right", version_2=version_2)
    source = make_source(server.url("db.git"))
    kind, text = source.fail()
    assert kind == "denied" and "none are configured" in text
    kind, text = source.fail(username="ci", password=SECRET)
    assert kind == "denied" and "does not take the credentials" in text and SECRET not in text
    assert names(source.read(username="ci", password="right")) == ["ConfigMap a"]


def test_a_rotated_password_is_denied_and_the_new_one_works(serve, make_source):
    server = serve(user="ci", password="old")
    source = make_source(server.url("db.git"), username="ci")
    source.read(password="old")
    server.password = "new"
    kind, text = source.fail(password="old")
    assert kind == "denied" and "401" in text
    assert source.read(password="new")["unchanged"]


@pytest.mark.parametrize("version_2", [True, False])
@pytest.mark.parametrize("status, kind, words", [
    (403, "denied", "403"),
    (404, "missing", "no such repository"),
    (410, "missing", "no such repository"),
    (429, "retry", "too often"),
    (500, "retry", "trouble of its own"),
    (503, "retry", "503"),
    (400, "invalid", "refuses the request"),
    ("login", "denied", "login page"),
])
def test_each_refusal_has_its_own_message(http, make_source, status, kind, words, version_2):
    http.version_2 = version_2
    http.fault = git.Fault(status, headers={"Retry-After": "17"} if status == 429 else {})
    found, text = make_source(http.url("db.git")).fail()
    assert found == kind and words in text
    assert text.startswith(f"http://127.0.0.1:{http.port}/db.git: ")


def test_a_wish_for_rest_is_passed_on(http, make_source):
    http.fault = git.Fault(429, headers={"Retry-After": "17"})
    assert "17 s" in make_source(http.url("db.git")).fail()[1]


@pytest.mark.parametrize("status, headers, rest", [
    (403, {"Retry-After": "17"}, 17),
    (503, {"Retry-After": "17"}, 17),
    (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1500000000"}, 0),
    (429, {}, 0),
    (429, {"Retry-After": "Sat, 28 Nov 2015 13:00:00 GMT"}, 0),
    (403, {"Retry-After": "0"}, 0),
    (403, {"Retry-After": "99999999999999999999"}, 0),
    (429, {"Retry-After": "9223372036854775807"}, 24 * 3600),
    (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 30}, 24 * 3600),
    (403, {"RateLimit-Remaining": "0", "RateLimit-Reset": "77"}, 77),
])
def test_a_rate_limit_is_not_a_lack_of_rights(http, make_source, status, headers, rest):
    http.fault = git.Fault(status, headers=headers)
    source = make_source(http.url("db.git"))
    answer = source.finish(source.start())
    assert answer["error"] == "retry" and "too often" in answer["text"] and answer["rest"] == rest


def test_the_end_of_githubs_hour_is_the_rest_it_wants(http, make_source):
    http.fault = git.Fault(403, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 600)})
    source = make_source(http.url("db.git"))
    assert 500 < source.finish(source.start())["rest"] <= 600


def test_a_401_says_whose_credentials_it_was(serve, make_source):
    server = serve(user="ci", password="right")
    kind, text = make_source(server.url("db.git"), username="ci", password=SECRET, origin="Secret argocd/db").fail()
    assert kind == "denied" and "of Secret argocd/db, user ci" in text and SECRET not in text


class Api(http.server.BaseHTTPRequestHandler):
    """The part of GitHub's API that gives tokens: it looks at the signature as GitHub does."""

    def do_POST(self):
        server = self.server
        self.rfile.read(int(self.headers["Content-Length"]))
        head, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
                                   for part in self.headers["Authorization"].removeprefix("Bearer ").split("."))
        signed = self.headers["Authorization"].removeprefix("Bearer ").rsplit(".", 1)[0]
        (server.folder / "signature").write_bytes(signature)
        checked = subprocess.run(["openssl", "dgst", "-sha256", "-verify", server.public, "-signature",
                                  server.folder / "signature"], input=signed.encode(), capture_output=True, check=False)
        server.claims = json.loads(claims)
        good = (checked.returncode == 0 and json.loads(head) == {"alg": "RS256", "typ": "JWT"}
                and self.path == "/api/v3/app/installations/42/access_tokens")
        body = json.dumps({"token": SECRET} if good else {"message": "Bad credentials"}).encode()
        limited = self.path.endswith("/44/access_tokens")
        self.send_response(403 if limited else 201 if good else 401)
        if limited:
            self.send_header("X-RateLimit-Remaining", "0")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        pass


@pytest.fixture
def github(tmp_path):
    key, public = tmp_path / "app.pem", tmp_path / "app.pub"
    subprocess.run(["openssl", "genrsa", "-traditional", "-out", key, "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.folder, server.key, server.public, server.claims = tmp_path, key, public, None
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_github_app_gets_its_token_and_reads_with_it(github, serve, make_source):
    server = serve(user="x-access-token", password=SECRET)
    app = {"appId": "7", "appInstallation": "42", "appKey": github.key.read_text(), "origin": "Secret argocd/app",
           "appApi": f"http://127.0.0.1:{github.server_address[1]}/api/v3/"}
    source = make_source(server.url("db.git"), **app)
    assert names(source.read()) == ["ConfigMap a"]
    assert github.claims["iss"] == "7" and 0 < github.claims["exp"] - github.claims["iat"] <= 600
    kind, text = source.fail(appInstallation="43")
    assert kind == "denied" and "Secret argocd/app" in text and "Bad credentials" in text
    assert source.finish(source.start(appInstallation="44"))["error"] == "retry"  # too often, and GitHub says 403
    kind, text = source.fail(appKey="no key")
    assert kind == "denied" and "githubAppPrivateKey of Secret argocd/app" in text
    for file in source.folder.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()


def test_a_token_without_a_user_is_sent_as_forges_want_it(serve, make_source):
    """As a password with a name that means a token; Bitbucket Server takes it as Bearer alone."""
    forge = serve(user="x-access-token", password=SECRET)
    assert names(make_source(forge.url("db.git"), password=SECRET, token=True).read()) == ["ConfigMap a"]
    assert len(forge.commands()) == 3
    bitbucket = serve(token=SECRET)
    source = make_source(bitbucket.url("db.git"), password=SECRET, token=True)
    assert names(source.read()) == ["ConfigMap a"]
    kind, text = source.fail(password="other")
    assert kind == "denied" and "does not take the credentials" in text
    # A password of a user is never sent as another thing.
    bitbucket.requests.clear()
    assert source.fail(token=False, username="ci")[0] == "denied"
    assert not [value for value in sent(bitbucket) if value and value.startswith("Bearer")]


def test_hosts_of_no_proxy_are_asked_directly(serve, make_source):
    server = serve()
    with git.HttpProxy() as proxy:
        source = make_source(server.url("db.git"), proxy=proxy.url, noProxy="example.org,127.0.0.1")
        assert names(source.read()) == ["ConfigMap a"] and proxy.seen == []
        source.fields["noProxy"] = "example.org"
        source.read()
        assert proxy.seen


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, "login"])
def test_a_refusal_after_good_reads_keeps_what_is_here(source, http, status):
    source.read()
    http.fault = git.Fault(status)
    source.fail()
    http.fault = None
    assert names(source.read(offline=True)) == ["ConfigMap a"]
    assert source.read()["unchanged"]


def test_another_server_gets_no_credentials(serve, make_source):
    thief = serve()
    server = serve(user="ci", password=SECRET)
    server.fault = git.Fault("redirect", location=thief.url("db.git") + "/info/refs?service=git-upload-pack")
    kind, text = make_source(server.url("db.git"), username="ci", password=SECRET).fail()
    assert kind == "invalid" and "redirects to" in text and str(thief.port) in text
    assert thief.requests == [] and SECRET not in text


def test_a_redirect_to_a_login_page_is_not_followed(http, source):
    http.fault = git.Fault("redirect", location=http.url("login?next=secret"))
    kind, text = source.fail()
    assert kind == "denied" and "login" in text and "secret" not in text
    assert http.commands() == ["GET /db.git/info/refs"]


def test_a_redirect_loop_ends(http, source):
    http.fault = git.Fault("redirect", location=http.url("db.git") + "/info/refs?service=git-upload-pack")
    kind, text = source.fail()
    assert kind == "invalid" and "more than 3" in text
    assert len(http.commands()) == 4


def test_a_memo_that_points_elsewhere_is_not_trusted(serve, make_source):
    """The memo lies in a folder that the process without rights may write."""
    thief = serve()
    server = serve(user="ci", password=SECRET)
    source = make_source(server.url("db.git"), username="ci", password=SECRET)
    source.read()
    memo = source.place() / "server.json"
    memo.write_text(memo.read_text().replace(str(server.port), str(thief.port)))
    assert source.read()["unchanged"] and thief.requests == []


@pytest.mark.parametrize("version_2", [True, False])
def test_a_ca_of_ones_own_is_enough(serve, make_source, certificates, version_2):
    server = serve(certificates=certificates, version_2=version_2, tls_minimum=ssl.TLSVersion.TLSv1_3)
    source = make_source(server.url("db.git"), ca=certificates.ca.read_text())
    assert names(source.read()) == ["ConfigMap a"]


def test_an_unknown_ca_is_refused(serve, make_source, certificates):
    server = serve(certificates=certificates)
    kind, text = make_source(server.url("db.git")).fail()
    assert kind == "denied" and "caFile" in text
    assert server.requests == []


def test_another_ca_is_refused(serve, make_source, certificates, tmp_path):
    other = git.Certificates(tmp_path / "other", "other")
    server = serve(certificates=certificates)
    kind, _ = make_source(server.url("db.git"), ca=other.ca.read_text()).fail()
    assert kind == "denied"


def test_a_wrong_host_name_is_refused(serve, make_source, tmp_path):
    certificates = git.Certificates(tmp_path / "named")
    certificates.cert, certificates.key = certificates.issue("elsewhere", "subjectAltName=DNS:git.example.org")
    server = serve(certificates=certificates)
    kind, text = make_source(server.url("db.git"), ca=certificates.ca.read_text()).fail()
    assert kind == "denied" and server.requests == []


def test_verification_can_be_switched_off(serve, make_source, certificates):
    server = serve(certificates=certificates)
    assert names(make_source(server.url("db.git"), insecure=True).read()) == ["ConfigMap a"]


def test_a_client_certificate_is_shown(serve, make_source, certificates):
    server = serve(certificates=certificates, client_ca=certificates.ca)
    source = make_source(server.url("db.git"), ca=certificates.ca.read_text())
    assert source.fail()[0] in ("denied", "retry")
    answer = source.read(clientCert=certificates.client_cert.read_text(), clientKey=certificates.client_key.read_text())
    assert names(answer) == ["ConfigMap a"]


def test_a_broken_ca_is_told(serve, make_source, certificates):
    server = serve(certificates=certificates)
    kind, text = make_source(server.url("db.git"), ca="no certificate").fail()
    assert kind == "denied", text


def test_a_proxy_forwards_http_and_tunnels_https(serve, make_source, certificates):
    plain, tls = serve(), serve(certificates=certificates)
    with git.HttpProxy() as proxy:
        assert names(make_source(plain.url("db.git"), proxy=proxy.url).read()) == ["ConfigMap a"]
        assert any(seen.startswith(f"GET {plain.url('db.git')}/info/refs") for seen in proxy.seen)
        source = make_source(tls.url("db.git"), proxy=proxy.url, ca=certificates.ca.read_text())
        assert names(source.read()) == ["ConfigMap a"]
        assert f"CONNECT 127.0.0.1:{tls.port}" in proxy.seen


@pytest.mark.parametrize("secure", [False, True])
def test_a_proxy_that_refuses_is_told(serve, make_source, certificates, secure):
    server = serve(certificates=certificates) if secure else serve()
    with git.HttpProxy(refuse=True) as proxy:
        kind, text = make_source(server.url("db.git"), proxy=proxy.url, ca=certificates.ca.read_text()).fail()
    assert kind == "denied" and "proxy" in text and server.requests == []


def test_the_environment_bends_nothing(serve, make_source, monkeypatch, tmp_path):
    """Neither a proxy of the environment nor somebody's .gitconfig or .netrc has a say."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".netrc").write_text("machine 127.0.0.1 login x password y\n")
    (home / ".gitconfig").write_text('[url "http://127.0.0.1:1/"]\n\tinsteadOf = http://\n')
    for name, value in {"http_proxy": "http://127.0.0.1:1", "HOME": str(home), "GIT_CONFIG_GLOBAL": "x"}.items():
        monkeypatch.setenv(name, value)
    for version_2 in (True, False):
        server = serve(version_2=version_2)
        assert names(make_source(server.url("db.git")).read()) == ["ConfigMap a"]
        assert set(sent(server)) == {None}


def test_no_secret_reaches_the_disk(serve, make_source, tmp_path):
    server = serve(user="ci", password=SECRET)
    source = make_source(server.url("db.git"), username="ci", password=SECRET)
    source.read()
    for file in source.folder.rglob("*"):
        if file.is_file():
            assert SECRET.encode() not in file.read_bytes(), file


@pytest.mark.parametrize("url, words", [
    ("git://127.0.0.1/db.git", "none of"),
    ("https://ci:hunter2-canary@127.0.0.1/db.git", "password"),
    ("http://127.0.0.1:1/db.git", "cannot reach"),
    ("/nowhere/db.git", "nowhere"),
    ("", "empty"),
])
def test_urls_that_cannot_work_are_told(make_source, url, words):
    kind, text = make_source(url).fail()
    assert words in text and SECRET not in text
