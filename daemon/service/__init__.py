"""The process as a service: log, systemd, notifications, control socket."""
