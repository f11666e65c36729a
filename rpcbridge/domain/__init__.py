"""The telephone trade's words between a platform and a backend: events, actions, causes. Standard library only."""
