"""What man pages say that no other place of the code says: exit codes, environment, files, settings."""

from typing import Final

from sipctl.errors import ExitCode

EXIT_CODES: Final = {
    ExitCode.DONE: "done",
    ExitCode.FINDINGS: "findings, a test that failed, or a probe that is down",
    ExitCode.USAGE: "usage or configuration, refused by LiveKit's validation, or an ambiguous name",
    ExitCode.UNCHECKED: "could not be checked: network, time limit, not a LiveKit, disk",
    ExitCode.DENIED: "refused by authentication or permission",
    ExitCode.SAFEGUARD: "refused by a safeguard or a conflict; the hint holds the words that lift it",
    ExitCode.PARTIAL: "partly done",
    ExitCode.NOT_FOUND: "not found",
    ExitCode.CHANGED: "another run holds the lock, the lock was lost, or the state changed meanwhile",
    ExitCode.PENDING: "with --detailed-exitcode: there is something to do",
    ExitCode.BUG: "a bug: the message names the file with the traceback",
    ExitCode.HUNG_UP: "ended by SIGHUP",
    ExitCode.INTERRUPTED: "ended by SIGINT",
    ExitCode.TERMINATED: "ended by SIGTERM",
}
"""What each exit code means; a new one must be described here."""

ENVIRONMENT: Final = {
    "LIVEKIT_URL, LIVEKIT_API_URL": "The server. Both and different: the first is used, and `sipctl doctor` says so.",
    "LIVEKIT_API_KEY, LIVEKIT_API_SECRET": "Its key and secret; with `_FILE` at the end, files that hold them.",
    "ROOM_TELEPHONY_ENABLED, ROOM_TELEPHONY_PIN_LENGTH, ROOM_TELEPHONY_PIN_MAX_RETRIES, "
    "ROOM_TELEPHONY_PHONE_NUMBER, ROOM_TELEPHONY_DEFAULT_COUNTRY": "Meet's settings of telephony, read as Meet does.",
    "SIPCTL_CONFIG": "The configuration file.",
    "SIPCTL_PROFILE": "The profile.",
    "SIPCTL_STATE_DIR": "The folder of the audit, the locks and bug reports.",
    "SIPCTL_DATA_DIR": "The folder of the registries of PINs.",
    "SIPCTL_CACHE_DIR": "The folder of the names that a shell completes.",
    "SIPCTL_NAME_TEMPLATE, SIPCTL_ROOM_PATTERN, SIPCTL_TRUNK_IDS, SIPCTL_SIP_HOST, SIPCTL_SIP_HEALTH_URL, "
    "SIPCTL_SIP_METRICS_URL, SIPCTL_LIVEKIT_METRICS_URL, SIPCTL_WEBHOOK_URL, SIPCTL_REGISTRY_URL, "
    "SIPCTL_REGISTRY_STATE_URL":
        "Settings of a profile, described in sipctl.toml(5).",
    "HTTP_PROXY, HTTPS_PROXY, NO_PROXY": "Proxies.",
    "SSL_CERT_FILE": "A private certificate authority.",
    "NO_COLOR, FORCE_COLOR": "Never and always colours.",
}  # fmt: skip

FILES: Final = {
    "~/.config/sipctl/config.toml": "The configuration file; `sipctl config path` says where it is.",
    "~/.local/state/sipctl": "The audit (`audit.jsonl`), locks, lists of old PINs, bug reports; 0600.",
    "~/.local/share/sipctl": "The registries of PINs; 0600.",
    "~/.cache/sipctl": "Names that a shell completes, without any PIN; 0600.",
}

SETTINGS: Final = {
    "default_profile": "The profile that is used when no one names another.",
    "profiles.NAME": "A deployment. Paths are relative to the folder of the file.",
    "url": "The address of the LiveKit server: https://livekit.example.org.",
    "api_key": "Its API key.",
    "api_key_file": "A file that holds the API key.",
    "api_secret": "Its API secret; better in a file of its own.",
    "api_secret_file": "A file that holds the API secret.",
    "env_files": "Env files of Meet and of compose, in the order in which they are read; the later one wins.",
    "livekit_yaml": "The configuration of livekit-server.",
    "sip_yaml": "The configuration of livekit-sip.",
    "compose_json": "The compose file, as it is or as `docker compose config --format json` prints it.",
    "manifests": "What `helm template` or `kubectl get -o yaml` printed of the deployment.",
    "sip_host": "The SIP URI of the node that answers the calls.",
    "sip_health_url": "The health port of livekit-sip.",
    "sip_metrics_url": "The Prometheus port of livekit-sip.",
    "livekit_metrics_url": "The Prometheus port of livekit-server.",
    "webhook_url": "Where LiveKit sends its webhooks: the address of the backend.",
    "name_template": "The name of the rules of this backend; {room} is the room. Default: SIP_{room}.",
    "room_pattern": "A regular expression that the names of this backend's rooms match as a whole. Default: any.",
    "trunk_ids": "The trunks that new rules are given. Not set: they are never compared.",
    "protected": "Whether every write needs `--confirm NAME`.",
    "protect": "Rules and rooms that are never changed or deleted.",
    "registry.url": "The database of PINs. Default: a file in the data folder.",
    "registry.state_url": "A database for what several hosts note, beside tables that are not ours.",
    "registry.layout": "The word meet if the PINs are in the tables of La Suite Meet.",
    "registry.leading_zero": "Whether new PINs may begin with 0.",
    "registry.doubles": "Whether new PINs may hold a digit twice in a row.",
    "registry.quarantine_days": "How long a PIN that was taken away is given to no other room.",
    "purge.grace": "How long a rule must be stale: 90s, 10m, 2h. Default: 10m.",
    "purge.max_delete": "The most rules that one run deletes.",
    "purge.max_delete_percent": "The same in percent of the owned rules, from 10 rules on.",
    "ignore.code": "The code of a finding that you live with.",
    "ignore.resource": "The resource that it is about. Not set: all of them.",
    "ignore.reason": "Why it is all right here.",
    "ignore.until": "The day until which that holds.",
}
"""What each key of the configuration file means; a new one must be described here."""
