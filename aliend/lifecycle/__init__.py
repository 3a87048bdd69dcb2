"""The life of the daemon process: lock, socket, log, limits, reload, idle exit, systemd."""
