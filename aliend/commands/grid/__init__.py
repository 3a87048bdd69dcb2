"""Commands of the central service and of the grid's servers."""
