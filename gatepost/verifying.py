"""The duty that compares each connected mailbox with its server once a day, and when somebody asks."""

import threading

import structlog

from gatepost.connectors.heal import verify_next
from gatepost.connectors.polling import Polling
from gatepost.ledger import LedgerClosed

ROUND_SECONDS = 5.0

log = structlog.get_logger("gatepost.verify")


def start_verifying(polling: Polling) -> threading.Thread:
    """Compare until the polling stops, in the thread that is returned."""
    thread = threading.Thread(target=verify_for_ever, args=(polling,), name="verify", daemon=True)
    thread.start()
    return thread


def verify_for_ever(polling: Polling) -> None:
    """One mailbox after the other; trouble is waited out."""
    while not polling.stop.is_set():
        more = False
        try:
            more = verify_next(polling)
        except LedgerClosed:
            return
        except Exception:
            log.exception("comparing mailboxes failed; the next round tries again")
        if not more:
            polling.stop.wait(ROUND_SECONDS)
