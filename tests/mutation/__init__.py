"""`make mutation`: each expression of the baseline is weakened in turn, and a case has to notice."""
