"""Real xrootd processes and their faults."""
