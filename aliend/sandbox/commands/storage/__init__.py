"""Commands of the simulated service about replicas and storage elements."""
