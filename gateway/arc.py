"""What the ARC fields of a mail claim (RFC 8617): shown to people, never believed.

A chain can be made by anybody for himself; nothing here is verified, and no decision reads it.
"""

import re
from typing import Any

from gatepost.gateway.canonical import Field, values
from gatepost.gateway.results import read_results
from gatepost.reply import clean_text

INSTANCE = re.compile(r"\s{0,20}i\s{0,20}=\s{0,20}([0-9]{1,2})\s{0,20};")
TAG = re.compile(r"(?:^|;)\s{0,20}([a-z]{1,3})\s{0,20}=\s{0,20}([^;\s]{1,253})")
MOST_SETS = 50
MOST_VALUE = 4096


def read_arc(fields: list[Field]) -> dict[str, Any]:
    """How many sets there are, who sealed last, what he says of the chain before, and what he had found; or nothing."""
    seals = by_instance(values(fields, b"arc-seal"))
    if not seals:
        return {}
    newest = max(seals)
    tags = dict(TAG.findall(seals[newest]))
    found = by_instance(values(fields, b"arc-authentication-results")).get(newest, "")
    results = read_results(INSTANCE.sub("", found, count=1))
    return {
        "sets": len(seals),
        "sealer": clean_text(tags.get("d", ""))[:253].lower(),
        "chain": clean_text(tags.get("cv", ""))[:10],
        "claims": [f"{each.method}={each.result}" for each in results][:10],
    }


def by_instance(found: list[bytes]) -> dict[int, str]:
    """The fields by their number; of two with one number the upper one."""
    numbered: dict[int, str] = {}
    for value in found[:MOST_SETS]:
        text = value[:MOST_VALUE].decode("utf-8", "replace").replace("\r\n", "")
        if instance := INSTANCE.match(text):
            numbered.setdefault(int(instance[1]), text)
    return numbered
