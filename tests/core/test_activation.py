"""Conditions before a mailbox can be switched on (E4)."""

from gatepost.activation import Facts, missing_conditions


def test_only_what_is_asked_for_and_missing_is_told() -> None:
    facts = Facts(inlet=True, signed=False, sender_name=False)
    assert missing_conditions([], facts) == []
    assert missing_conditions(["inlet"], facts) == []
    (told,) = missing_conditions(["inlet", "signed"], facts)
    assert "Senders page" in told
    assert len(missing_conditions(["inlet", "signed", "sender-name"], facts)) == 2
