"""Pictures of kept records: numbers first, then drawn into given axes. Reads records only, never timelines."""
