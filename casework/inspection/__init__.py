"""Inspection packs (迎检): the files of some cases, frozen with their payments, papers, findings and a signed list of it all."""
