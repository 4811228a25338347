"""Reading what offices hand in: the household register (CSV) and the hardship ledger (xlsx).

Nothing here writes to a database. A reader answers with plain records and with findings: what is wrong, in which cell,
and whether it holds the household back.
"""
