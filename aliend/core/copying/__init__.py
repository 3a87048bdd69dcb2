"""From the arguments of cp and sync to jobs: locations, target paths, plans."""
