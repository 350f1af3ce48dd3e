"""What all demos share, the speed of the machine (`bench`), and what ships a model."""
