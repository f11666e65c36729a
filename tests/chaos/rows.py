"""Every row by its short name, in the order of the table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tests.chaos import clock, ivr, kills, outages, storage
from tests.chaos.row import Scenario

ROWS: Mapping[str, Scenario] = {
    "worker-sqlite": partial(kills.worker_killed, kind="sqlite"),
    "worker-postgresql": partial(kills.worker_killed, kind="postgresql"),
    "master-sqlite": partial(kills.master_killed, kind="sqlite"),
    "master-postgresql": partial(kills.master_killed, kind="postgresql"),
    "ivr-sqlite": partial(ivr.ivr_killed, kind="sqlite"),
    "ivr-postgresql": partial(ivr.ivr_killed, kind="postgresql"),
    "machines": kills.several_machines,
    "backend-down": outages.backend_down,
    "backend-flaps": outages.backend_flaps,
    "postgresql-stops": outages.postgresql_stops,
    "disk-full": storage.disk_full,
    "read-only": storage.read_only,
    "locked": storage.locked,
    "clock": clock.clock_steps,
    "hung": outages.hung,
    "reload-sqlite": partial(kills.reloaded, kind="sqlite"),
    "reload-postgresql": partial(kills.reloaded, kind="postgresql"),
}
