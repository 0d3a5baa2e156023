"""HTML made of kept records, of rows in words and of plots: pages that need nothing beside them."""
