"""State machines of jobs and transfers, and the scheduling rules: limits, back-off, bandwidth."""
