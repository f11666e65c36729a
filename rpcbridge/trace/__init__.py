"""Exchanges as they were seen: redacted when recorded, bounded, in the database, the same for every worker.

It imports nothing: who records in a process of its own (`__main__.py`) needs but some of its modules, and none of the libraries of the others.
"""
