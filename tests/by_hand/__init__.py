"""What a person does to the files: edits, damage, litter, copies."""
