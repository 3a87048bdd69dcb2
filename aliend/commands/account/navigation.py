"""`pwd`, `home`, `cd`, `pushd`, `popd`, `dirs`: the working directory, which belongs to the session."""

from __future__ import annotations

from aliend.commands.invocation.call import Call
from aliend.commands.invocation.lfn_arguments import session_state
from aliend.commands.invocation.results import print_results, refuse_arguments
from aliend.core.catalogue import directory_stack, paths
from aliend.core.cli.escaping import escape_newlines
from aliend.errors import UsageError
from aliend.runtime import Runtime
from aliend.user_sessions import SessionState


async def pwd(runtime: Runtime, call: Call) -> int:
    """Print the session's directory; ask the service only the first time."""
    refuse_arguments(call)
    state = await session_state(runtime, call)
    return await _print_result(call, state, state.directory)


async def cd(runtime: Runtime, call: Call) -> int:
    """Change the session's directory after the service has confirmed that it exists."""
    if len(call.args) > 2:
        raise UsageError("usage: cd [DIRECTORY | -]")
    directory = call.args[1] if len(call.args) == 2 else "~"
    await session_state(runtime, call)
    state = await runtime.sessions.change_directory(call.session, call.context, directory)
    return await _print_result(call, state, state.directory if directory == "-" else "")


async def home(runtime: Runtime, call: Call) -> int:
    """Print the home directory; ask the service only the first time."""
    refuse_arguments(call)
    state = await session_state(runtime, call)
    return await _print_result(call, state, state.home)


async def dirs(runtime: Runtime, call: Call) -> int:
    """Print the directory stack or one of its entries; `-c` clears it."""
    state = await session_state(runtime, call)
    match call.args[1:]:
        case ():
            return await _print_stack(call, state)
        case ("-c",):
            await runtime.sessions.save_stack(state, call.context, (state.directory,))
            return 0
        case (word,) if directory_stack.is_position(word):
            entry = _stack(state)[directory_stack.position_of(word, _stack(state))]
            return await _print_result(call, state, directory_stack.display_name(entry, state.home))
    raise UsageError("usage: dirs [-c | +N | -N]")


async def pushd(runtime: Runtime, call: Call) -> int:
    """Push a directory on the stack or rotate the stack, and change to its top; `-n`: do not change directory."""
    stays, arguments = _split_no_change(call)
    state = await session_state(runtime, call)
    stack = _stack(state)
    match arguments:
        case ():
            new = directory_stack.swap(stack)
        case (word,) if directory_stack.is_position(word):
            new = directory_stack.rotate(stack, directory_stack.position_of(word, stack))
        case (word,) if not word.startswith("-"):
            lfn = paths.resolve(word, state.directory, state.home)
            new = (await runtime.sessions.directory(call.context, lfn), *stack)
            if stays:
                new = (state.directory, new[0], *state.stack)
        case _:
            raise UsageError("usage: pushd [-n] [DIRECTORY | +N | -N]")
    return await _change_stack(runtime, call, state, new, stays=stays)


async def popd(runtime: Runtime, call: Call) -> int:
    """Remove an entry from the stack and change to its top; `-n`: do not change directory."""
    stays, arguments = _split_no_change(call)
    state = await session_state(runtime, call)
    stack = _stack(state)
    if len(arguments) > 1 or (arguments and not directory_stack.is_position(arguments[0])):
        raise UsageError("usage: popd [-n] [+N | -N]")
    at = directory_stack.position_of(arguments[0], stack) if arguments else 0
    return await _change_stack(runtime, call, state, directory_stack.drop(stack, max(at, int(stays))), stays=stays)


async def _change_stack(
    runtime: Runtime, call: Call, state: SessionState, stack: directory_stack.Stack, *, stays: bool
) -> int:
    """Change to the top of the new stack if the service confirms it, save the stack, and print it."""
    if stays:
        stack = (state.directory, *stack[1:])
    elif stack[0] != state.directory:
        await runtime.sessions.directory(call.context, stack[0])
    return await _print_stack(call, await runtime.sessions.save_stack(state, call.context, stack))


def _split_no_change(call: Call) -> tuple[bool, tuple[str, ...]]:
    arguments = call.args[1:]
    return "-n" in arguments, tuple(word for word in arguments if word != "-n")


def _stack(state: SessionState) -> directory_stack.Stack:
    return (state.directory, *state.stack)


async def _print_stack(call: Call, state: SessionState) -> int:
    return await _print_result(
        call, state, " ".join(directory_stack.display_name(entry, state.home) for entry in _stack(state))
    )


async def _print_result(call: Call, state: SessionState, text: str) -> int:
    results = [{"pwd": text, "message": text}] if text else []
    return await print_results(call, [escape_newlines(text)], results, user=state.user, currentdir=state.directory)
