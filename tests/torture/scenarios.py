"""The scenarios by name; the first line of a function's docstring is its line in the list."""

from collections.abc import Callable

from tests.torture import (
    backlog,
    contract,
    database,
    disk,
    faults,
    guessing,
    half_open,
    hostile,
    kill,
    memory,
    moments,
    network,
    placing,
    power,
    smuggling,
    soak,
    storms,
    sync,
    workers,
)
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
    "clock-jumps": moments.clock_jumps,
    "backlog": backlog.backlog,
    "two-workers": workers.two_workers,
    "storm": storms.storm,
    "fan-out": storms.fan_out,
    "fan-out-killed": storms.fan_out_killed,
    "smuggling": smuggling.smuggling,
    "hostile-servers": hostile.hostile,
    "faults": faults.faults,
    "disk-full": disk.disk_full,
    "sync-fails": disk.sync_fails,
    "large-mails": memory.large_mails,
    "idle": memory.idle,
    "soak": soak.soak,
    "endless": memory.endless,
    "slow-loris": network.slow_loris,
    "half-open": half_open.half_open,
    "guessing": guessing.guessing,
    "placing": placing.placing,
    "sync-faults": sync.sync_faults,
    "sync-renumbered": sync.sync_renumbered,
}
ONLY: dict[str, tuple[str, ...]] = {
    "database-down": ("postgres",),
    "failover": ("postgres",),
    "two-workers": ("postgres",),
    "hostile-servers": ("sqlite",),
    **dict.fromkeys(("disk-full", "sync-fails", "large-mails", "idle", "endless", "placing"), ("sqlite",)),
}
"""The back ends of scenarios that are not for all."""


def backends_of(name: str) -> tuple[str, ...]:
    """The back ends that a scenario is for."""
    return ONLY.get(name, BACKENDS)
