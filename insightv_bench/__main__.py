"""`python -m insightv_bench` is `insightv-bench`."""

from .cli import main

main()
