"""The site of many systems: static pages that need no network, and files beside them for programs."""
