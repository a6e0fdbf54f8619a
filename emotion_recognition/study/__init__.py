"""After the runs: what people corrected is drawn again, and the results of a study are joined in one table."""
