"""The funds desk: what there is, what it is promised to, and paying it out with three pairs of eyes."""
