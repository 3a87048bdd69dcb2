"""The checks of `alienctl doctor`: pure functions from facts to findings. `aliend.doctor` collects the facts."""
