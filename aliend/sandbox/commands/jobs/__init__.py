"""Commands of the simulated service about grid jobs and computing elements."""
