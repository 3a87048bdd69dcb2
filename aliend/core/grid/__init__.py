"""Documents of the services other than the catalogue: grid jobs, storage listings, quotas, CCDB, server statistics."""
