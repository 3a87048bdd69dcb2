"""The bridge: a local websocket that speaks the service's protocol, for programs that know only JBox.

It is imported when the user turns it on. `server` owns the websocket, `conversation` one client's state and requests,
`announcement` the file by which programs find it. Commands and settings are left to `aliend.commands.grid.bridge`.
"""
