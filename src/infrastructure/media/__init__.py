"""What is done to uploaded media: telling what it is, and making the pictures that are served."""
