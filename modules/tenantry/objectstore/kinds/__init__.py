"""What each kind of object is in a store: pure comparison on one side, calls on the other."""
