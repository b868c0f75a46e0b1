"""Webhooks against real receivers: T24 of the reliability list, and what Standard Webhooks asks for."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from gatepost.gateway.accept import Gate, accept
from gatepost.gateway.webhooks import BACKOFF, Caller, calling_webhooks, check_url, make_call
from gatepost.http import Guard
from gatepost.model import Credential, Webhook, WebhookCall
from gatepost.parts import clock
from gatepost.reply import Reply
from gatepost.store.credentials import create_credential
from gatepost.store.events import add_event, events_after, last_seq
from gatepost.store.webhook_calls import calls_of, claim_calls, prune_calls, put_calls, record_call, replay_call
from gatepost.store.webhooks import create_webhook, enable_webhook, forget_old_secret, rotate_secret, send_test
from gatepost.store.webhooks import get_webhook as webhook_by_id
from tests.fakes.certificates import self_signed, server_context
from tests.fakes.hooks import Called, Receiver, receiving
from tests.gateway.conftest import Submit

QUICK = tuple(0.05 for _ in BACKOFF)
FAILED = Reply(550, "5.1.1", "no such user")


@pytest.fixture
def caller(gate: Gate) -> Caller:
    """Calls to loopback, soon tried again."""
    return Caller(gate.database, gate.ledger, gate.keys, Guard(private=True, seconds=5), QUICK, timedelta(seconds=2))


def hook(caller: Caller, url: str, kinds: tuple[str, ...] = (), credential: str | None = None) -> tuple[Webhook, str]:
    return caller.ledger.write(
        lambda s: create_webhook(s, caller.keys, url=url, kinds=kinds, credential_id=credential, now=clock())
    )


def happen(caller: Caller, kind: str = "delivery.failed", message: str = "msg_1", reply: Reply = FAILED) -> None:
    data = {"recipient": "ana@calderon.example", "reply": str(reply), "secret": "inside only"}
    caller.ledger.write(lambda s: add_event(s, kind, now=clock(), message_id=message, delivery_id="dlv_1", data=data))


def log_of(caller: Caller, webhook: Webhook) -> list[WebhookCall]:
    with caller.database.session() as session:
        return list(calls_of(session, webhook.id))


def state_of(caller: Caller, webhook: Webhook) -> Webhook:
    with caller.database.session() as session:
        found = webhook_by_id(session, webhook.id)
    assert found
    return found


def run_until(caller: Caller, done: Callable[[], bool]) -> None:
    async def scenario() -> None:
        async with calling_webhooks(caller, clock):
            for _ in range(600):
                if await asyncio.to_thread(done):
                    return
                await asyncio.sleep(0.02)
        raise AssertionError("it did not happen")

    asyncio.run(scenario())


def ended(caller: Caller, webhook: Webhook, count: int = 1) -> Callable[[], bool]:
    def done() -> bool:
        return sum(call.state in ("delivered", "failed") for call in log_of(caller, webhook)) >= count

    return done


def verified(called: Called, secret: str) -> bool:
    """As a receiver does it, from the text of the standard."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{called.event}.{called.headers['webhook-timestamp']}.".encode() + called.body
    mark = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{mark}" in called.headers["webhook-signature"].split(" ")


def test_a_call_says_what_happened_and_is_signed(caller: Caller) -> None:
    with receiving() as receiver:
        webhook, secret = hook(caller, receiver.url, ("delivery.*",))
        happen(caller, "message.queued")
        happen(caller)
        run_until(caller, ended(caller, webhook))
    (called,) = receiver.calls
    assert verified(called, secret)
    assert not verified(called, "whsec_" + base64.b64encode(b"x" * 32).decode())
    assert called.payload["type"] == "delivery.failed"
    data = called.payload["data"]
    assert called.event == data["id"]
    assert (data["recipient"], data["message_id"], data["delivery_id"]) == ("ana@calderon.example", "msg_1", "dlv_1")
    assert data["reply"] == {"code": 550, "status": "5.1.1", "text": "no such user"}
    assert data["explanation"]["who"] == "sender"
    assert "inside only" not in called.body.decode()
    (call,) = log_of(caller, webhook)
    assert (call.state, call.code, call.answer, call.attempts) == ("delivered", 200, "thanks", 1)


def test_t24_a_failing_receiver_gets_the_same_event_again(caller: Caller) -> None:
    with receiving(500, 503, 302, 200) as receiver:
        receiver.location = "http://127.0.0.1:9/elsewhere"
        webhook, _ = hook(caller, receiver.url)
        happen(caller)
        run_until(caller, ended(caller, webhook))
    assert len(receiver.calls) == 4
    assert len({called.event for called in receiver.calls}) == 1
    assert len({called.body for called in receiver.calls}) == 1
    assert [call.attempts for call in log_of(caller, webhook)] == [4]
    assert state_of(caller, webhook).failures == 0


