"""What people see of kept records: tables in a terminal, plots, a page. Reads records only, never timelines."""
