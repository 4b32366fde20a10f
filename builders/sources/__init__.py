"""Where questions come from: `world.py`, the drawn world; `table.py`, a parquet file with a column map."""
