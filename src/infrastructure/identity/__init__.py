"""Who a token is about."""
