"""A process dies or a disk refuses at every moment; what was acknowledged stays."""
