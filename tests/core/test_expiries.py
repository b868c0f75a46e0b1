"""What ends some day: when, what happens then, what to do; told in steps, and never for what renews itself."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gatepost.certificate import certificate_end, make_certificate
from gatepost.expiries import (
    IDLE_LIFE,
    WARN_DAYS,
    Expiry,
    all_expiries,
    of_login,
    sentence_of,
    step_of,
    to_tell,
    tone_of,
)
from gatepost.model import Account, Domain, DomainKey, OAuthClient
from gatepost.settings import Settings

DAY = timedelta(days=1)


def account(now: datetime, **changes: Any) -> Account:
    values: dict[str, Any] = {
        "id": "acc_1", "channel_id": "chn_1", "host": "imap.gmail.com", "port": 993, "security": "tls",
        "username": "box@shop.example", "secret_sealed": b"", "state": "live", "state_since": now, "next_poll_at": now,
        "created_at": now, "address": "box@shop.example", "provider": "google", "auth": "oauth", "tokens_sealed": b"t",
        "granted_at": now, "refreshed_at": now,
    }  # fmt: skip
    return Account(**(values | changes))


def ending(at: datetime, **changes: Any) -> Expiry:
    return Expiry("key", "Client secret", "Google", at, "then", "fix", **changes)


def test_a_login_that_is_used_renews_itself_and_one_that_is_not_ends(now: datetime) -> None:
    used, idle = of_login(account(now), False), of_login(account(now, state="disabled"), False)
    assert used is not None
    assert idle is not None
    assert (used.ends_at, used.renews, idle.renews) == (now + IDLE_LIFE["google"], True, False)
    assert step_of(used, used.ends_at - DAY) is None
    assert step_of(idle, idle.ends_at - DAY) == 1


def test_a_login_of_an_app_in_testing_ends_after_seven_days_though_it_is_used(now: datetime) -> None:
    found = of_login(account(now, refreshed_at=now + 6 * DAY), True)
    assert found is not None
    assert (found.ends_at, found.renews) == (now + 7 * DAY, False)
    assert "In production" in found.fix


def test_a_password_is_not_known_to_end(now: datetime) -> None:
    assert of_login(account(now, auth="password", tokens_sealed=None), False) is None
    assert of_login(account(now, auth="app"), False) is None
    assert of_login(account(now, provider="other"), False) is None


def test_everything_stands_in_order_of_its_end(now: datetime) -> None:
    client = OAuthClient(
        provider="google", client_id="c", secret_sealed=b"", audience="testing", secret_expires_at=now + 20 * DAY,
        created_at=now, updated_at=now,
    )  # fmt: skip
    domain = Domain(id="dom_1", name="shop.example", created_at=now)
    key = DomainKey(
        id="key_1", domain_id="dom_1", selector="gp1", algorithm="rsa-sha256", private_sealed=b"", public_record="",
        state="signing", created_at=now - 360 * DAY,
    )  # fmt: skip
    found = all_expiries(now + 90 * DAY, [client], [account(now)], [(domain, key)])
    assert [one.key for one in found] == ["dkim:key_1", "login:acc_1", "client:google", "certificate"]
    assert [(one.ends_at - now).days for one in found] == [5, 7, 20, 90]
    assert all(one.then and one.fix for one in found)
    assert all_expiries(None, [], [], []) == []


@pytest.mark.parametrize(
    ("left", "step", "tone"),
    [
        (31, None, "fine"),
        (30, 30, "soon"),
        (14, 14, "soon"),
        (6, 7, "urgent"),
        (1, 1, "urgent"),
        (0, 0, "past"),
        (-9, 0, "past"),
    ],
)
def test_steps_and_tones(left: int, step: int | None, tone: str, now: datetime) -> None:
    assert step_of(ending(now + left * DAY), now) == step
    assert tone_of(ending(now + left * DAY), now) == tone
    assert tone_of(ending(now + DAY, renews=True), now) == "fine"


def test_each_step_is_told_once_and_a_renewed_one_begins_anew(now: datetime) -> None:
    one = ending(now + 10 * DAY)
    assert to_tell([one], {}, now) == [(one, 14)]
    assert to_tell([one], {"key": (one.ends_at, 14)}, now) == []
    assert to_tell([one], {"key": (one.ends_at, 30)}, now) == [(one, 14)]
    assert to_tell([one], {"key": (now + 5 * DAY, 7)}, now) == [(one, 14)]  # another end than was told
    assert max(WARN_DAYS) == 30


def test_when_it_ends_in_words(now: datetime) -> None:
    assert sentence_of(ending(now + 3 * DAY), now) == "The Client secret Google ends in 3 days, on 2026-11-25."
    assert "within a day" in sentence_of(ending(now + timedelta(hours=3)), now)
    assert "ended on 2026-11-21" in sentence_of(ending(now - DAY), now)


def test_the_certificate_of_the_settings_is_looked_at_and_our_own_is_not(
    settings: Settings, tmp_path: Path, now: datetime
) -> None:
    assert certificate_end(settings) is None
    make_certificate("mx.shop.example", tmp_path / "c.pem", tmp_path / "k.pem", now)
    changed = settings.model_copy(update={"tls_certificate": tmp_path / "c.pem", "tls_key": tmp_path / "k.pem"})
    assert certificate_end(changed) == now + timedelta(days=825)
    (tmp_path / "c.pem").write_bytes(b"no certificate")
    assert certificate_end(changed) is None
