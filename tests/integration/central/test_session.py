"""The session with a well-behaved service and a misbehaving one."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from http import HTTPStatus

import pytest

from aliend.central.connection.login import Limits, ThrottleLedger
from aliend.central.session import CentralSession
from aliend.core.protocol.requests import Request
from aliend.errors import BadReply, LoginRefused, NotConnected, OutcomeUnknown, UsageError
from tests.integration.central.service import Authority, Issued, Service, document, eventually

LS = Request("ls", ("/alice",))
RM = Request("rm", ("/alice/f",))


async def test_the_first_request_logs_in_and_is_answered(central: CentralSession, service: Service) -> None:
    assert central.status().connections == 0
    reply = await central.request(LS, directory="/alice/data/")
    assert reply.exit_code == 0
    assert service.executed == [("ls", "-pwd=/alice/data/", "/alice")]
    status = central.status()
    assert (status.connections, status.logins, status.commands, status.user) == (1, 1, 1, "alice")
    assert status.subject == "C=ch/O=AliEn2/CN=Users/CN=alice"


async def test_a_thousand_requests_need_one_login(central: CentralSession, service: Service) -> None:
    for _ in range(1000):
        await central.request(LS)
    assert service.connections == 1


async def test_fifty_concurrent_callers_share_one_login_and_never_overlap(
    central: CentralSession, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aliend.central.session.NEW_LOGIN_AFTER", 60.0)  # a busy machine needs more than 0.5 s
    await asyncio.gather(*(central.request(LS) for _ in range(50)))
    assert service.connections == 1
    assert service.most_outstanding == 1
    assert len(service.executed) == 50


async def test_interactive_work_does_not_wait_behind_bulk_work(central: CentralSession, service: Service) -> None:
    service.gated = {"find"}
    service.gate.clear()
    bulk = asyncio.create_task(central.request(Request("find", ("/alice", "*")), bulk=True))
    await eventually(lambda: service.executed)
    async with asyncio.timeout(60):
        await central.request(LS)
    service.gate.set()
    await bulk
    assert service.connections == 2


async def test_bulk_work_does_not_log_in_again_before_a_long_wait(central: CentralSession, service: Service) -> None:
    service.gated = {"find"}
    service.gate.clear()
    finds = [asyncio.create_task(central.request(Request("find", ("/alice", str(n))), bulk=True)) for n in range(3)]
    await eventually(lambda: service.executed)
    await central.request(LS)
    assert [words[0] for words in service.executed] == ["find", "ls"]
    service.gate.set()
    await asyncio.gather(*finds)


async def test_a_read_only_request_is_retried_after_a_lost_reply(central: CentralSession, service: Service) -> None:
    service.faults.extend(["drop-after", "drop-before"])
    assert (await central.request(LS)).exit_code == 0
    assert service.connections == 3


async def test_a_changing_request_is_never_sent_twice(central: CentralSession, service: Service) -> None:
    for fault in ("drop-after", "drop-before", "half"):
        service.faults.append(fault)
        with pytest.raises(OutcomeUnknown, match="rm"):
            await central.request(RM)
    assert service.executed.count(("rm", "/alice/f")) == 2
    assert (await central.request(RM)).exit_code == 0


async def test_the_next_request_succeeds_after_the_service_closed_the_session(
    central: CentralSession, service: Service
) -> None:
    await central.request(LS)
    assert service.server is not None
    for socket in list(service.server.connections):
        await socket.close(1013, "Session timed out")
    await eventually(lambda: central.status().connections == 0)
    assert (await central.request(RM)).exit_code == 0
    assert service.connections == 2


@pytest.mark.parametrize(("fault", "code"), [("empty", 70), ("garbage", 22), ("shape", 42)])
async def test_an_invalid_reply_fails_its_request_and_drops_the_connection(
    central: CentralSession, service: Service, fault: str, code: int
) -> None:
    service.faults.append(fault)
    with pytest.raises(BadReply) as caught:
        await central.request(LS)
    assert caught.value.exit_code == code
    assert (await central.request(LS)).exit_code == 0
    assert service.connections == 2


async def test_an_invalid_reply_to_a_changing_request_leaves_its_outcome_unknown(
    central: CentralSession, service: Service
) -> None:
    service.faults.append("empty")
    with pytest.raises(OutcomeUnknown, match="`rm`"):
        await central.request(RM)
    assert [words[0] for words in service.executed] == ["rm", "stat"]


async def test_a_request_without_an_answer_ends_at_its_deadline(central: CentralSession, service: Service) -> None:
    service.faults.extend(["hang", "hang"])
    with pytest.raises(NotConnected, match="did not answer within"):
        await central.request(LS, timeout=0.2)
    with pytest.raises(OutcomeUnknown):
        await central.request(RM, timeout=0.2)
    assert [words[0] for words in service.executed] == ["ls", "rm", "stat"]


async def test_a_cancelled_request_releases_its_caller_and_its_slot(central: CentralSession, service: Service) -> None:
    service.faults.append("hang")
    task = asyncio.create_task(central.request(LS))
    await eventually(lambda: service.executed)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(60):
            await task
    assert (await central.request(LS)).exit_code == 0


async def test_an_unexpected_message_is_never_taken_for_a_reply(central: CentralSession, service: Service) -> None:
    service.faults.append("twice")
    await central.request(LS)
    assert (await central.request(RM)).text() == "rm /alice/f"
    assert service.executed == [("ls", "/alice"), ("rm", "/alice/f")]
    assert service.connections == 2


async def test_a_connection_that_was_idle_is_pinged_before_anything_is_sent(
    service: Service, authority: Authority, alice: Issued
) -> None:
    limits = Limits(idle_before_ping=0.0, ping_deadline=2.0)
    async with CentralSession(service.context(authority.ca, alice), limits=limits) as central:
        await central.request(LS)
        await central.request(RM)
        assert service.connections == 1
        assert service.server is not None
        for socket in service.server.connections:
            socket.transport.pause_reading()  # as if the machine had moved to another network
        assert (await central.request(RM)).exit_code == 0
    assert service.connections == 2
    assert service.executed.count(("rm", "/alice/f")) == 2


async def test_a_refused_role_ends_the_login(service: Service, authority: Authority, alice: Issued) -> None:
    service.replies["user"] = document([], code=1, error="Operation not permitted : Switching user a to [b] failed")
    async with CentralSession(replace(service.context(authority.ca, alice), role="b")) as central:
        with pytest.raises(NotConnected, match="refused `user b`: Operation not permitted"):
            await central.request(LS)
    assert service.connections == 1


async def test_closing_ends_a_running_request(central: CentralSession, service: Service) -> None:
    service.faults.append("hang")
    task = asyncio.create_task(central.request(LS))
    await eventually(lambda: service.executed)
    await central.close()
    with pytest.raises(NotConnected, match="closed"):
        async with asyncio.timeout(60):
            await task


async def test_each_retry_waits_for_a_random_part_of_a_growing_pause(
    service: Service, authority: Authority, alice: Issued
) -> None:
    service.status = HTTPStatus.BAD_GATEWAY
    asked: list[float] = []

    def chance() -> float:
        asked.append(len(asked))
        return 0.0

    async with CentralSession(service.context(authority.ca, alice), chance=chance) as central:
        for tries in (3, 6):
            with pytest.raises(NotConnected, match="502"):
                await central.request(LS)
            assert len(asked) == tries


async def test_a_connection_that_lost_its_directory_is_dropped(central: CentralSession, service: Service) -> None:
    await central.request(LS)
    service.faults.append("none")
    await central.request(LS)
    await central.request(LS)
    assert service.connections == 2


async def test_a_request_of_more_than_8192_characters_drops_its_connection(
    central: CentralSession, service: Service
) -> None:
    await central.request(Request("ls", ("/" + 9000 * "x",)))
    assert central.status().connections == 0
    await central.request(LS)
    assert service.connections == 2


async def test_arguments_that_change_the_session_are_not_sent(central: CentralSession, service: Service) -> None:
    for request in (
        Request("cd", ("/",)),
        Request("user", ("bob",)),
        Request("ls", ("-pwd=/",)),
        Request("ls", ("-silent",)),
        Request("token", ("-u", "bob")),
    ):
        with pytest.raises(UsageError, match="session"):
            await central.request(request)
    assert service.connections == 0


async def test_site_and_role_are_set_on_each_connection(service: Service, authority: Authority, alice: Issued) -> None:
    context = replace(service.context(authority.ca, alice), site="CERN", role="alidaq")
    async with CentralSession(context) as central:
        await central.request(LS)
    assert service.executed == [("setSite", "CERN"), ("user", "alidaq"), ("ls", "/alice")]


async def test_an_unknown_certificate_is_refused_with_a_hint_and_without_another_try(
    central: CentralSession, service: Service
) -> None:
    service.status = HTTPStatus.UNAUTHORIZED
    with pytest.raises(LoginRefused, match="register it"):
        await central.request(LS)
    assert len(service.agents) == 1
    assert service.agents[0].startswith("aliend/")
    assert central.status().problem


async def test_a_busy_service_is_tried_three_times(central: CentralSession, service: Service) -> None:
    service.status = HTTPStatus.SERVICE_UNAVAILABLE
    with pytest.raises(NotConnected, match="503") as caught:
        await central.request(LS)
    assert caught.value.exit_code == 107
    assert len(service.agents) == 3


async def test_redirects_are_not_followed(central: CentralSession, service: Service) -> None:
    service.status = HTTPStatus.TEMPORARY_REDIRECT
    with pytest.raises(NotConnected, match="elsewhere"):
        await central.request(LS)
    assert service.connections == 0


async def test_all_waiters_fail_with_a_failed_login(central: CentralSession, service: Service) -> None:
    service.status = HTTPStatus.SERVICE_UNAVAILABLE
    outcomes = await asyncio.gather(*(central.request(LS) for _ in range(20)), return_exceptions=True)
    assert all(isinstance(outcome, NotConnected) for outcome in outcomes)
    assert len(service.agents) == 3


async def test_idle_connections_are_kept_alive_and_old_ones_replaced(
    service: Service, authority: Authority, alice: Issued
) -> None:
    context = service.context(authority.ca, alice)
    async with CentralSession(context, limits=Limits(check_interval=0.02, idle_before_keepalive=0.05)) as central:
        await central.request(LS)
        await eventually(lambda: ("version", "-nomsg") in service.executed)
        assert service.connections == 1
    async with CentralSession(context, limits=Limits(check_interval=0.02, max_connection_age=0.1)) as central:
        await central.request(LS)
        before = service.connections
        await eventually(lambda: service.connections > before and service.open == 1)
        assert central.status().connections == 1
        await central.request(LS)


async def test_an_unused_session_is_closed_and_reopened_on_demand(
    service: Service, authority: Authority, alice: Issued
) -> None:
    limits = Limits(check_interval=0.02, close_after_idle=0.1)
    async with CentralSession(service.context(authority.ca, alice), limits=limits) as central:
        await central.request(LS)
        await eventually(lambda: central.status().state == "idle" and service.open == 0)
        assert central.status().since_ms == 0
        assert (await central.request(LS)).exit_code == 0
    assert service.connections == 2


async def test_a_connection_is_replaced_before_it_is_closed(
    service: Service, authority: Authority, alice: Issued
) -> None:
    limits = Limits(check_interval=0.05, max_connection_age=0.3)
    async with CentralSession(service.context(authority.ca, alice), limits=limits) as central:
        for _ in range(60):
            await central.request(LS)
            assert central.status().connections == 1
            await asyncio.sleep(0.01)
    assert service.connections >= 2


async def test_a_busy_connection_is_replaced_after_its_request(
    service: Service, authority: Authority, alice: Issued
) -> None:
    service.gated = {"du"}
    service.gate.clear()
    limits = Limits(check_interval=0.05, max_connection_age=0.2)
    async with CentralSession(service.context(authority.ca, alice), limits=limits) as central:
        task = asyncio.create_task(central.request(Request("du", ("/",))))
        await eventually(lambda: service.open == 2)
        assert not task.done()
        service.gate.set()
        assert (await task).exit_code == 0
        await central.request(LS)
        assert central.status().logins >= 2
    await eventually(lambda: service.open == 0)


async def test_waiting_work_opens_up_to_four_connections_and_no_more(central: CentralSession, service: Service) -> None:
    service.gated = {"du"}
    service.gate.clear()
    tasks = [asyncio.create_task(central.request(Request("du", (f"/{n}",)))) for n in range(10)]
    await eventually(lambda: (service.connections, central.status().waiting) == (4, 6))
    service.gate.set()
    await asyncio.gather(*tasks)
    assert (service.connections, service.most_outstanding) == (4, 1)
    assert central.status().points == 4 * 10 + 10


async def test_sessions_under_one_certificate_share_its_points(
    service: Service, authority: Authority, alice: Issued
) -> None:
    ledger, context = ThrottleLedger(), service.context(authority.ca, alice)
    async with (
        CentralSession(context, ledger=ledger) as one,
        CentralSession(replace(context, site="CERN"), ledger=ledger) as two,
    ):
        await one.request(LS)
        await two.request(LS)
        assert one.status().points == two.status().points == 2 * 10 + 3


async def test_a_closed_session_refuses_requests(central: CentralSession, service: Service) -> None:
    await central.request(LS)
    await central.close()
    await eventually(lambda: service.open == 0)
    with pytest.raises(NotConnected, match="closed"):
        await central.request(LS)
