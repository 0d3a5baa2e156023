"""Records held against each other: guards, margins, verdicts; interleaved pairs; baselines and their course."""
