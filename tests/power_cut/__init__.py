"""A power cut, for real: what was acknowledged is there after an instant snapshot of the disk image is mounted."""
