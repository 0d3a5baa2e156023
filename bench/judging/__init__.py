"""From what a child left to what is published: trials, quality, and records over all trials of a measurement."""
