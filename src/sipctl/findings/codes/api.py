"""API2xx: LiveKit's API."""

from typing import Final

from sipctl.findings.codes.heard import NOTHING
from sipctl.findings.record import Code, Level

API_CODES: Final = (
    Code(
        code="API201",
        level=Level.UNKNOWN,
        title="LiveKit answers",
        cause="The server is down, the URL is wrong, or something on the way refuses or redirects the connection.",
        callers="No one knows. If the server is down, an error tone after one second: livekit-sip answers 503.",
        fix="start livekit-server, or correct LIVEKIT_URL",
    ),
    Code(
        code="API202",
        level=Level.ERROR,
        title="LiveKit accepts the key and the secret",
        cause="The key is not among the server's `keys`, the secret differs, or a clock is more than a minute off.",
        callers="Ringing without end if the backend uses the same pair: it cannot create rules.",
        fix="use a pair from `keys` in livekit.yaml",
    ),
    Code(
        code="API203",
        level=Level.ERROR,
        title="The key may administer SIP, list rooms and see participants",
        cause="LiveKit refused a call that needs the grants sip.admin, video.roomList or video.roomAdmin.",
        callers=NOTHING,
        fix="use a key of this server, and nothing in between that strips grants",
    ),
    Code(
        code="API204",
        level=Level.WARN,
        title="The clocks of this machine and of LiveKit agree",
        cause="LiveKit and webhook receivers refuse tokens that are more than 60 seconds off.",
        callers="Ringing without end once webhooks are refused: no rule is created.",
        fix="synchronise both clocks with NTP",
    ),
    Code(
        code="API205",
        level=Level.ERROR,
        title="LiveKit's SIP service is connected",
        cause="livekit-server runs without redis, or lost it; SIP needs redis, rooms do not.",
        callers="An error tone after one second: livekit-sip answers 503.",
        fix="add `redis.address` to livekit.yaml, start redis, and give livekit-sip the same redis",
    ),
    Code(
        code="API206",
        level=Level.INFO,
        title="LiveKit's version is known",
        cause="No call of the API tells the version; only those who join a room learn it.",
        callers=NOTHING,
        fix="nothing; look at the image or package that runs",
    ),
    Code(
        code="API207",
        level=Level.WARN,
        title="Every listed room is alive",
        cause="A livekit-server that was killed leaves its rooms and participants listed for good.",
        callers="A caller with the PIN of a ghost's rule can enter and sits alone.",
        fix="delete the room; sipctl makes it again first, since LiveKit alone does not answer for it",
    ),
)
