"""The inspector's pages in a real browser."""
