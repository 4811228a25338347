from families.importing.register_import import import_register
from families.management.commands._importing import ImportCommand


class Command(ImportCommand):
    help = "Import a household register (CSV). A file with errors changes nothing unless --good-rows is given."
    take = staticmethod(import_register)
