"""One call of LiveKit's API as raw HTTP."""

import http.client
import json
import time
from typing import Any

import jwt

from sipctl.sandbox.server import Sandbox
from tests.support.peers.livekit import RealLiveKit


def twirp_answer(server: Sandbox | RealLiveKit, method: str, body: Any) -> tuple[int, Any]:
    claims = {"iss": server.api_key, "exp": int(time.time()) + 600, "sip": {"admin": True}}
    token = jwt.encode(claims, server.api_secret.reveal(), algorithm="HS256")
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("POST", f"/twirp/livekit.SIP/{method}", json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()
