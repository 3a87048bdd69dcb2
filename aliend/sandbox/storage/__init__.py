"""The storage elements: real xrootd processes and their faults."""
