"""`make bench`: the figures that are promised, as ratios in one run."""
