"""What the commands share.

commands    commands as typer makes them, their help in panels, options that were called otherwise once
options     the options that several commands have
modality    what a modality adds to the command line: a class; `brought` finds them and the options that they bring
sampling    for the verbs that sample from a model: which model is whose, its prompt, its seed
records     drawings, tunes and the like: find and score them
contents    what `inspect` says of files; `demos` has what demos do alike
complete    what the Tab key offers
output      results on stdout and in files; `progress` has messages and progress on stderr; `paint` colours
streams     standard streams and signals as they may be; `imports` keeps signals from cutting an import in half
escapes     backslashes in options
"""
