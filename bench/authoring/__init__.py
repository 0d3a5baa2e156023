"""A workload of one's own: the template to start from, its figures brought up to date, and what is wrong with it.

`template` is a link to the example package, so that what is written is what is tested.
"""
