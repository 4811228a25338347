"""Inspection packs at the desks of auditors and of the county's approver: chosen, made, taken."""
