"""Job to image: select, call the chain, record; restart after a crash.

`docs/architecture.md` says what is on record before each request, and what happens
when its answer is lost.
"""
