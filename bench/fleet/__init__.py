"""Many machines: which there are, the same plan on each, and what several come to together. Statistics stay below."""
