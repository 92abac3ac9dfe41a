"""Large values in files of their own: artifacts, by the library and by hand."""
