"""rpcbridge: a cloud phone system's calls, answered by a plain REST backend."""

__version__ = "0.1.0"
