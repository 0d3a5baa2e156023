"""From verified results to a list that a buyer decides by: who is eligible, who is better, whether that is real."""
