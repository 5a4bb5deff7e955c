"""The network of a run, round by round: who took part, who was away and why, what crossed each connection."""
