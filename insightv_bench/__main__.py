"""`python -m insightv_bench` is `insightv-bench`."""

from insightv_bench.cli import main

main()
