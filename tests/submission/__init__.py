"""Archives, signatures and verification of what was handed in."""
