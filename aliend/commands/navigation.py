"""Where the user is: pwd, cd. The directory belongs to the session here, never to a connection."""

from __future__ import annotations

from aliend.commands.call import Call
from aliend.errors import UsageError
from aliend.parts import Parts
from aliend.sessions import SessionState


async def pwd(parts: Parts, call: Call) -> int:
    """Print the session's directory; asks the service only when it is not known yet."""
    if len(call.words) > 1:
        raise UsageError("pwd takes no arguments")
    state = await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    return await _tell(call, state, state.directory)


async def cd(parts: Parts, call: Call) -> int:
    """Change the session's directory after the service has confirmed it."""
    if len(call.words) > 2:
        raise UsageError("cd takes one directory, `-` for the one before, or nothing for the home")
    wish = call.words[1] if len(call.words) == 2 else "~"
    await parts.sessions.state(call.session, call.context, restore=call.restore_directory)
    state = await parts.sessions.change(call.session, call.context, wish)
    return await _tell(call, state, state.directory if wish == "-" else "")


async def _tell(call: Call, state: SessionState, text: str) -> int:
    if not call.as_json:
        await call.say(text)
        return 0
    metadata = {"exitcode": "0", "error": "", "user": state.user, "currentdir": state.directory}
    await call.document({"metadata": metadata, "results": [{"pwd": text, "message": text}] if text else []})
    return 0
