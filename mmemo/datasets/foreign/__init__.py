"""CMU-MOSEI in the forms that other projects distribute it in."""
