"""A local page on which a person records their own hand: what to write, where it is kept, and who may send it."""
