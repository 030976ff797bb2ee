"""What lives at a site: reads in bulk, the record of the last apply, and how both differ from what is asked for."""
