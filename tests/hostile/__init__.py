"""Attacks on a real bridge from outside: on its port, through its platform's calls, and by its backend. See also tests/fuzz."""
