"""Tests of the demo: it runs, it tells the truth, and it notices when something is not so."""
