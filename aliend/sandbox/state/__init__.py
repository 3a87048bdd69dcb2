"""What the simulated central service knows, stored in SQLite."""
