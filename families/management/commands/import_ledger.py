from families.importing.ledger_import import import_ledger
from families.management.commands._importing import ImportCommand


class Command(ImportCommand):
    help = "Import a hardship ledger (.xlsx). A file with errors changes nothing unless --good-rows is given."
    take = staticmethod(import_ledger)
