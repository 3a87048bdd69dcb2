"""The program that reads files of the grid on a worker of a cluster."""
