"""What the harness costs where there is much of everything: `docs/scale.md`."""
