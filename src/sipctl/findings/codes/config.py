"""CFG1xx: configuration files."""

from typing import Final

from sipctl.command_line import CommandLine, Prose
from sipctl.findings.codes.heard import NOTHING
from sipctl.findings.record import Code, Level

_NO_RULE: Final = "Ringing without end: no dispatch rule is ever created."
_BUSY: Final = "An error tone after one second: livekit-sip answers 503."
_AFTER_PIN: Final = "The PIN prompt, the joining message, then the call ends."
_DOWN: Final = "Nothing at all: the server does not start."


STILL_MEET: Final = "in which they still hear each other"
"""Is in the CFG121 of two databases of one redis, through which calls go all the same.

Redis passes messages whatever the database of those who listen (https://redis.io/docs/latest/develop/pubsub/).
"""


def _code(number: int, level: Level, title: str, cause: str, callers: str, fix: Prose) -> Code:
    return Code(code=f"CFG{number}", level=level, title=title, cause=cause, callers=callers, fix=fix)


FILE_CODES: Final = (
    _code(
        101, Level.ERROR, "The file can be read",
        "The file is missing, unreadable, no valid TOML, YAML, JSON or env file, or of a kind that sipctl does not "
        "read: Helm values, Kubernetes resources and compose files must be rendered first. Files of livekit's other "
        "workers (egress, ingress) are left alone, with a warning.",
        "Depends on the program whose file it is: most do not start.",
        "correct the line named, or the path in the profile",
    ),
    _code(
        102, Level.WARN, "No setting appears twice",
        "One key is written twice in a file. The later line wins in env files; livekit's programs do not start.",
        "Depends on the setting; nothing at all if livekit's programs do not start.",
        "delete one of the two lines",
    ),
    _code(
        103, Level.ERROR, "Every key is known",
        "A key is misspelt or invented. livekit-server refuses to start; Meet and sipctl do not see the setting. "
        "Trunks and rules are not made in files. A key of newer releases is a warning that names them, and an error "
        "only if compose runs an older one.",
        _DOWN,
        "correct the spelling, or delete the key",
    ),
    _code(
        104, Level.WARN, "livekit-sip knows every key of its file",
        "livekit-sip ignores keys that it does not know, without a word; README files and issues name several. Trunks "
        "and rules are not made in files. Keys of newer releases, and those of La Suite's own livekit-sip (image "
        "lasuite/livekit-sip: lang, video, gst, publish_codecs, max_active_participants), are named as such.",
        "Depends on what the key was meant to do.",
        "delete the key, or use the one that works",
    ),
    _code(
        105, Level.ERROR, "Every value has the right type",
        "A value is text where a number is expected, or the like.",
        _DOWN,
        "write a value of the type that is expected",
    ),
    _code(
        106, Level.ERROR, "Every value is in its range",
        "A port, time or other number lies outside what the program accepts.",
        "Depends on the setting.",
        "write a value within the range",
    ),
    _code(
        107, Level.ERROR, "No placeholder is left",
        "A value still is the template's text, such as <generate a secret key>.",
        "Depends on the setting; with LiveKit's key or secret no dispatch rule is ever created.",
        "put the real value there",
    ),
    _code(
        108, Level.WARN, "Every secret file is there",
        "A setting ending in _FILE, or key_file, names a file that this machine lacks. Meet does not start then. "
        "In sipctl's own file it is an error: every command that asks LiveKit ends with 2.",
        _NO_RULE,
        "create the file, or correct the path; in a container the file may exist though this machine lacks it",
    ),
    _code(
        109, Level.WARN, "Keys, secrets and numbers are quoted",
        "YAML reads an unquoted 0123 or 1e9 as a number, and programs disagree about its text.",
        "Depends: a key that one program reads differently is refused.",
        "put the value into quotes",
    ),
    _code(
        110, Level.WARN, "Files with secrets are private",
        "Other users of the machine can read a file that holds a secret (env files, yaml, compose and sipctl's own "
        "file alike), or one of sipctl's state, which hold PINs; or a link is in its place. livekit-server refuses "
        "such a key_file, sipctl such a link.",
        NOTHING,
        "chmod 600 the file, and 700 sipctl's folder; make new secrets and PINs if others may have read them",
    ),
    _code(
        111, Level.ERROR, "Every ${NAME} has a value",
        "An env file refers to a variable that neither it nor an earlier file sets.",
        "Depends on the setting; a URL with a hole in it reaches no one.",
        "set the variable in an earlier file, or correct the name",
    ),
    _code(
        139, Level.WARN, "There is one file of a kind",
        "Several files of one kind were given; only one of them can be compared with the others.",
        "Depends on which file the program reads.",
        "give the file that is in force",
    ),
    _code(
        140, Level.ERROR, "Every profile can be used",
        "default_profile names no profile, an address is none, or a url comes without api_key and api_secret.",
        NOTHING,
        ("correct the line named; ", CommandLine.of("config", "init"), " writes a profile anew"),
    ),
)  # fmt: skip

