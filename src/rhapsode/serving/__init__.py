"""Models over HTTP: a server that clients of the OpenAI completions API use as they are."""
