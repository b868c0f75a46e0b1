"""A number of things, as a sentence says it."""


def amount(number: int, one: str, many: str = "") -> str:
    """`1 mail`, `4,321 mails`; `many` where it is not `one` with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