def test_t24_a_slow_receiver_times_out_and_is_called_again(caller: Caller) -> None:
    hasty = replace(caller, guard=Guard(private=True, seconds=0.2))
    with receiving(held=True) as receiver:
        webhook, _ = hook(hasty, receiver.url)
        happen(hasty)
        run_until(hasty, lambda: any(call.attempts for call in log_of(hasty, webhook)))
        (call,) = log_of(hasty, webhook)
        assert (call.state, call.code) == ("delayed", None)
        assert "did not answer" in call.answer
        receiver.free.set()
        run_until(caller, ended(caller, webhook))
    assert len({called.event for called in receiver.calls}) == 1


def test_t24_a_killed_receiver_gets_it_when_it_is_back(caller: Caller) -> None:
    with receiving() as receiver:
        webhook, _ = hook(caller, receiver.url)
        port = int(receiver.url.split(":")[2].split("/")[0])
    happen(caller)
    run_until(caller, lambda: any(call.attempts for call in log_of(caller, webhook)))
    with receiving(port=port) as again:
        run_until(caller, ended(caller, webhook))
    assert len(again.calls) == 1


def test_t24_a_kill_of_ours_after_the_call_makes_it_once_more(caller: Caller) -> None:
    lease = timedelta(seconds=60)
    with receiving() as receiver:
        webhook, _ = hook(caller, receiver.url)
        happen(caller)
        now = clock()
        caller.ledger.write(lambda s: put_calls(s, last_seq(s), now))
        (first,) = caller.ledger.write(lambda s: claim_calls(s, 4, lease, now))
        lost = make_call(caller, first, now)
        assert caller.ledger.write(lambda s: claim_calls(s, 4, lease, now)) == []
        later = now + lease
        (second,) = caller.ledger.write(lambda s: claim_calls(s, 4, lease, later))
        result = make_call(caller, second, later)
        assert not caller.ledger.write(lambda s: record_call(s, first, lost, later))
        assert caller.ledger.write(lambda s: record_call(s, second, result, later))
        assert caller.ledger.write(lambda s: claim_calls(s, 4, lease, later + lease)) == []
    assert len(receiver.calls) == 2
    assert receiver.calls[0].event == receiver.calls[1].event
    assert [call.state for call in log_of(caller, webhook)] == ["delivered"]


def test_t24_nothing_overtakes_within_a_message(caller: Caller) -> None:
    with receiving(500, 200) as receiver:
        webhook, _ = hook(caller, receiver.url)
        happen(caller, "delivery.delayed")
        happen(caller, "delivery.delivered")
        happen(caller, "message.queued", message="msg_2")
        run_until(caller, ended(caller, webhook, 3))
    about = [called.payload["type"] for called in receiver.calls if called.payload["data"]["message_id"] == "msg_1"]
    assert [kind for kind in about if kind == "delivery.delivered"] == about[-1:]
    assert about[0] == "delivery.delayed"


def test_t24_mail_does_not_wait_for_receivers(caller: Caller, gate: Gate, submit: Submit) -> None:
    async def scenario(receiver: Receiver) -> None:
        async with calling_webhooks(caller, clock):
            for _ in range(30):
                await asyncio.wrap_future(accept(gate, submit(), clock()))
                await asyncio.sleep(0.02)
            assert receiver.calls
            assert not receiver.free.is_set()
            receiver.free.set()

    with receiving(held=True) as receiver:
        webhook, _ = hook(caller, receiver.url)
        asyncio.run(scenario(receiver))
    assert state_of(caller, webhook).disabled_at is None


def test_t24_two_days_without_success_end_in_the_log_and_switch_the_webhook_off(caller: Caller) -> None:
    with receiving(500) as receiver:
        webhook, _ = hook(caller, receiver.url)
        for number in range(3):
            happen(caller, message=f"msg_{number}")
        run_until(caller, lambda: state_of(caller, webhook).disabled_at is not None)
    assert "two days" in state_of(caller, webhook).disabled_why
    dead = [call for call in log_of(caller, webhook) if call.state == "failed"]
    assert dead[0].attempts == len(BACKOFF) + 1
    with caller.database.session() as session:
        kinds = [event.kind for event in events_after(session, 0)]
    assert "webhook.disabled" in kinds
    with receiving(port=int(receiver.url.split(":")[2].split("/")[0])) as again:
        caller.ledger.write(lambda s: enable_webhook(s, webhook.id, clock()))
        caller.ledger.write(lambda s: replay_call(s, webhook.id, dead[0].id, clock()))
        run_until(caller, ended(caller, webhook, 3))
    assert len({called.event for called in again.calls}) == 3


