"""What is handed to an evaluator, and what an evaluator makes of it: archives, signatures, verification."""
