"""What people are told the moment it happens: over WebSocket, and as Server-Sent Events."""
