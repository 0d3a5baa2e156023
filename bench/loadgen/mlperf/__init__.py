"""MLPerf LoadGen as the driver of the measured part of a repetition; `mlperf_loadgen` is imported only here.

LoadGen is a set of singletons: one test per process, and nothing may be raised through its callbacks. A repetition has
a process of its own anyway; everything before and after the measured part runs through the harness's own driver.
"""
