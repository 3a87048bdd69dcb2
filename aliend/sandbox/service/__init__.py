"""The operations behind the commands of the simulated service, without parsing of arguments and output."""
