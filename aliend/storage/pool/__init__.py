"""The worker processes as the daemon sees them: starting, assigning tasks, bandwidth, results."""
