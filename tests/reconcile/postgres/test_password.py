"""The superuser's password is given to the server that knows it, and in no form that would give it away."""

import hashlib

import pytest

from parts import postgres
from parts.git import Certificates
from parts.impostor import Impostor
from parts.roles import Users, exists

ALICE = [{"username": "alice"}]
UNSAID, BOUND, SCRAM, ANY = range(4)
FOREIGN = "0x7f000001"  # the loopback address, and for the agent a host like any other


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("tls"), "postgres")


@pytest.fixture(scope="module", params=[13, 16, 18])
def secure(request, certificates):
    """A server with TLS."""
    made = postgres.Postgres(request.param, start=False)
    for source, name in ((certificates.cert, "server.crt"), (certificates.key, "server.key")):
        path = made.data / name
        path.write_bytes(source.read_bytes())
        path.chmod(0o600)
        made._own(path)
    made.settings["ssl"] = "on"
    made.start()
    yield made
    made.close()


def users_of(server):
    made = Users(server)
    made.secret("alice", "geheim")
    return made


def connection(server, *more):
    return " ".join([f"host={FOREIGN} port={server.port} dbname=postgres user=postgres", *more])


class Nobody:
    """Whose password an impostor asks for."""
    password = "the superuser's own"

    def conninfo(self):
        return ""


@pytest.mark.parametrize("question", ["clear", "md5", "none", "scram without binding"])
@pytest.mark.parametrize("mode", ["", "sslmode=allow", "sslmode=prefer", "sslmode=require"])
def test_whoever_answers_with_any_certificate_is_not_told_the_password(certificates, question, mode):
    with Impostor(question, certificates) as impostor:
        result = users_of(Nobody()).apply(ALICE, connection=f"{impostor.conninfo()} {mode}", deadline=4000)
        assert impostor.answers and impostor.told == []
        assert result.error_kind == "denied" and "the password was not given" in result.error, result.error
        assert Nobody.password not in result.output


@pytest.mark.parametrize("question", ["clear", "md5", "none", "scram without binding"])
@pytest.mark.parametrize("mode", ["", "sslmode=allow", "sslmode=prefer", "sslmode=require", "sslmode=disable"])
def test_without_tls_nobody_elsewhere_is_told_the_password(question, mode):
    with Impostor(question) as impostor:
        result = users_of(Nobody()).apply(ALICE, connection=f"{impostor.conninfo()} {mode}", deadline=4000)
        assert impostor.told == [] and result.error_kind in ("denied", "invalid"), result.error
        assert not impostor.answers
        assert "sslmode=verify-full" in result.error or "SSL" in result.error, result.error


def test_an_impostor_among_several_hosts_is_not_told_either(certificates):
    with Impostor("clear", certificates) as impostor:
        mixed = f"host=127.0.0.1,{FOREIGN} port={postgres.free_port()},{impostor.port} dbname=postgres user=postgres"
        users_of(Nobody()).apply(ALICE, connection=mixed, deadline=4000)
        assert impostor.answers and impostor.told == []


@pytest.mark.parametrize("question", ["clear", "md5"])
@pytest.mark.parametrize("how, mode, refused", [(SCRAM, "sslmode=require", True), (BOUND, "sslmode=disable", True),
                                                (UNSAID, "channel_binding=disable", True), (ANY, "sslmode=require", False)])
def test_what_the_agent_file_says_counts(certificates, question, how, mode, refused):
    with Impostor(question, certificates) as impostor:
        result = users_of(Nobody()).apply(ALICE, connection=f"{impostor.conninfo()} {mode}", authentication=how,
                                          deadline=4000)
        inner = hashlib.md5(b"the superuser's ownpostgres").hexdigest().encode()
        told = {"clear": b"the superuser's own\0",
                "md5": b"md5" + hashlib.md5(inner + b"salt").hexdigest().encode() + b"\0"}
        assert impostor.told == ([] if refused else [told[question]])
        assert not refused or ("authentication: " in result.error or "not given" in result.error), result.error


def test_on_this_machine_nothing_is_asked_for_unless_it_is_said(certificates):
    with Impostor("clear") as impostor:
        users_of(Nobody()).apply(ALICE, connection=impostor.conninfo("127.0.0.1"), deadline=4000)
        assert impostor.told == [b"the superuser's own\0"]
    with Impostor("clear", certificates) as impostor:
        users_of(Nobody()).apply(ALICE, connection=impostor.conninfo("localhost"), authentication=BOUND, deadline=4000)
        assert impostor.answers and impostor.told == []


@pytest.mark.parametrize("mode", ["", "sslmode=require", "channel_binding=require"])
def test_the_real_server_is_talked_to(secure, mode):
    users_of(secure).apply(ALICE, connection=connection(secure, mode)).good()
    assert exists(secure, "alice")


@pytest.mark.parametrize("how", [UNSAID, BOUND, SCRAM])
def test_a_verified_server_is_talked_to(secure, certificates, how):
    verified = f"host=localhost port={secure.port} dbname=postgres user=postgres sslmode=verify-full" \
               f" sslrootcert={certificates.ca}"
    users_of(secure).apply(ALICE, connection=verified, authentication=how).good()


def test_a_certificate_of_somebody_else_is_refused(secure, tmp_path):
    other = Certificates(tmp_path, "other")
    verified = f"host=localhost port={secure.port} dbname=postgres user=postgres sslmode=verify-full sslrootcert={other.ca}"
    result = users_of(secure).apply(ALICE, connection=verified)
    assert result.error_kind == "denied" and "certificate verify failed" in result.error


def test_a_password_file_counts_as_a_password(certificates, tmp_path):
    file = tmp_path / "pgpass"
    file.write_text("*:*:*:*:the superuser's own\n")
    file.chmod(0o600)
    with Impostor("clear", certificates) as impostor:
        users_of(Nobody()).apply(ALICE, connection=f"{impostor.conninfo()} passfile={file}", password="", deadline=4000)
        assert impostor.answers and impostor.told == []
