"""From a job to its files, and the deletions of a synchronisation."""
