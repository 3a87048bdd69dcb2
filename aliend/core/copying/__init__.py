"""From the arguments of cp and sync to job specifications: paths, target rules, plans."""
