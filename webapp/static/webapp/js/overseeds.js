// The mean over seeds with its band, where seeds stop at different places. A run is a step function: between two
// measurements it has the value of the earlier one, and a run that is done keeps its last value, so that its seed does
// not drop out of the mean because it needed fewer rounds. The same rule as webapp/comparison/curves.py.
import { spread } from "edgeloom/statistics.js";

const MOST_PLACES = 1200;

/**
 * One line of runs {x, y, isDone}, each with ascending x. It begins where every run has begun. Where a run that is not
 * done ends, the mean goes on over the others after a gap (null), so no line joins means over different seeds.
 */
export function meanLine(runs) {
  const line = { x: [], y: [], low: [], high: [], n: [], hasGaps: false };
  const known = runs.filter(({ x }) => x.length);
  if (!known.length) return line;
  const from = Math.max(...known.map(({ x }) => x[0]));
  const at = known.map(() => 0);
  let before = null;
  for (const place of places(known, from)) {
    const values = [], seeds = [];
    known.forEach(({ x, y, isDone }, run) => {
      while (at[run] + 1 < x.length && x[at[run] + 1] <= place) at[run] += 1;
      if (!isDone && place > x.at(-1)) return;
      values.push(y[at[run]]);
      seeds.push(run);
    });
    if (!values.length) continue;
    const who = seeds.join();
    if (before && before.who !== who) gap(line, (before.place + place) / 2);
    before = { who, place };
    const { mean, low, high, n } = spread(values);
    push(line, place, mean, low, high, n);
  }
  return line;
}

/** All places at which any run was measured; of too many, as many as a screen can show. */
function places(runs, from) {
  const all = [...new Set(runs.flatMap(({ x }) => x))].filter((place) => place >= from).sort((a, b) => a - b);
  if (all.length <= MOST_PLACES) return all;
  const step = (all.length - 1) / (MOST_PLACES - 1);
  return Array.from({ length: MOST_PLACES }, (_, index) => all[Math.round(index * step)]);
}

function gap(line, place) {
  line.hasGaps = true;
  push(line, place, null, null, null, 0);
}

function push(line, ...values) {
  ["x", "y", "low", "high", "n"].forEach((name, index) => line[name].push(values[index]));
}