def test_the_schedule_lasts_two_days() -> None:
    assert timedelta(days=1.9) < timedelta(seconds=sum(BACKOFF)) < timedelta(days=2.1)


def test_410_switches_off_at_once(caller: Caller) -> None:
    with receiving(410) as receiver:
        webhook, _ = hook(caller, receiver.url)
        happen(caller)
        happen(caller)
        run_until(caller, lambda: state_of(caller, webhook).disabled_at is not None)
    assert len(receiver.calls) == 1
    assert "410" in state_of(caller, webhook).disabled_why


def test_a_rotation_signs_with_both_secrets_until_it_ends(caller: Caller) -> None:
    with receiving() as receiver:
        webhook, old = hook(caller, receiver.url)
        new = caller.ledger.write(lambda s: rotate_secret(s, caller.keys, webhook.id)) or ""
        happen(caller)
        run_until(caller, ended(caller, webhook))
        caller.ledger.write(lambda s: forget_old_secret(s, webhook.id))
        happen(caller)
        run_until(caller, ended(caller, webhook, 2))
    first, second = receiver.calls
    assert (verified(first, old), verified(first, new)) == (True, True)
    assert (verified(second, old), verified(second, new)) == (False, True)


def test_a_credentials_webhook_hears_of_its_own_mail_only(
    caller: Caller, gate: Gate, submit: Submit, credential: Credential
) -> None:
    def other(session: Session) -> Credential:
        return create_credential(session, gate.keys, kind="smtp", name="Other", senders=["shop.example"], now=clock())[
            0
        ]

    second = caller.ledger.write(other)
    with receiving() as receiver:
        webhook, _ = hook(caller, receiver.url, credential=credential.id)
        accept(gate, submit(sender=second), clock()).result()
        own = accept(gate, submit(), clock()).result()
        caller.ledger.write(lambda s: send_test(s, webhook, clock()))
        run_until(caller, ended(caller, webhook, 2))
    assert {called.payload["type"] for called in receiver.calls} == {"message.queued", "webhook.test"}
    assert {called.payload["data"].get("message_id") for called in receiver.calls} == {own, None}


def test_private_addresses_are_not_called(caller: Caller) -> None:
    guarded = replace(caller, guard=Guard(seconds=5))
    with receiving() as receiver:
        webhook, _ = hook(guarded, receiver.url.replace("http:", "https:"))
        happen(guarded)
        run_until(guarded, ended(guarded, webhook))
    assert receiver.calls == []
    (call,) = log_of(guarded, webhook)
    assert (call.state, "private" in call.answer) == ("failed", True)


def test_https_is_verified(caller: Caller, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    with receiving(tls=server_context(certificate, key)) as receiver:
        webhook, _ = hook(caller, receiver.url)
        happen(caller)
        run_until(caller, lambda: any(call.attempts for call in log_of(caller, webhook)))
        assert "certificate" in log_of(caller, webhook)[0].answer
        assert receiver.calls == []
        trusting = replace(caller, guard=Guard(private=True, seconds=5, ca=str(certificate)))
        run_until(trusting, ended(trusting, webhook))
    assert len(receiver.calls) == 1


def test_what_a_receiver_answers_is_cut_and_cleaned(caller: Caller) -> None:
    with receiving() as receiver:
        receiver.text = "\x1b[31mred\r\n" + "x" * 5000
        webhook, _ = hook(caller, receiver.url)
        happen(caller)
        run_until(caller, ended(caller, webhook))
    (call,) = log_of(caller, webhook)
    assert len(call.answer) == 500
    assert "\x1b" not in call.answer


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/",
        "https://",
        "ftp://hooks.example.org",
        "https://user:secret@hooks.example.org/",
        "https://127.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://localhost/",
        "https://hooks.example.org:port/",
        "https://hooks.example.org/\r\nx: y",
        "https://hooks.example.org/" + "x" * 2000,
    ],
)
def test_bad_addresses_are_refused_when_they_are_typed(url: str) -> None:
    with pytest.raises(ValueError, match=r"address"):
        check_url(url, private=False)


def test_good_addresses_are_taken() -> None:
    assert check_url(" https://hooks.example.org:8443/a?b=c ", private=False).endswith("b=c")
    assert check_url("http://127.0.0.1:9/x", private=True)


def test_old_calls_are_forgotten(caller: Caller) -> None:
    with receiving() as receiver:
        webhook, _ = hook(caller, receiver.url)
        happen(caller)
        run_until(caller, ended(caller, webhook))
    caller.ledger.write(lambda s: prune_calls(s, clock() + timedelta(days=29)))
    assert log_of(caller, webhook)
    caller.ledger.write(lambda s: prune_calls(s, clock() + timedelta(days=31)))
    assert log_of(caller, webhook) == []
