"""What must happen in the user's own process, each module imported only when it is used."""
