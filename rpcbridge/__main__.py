"""python -m rpcbridge"""

from rpcbridge.cli import main

main(prog_name="rpcbridge")
