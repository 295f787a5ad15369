"""How the ports are met: SQL, object stores, brokers, tokens. Knows the application, never the interfaces."""
