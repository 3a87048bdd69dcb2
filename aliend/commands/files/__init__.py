"""Commands that show or change the contents of files, and their replicas."""
