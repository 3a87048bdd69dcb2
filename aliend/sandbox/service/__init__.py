"""What the commands of the simulated service do, without parsing and printing."""
