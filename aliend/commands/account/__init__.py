"""Who and where the user is: identity, tokens, certificates, working directory."""
