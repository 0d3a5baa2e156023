"""A complete backend for inference-bench, for a card that does not exist: `sdk` stands where yours comes."""
