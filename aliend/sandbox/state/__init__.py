"""The data of the simulated central service, stored in SQLite."""
