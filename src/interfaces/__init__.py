"""How the service is reached: HTTP, worker processes, the command line. Knows the application alone."""
