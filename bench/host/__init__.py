"""The machine a run happens on: what it is, what disturbs it, and what engines find in their environment."""
