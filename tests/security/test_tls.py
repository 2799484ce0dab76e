"""Certificates are verified, and nothing switches that off."""

import ast
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sipctl.cli.tree import commands
from tests.support.peers.hostile import hostile, says
from tests.support.running import assert_error, clean_env, run

if TYPE_CHECKING:
    from tests.support.peers.certificates import Authority

SOURCE = Path(__file__).parents[2] / "src" / "sipctl"
CALLS = (("rules", "list"), ("webhook", "send", "--event", "room_started", "--room", "standup"))


def env_for(url: str, **more: str) -> dict[str, str]:
    secret = "s" * 32
    return clean_env(
        LIVEKIT_URL=url, LIVEKIT_API_KEY="k", LIVEKIT_API_SECRET=secret, SIPCTL_WEBHOOK_URL=f"{url}/hook", **more
    )


@pytest.mark.parametrize("kind", ["self-signed", "unknown authority", "another name"])
def test_a_certificate_that_no_one_vouches_for_is_refused(kind: str, authority: "Authority") -> None:
    names = ("other.test",) if kind == "another name" else ("127.0.0.1",)
    pair = authority.issue(f"tls-{kind}", *names, self_signed=kind == "self-signed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    trusted = {"SSL_CERT_FILE": str(authority.file)} if kind == "another name" else {}
    with hostile(says(200, b"", "application/protobuf"), tls=context) as server:
        assert_error(run("rules", "list", env=env_for(server.url, **trusted)), 3, "certificate")
        assert server.paths == []


def test_a_private_authority_is_trusted_when_it_is_named(authority: "Authority") -> None:
    pair = authority.issue("tls-good", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    with hostile(says(200, b"", "application/protobuf"), tls=context) as server:
        listed = run("rules", "list", env=env_for(server.url, SSL_CERT_FILE=str(authority.file)))
        assert listed.code == 0, listed
        assert server.paths


def test_no_option_switches_it_off() -> None:
    options = {word for leaf in commands() for one in leaf.command.params for word in one.opts}
    assert not {word for word in options if "insecure" in word or "verify" in word}


def test_only_the_report_on_certificates_looks_at_what_it_does_not_trust() -> None:
    loose = {"CERT_NONE", "_create_unverified_context"}
    for file in SOURCE.rglob("*.py"):
        names = {one.attr for one in ast.walk(ast.parse(file.read_text())) if isinstance(one, ast.Attribute)}
        assert not names & loose or file.relative_to(SOURCE).as_posix() == "transport/tls.py", file
