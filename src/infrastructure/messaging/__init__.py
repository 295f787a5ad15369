"""Background work by Dramatiq: inside the process by default, over Redis between processes."""
