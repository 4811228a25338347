"""manage.py prove_flows [--json]: what is proved about each programme, and how many people each tier needs."""

import json
import sys
from typing import Any

from audit.console import JsonCommand
from flows.programmes import PROGRAMMES
from flows.soundness import Proof, proof_of


class Command(JsonCommand):
    help = "Proves every programme sound and prints the fewest natural persons who can bring a case to paid, by tier."

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        proofs = [proof_of(spec) for spec in PROGRAMMES.values()]
        self.stdout.write(_as_json(proofs) if json else "\n".join(map(_as_text, proofs)))
        if any(proof.faults for proof in proofs):
            sys.exit(1)


def _as_json(proofs: list[Proof]) -> str:
    return json.dumps(
        {
            proof.spec.code: {
                "situations": proof.situations,
                "steps": proof.steps,
                "persons": dict(proof.persons),
                "faults": [str(fault) for fault in proof.faults],
            }
            for proof in proofs
        },
        ensure_ascii=False,
    )


def _as_text(proof: Proof) -> str:
    if proof.faults:
        return "\n".join([f"{proof.spec.code}: NOT sound", *(f"  {fault}" for fault in proof.faults)])
    persons = ", ".join(f"{tier} {count}" for tier, count in proof.persons) or "moves no money"
    return f"{proof.spec.code}: sound; {proof.situations} situations, {proof.steps} steps; fewest persons: {persons}"
