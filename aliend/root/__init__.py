"""The plugin for ROOT: `aliend.C`, which cling compiles in the user's ROOT. It contains no Python.

`alienctl root-plugin install` names the file in the user's `.rootrc`.
"""
