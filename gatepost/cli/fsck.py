"""`gatepost fsck`: whether everything that was accepted is there."""

from dataclasses import asdict

from gatepost.cli.frame import DONE, FINDINGS, opened, print_object, say
from gatepost.parts import clock
from gatepost.settings import Settings
from gatepost.store.deliveries import count_states
from gatepost.store.fsck import fix_counts, remove_orphans
from gatepost.store.fsck import fsck as look


def fsck(settings: Settings, fix: bool, as_json: bool) -> int:
    """Print what does not hold; the exit code. Safe while the server runs."""
    with opened(settings) as parts:
        fixed = parts.ledger.write(fix_counts) if fix else 0
        with parts.database.session() as session:
            removed = remove_orphans(session, parts.blobs, clock()) if fix else 0
            found = look(session, parts.blobs, clock())
            states = count_states(session)
    if as_json:
        for finding in found:
            print_object(asdict(finding))
    else:
        if fixed:
            say(f"The counts of {fixed} {'conversation was' if fixed == 1 else 'conversations were'} made anew.")
        if removed:
            say(f"{removed} {'file' if removed == 1 else 'files'} of no stored mail, a day old or more, removed.")
        for finding in found:
            say(f"Not so: {finding.check}. {finding.count} found, such as {', '.join(finding.examples)}.")
            say(f"  To fix: {finding.fix}.")
        if not found:
            say(f"Everything holds: {sum(states.values())} recipients accepted, each in one state.")
    return FINDINGS if found else DONE
