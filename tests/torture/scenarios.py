"""The scenarios by name; the first line of a function's docstring is its line in the list."""

from collections.abc import Callable

from tests.torture import contract, database, kill, power
from tests.torture.run import Run, Verdict

BACKENDS = ("sqlite", "postgres")
SCENARIOS: dict[str, Callable[[Run], Verdict]] = {
    "kill-in-data": kill.kill_in_data,
    "kill-after-250": kill.kill_after_250,
    "kill-before-250": kill.kill_before_250,
    "kill-in-relay": kill.kill_in_relay,
    "kill-storm": kill.kill_storm,
    "power-cut": power.power_cut,
    "sync-contract": contract.sync_contract,
    "database-down": database.database_down,
    "failover": database.failover,
}
ONLY: dict[str, tuple[str, ...]] = {"database-down": ("postgres",), "failover": ("postgres",)}
"""The back ends of scenarios that are not for all."""


def backends_of(name: str) -> tuple[str, ...]:
    """The back ends that a scenario is for."""
    return ONLY.get(name, BACKENDS)
