"""`python -m aliend.doctor`: finds out what is wrong, without a daemon and without side effects.

The client passes what only it knows. Each module collects the facts of one subject; `aliend.core.doctor` judges them.
"""
