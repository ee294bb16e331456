"""The daemon's own page: what it is doing, its images and jobs, and a few buttons.

It shows what the database says and acts through `daemon.jobs.actions`, as the
commands do.  `serve` opens it, `guard` and `entry` decide who may come in.
"""
