"""The real estate that tests, benchmarks and the example government are fed with."""
