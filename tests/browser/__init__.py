"""Pages in a real browser: what a person sees, and that nothing in a state runs or calls home."""
