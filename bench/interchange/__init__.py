"""Results in the forms of others: what MLPerf Inference publishes, read and written."""
