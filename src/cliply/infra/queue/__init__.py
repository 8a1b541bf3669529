"""Background jobs on PostgreSQL: the only package that knows the queue engine (procrastinate).

`transactions` and `control` work inside a caller's session; `worker` runs what is queued, through `engine`, which
replaces the engine's own claim and completion. Why it does: docs/explanation/jobs.md.
"""
