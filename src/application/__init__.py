"""What can be done with stories, and asked of them: use cases over ports. Knows the domain alone."""
