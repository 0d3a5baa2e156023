"""The runner below the command line: execute, resume, budgets, locks."""
