// The small charts of a run: each shows itself with the first value of what it is about.
import { Chart } from "edgeloom/chart.js";
import { text } from "edgeloom/quantities.js";

const X = { title: "Round", unit: "" };

export class Tracks {
  /** @param tracks what `webapp.experiments.tracks` says of each */
  constructor(tracks) {
    this.tracks = tracks.map((track) => ({ ...track, card: document.getElementById(`track-${track.name}`) })).filter(({ card }) => card);
  }

  /** @param store the run's store; facts: figures of the run that never change */
  draw(store, facts) {
    for (const track of this.tracks) {
      if (store.last(track.lines[0].metric) === null) continue;
      const lines = track.lines.map((line, place) => lineOf(store, line, place + 1)).filter(({ x }) => x.length);
      track.card.hidden = false;
      track.chart ??= new Chart(partsOf(track.card));
      track.chart.show(lines, { x: X, y: { title: track.title, unit: track.unit } });
      if (track.name === "privacy") gauge(track.card, store, facts?.privacy);
    }
  }
}

function lineOf(store, { metric, label, by_round: byRound }, color) {
  const x = [], y = [];
  let before = 0;
  for (const round of store.steps()) {
    const value = store.rounds.get(round)[metric];
    if (value === undefined || value === null) continue;
    x.push(round);
    y.push(byRound ? (value - before) / Math.max(1, round - (x.at(-2) ?? 0)) : value);
    before = value;
  }
  const none = x.map(() => null);
  return { label, color, x, y, low: none, high: none, n: x.map(() => 1) };
}

function partsOf(card) {
  return Object.fromEntries(["frame", "readout", "legend", "twin", "fold"].map((name) => [name, card.querySelector(`[data-part="${name}"]`)]));
}

/** How much of the budget is spent: a bar where there is a budget or an end to count to, and always in words. */
function gauge(card, store, privacy) {
  const place = card.querySelector(".gauge"), spent = store.last("epsilon");
  if (!place || spent === null) return;
  const limit = privacy?.target_epsilon ?? privacy?.expected_epsilon;
  const words = [`ε = ${text(spent)}`];
  if (privacy?.delta) words.push(`at δ = ${text(privacy.delta)}`);
  if (privacy?.target_epsilon) words.push(`of a budget of ${text(privacy.target_epsilon)}`);
  else if (limit) words.push(`of ${text(limit)} expected after all rounds`);
  const said = Object.assign(document.createElement("span"), { textContent: words.join(" ") });
  if (!limit) { place.replaceChildren(said); return; }
  const meter = document.createElement("meter");
  Object.assign(meter, { min: 0, max: limit, value: Math.min(spent, limit) });
  meter.setAttribute("aria-label", "Privacy spent");
  place.replaceChildren(meter, said);
}
