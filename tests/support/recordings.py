"""Replaying recorded exchanges with a real livekit-server (tests/data/api) against any server."""

import base64
import gzip
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import jwt

Line = dict[str, Any]

DATA = Path(__file__).parents[1] / "data" / "api"
ANOTHER_SECRET = "another-secret-for-bench-only-012345"
PLACEHOLDER = re.compile(r"\{\{([A-Z]+_\d+)\}\}")
ANYTHING = {"{{time}}", "{{secret}}"}
UNCOMPARED_HEADERS = {"content-type", "content-length", "date", "vary", "connection"}


def lines(scenario: str) -> Iterator[Line]:
    packed = DATA / f"{scenario}.jsonl.gz"
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else (DATA / f"{scenario}.jsonl").read_bytes()
    yield from map(json.loads, data.decode().splitlines())


@dataclass
class Replay:
    """One scenario against one server. `act` does what a line says happened outside the API."""

    url: str
    api_key: str
    api_secret: str
    now: Callable[[], float] = time.time
    bound: dict[str, str] = field(default_factory=dict)
    full_list: list[Any] = field(default_factory=list)
    token: str = ""

    async def run(self, line: Line) -> None:
        """Send the line's request and compare the answer."""
        request, expected = line["request"], line["response"]
        headers, path = self._headers(request), request["path"]
        if "{{token}}" in path:
            path = path.replace("{{token}}", headers.pop("Authorization").removeprefix("Bearer "))
        body = self._body(request, line)
        async with (
            aiohttp.ClientSession(
                auto_decompress=False, skip_auto_headers=("Content-Type", "User-Agent", "Accept-Encoding", "Accept")
            ) as session,
            session.request(
                request.get("method", "POST"), _raw(self.url + path), headers=headers, data=body, allow_redirects=False
            ) as response,
        ):
            content = await response.read()
            got = {"status": response.status, "type": response.headers.get("Content-Type"), "headers": response.headers}
        assert got["status"] == expected["status"], (line["n"], line.get("note"), content)
        assert got["type"] == expected.get("content_type"), (line["n"], line.get("note"))
        self._compare_headers(got["headers"], expected.get("headers", {}))
        self._compare_body(content, line)

    def _headers(self, request: Line) -> dict[str, str]:
        headers = dict(request.get("headers", {}))
        if request.get("content_type"):
            headers["Content-Type"] = request["content_type"]
        self.token = self._sign(request)
        if "authorization_raw" in request:
            headers["Authorization"] = request["authorization_raw"].replace("{{token}}", self.token)
        elif request.get("authorization") != "none":
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    def _sign(self, request: Line) -> str:
        deviation, now = request.get("token", {}), int(self.now())
        claims = {
            "iss": self.api_key if deviation.get("iss") is None else deviation["iss"],
            "sub": deviation.get("sub", ""),
            "nbf": now + deviation.get("nbf_offset_s", 0),
            "exp": now + deviation.get("exp_offset_s", 600),
            **(request.get("grants") or {}),
        }
        if "iat_offset_s" in deviation:
            claims["iat"] = now + deviation["iat_offset_s"]
        for name in deviation.get("claims_left_out", ()):
            claims.pop(name)
        algorithm = "none" if request.get("authorization") == "alg_none" else deviation.get("alg", "HS256")
        secret = ANOTHER_SECRET if deviation.get("signed_with") else self.api_secret
        return jwt.encode(claims, "" if algorithm == "none" else secret, algorithm=algorithm)

    def _body(self, request: Line, line: Line) -> bytes | None:
        if "body_base64" in request:
            raw = base64.b64decode(request["body_base64"])
            for placeholder, recorded in line.get("ids", {}).items():
                if placeholder in self.bound:
                    raw = raw.replace(recorded.encode(), self.bound[placeholder].encode())
            return raw
        if "body_raw" in request:
            return str(request["body_raw"]).encode()
        return json.dumps(self.filled(request["body"])).encode() if "body" in request else None

    def filled(self, value: Any) -> Any:
        """A recorded value with the ids of this server in the place of placeholders."""
        if isinstance(value, str):
            return PLACEHOLDER.sub(lambda match: self.bound.get(match[1], match[0]), value)
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        if isinstance(value, dict):
            return {self.filled(key): self.filled(item) for key, item in value.items()}
        return value

    def _compare_headers(self, got: Any, expected: dict[str, str]) -> None:
        shown = {name: value for name, value in got.items() if name.lower() not in UNCOMPARED_HEADERS}
        assert shown == expected

    def _compare_body(self, content: bytes, line: Line) -> None:
        expected = line["response"]
        if "message" in expected:
            self._compare_protobuf(content, line)
        elif "body_text" in expected:
            text = expected["body_text"].replace("{{token}}", self.token)
            got = content.decode()
            assert got.splitlines()[:1] == text.splitlines()[:1] if "Node Updated" in text else got == text
        elif "body" in expected:
            self._compare_json(json.loads(content), expected["body"], line)

    def _compare_json(self, got: Any, expected: Any, line: Line) -> None:
        compare = line.get("compare", {})
        if "computed" in compare:
            expected = self._computed(compare["computed"], line, expected)
        if "msg_any_of" in compare:
            assert got["msg"] in self.filled(compare["msg_any_of"]), (line["n"], got)
            expected = {**expected, "msg": got["msg"]}
        self.match(got, expected, line, compare)
        if set(line["request"].get("body") or {}) == set() and isinstance(got, dict) and "items" in got:
            self.full_list = got["items"]

    def _compare_protobuf(self, content: bytes, line: Line) -> None:
        from google.protobuf.json_format import MessageToDict
        from livekit.protocol import models, room, sip

        name = line["response"]["message"].removeprefix("livekit.")
        kind = next(getattr(module, name) for module in (sip, room, models) if hasattr(module, name))
        got = MessageToDict(kind.FromString(content), preserving_proto_field_name=True)
        self.match(got, line["response"]["body"], line, line.get("compare", {}))

    def match(self, got: Any, expected: Any, line: Line, compare: dict[str, Any]) -> None:
        """Bind new placeholders where they stand, then compare as data."""
        expected = self.filled(expected)
        for key in ("items", *compare.get("unordered", ())):
            if isinstance(expected, dict) and isinstance(expected.get(key), list) and isinstance(got.get(key), list):
                by = compare.get("sorted_by")
                expected = {**expected, key: self._aligned(got[key], expected[key], by)}
                if by:
                    assert got[key] == sorted(got[key], key=lambda item: item[by]), line["n"]
        fault = self._difference(got, expected, "")
        assert fault is None, f"{line['n']} {line.get('note')}: {fault}"

    def _aligned(self, got: list[Any], expected: list[Any], by: str | None) -> list[Any]:
        """The expected items in the order of what was got, found by their id, name or identity."""
        for key in filter(None, (by, "name", "identity")):
            if got and expected and all(key in item for item in (*got, *expected)):
                places = {item[key]: at for at, item in enumerate(got)}
                return sorted(expected, key=lambda item: places.get(item[key], len(got)))
        return expected

    def _difference(self, got: Any, expected: Any, place: str) -> str | None:
        if isinstance(expected, str) and (expected in ANYTHING or PLACEHOLDER.fullmatch(expected)):
            if placeholder := PLACEHOLDER.fullmatch(expected):
                self.bound[placeholder[1]] = got
            return None if got else f"{place} is empty"
        if isinstance(expected, dict) and isinstance(got, dict):
            if got.keys() != expected.keys():
                return f"{place}: keys {sorted(got.keys() ^ expected.keys())}"
            pairs = [(got[key], expected[key], f"{place}.{key}") for key in expected]
        elif isinstance(expected, list) and isinstance(got, list):
            if len(got) != len(expected):
                return f"{place}: {len(got)} items instead of {len(expected)}"
            pairs = [(one, other, f"{place}[{at}]") for at, (one, other) in enumerate(zip(got, expected, strict=True))]
        else:
            return (
                None
                if got == expected or _dialled(got) == _dialled(expected)
                else f"{place}: {got!r}, not {expected!r}"
            )
        return next(filter(None, (self._difference(*pair) for pair in pairs)), None)

    def _computed(self, how: str, line: Line, expected: Any) -> Any:
        body = line["request"]["body"]
        page, key = body["page"], "sip_dispatch_rule_id"
        if self.full_list and key not in self.full_list[0]:
            key = "sip_trunk_id"
        items = sorted(self.full_list, key=lambda item: item[key])
        if how == "after_id":
            after = self.filled(page.get("after_id", ""))
            return {"items": [item for item in items if item[key] > after]}
        chosen: list[Any] = []
        trunks = set(self.filled(body.get("trunk_ids", [])))
        ids = set(self.filled(body.get("dispatch_rule_ids", [])))
        for start in range(0, len(items), page["limit"]):
            hits = [
                item
                for item in items[start : start + page["limit"]]
                if (not ids or item[key] in ids)
                and (not trunks or not item["trunk_ids"] or trunks & set(item["trunk_ids"]))
            ]
            if not hits:
                break
            chosen += hits
        return {"items": chosen}


def _dialled(text: Any) -> Any:
    """Go's dial errors name an address of the recording's own redis."""
    return re.sub(r"127\.0\.0\.1:\d+", "REDIS", text) if isinstance(text, str) else text


def _raw(url: str) -> Any:
    from yarl import URL

    return URL(url, encoded=True)
