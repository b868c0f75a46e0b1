from gatepost.amount import amount


def test_one_is_one_and_all_else_are_many() -> None:
    assert [amount(number, "mail") for number in (0, 1, 2, 4321)] == ["0 mails", "1 mail", "2 mails", "4,321 mails"]
    assert amount(1, "reply", "replies") == "1 reply"
    assert amount(3, "reply", "replies") == "3 replies"
