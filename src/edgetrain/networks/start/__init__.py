"""The weights that training starts from: fetched, unpacked, and matched variable by variable."""
