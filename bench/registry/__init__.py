"""The evaluator's ledger of tokens, accepted submissions, their status, and appeals, in a git repository."""
