"""A local page on which a person records their own hand: what to write, where it is kept, who may send it, and a
model that learns it."""
