"""Protocol rules of the simulated central service: requests, replies, options, limits and faults, without I/O."""