MEET_CODES: Final = (
    _code(
        112, Level.WARN, "One LiveKit address is set",
        "LIVEKIT_URL and LIVEKIT_API_URL are set and differ. Meet reads LIVEKIT_API_URL, sipctl LIVEKIT_URL first.",
        NOTHING,
        "set both to the same address, or only LIVEKIT_API_URL",
    ),
    _code(
        113, Level.ERROR, "Meet can read its booleans",
        "Meet takes yes, y, true, 1, no, n, false, 0 and nothing; at any other word it does not start.",
        _DOWN,
        "write True or False",
    ),
    _code(
        114, Level.ERROR, "The PIN length is 4 to 16",
        "Under 4 Meet raises an error at every new room; over 16 livekit-sip hangs up at the 17th digit.",
        "With over 16 digits: the wrong-PIN message at the 17th digit.",
        "set ROOM_TELEPHONY_PIN_LENGTH to 4 to 16; the default is 10",
    ),
    _code(
        115, Level.INFO, "ROOM_TELEPHONY_PIN_MAX_RETRIES is about generating PINs",
        "It is the number of draws before Meet gives up and leaves a room without PIN. Callers have one attempt a "
        "call, whatever it says.",
        "One attempt, then the wrong-PIN message and the end of the call.",
        "leave it at 5; with 0 no room gets a PIN",
    ),
    _code(
        116, Level.WARN, "The phone number is one",
        "ROOM_TELEPHONY_PHONE_NUMBER is missing while telephony is on, or is no possible or assigned number.",
        "The invitation names no number, or a wrong one.",
        "write the number in E.164, such as +33123456789",
    ),
    _code(
        117, Level.WARN, "The default country is a country",
        "ROOM_TELEPHONY_DEFAULT_COUNTRY is no ISO 3166 code that numbers exist for; empty switches the display off.",
        "The invitation names no number.",
        "write two letters, such as FR",
    ),
    _code(
        118, Level.WARN, "Meet knows its LiveKit",
        "LIVEKIT_API_URL, LIVEKIT_API_KEY or LIVEKIT_API_SECRET is missing from Meet's environment. An address without "
        "scheme, or one that is none, is an error; in LIVEKIT_URL, too.",
        _NO_RULE,
        "set all three",
    ),
    _code(
        119, Level.WARN, "Meet's settings are spelt right",
        "A variable looks like one of Meet's telephony or LiveKit settings and is none.",
        "Depends on the setting: Meet uses its default.",
        "correct the name",
    ),
    _code(
        144, Level.WARN, "Meet checks LiveKit's certificate",
        "LIVEKIT_VERIFY_SSL is off: Meet talks to any server that answers, and opens a new session for every call.",
        NOTHING,
        "set LIVEKIT_VERIFY_SSL=True, and give Meet the CA of a private certificate",
    ),
)  # fmt: skip

