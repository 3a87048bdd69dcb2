"""`alienctl doctor` and `alienctl bug-report`: what only the client knows, for the programs that do the rest."""
