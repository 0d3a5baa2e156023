"""Prints the figures of card.md: top-1 with rounded weights, and which classes are mistaken for which.

Run `python -m bench.models.image_classify_edge.assess`; it writes nothing.
"""

from __future__ import annotations

from bench.models.image_classify.assess import main
from bench.models.image_classify_edge.train import MOBILENET

if __name__ == "__main__":
    main(MOBILENET, __doc__)
