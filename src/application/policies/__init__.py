"""What follows from an event, or from time passing. Every policy may run twice, or be cut short and run again."""
