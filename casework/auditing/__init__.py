"""What auditors do with the trail: a pack of rules that looks for trouble, questions with answers, samples that anybody can
draw again."""
