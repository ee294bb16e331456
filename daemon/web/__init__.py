"""The daemon's web page: its state, images and jobs, and buttons for actions.

The page reads the database and acts through `daemon.jobs.actions`, as the commands
do.  `serve` starts the server, `security` decides who has access.
"""