LIVEKIT_CODES: Final = (
    _code(
        120, Level.ERROR, "livekit-server has redis",
        "Without redis livekit-server runs rooms but no SIP: every SIP call of the API fails.",
        _BUSY,
        "add `redis: {address: …}` to livekit.yaml",
    ),
    _code(
        121, Level.ERROR, "livekit-server and livekit-sip use the same redis",
        "They talk through redis; with two instances neither hears the other. localhost and 127.0.0.1 are one host; "
        "another port or database of one host is an error, another host a warning: two names may lead to one redis. "
        "Through two databases of one redis calls still go: there the error is about what someone meant.",
        _BUSY,
        "give both the same redis address and db",
    ),
    _code(
        122, Level.ERROR, "livekit-sip's key pair is the server's",
        "livekit-sip checks its key only when a caller enters a room.",
        _AFTER_PIN,
        "copy api_key and api_secret of livekit-sip from `keys` of livekit.yaml",
    ),
    _code(
        123, Level.ERROR, "livekit-sip's ws_url leads to livekit-server",
        "ws_url is missing, has another scheme than ws or wss, or is the backend's address: the same host and port.",
        _AFTER_PIN,
        "set ws_url to livekit-server, such as ws://livekit:7880",
    ),
    _code(
        124, Level.ERROR, "Meet's key pair is the server's",
        "Meet signs its calls with a pair that livekit-server does not know.",
        _NO_RULE,
        "set LIVEKIT_API_KEY and LIVEKIT_API_SECRET to a pair of `keys` in livekit.yaml",
    ),
    _code(
        125, Level.ERROR, "The webhook's key is the server's",
        "webhook.api_key is missing or not among `keys`; livekit-server does not start.",
        _DOWN,
        "name a key of `keys` in webhook.api_key",
    ),
    _code(
        126, Level.ERROR, "Webhooks are signed with the key that Meet verifies with",
        "Meet knows one pair; webhooks signed with another are answered 400, and LiveKit counts them as sent.",
        _NO_RULE,
        "set webhook.api_key to Meet's LIVEKIT_API_KEY",
    ),
    _code(
        127, Level.ERROR, "Webhooks reach Meet",
        "livekit.yaml has no webhook url, or one that redirects: http where Meet's own settings have https for "
        "the same host and port, or no slash at the end.",
        _NO_RULE,
        "webhook.urls: [https://MEET/api/v1.0/rooms/webhooks-livekit/], slash included",
    ),
    _code(
        128, Level.ERROR, "room_started and room_finished pass the server's filter",
        "webhook.filter_params lets one of the two events not through; include_events wins over exclude_events.",
        "Ringing without end (no room_started), or PINs that work after the meeting (no room_finished).",
        "let both events through",
    ),
    _code(
        129, Level.ERROR, "Meet's filter lets its rooms through",
        "LIVEKIT_WEBHOOK_EVENTS_FILTER_REGEX does not match room names, which are lower-case UUIDs.",
        _NO_RULE,
        "use a pattern that finds a UUID, or leave the setting out",
    ),
    _code(
        130, Level.ERROR, "Port ranges do not overlap",
        "Two programs of one host take media ports from overlapping ranges.",
        "Calls now and then without sound, or an error tone.",
        "give rtc.port_range, turn.relay_range and rtp_port ranges of their own",
    ),
    _code(
        131, Level.ERROR, "rtp_port is a scalar",
        "livekit-sip reads a mapping {start, end} as nothing and takes 10000-20000; at other text it does not start.",
        "No sound, where a firewall admits only the range that was meant.",
        "write rtp_port: 10000-20000",
    ),
    _code(
        132, Level.ERROR, "livekit-sip announces one address",
        "use_external_ip excludes nat_1_to_1_ip, and media_use_external_ip excludes media_nat_1_to_1_ip.",
        _DOWN,
        "keep one of the two",
    ),
    _code(
        133, Level.WARN, "livekit-server makes rooms on demand",
        "room.auto_create is off: a caller whose room is not open is refused after the PIN.",
        _AFTER_PIN,
        "fine if the backend creates every room; else delete auto_create",
    ),
    _code(
        134, Level.WARN, "Secrets are long enough",
        "A secret has under 32 characters; livekit-server logs an error, and short secrets can be guessed.",
        NOTHING,
        "use 32 random characters or more, in all files at once",
    ),
    _code(
        135, Level.WARN, "Compose publishes the ports of livekit-sip",
        "The SIP port or part of the RTP range is not published, or not one to one.",
        "Nothing at all, or silence.",
        "publish sip_port over UDP and TCP, and the whole rtp_port range over UDP with the same numbers",
    ),
    _code(
        136, Level.ERROR, "livekit-server has keys",
        "Neither keys nor key_file gives a key, or LIVEKIT_KEYS of compose is empty or not of the form `key: secret`; "
        "livekit-server does not start.",
        _DOWN,
        "add `keys: {name: secret}`",
    ),
    _code(
        137, Level.ERROR, "livekit-sip has what it needs",
        "redis, api_key, api_secret or ws_url is missing; only redis is checked at its start.",
        _AFTER_PIN,
        "add the setting to livekit-sip's yaml, or to its environment",
    ),
    _code(
        138, Level.WARN, "Every suppression is still meant",
        "An entry of `ignore` in the profile has passed its date, or names a code that does not exist.",
        NOTHING,
        "delete the entry, or give it a new date",
    ),
    _code(
        141, Level.ERROR, "TURN can start",
        "turn is enabled without a port, or with tls_port and no domain or certificate.",
        _DOWN,
        "set turn.udp_port, or turn.tls_port with domain, cert_file and key_file (or external_tls)",
    ),
    _code(
        142, Level.WARN, "livekit-sip announces an address that phones reach",
        "Its answers carry the container's address, or one of this machine alone: the provider's packets go nowhere.",
        "The call is answered, then silence; it ends after 15 to 30 seconds.",
        "set use_external_ip: true, or nat_1_to_1_ip to the public address",
    ),
    _code(
        145, Level.ERROR, "livekit-sip and Meet know one secret",
        "Both use one API key with different secrets, so livekit-server refuses one of them.",
        "Ringing without end, or the end of the call after the joining message: it depends on whose is wrong.",
        "copy the pair from `keys` of livekit.yaml to both",
    ),
    _code(
        143, Level.INFO, "No setting of outgoing calls is taken for one of incoming calls",
        "sip_trunk_ids and max_active_calls decide which node places a call; they keep no caller out.",
        NOTHING,
        "nothing, if that was meant; a firewall and trunks keep callers out",
    ),
    _code(
        146, Level.WARN, "Newer releases of livekit-server start with the file",
        "livekit-server 1.13.5 takes it; later ones refuse a Prometheus user without password (and the reverse), TURN "
        "servers without usable credentials, and entries of turn.allow_restricted_peer_cidrs and turn.deny_peer_cidrs "
        "that are no networks.",
        "Nothing unusual until livekit-server is updated; then nothing at all: it does not start.",
        "correct the setting before the update",
    ),
    _code(
        147, Level.WARN, "livekit-sip reads every variable that compose gives it",
        "livekit-sip reads LIVEKIT_API_KEY, LIVEKIT_API_SECRET, LIVEKIT_WS_URL, SIP_CONFIG_BODY and SIP_CONFIG_FILE, "
        "and no other: LIVEKIT_URL, REDIS_HOST, SIP_PORT, LOG_LEVEL and the like change nothing.",
        "Depends on what the variable was meant to do.",
        "write the setting into livekit-sip's yaml",
    ),
    _code(
        148, Level.WARN, "livekit-sip is at a server that shares its redis",
        "ws_url is a LiveKit Cloud project. Calls are routed through redis, and the Cloud's is closed to a livekit-sip "
        "of your own; the Cloud has its own SIP service.",
        _BUSY,
        "set ws_url to your own livekit-server, or use the SIP service of LiveKit Cloud",
    ),
    _code(
        149, Level.WARN, "livekit-server is given one address",
        "rtc.node_ip is set beside rtc.use_external_ip: livekit-server asks a STUN server and ignores node_ip.",
        "Nothing unusual, or joining and then silence where the address that STUN finds is not the right one.",
        "delete rtc.node_ip, or set rtc.use_external_ip: false",
    ),
    _code(
        150, Level.WARN, "Codecs are named with their rate",
        "livekit-sip knows codecs as G722/8000 or PCMU/8000; a name without the rate switches nothing.",
        "Calls with a codec that was meant to be off, or without one that was meant to be on.",
        "write the rate after the name, such as G722/8000",
    ),
    _code(
        151, Level.ERROR, "Compose gives livekit-sip its configuration",
        "Its service has neither SIP_CONFIG_BODY nor a file where livekit-sip looks for one (/sip/config.yaml, unless "
        "--config or SIP_CONFIG_FILE name another); redis has no other place, so it does not start.",
        "Nothing at all: livekit-sip does not start.",
        "set SIP_CONFIG_BODY to the text of its yaml, or mount the file at /sip/config.yaml",
    ),
)  # fmt: skip

CONFIG_CODES: Final = (*FILE_CODES, *MEET_CODES, *LIVEKIT_CODES)
"""All codes of `config validate`."""
