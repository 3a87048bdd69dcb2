"""Wire rules of the simulated central service, without state."""
