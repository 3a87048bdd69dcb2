"""Commands of the simulated service about itself, identities and tokens."""
