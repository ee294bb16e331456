"""What makes it a service: log, journal, readiness, control socket."""
