"""The doctor as a whole against its slowest check alone, on a server where every call takes its time."""

from sipctl.sandbox.server import running_sandbox
from tests.benchmarks.ratios import best, python, show
from tests.support.planting import plant_rule, plant_trunk

CALL_MS = 300
ROOMS = 40


def main() -> None:
    with running_sandbox() as sandbox:
        env = {"LIVEKIT_URL": sandbox.url, "LIVEKIT_API_KEY": sandbox.api_key, "HOME": "/nonexistent"}
        env["LIVEKIT_API_SECRET"] = sandbox.api_secret.reveal()
        plant_trunk(sandbox, "ST_provider", numbers=["+33123456789"])
        for at in range(ROOMS):
            sandbox.join(f"room-{at}", "alice")
            plant_rule(sandbox, f"SDR_{at}", f"room-{at}", f"48219305{at:02}", name=f"SIP_room-{at}")
        sandbox.fault(f"latency={CALL_MS}")
        words = ("-m", "sipctl", "doctor", "--settle", "0", "-o", "json")
        slowest = max(best(python(*words, "--only", code, env=env), 3) for code in ("API207", "RUL416", "RUL405"))
        show(f"doctor, {ROOMS} rooms, against its slowest check", best(python(*words, env=env), 3), slowest, 1.2)


if __name__ == "__main__":
    main()
