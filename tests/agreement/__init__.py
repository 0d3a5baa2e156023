"""Do our driver and MLPerf LoadGen find the same, on the same session? In processes of their own, interleaved."""
