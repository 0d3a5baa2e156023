"""Tests of `bench/workbook`: every file is read back by another library than the one that wrote it."""
