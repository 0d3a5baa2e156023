"""Where energy and power can be read: one small class for each kind of counter, sensor or meter, and who reads them."""
