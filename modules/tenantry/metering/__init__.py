"""Pure: what grants are used for, by day, counted from the lines of object stores' access logs."""
