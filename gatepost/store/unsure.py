"""What a commit may have leased to us whose outcome nobody knows: given back, so that it is due at once."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, or_, update
from sqlmodel import Session

from gatepost.store.claims import DELIVERIES, ROWS
from gatepost.store.rows import connection
from gatepost.words import DeliveryState

Unsure = tuple[str, datetime]
"""A delivery's id, or a message's for all its deliveries, and the end of the lease that the commit would have given.

That time, to the microsecond, tells our lease from one that another process has got of the same delivery instead: both
would have the same fence.
"""
GIVE_BACK = (
    update(DELIVERIES)
    .where(
        ROWS.state == DeliveryState.SENDING,
        ROWS.lease_until.in_(bindparam("leases", expanding=True)),
        or_(
            ROWS.id.in_(bindparam("ids", expanding=True)),
            ROWS.message_id.in_(bindparam("ids", expanding=True)),
        ),
        ROWS.id.not_in(bindparam("own", expanding=True)),
    )
    .values(lease_until=bindparam("due"))
)


def give_back(session: Session, unsure: Collection[Unsure], own: Collection[str], now: datetime) -> int:
    """Have due now what is leased as `unsure` says and is not attempted by us (`own`, by id); how many deliveries.

    Nobody attempts under such a lease, for its holder never learned of it. It may be done again.
    """
    if not unsure:
        return 0
    ids, leases = {its_id for its_id, _ in unsure}, {until for _, until in unsure}
    values = {"ids": list(ids), "leases": list(leases), "own": list(own), "due": now}
    return int(connection(session).execute(GIVE_BACK, values).rowcount)
