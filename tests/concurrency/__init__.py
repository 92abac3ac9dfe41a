"""Many writers on one folder: leases, fences, conflicts, and what is left when a writer dies, stops or is cancelled."""
