"""Workbooks for spreadsheets (XLSX), made of kept records and of lists: numbers unrounded, text that is only text."""
