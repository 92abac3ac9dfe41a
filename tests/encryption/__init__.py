"""Encrypted stores: the sealing of bytes, what a file is bound to, keys and their change, and threads that live in such a store."""
