"""The common part of all demos, and the speed of the machine (`bench`)."""
