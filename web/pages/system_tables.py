"""What of the page of the gateway itself can be had as files: its processes, and what is done by the clock. Pure."""

from __future__ import annotations

from web.page import Table
from web.tables import Column

PROCESSES = (
    Column("name", head="Name"),
    Column("state", head="State", value=lambda process: process.state.word),
    Column("process_id", "whole", "Process", lambda process: process.facts and process.facts.pid),
    Column("since", "moment", "Since", lambda process: process.since_us),
    Column("restarts", "whole", "Restarts"),
    Column("in_flight", "whole", "In flight"),
    Column("streams", "whole", "Streams"),
    Column("connections", "whole", "To providers"),
    Column("cpu_percent", "number", "Processor", lambda process: process.facts and process.facts.cpu_percent),
    Column("rss_bytes", "whole", "Memory", lambda process: process.facts and process.facts.rss_bytes),
)

JOBS = (
    Column("job", head="Job", value=lambda job: job.name),
    Column("summary", head="Job"),
    Column("shared", "flag", "Job", lambda job: job.is_shared),
    Column("state", head="State", value=lambda job: job.state.word),
    Column("error", head="Job"),
    Column("every_seconds", "number", "Every", lambda job: job.report.every_seconds),
    Column("started_at", "moment", "Last", lambda job: job.started_us),
    Column("took_us", "whole", "Took", lambda job: job.took_us),
    Column("next_at", "moment", "Next", lambda job: job.next_us),
    Column("runs", "whole", "Runs"),
    Column("failures", "whole", "Failures"),
)

TABLES = (
    Table(name="processes", columns=PROCESSES, rows=lambda system: system.processes),
    Table(name="jobs", columns=JOBS, rows=lambda system: system.jobs),
)
