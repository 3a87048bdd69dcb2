"""Documents of the services beside the catalogue: grid jobs, storage listings, quotas, CCDB, server statistics."""
