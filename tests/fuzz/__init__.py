"""What nobody sends on purpose, to every address and every importer: no crash, nothing written where something was refused."""
