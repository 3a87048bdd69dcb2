"""What every command gets: its arguments and its output."""
