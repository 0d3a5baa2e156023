"""The site of many systems: static pages that need no network, and files beside them for programs."""


class CannotMake(ValueError):
    """A site that is not made: too many systems, or a folder that holds something else; one line."""
