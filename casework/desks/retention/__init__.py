"""The county's page of files that have expired: one proposes, another confirms; auditors read along."""
