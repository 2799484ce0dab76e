"""What a test needs beside Python: skipped with the reason where it is missing, a failure where CI promised it."""

import os

import pytest

from tests.support.peers.livekit import missing as missing_server


def need(*reasons: str) -> None:
    """Skip with what is missing, or fail where CI promised the real thing; "" is not missing."""
    for reason in filter(None, reasons):
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI=true, but {reason}")
        pytest.skip(reason)


def need_real_server() -> None:
    """Skip without livekit-server and redis, or fail in CI."""
    need(missing_server())
