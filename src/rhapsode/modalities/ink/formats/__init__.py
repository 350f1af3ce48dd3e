"""The kinds of files that drawings come in, one module each. `ink.read` chooses between them.

A module has `recognises(head)`, which looks at the first bytes of a file, and `read(source, refused)`, which gives its
drawings in order, and counts what it leaves out. (`stroke3`, whose files are archives, has the same for an archive.)
"""
