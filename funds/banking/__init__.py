"""Files that go to a bank and come back from it, as pure functions: no table, no clock, no request.

`formats` says what a bank's file looks like, `writing` makes our list, `reading` takes the bank's answer, `matching`
lays the answer beside what we sent. Everything streams: a list of 100,000 lines needs no more memory than one page.
"""
