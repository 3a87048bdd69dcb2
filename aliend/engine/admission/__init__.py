"""Admission control: which storage elements accept another copy, which copies run, which elements have stalled."""
