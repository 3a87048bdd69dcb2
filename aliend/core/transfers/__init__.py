"""State machines of jobs and transfers, and the arithmetic of scheduling: limits, back-off, bandwidth."""
