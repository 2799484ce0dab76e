"""The requests of one dialog, and of what may become one (RFC 3261 8.1.1, 12, 13.2.2.4)."""

from dataclasses import dataclass, replace
from typing import Self

from sipctl.sip.headers import parse_contacts, parse_name_addrs
from sipctl.sip.message import Request, Response, build_request


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """What all requests of one conversation share.

    `target` is the Request-URI, `local` and `remote` the values of From and To with their tags; `remote` has none
    until a response brings one. `transport` and `sent_by` ("192.0.2.7:5060") are for Via, `contact` is a URI ("" =
    none is sent), `routes` are values of Route.
    """

    target: str
    local: str
    remote: str
    call_id: str
    transport: str
    sent_by: str
    contact: str = ""
    routes: tuple[str, ...] = ()

    def request(self, method: str, *, number: int, branch: str, more: tuple[tuple[str, str], ...] = ()) -> Request:
        """A request with this CSeq number and branch; the branch must start with the magic cookie.

        An empty `rport` asks the peer to answer to where the request came from, and to say where that was (RFC 3581).

        Raises:
            BuildError: a value would break its line.
        """
        pairs = [
            ("Via", f"SIP/2.0/{self.transport} {self.sent_by};branch={branch};rport"),
            ("Max-Forwards", "70"),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{number} {method}"),
            *(("Route", route) for route in self.routes),
        ]
        if self.contact:
            pairs.append(("Contact", f"<{self.contact}>"))
        return build_request(method, self.target, [*pairs, *more])

    def confirmed_by(self, response: Response) -> Self:
        """The dialog after a 2xx: it brings the tag, the target and the route, which is taken in reverse (12.1.2).

        All routers are taken for loose ones, as they have been since RFC 2543.
        """
        contacts = [contact for contacts in response.read("Contact", parse_contacts) for contact in contacts]
        recorded = [route for routes in response.read("Record-Route", parse_name_addrs) for route in routes]
        return replace(
            self,
            target=contacts[0].uri.text if contacts else self.target,
            remote=response.headers.first("To"),
            routes=tuple(f"<{route.uri}>" for route in reversed(recorded)),
        )
