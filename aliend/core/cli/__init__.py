"""The command-line language: options, units, command lines, colours, completion. Imports only the errors."""
