"""`python -m ops`: the command line behind `./interlog`."""

from ops.cli import main

main(prog_name="interlog")
