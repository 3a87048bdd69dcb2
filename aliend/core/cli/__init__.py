"""What people type and read: options, units, command lines, colours, completion. Imports the errors only."""
