"""Copying processes on the workers of a Dask cluster: `executor` in the daemon, `gateway` beside it, `copier` there.

Only `gateway` and `copier` import `distributed`, and the daemon imports neither of them.
"""
