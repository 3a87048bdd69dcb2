"""Values and names of the file catalogue: entries, paths, selections, storage specifications. No protocol."""
