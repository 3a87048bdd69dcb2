"""The user's commands, one module a family: parse words, call the parts, render text or JSON."""
