"""`python -m commerce.cli`: the same as `commerce`."""

from commerce.cli import main

main()
