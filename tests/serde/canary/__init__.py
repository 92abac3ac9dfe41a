"""A package that is imported in the tests of hostile files; its submodules must not be, but one."""
