"""Evidence: which controls of published frameworks the baseline's policies answer for."""
