"""Each check of `doctor`: facts with which it passes, and facts with which it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aliend.core.connection.context import Endpoint
from aliend.core.connection.credentials import CertificateFacts
from aliend.core.doctor import credential_checks as credentials
from aliend.core.doctor import daemon_checks as daemon
from aliend.core.doctor import machine_checks as machine
from aliend.core.doctor import service_checks as service
from aliend.core.doctor import state_checks as state
from aliend.core.doctor.credential_checks import TokenFacts
from aliend.core.doctor.daemon_checks import DaemonFacts, UnitFacts
from aliend.core.doctor.finding import (
    Finding,
    document,
    for_profile,
    has_problems,
    ok,
    problem,
    text,
    unchecked,
    warning,
    worst_first,
)
from aliend.core.doctor.service_checks import ElementFacts, EndpointFacts, Reached, SessionFacts, sessions_of
from aliend.core.doctor.state_checks import Disk, SpaceHold

DAY = 86_400_000
NOW = 1_800_000_000_000
YEAR = CertificateFacts("C=ch/CN=alice", "CN=Authority", NOW - DAY, NOW + 365 * DAY)
ENDED = replace(YEAR, ends_ms=NOW - DAY)
SOON = replace(YEAR, ends_ms=NOW + DAY)
RUNS = DaemonFacts(pid=7, holds_lock=True, answers=True, version="1", client="1")
HANGS = replace(RUNS, answers=False, error="no answer within 3 s")
V4, V6 = Reached("IPv4", "192.0.2.1", ""), Reached("IPv6", "2001:db8::1", "")
AWAY = ElementFacts("A::B::SE", False, "4 copies failed", NOW)
ROOMY = Disk("/d", 10 << 30, 1 << 30, 10**6, 10**7)
USUAL = EndpointFacts(Endpoint())
CHOSEN = EndpointFacts(Endpoint("localhost", 9), ("ALIENPY_JCENTRAL", "ALIENPY_JCENTRAL_PORT"), "config.toml")
CONNECTED = SessionFacts("host:8097", "C=ch/CN=alice", "alice", "connected", "", 20)
CANNOT_CONNECT = "cannot connect to localhost:9: connection refused"
TOKEN, NO_TOKEN = TokenFacts("t.pem", YEAR), TokenFacts("t.pem", None, "no token")
FULL = Disk("/mnt/x", 1 << 20, 1 << 30, 10**6, 10**7)
HELD = SpaceHold(3, "/mnt/x/f", 2 << 30, FULL)
ON, OFF = UnitFacts(is_enabled=True, state="active", lingers=True), UnitFacts()

PASSES = [
    credentials.certificate("c.pem", "", "C=ch"),
    credentials.validity(YEAR, NOW),
    credentials.key("k.pem", "", is_encrypted=True),
    credentials.key_mode("k.pem", ""),
    credentials.pair(True),
    credentials.token(TOKEN, NOW, can_renew=False),
    credentials.token_place("", "/tmp", is_writable=True),
    credentials.authorities("/ca", 75, "", ""),
    credentials.chain(""),
    service.clock(NOW, NOW + 2000, ""),
    service.dns(USUAL, ["192.0.2.1"], ""),
    service.ipv6([V4, V6]),
    service.ipv6([V4]),
    service.port(USUAL, [V4, replace(V6, error="no route")]),
    service.login("host:8097", 0.3, ""),
    service.session_login(CONNECTED),
    service.throttle(20),
    service.storage_elements([replace(AWAY, is_available=True)]),
    service.storage_elements([]),
    service.proxies({"PATH": "/bin"}),
    daemon.socket("/run/s", ""),
    daemon.daemon(RUNS),
    daemon.daemon(DaemonFacts()),
    daemon.lock("/state", "here", RUNS, "here"),
    daemon.lock("/state", "", DaemonFacts(), "here"),
    daemon.version(RUNS),
    daemon.warnings(RUNS),
    daemon.daemons([("default", True)], "default"),
    daemon.unit(ON),
    daemon.unit(replace(OFF, unavailable="no bus")),
    daemon.linger(ON, 3),
    daemon.linger(OFF, 0),
    state.configuration([], "config.toml", exists=True),
    state.configuration_mode("config.toml", 0o600),
    state.configuration_mode("config.toml", None),
    state.state_directory("/state", "", exists=True, is_writable=True),
    state.state_directory("/state", "", exists=False, is_writable=False),
    state.state_file_system(""),
    state.space("state-space", [ROOMY]),
    state.inodes("state-inodes", [ROOMY, replace(ROOMY, inodes=0, inodes_total=0)]),
    state.target_space([], []),
    state.inodes("target-inodes", []),
    state.database("", exists=True),
    state.damaged_databases([]),
    state.log("/log", ""),
    state.jobs([], 2),
    state.partial_files([]),
    machine.home("/home/a", is_writable=True, file_system=""),
    machine.runtime_directory("/run/user/1", is_usable=True, socket="/s", uid=1),
    machine.runtime_directory("", is_usable=False, socket="/s", uid=1),
    machine.open_files(-1),
    machine.open_files(65536),
    machine.file_size(-1),
    machine.umask(0o022),
    machine.xrootd("5.9.9", ""),
    machine.libraries([], {"grpcio": "1.82"}),
    machine.variables(["ALIEN_SITE", "ALIEN_JDL_OUTPUT"], ["ALIEN_SITE"]),
    machine.library_path([], "", ["libssl.so.3"]),
    machine.python_variables(["PYTHONPATH"]),
]

FAILS = [
    (credentials.certificate("c.pem", "cannot read c.pem"), "cannot read c.pem"),
    (credentials.validity(ENDED, NOW), "expired at"),
    (credentials.validity(SOON, NOW), "it expires at"),
    (credentials.key("k.pem", "cannot read k.pem"), "cannot read"),
    (credentials.key_mode("k.pem", "the key k.pem can be read by others"), "by others"),
    (credentials.pair(False), "does not belong"),
    (credentials.token(NO_TOKEN, NOW, can_renew=False), "no certificate is usable"),
    (credentials.token(NO_TOKEN, NOW, can_renew=True), "no token"),
    (credentials.token(replace(TOKEN, known=SOON), NOW, can_renew=True), "in 24 hours"),
    (credentials.token_place("/tmp/t belongs to another user", "/tmp", is_writable=True), "another user"),
    (credentials.token_place("", "/tmp", is_writable=False), "no file can be written"),
    (credentials.authorities("/ca", 0, "no CA certificates", ""), "no CA certificates"),
    (credentials.authorities("/ca", 75, "", "X509_CERT_DIR is not used"), "X509_CERT_DIR is not used; /ca"),
    (credentials.chain("CN=alice is not signed by"), "is not signed"),
    (service.clock(NOW, NOW + DAY, ""), "this machine's clock says"),
    (service.dns(CHOSEN, [], "Name or service not known"), "localhost cannot be resolved"),
    (service.dns(USUAL, [], ""), "no address"),
    (service.ipv6([V4, replace(V6, error="no route")]), "no route"),
    (service.port(USUAL, [replace(V4, error="refused")]), "cannot be reached: refused"),
    (service.login("host:8097", 0.0, "the certificate was refused"), "was refused"),
    (service.session_login(replace(CONNECTED, state="failing", problem="no VO member")), "no VO member"),
    (service.throttle(180), "delays each command by 80 ms"),
    (service.storage_elements([AWAY]), "A::B::SE is not used until 2027-01-15 08:00 UTC: 4 copies failed"),
    (service.proxies({"https_proxy": "http://p"}), "https_proxy"),
    (daemon.socket("/x", "too long"), "too long"),
    (state.database("schema 9", exists=True, is_newer=True), "schema 9"),
    (daemon.daemon(HANGS), "does not answer: no answer within 3 s"),
    (daemon.daemon(replace(HANGS, is_stopped=True)), "stopped by a signal"),
    (daemon.lock("/state", "", replace(HANGS, pid=0), "here"), "unknown process"),
    (daemon.lock("/state", "there", HANGS, "here"), "runs on there"),
    (daemon.version(replace(RUNS, version="2")), "the daemon is 2"),
    (daemon.warnings(replace(RUNS, warnings=("disk full",))), "disk full"),
    (daemon.daemons([("default", True), ("test", False)], "default"), "the profile test"),
    (daemon.unit(replace(ON, state="failed")), "enabled, but failed"),
    (daemon.unit(replace(ON, unavailable="no bus")), "no bus"),
    (daemon.linger(replace(ON, lingers=False), 2), "unfinished jobs: 2"),
    (state.configuration(["unknown key"], "config.toml", exists=True), "unknown key"),
    (state.configuration_mode("config.toml", 0o100666), "mode 666"),
    (state.state_directory("/state", "/state is not a directory", exists=True, is_writable=True), "not a directory"),
    (state.state_directory("/state", "", exists=True, is_writable=False), "no file can be written"),
    (state.state_file_system("/home is on nfs4"), "nfs4"),
    (state.space("state-space", [replace(ROOMY, free=1 << 20)]), "1.0 MiB free"),
    (state.inodes("state-inodes", [replace(ROOMY, inodes=5)]), "5 of 10000000 inodes"),
    (state.target_space([replace(ROOMY, free=1 << 30)], []), "1.0 GiB must stay free"),
    (state.target_space([ROOMY], [HELD]), "job 3 is on hold: /mnt/x/f needs 2.0 GiB free on /mnt/x, 1.0 MiB are free"),
    (state.target_space([], [replace(HELD, disk=ROOMY)]), "job 3 is still on hold for space"),
    (state.inodes("target-inodes", [replace(ROOMY, inodes=0)]), "0 of"),
    (state.database("malformed", exists=True), "malformed"),
    (state.damaged_databases(["/state/aliend.db.damaged-1"]), "damaged-1"),
    (state.log("/log", "it is a FIFO"), "it is a FIFO"),
    (state.jobs([(3, "no space")], 1), "job 3 is on hold: no space"),
    (state.partial_files([("/d/.x.1.part", 2048)]), "/d/.x.1.part"),
    (machine.home("", is_writable=False, file_system=""), "HOME is not set"),
    (machine.home("/home/a", is_writable=False, file_system=""), "no file can be written"),
    (machine.home("/home/a", is_writable=True, file_system="afs"), "is on afs"),
    (machine.runtime_directory("/run/user/1", is_usable=False, socket="/s", uid=1), "does not exist"),
    (machine.open_files(100), "at most 100"),
    (machine.open_files(512), "may fail"),
    (machine.file_size(1 << 30), "at most 1.0 GiB"),
    (machine.umask(0o777), "your own permissions"),
    (machine.umask(0o000), "everybody"),
    (machine.xrootd("", "libXrdCl.so.3: cannot open"), "cannot open"),
    (machine.libraries(["grpcio: no module"], {}), "no module"),
    (machine.variables(["ALIEN_SIT", "ALIEND_FOO"], ["ALIEN_SITE"]), "ALIEN_SIT is unknown; did you mean ALIEN_SITE?"),
    (machine.library_path(["/gone"], "", []), "/gone"),
    (machine.library_path([], "libx.so", []), "LD_PRELOAD=libx.so"),
    (machine.python_variables(["PYTHONHOME"]), "PYTHONHOME"),
]

UNKNOWN = [
    credentials.validity(None, NOW),
    credentials.pair(None, "the key is encrypted"),
    service.clock(NOW, None, "no answer"),
    daemon.daemon(HANGS, "the socket path is too long"),
    service.ipv6([replace(V4, error="down"), replace(V6, error="down")]),
    service.port(USUAL, []),
    service.throttle(None, "no daemon runs"),
    service.storage_elements(None, "no daemon"),
    daemon.version(DaemonFacts(client="1")),
    daemon.warnings(DaemonFacts()),
    daemon.linger(replace(OFF, unavailable="no bus"), 2),
    state.jobs(None, 0),
    state.partial_files(None),
]


def by_check(finding: Finding) -> str:
    return finding.check


@pytest.mark.parametrize("finding", PASSES, ids=by_check)
def test_a_check_passes(finding: Finding) -> None:
    assert (finding.state, finding.remedy) == ("ok", "")
    assert finding.text


@pytest.mark.parametrize(("finding", "part"), FAILS, ids=[f"{finding.check}-{part}" for finding, part in FAILS])
def test_a_check_fails_with_a_remedy(finding: Finding, part: str) -> None:
    assert finding.state in ("warning", "problem")
    assert part in finding.text
    assert finding.remedy


@pytest.mark.parametrize("finding", UNKNOWN, ids=by_check)
def test_a_check_that_cannot_run_says_why(finding: Finding) -> None:
    assert finding.state == "unchecked"
    assert finding.text


def test_every_check_passes_and_fails_here() -> None:
    passing, failing = {one.check for one in PASSES}, {one.check for one, _ in FAILS}
    assert passing == failing
    assert len(passing) >= 45


def test_the_report_shows_finding_and_remedy() -> None:
    findings = [ok("a", "fine"), problem("b", "one\ntwo\x1b", "do it"), warning("c", "x", "y"), unchecked("d", "why")]
    lines = text(findings).splitlines()
    assert lines[0].split() == ["ok", "a", "fine"]
    assert [line.strip() for line in lines[1:4]] == ["problem     b                     one", "two\\x1b", "-> do it"]
    assert lines[-2].split() == ["not", "checked", "d", "why"]
    assert lines[-1] == "4 checks: 1 ok, 1 warning, 1 problem, 1 not checked"
    assert len(text(findings, whole=False).splitlines()) == 6


def test_the_document_can_have_only_problems() -> None:
    shown = document([ok("a", ""), problem("b", "", "")], whole=False)
    assert shown["checks"] == [{"check": "b", "state": "problem", "text": "", "remedy": ""}]
    assert shown["counts"] == {"ok": 1, "warning": 0, "problem": 1, "unchecked": 0}


def test_a_remedy_concerns_the_profile_that_was_checked() -> None:
    finding = daemon.daemon(HANGS)
    assert for_profile(finding, "default") == finding
    assert "`alienctl --profile test daemon stop --force`" in for_profile(finding, "test").remedy
    other = daemon.daemons([("other", False)], "test")
    assert "`alienctl --profile other daemon stop --force`" in for_profile(other, "test").remedy


def test_problems_come_first_in_an_archive() -> None:
    findings = [ok("a", ""), unchecked("b", ""), warning("c", "", ""), problem("d", "", ""), ok("e", "")]
    assert "".join(one.check for one in worst_first(findings)) == "dcbae"


def test_an_address_from_variables_is_corrected_there() -> None:
    refused = [replace(V4, error="Connection refused")]
    remedy = (
        "correct or unset ALIENPY_JCENTRAL and ALIENPY_JCENTRAL_PORT; the usual service is alice-jcentral.cern.ch:8097"
    )
    assert service.port(CHOSEN, refused).remedy == remedy
    assert service.dns(CHOSEN, [], "unknown").remedy == remedy
    sandbox = replace(CHOSEN, variables=(), is_sandbox=True)
    assert service.port(sandbox, refused).remedy == "start the sandbox grid with `alienctl sandbox up`"
    assert "correct [central] in config.toml" in service.port(replace(CHOSEN, variables=()), refused).remedy


def test_only_silence_of_the_usual_service_leads_to_the_administrator() -> None:
    assert "administrator" not in service.port(USUAL, [replace(V4, error="Connection refused")]).remedy
    assert "administrator" in service.port(USUAL, [replace(V4, error="no answer within 4 s")]).remedy


def test_a_login_does_not_help_without_a_connection() -> None:
    failing = service.session_login(replace(CONNECTED, state="failing", problem=CANNOT_CONNECT))
    for finding in (service.login("localhost:9", 0.0, CANNOT_CONNECT), failing):
        assert finding.remedy == "see the checks `dns` and `port`"


def test_a_remedy_begins_with_the_variables_that_name_the_credentials() -> None:
    names = ("X509_USER_CERT", "X509_USER_KEY")
    order = "correct or unset X509_USER_CERT and X509_USER_KEY; then run `alienctl login`"
    for finding in (
        credentials.certificate("c.pem", "cannot read c.pem", "", names),
        credentials.key("k.pem", "cannot read k.pem", names),
        credentials.pair(False, "", names),
        credentials.token(replace(NO_TOKEN, variables=names), NOW, can_renew=False),
    ):
        assert "(named by X509_USER_CERT and X509_USER_KEY)" in finding.text
        assert finding.remedy == order
    assert service.login("host:8097", 0.0, "no usable certificate", names).remedy == order.replace(" and", ",")


def test_only_sessions_of_the_same_service_and_subject_are_the_callers() -> None:
    others = [
        replace(CONNECTED, endpoint="other:1"),
        replace(CONNECTED, subject="C=ch/CN=bob"),
        replace(CONNECTED, subject="", state="failing"),
        replace(CONNECTED, state="idle"),
    ]
    assert sessions_of([*others, CONNECTED], ["host:8097"], "C=ch/CN=alice") == [CONNECTED]


def test_a_hung_daemon_is_not_called_absent() -> None:
    for finding in (daemon.version(HANGS), daemon.warnings(HANGS)):
        assert "does not answer" in finding.text
    assert daemon.warnings(DaemonFacts()).text == "no daemon runs"


def test_only_problems_make_it_unhealthy() -> None:
    assert not has_problems([ok("a", ""), warning("b", "", ""), unchecked("c", "")])
    assert document([problem("b", "", "")])["healthy"] is False
