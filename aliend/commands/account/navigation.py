"""Where the user is: pwd, home, cd, pushd, popd, dirs. The directory is the session's, never a connection's."""

from __future__ import annotations

from aliend.commands.invocation.call import Call
from aliend.core.catalogue import directory_stack, paths
from aliend.errors import UsageError
from aliend.runtime import Runtime
from aliend.user_sessions import SessionState


async def pwd(parts: Runtime, call: Call) -> int:
    """Print the session's directory; asks the service only when it is not known yet."""
    if len(call.words) > 1:
        raise UsageError("pwd takes no arguments")
    state = await _state(parts, call)
    return await _tell(call, state, state.directory)


async def cd(parts: Runtime, call: Call) -> int:
    """Change the session's directory after the service has confirmed it."""
    if len(call.words) > 2:
        raise UsageError("cd takes one directory, `-` for the one before, or nothing for the home")
    wish = call.words[1] if len(call.words) == 2 else "~"
    await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    state = await parts.sessions.change_directory(call.session, call.context, wish)
    return await _tell(call, state, state.directory if wish == "-" else "")


async def home(parts: Runtime, call: Call) -> int:
    """Print the home directory; asks the service only when it is not known yet."""
    if len(call.words) > 1:
        raise UsageError("home takes no arguments")
    state = await _state(parts, call)
    return await _tell(call, state, state.home)


async def dirs(parts: Runtime, call: Call) -> int:
    """Print the stack of directories, or one entry of it; `-c` empties it."""
    state = await _state(parts, call)
    match call.words[1:]:
        case ():
            return await _show(call, state)
        case ("-c",):
            await parts.sessions.save_stack(state, call.context, (state.directory,))
            return 0
        case (word,) if directory_stack.is_position(word):
            entry = _stack(state)[directory_stack.position_of(word, _stack(state))]
            return await _tell(call, state, directory_stack.display_name(entry, state.home))
    raise UsageError("dirs takes nothing, -c, +N or -N")


async def pushd(parts: Runtime, call: Call) -> int:
    """Put a directory on the stack and go there, or turn the stack; `-n`: without going."""
    stays, words = _without_going(call)
    state = await _state(parts, call)
    stack = _stack(state)
    match words:
        case ():
            new = directory_stack.swap(stack)
        case (word,) if directory_stack.is_position(word):
            new = directory_stack.rotate(stack, directory_stack.position_of(word, stack))
        case (word,) if not word.startswith("-"):
            lfn = paths.resolve(word, state.directory, state.home)
            new = (await parts.sessions.directory(call.context, lfn), *stack)
            if stays:
                new = (state.directory, new[0], *state.stack)
        case _:
            raise UsageError("pushd takes -n and one of a directory, +N or -N")
    return await _go(parts, call, state, new, stays=stays)


async def popd(parts: Runtime, call: Call) -> int:
    """Take an entry from the stack; where it was the first one, go to the next; `-n`: without going."""
    stays, words = _without_going(call)
    state = await _state(parts, call)
    stack = _stack(state)
    if len(words) > 1 or (words and not directory_stack.is_position(words[0])):
        raise UsageError("popd takes -n and one of +N or -N")
    at = directory_stack.position_of(words[0], stack) if words else 0
    return await _go(parts, call, state, directory_stack.drop(stack, max(at, int(stays))), stays=stays)


async def _go(parts: Runtime, call: Call, state: SessionState, stack: directory_stack.Stack, *, stays: bool) -> int:
    """Keep the new stack, whose first entry is still there, and print it."""
    if stays:
        stack = (state.directory, *stack[1:])
    elif stack[0] != state.directory:
        await parts.sessions.directory(call.context, stack[0])
    return await _show(call, await parts.sessions.save_stack(state, call.context, stack))


def _without_going(call: Call) -> tuple[bool, tuple[str, ...]]:
    words = call.words[1:]
    return "-n" in words, tuple(word for word in words if word != "-n")


def _stack(state: SessionState) -> directory_stack.Stack:
    return (state.directory, *state.stack)


async def _state(parts: Runtime, call: Call) -> SessionState:
    return await parts.sessions.state(call.session, call.context, restore=call.restore_directory)


async def _show(call: Call, state: SessionState) -> int:
    return await _tell(
        call, state, " ".join(directory_stack.display_name(entry, state.home) for entry in _stack(state))
    )


async def _tell(call: Call, state: SessionState, text: str) -> int:
    if not call.as_json:
        await call.say(text)
        return 0
    metadata = {"exitcode": "0", "error": "", "user": state.user, "currentdir": state.directory}
    await call.document({"metadata": metadata, "results": [{"pwd": text, "message": text}] if text else []})
    return 0
