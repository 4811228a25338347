"""The register of close relatives (近亲属备案): who must declare, whom they declared, and that they said so this year."""
