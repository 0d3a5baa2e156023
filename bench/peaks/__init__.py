"""What a device reaches at most: matrix products in each precision, and reading memory, through the seam."""
