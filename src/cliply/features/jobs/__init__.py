"""Background work, visible to the customer."""
