"""`alienctl daemon ...`: start, control, logs, the systemd unit."""
