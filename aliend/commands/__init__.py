"""The user's commands, one module per family: parse arguments, call the runtime, print text or JSON."""
