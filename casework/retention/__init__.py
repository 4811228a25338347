"""How long a family's file is kept, and what happens to it then (ADR 0035).

periods.py    how long, from when on, by which document
due.py        which files have expired, and which of them something still holds
erasing.py    one person proposes, another confirms; then the worker does it, in live rows, in history and on the disk
"""
