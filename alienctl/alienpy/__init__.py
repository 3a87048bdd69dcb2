"""The library `alienpy` for Python programs: the names that public scripts use, answered by the daemon.

`alienctl install-names --python DIR` puts packages `alienpy` and `xjalienfs` into DIR that load this one. It runs in
the program's own Python (3.9 or newer) and needs the standard library only.
"""
