"""The user's commands, one module a family: parse words, call the runtime, render text or JSON."""
