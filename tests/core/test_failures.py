"""The wordings of a message that failed for one, all or some recipients (checklist D4-D5, D14-D23)."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from gatepost.failures import advice_for, summarise
from gatepost.model import Delivery
from gatepost.words import DeliveryState


@dataclass(frozen=True, slots=True)
class To:
    """A delivery as far as it is read here."""

    recipient: str
    state: str = "delivered"
    code: int | None = 250
    status: str | None = "2.0.0"
    text: str = "ok"


UNKNOWN = To("unknown@x.test", "failed", 550, "5.1.1", "User unknown")
FULL = To("full@x.test", "expired", 452, "4.2.2", "over quota")
GONE = To("anna@gone.test", "failed", None, "5.1.2", "Domain not found")
FINE = To("fine@x.test")
LATER = To("later@x.test", "delayed", 451, "4.7.1", "greylisted")
BOUNCED = To("late@x.test", "bounced", 550, "5.1.1", "closed")
SILENT = To("silent@x.test", "failed", None, None, "")


def sentence(*deliveries: To) -> str | None:
    """The sentence below a message with these deliveries."""
    failure = summarise(deliveries)
    return failure.sentence if failure else None


def test_d18_a_single_recipient_shows_reason_and_code_directly() -> None:
    assert sentence(UNKNOWN) == "The address unknown@x.test does not exist (550 5.1.1)"
    assert sentence(FULL) == "Given up after many attempts: the mailbox of full@x.test is full (452 4.2.2)"


def test_d19_all_of_several() -> None:
    failure = summarise([UNKNOWN, FULL])
    assert failure is not None
    assert (failure.scope, failure.sentence, failure.failed) == ("all", "Could not be delivered", (UNKNOWN, FULL))


def test_d20_d21_some_of_several_and_the_icon_only_there() -> None:
    failure = summarise([FINE, UNKNOWN, LATER])
    assert failure is not None
    assert (failure.scope, failure.sentence) == ("some", "Could not be delivered to some recipients")
    assert failure.failed == (UNKNOWN,)


def test_d23_the_code_is_optional() -> None:
    assert sentence(GONE) == "The domain gone.test does not exist or takes no mail (5.1.2)"
    assert sentence(SILENT) == "The recipient's server refused the mail"


def test_a_bounce_that_comes_later_counts() -> None:
    assert sentence(BOUNCED, FINE) == "Could not be delivered to some recipients"


@pytest.mark.parametrize(
    "state", ["queued", "sending", "delivered", "delayed", "held", "cancelled", "uncertain", "complained"]
)
def test_what_is_no_failure(state: str) -> None:
    assert summarise([To("a@x.test", state, 451, "4.2.0", "later")]) is None
    assert summarise([]) is None


def test_a_suppressed_recipient_was_not_delivered_to() -> None:
    kept = To("a@x.test", "suppressed", None, None, "")
    assert sentence(kept) == "Not sent: earlier mail to a@x.test could not be delivered"
    assert sentence(kept, FINE) == "Could not be delivered to some recipients"


@pytest.mark.parametrize("state", list(DeliveryState))
def test_every_state_has_an_advice(state: DeliveryState) -> None:
    found = advice_for(To("a@x.test", state, None, None, ""))
    assert found.reason
    assert found.advice.endswith(".")


def test_a_bounce_without_codes_after_a_yes_is_still_a_failure() -> None:
    assert sentence(To("a@x.test", "bounced", 250, "2.0.0", "ok")) == "The recipient's server refused the mail"


def test_rows_are_read_as_they_are() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    row = Delivery(
        id="dlv_1", message_id="msg_1", recipient="unknown@x.test", state="failed", code=550, status="5.1.1",
        created_at=now, updated_at=now,
    )  # fmt: skip
    failure = summarise([row])
    assert failure is not None
    assert failure.failed[0] is row
