"""The base class of the servicers."""

from __future__ import annotations

from inspect import iscoroutinefunction

from aliend.runtime import Runtime
from aliend.services.grpc_errors import errors_to_status


class Servicer:
    """A servicer with the parts of the daemon; its public coroutines are calls, whose errors become their status."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def __init_subclass__(cls) -> None:
        for name, method in list(vars(cls).items()):
            if iscoroutinefunction(method) and not name.startswith("_"):
                setattr(cls, name, errors_to_status(method))
