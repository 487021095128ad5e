"""Groups of commands about what there is: datasets, methods, suites, search spaces, runs, jobs."""
