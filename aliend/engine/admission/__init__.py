"""Admission control: which storage elements accept one more copy, which copies run, which have stalled."""
