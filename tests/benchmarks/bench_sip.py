"""The SIP parser: recorded messages against the standard library's header parser, then the worst that can be sent."""

import sys
from email.parser import BytesHeaderParser
from functools import partial
from time import process_time

from sipctl.sip.digest import parse_challenges
from sipctl.sip.errors import MalformedError
from sipctl.sip.parser import parse
from tests.benchmarks.ratios import best, show
from tests.support.sip_hostile import FAMILIES, broken_challenge, family
from tests.support.sip_recorded import ODD, recorded_messages

LARGE = 64_000


def try_challenge(text: str) -> None:
    try:
        parse_challenges(text)
    except MalformedError:
        return


def main() -> None:
    sent = [one.data for one in recorded_messages() if one.scenario not in ODD and one.data.strip()]
    floor = best(lambda: [BytesHeaderParser().parsebytes(data.partition(b"\r\n")[2]) for data in sent], 5, process_time)
    ours = best(lambda: [parse(data) for data in sent], 5, process_time)
    show(f"{len(sent)} recorded messages, {ours / len(sent) * 1e6:.0f} µs each", ours, floor, 4)
    taken = {name: best(partial(parse, family(name, LARGE)), 3, process_time) * 1000 for name in FAMILIES}
    worst = max(taken, key=taken.__getitem__)
    sys.stdout.write(f"64 kB of {worst}: {taken[worst]:.0f} ms, the worst of {len(FAMILIES)} families (limit 50 ms)\n")
    challenge = best(lambda: try_challenge(broken_challenge(195)), clock=process_time) * 1000
    sys.stdout.write(f"a broken challenge of 195 bytes: {challenge:.2f} ms (limit 5 ms)\n")


if __name__ == "__main__":
    main()
