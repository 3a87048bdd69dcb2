"""The rows of jobs, transfers, attempts, events, deletions and sessions, and their encoding."""
