"""Checks of the network, the central service and the storage elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aliend.core.connection.context import DEFAULT_HOST, DEFAULT_PORT, Endpoint
from aliend.core.connection.login_messages import moment, wrong_clock
from aliend.core.connection.throttle import THRESHOLD
from aliend.core.doctor.finding import Finding, ok, problem, unchecked, warning

_USUAL = Endpoint(DEFAULT_HOST, DEFAULT_PORT)
_REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Reached:
    """Attempts to connect to an address of the service: its family (`IPv4`, `IPv6`), and the error (empty: none)."""

    family: str
    address: str
    error: str


@dataclass(frozen=True, slots=True)
class ElementFacts:
    """A storage element that the daemon uses; `until_ms` is POSIX milliseconds, 0: it may be used."""

    name: str
    is_available: bool
    why: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """The address of the service, and who chose it: `variables`, else the sandbox or the configuration `file`."""

    endpoint: Endpoint
    variables: tuple[str, ...] = ()
    file: str = ""
    is_sandbox: bool = False

    @property
    def correction(self) -> str:
        """Return how to correct the address; empty: it is the usual one."""
        if self.endpoint == _USUAL:
            return ""
        if self.variables:
            return f"correct or unset {' and '.join(self.variables)}; the usual service is {_USUAL}"
        if self.is_sandbox:
            return "start the sandbox grid with `alienctl sandbox up`"
        return f"correct [central] in {self.file}; the usual service is {_USUAL}"


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """A session of the daemon: its address and subject (empty: no login yet), and why it fails (empty: it does not)."""

    endpoint: str
    subject: str
    user: str
    state: str
    problem: str
    points: int


def sessions_of(sessions: Sequence[SessionFacts], endpoints: Sequence[str], subject: str) -> list[SessionFacts]:
    """Return the used sessions with one of a caller's services under the subject of its certificate."""
    return [
        one
        for one in sessions
        if one.state in ("connected", "failing") and one.endpoint in endpoints and one.subject == subject
    ]


def clock(local_ms: int, service_ms: int | None, reason: str) -> Finding:
    """Check this machine's clock against the service's (POSIX milliseconds; None: unknown for a reason)."""
    if service_ms is None:
        return unchecked("clock", reason)
    if text := wrong_clock(local_ms, service_ms):
        return problem("clock", text.splitlines()[0], "set the clock, or ask the administrator of this machine")
    return ok("clock", f"differs from the service's by {abs(local_ms - service_ms) / 1000:.0f} s")


def dns(service: EndpointFacts, addresses: Sequence[str], error: str) -> Finding:
    """Check that the name of the service has addresses."""
    host = service.endpoint.host
    if error or not addresses:
        reason = error or "no address"
        remedy = service.correction if host != DEFAULT_HOST else ""
        return problem(
            "dns", f"{host} cannot be resolved: {reason}", remedy or "check the network and /etc/resolv.conf"
        )
    return ok("dns", f"{host} is {', '.join(addresses)}")


def ipv6(reached: Sequence[Reached]) -> Finding:
    """Check that IPv6 does not delay connections: an address that is published but not reachable costs time."""
    mine = [one for one in reached if one.family == "IPv6"]
    others = [one for one in reached if one.family != "IPv6" and not one.error]
    if not mine:
        return ok("ipv6", "the service has no IPv6 address")
    if all(one.error for one in mine) and others:
        text = f"{mine[0].address} is not reachable ({mine[0].error}), IPv4 is"
        return warning("ipv6", text, "set ALIENPY_NETWORKSTACK=ipv4, or ask the administrator about IPv6")
    if all(one.error for one in mine):
        return unchecked("ipv6", "the service is not reachable at all")
    return ok("ipv6", f"{mine[0].address} is reachable")


def port(service: EndpointFacts, reached: Sequence[Reached]) -> Finding:
    """Check that the port of the central service is open from here."""
    endpoint = service.endpoint
    if not reached:
        return unchecked("port", "the service has no address")
    if all(one.error for one in reached):
        remedy = service.correction or _remedy_of(reached)
        return problem("port", f"{endpoint} cannot be reached: {reached[0].error}", remedy)
    return ok("port", f"{endpoint} accepts connections")


def _remedy_of(reached: Sequence[Reached]) -> str:
    """Return what to do about the usual service: a refusal comes from its host, silence from a network in between."""
    if any(_REFUSED in one.error for one in reached):
        return "the service is down, or a firewall refuses the connection: try again later"
    return "check the network; ask its administrator to open this port for outgoing connections"


def login(endpoint: str, seconds: float, error: str, variables: Sequence[str] = ()) -> Finding:
    """Check the login that this check made; `variables` name credentials that cannot be used."""
    if not error:
        return ok("login", f"{endpoint} accepted the login in {seconds:.1f} s")
    return problem("login", error, _login_remedy(error, variables))


def session_login(session: SessionFacts) -> Finding:
    """Check the login of the daemon's session for the caller's service and credentials."""
    if session.state == "failing":
        return problem("login", session.problem, _login_remedy(session.problem, ()))
    who = session.user or "this user"
    return ok("login", f"the daemon is connected to {session.endpoint} as {who} ({session.subject})")


def _login_remedy(error: str, variables: Sequence[str]) -> str:
    if error.startswith("cannot connect to "):
        return "see the checks `dns` and `port`"
    if variables:
        return f"correct or unset {', '.join(variables)}; then run `alienctl login`"
    return "run `alienctl login`; see also the other checks"


def throttle(points: int | None, reason: str = "") -> Finding:
    """Check the throttle points of the caller's certificate (None: unknown for a reason)."""
    if points is None:
        return unchecked("throttle", reason)
    if points > THRESHOLD:
        remedy = "wait five minutes; send fewer commands, for example one `find` instead of many `ls`"
        return warning(
            "throttle", f"{points} points: the service delays each command by {points - THRESHOLD} ms", remedy
        )
    return ok("throttle", f"{points} of {THRESHOLD} points")


def storage_elements(elements: Sequence[ElementFacts] | None, reason: str = "") -> Finding:
    """Check the storage elements in use (None: unknown for a reason)."""
    check = "storage-elements"
    if elements is None:
        return unchecked(check, reason)
    away = [one for one in elements if not one.is_available]
    if away:
        lines = [f"{one.name} is not used{_until(one)}: {one.why or 'it does not answer'}" for one in away[:5]]
        return warning(
            check,
            "\n".join(lines),
            "wait, or name other storage elements; `alienctl transfers why` explains what waits",
        )
    return ok(check, ", ".join(one.name for one in elements) or "none in use")


def proxies(variables: Mapping[str, str]) -> Finding:
    """Check the proxy variables: the connections of aliend do not use them."""
    names = sorted(name for name in variables if name.lower() in ("http_proxy", "https_proxy", "all_proxy"))
    if names:
        text = f"{', '.join(names)}: connections to the central service and to storage do not use a proxy"
        return warning("proxies", text, "if only the proxy can reach the Internet, ask for direct access")
    return ok("proxies", "none set")


def _until(element: ElementFacts) -> str:
    return f" until {moment(element.until_ms)}" if element.until_ms else ""
