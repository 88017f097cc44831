"""Files of predictions of any system, matched with the truth by clip id."""
