// Where time and energy go, by group and phase: bars whose parts are told by color, order and a legend.
import { digits, text } from "edgeloom/quantities.js";
import { cells } from "edgeloom/tables.js";

const SVG = "http://www.w3.org/2000/svg";
export const COLORS = { download: "fill-1", compute: "fill-3", upload: "fill-2", queue: "fill-6", connect: "fill-5", relay: "fill-relay", tail: "fill-4", idle: "fill-idle" };
export const WORDS = { queue: "in line", relay: "passing on", idle: "wait" };
export const ORDER = Object.keys(COLORS);

/** Sum the rows of several rounds: {groups: Map(group -> {phase -> {time_s, energy_j}}), links: Map, rounds}. */
export function sum(ledgers) {
  const groups = new Map(), links = new Map();
  for (const rows of ledgers.values()) {
    for (const row of rows) {
      const isLink = row.owner.startsWith("link:");
      const home = isLink ? links : groups;
      const key = isLink ? `${row.owner.slice(5)} ${row.phase}` : row.group;
      const phase = isLink ? "all" : row.phase;
      if (!home.has(key)) home.set(key, {});
      const into = (home.get(key)[phase] ??= { time_s: 0, energy_j: 0, bytes: 0 });
      into.time_s += row.time_s;
      into.energy_j += row.energy_j;
      into.bytes += row.bytes_up + row.bytes_down;
    }
  }
  return { groups, links, rounds: ledgers.size };
}

/** The larger of the shares of busy time and of energy that rest on recalled figures; null before the first round. */
export function recalled(ledgers) {
  const sums = { time_s: 0, energy_j: 0, recalled_time_s: 0, recalled_energy_j: 0 };
  for (const rows of ledgers.values()) {
    for (const row of rows.filter((row) => !row.owner.startsWith("link:"))) {
      const names = row.phase === "idle" ? ["energy_j", "recalled_energy_j"] : Object.keys(sums);
      for (const name of names) sums[name] += row[name] ?? 0;
    }
  }
  if (!sums.time_s && !sums.energy_j) return null;
  return Math.min(1, Math.max(sums.recalled_time_s / (sums.time_s || 1), sums.recalled_energy_j / (sums.energy_j || 1)));
}

export function render(ledgers, parts) {
  if (!ledgers.size) return;
  const { groups, links, rounds } = sum(ledgers);
  const body = document.createElement("tbody");
  const used = new Set();
  for (const [group, phases] of groups) {
    Object.keys(phases).forEach((phase) => used.add(phase));
    const total = (name) => Object.entries(phases).reduce((all, [, entry]) => all + entry[name], 0) / rounds;
    const row = cells(body.insertRow(), "td", [named(group, parts.groups), bar(phases, "time_s"), digits(total("time_s")), bar(phases, "energy_j"), digits(total("energy_j"))], false);
    row.cells[2].className = row.cells[4].className = "n";
  }
  parts.table.tBodies[0].replaceWith(body);
  parts.note.textContent = `Mean of ${rounds} round${rounds > 1 ? "s" : ""}, summed over the devices of each group.`;
  parts.legend.replaceChildren(...ORDER.filter((phase) => used.has(phase)).map((phase) => {
    const item = document.createElement("span");
    item.append(chip(phase), WORDS[phase] ?? phase);
    return item;
  }));
  const linkBody = document.createElement("tbody");
  for (const [key, { all }] of links) {
    const place = key.lastIndexOf(" ");
    const row = cells(linkBody.insertRow(), "td", [key.slice(0, place), key.slice(place + 1), text(all.bytes / rounds, "B"), text(all.time_s / rounds, "s")], false);
    row.cells[2].className = row.cells[3].className = "n";
  }
  parts.links.tBodies[0].replaceWith(linkBody);
}

function named(group, groups) {
  const cell = document.createElement("div");
  const about = document.createElement("div");
  about.className = "note";
  about.textContent = groups.find(({ name }) => name === group)?.about ?? "";
  cell.append(group, about);
  return cell;
}

function bar(phases, name) {
  const total = Object.values(phases).reduce((all, entry) => all + entry[name], 0) || 1;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "bar");
  svg.setAttribute("viewBox", "0 0 100 14");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  const said = [];
  let x = 0;
  for (const phase of ORDER.filter((phase) => phases[phase])) {
    const share = (100 * phases[phase][name]) / total;
    const rect = document.createElementNS(SVG, "rect");
    for (const [key, value] of Object.entries({ x, y: 0, width: share, height: 14, class: COLORS[phase] })) rect.setAttribute(key, value);
    svg.append(rect);
    said.push(`${WORDS[phase] ?? phase} ${Math.round(share)} %`);
    x += share;
  }
  svg.setAttribute("aria-label", said.join(", "));
  return svg;
}

export function chip(phase) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 22 10");
  svg.setAttribute("aria-hidden", "true");
  const rect = document.createElementNS(SVG, "rect");
  for (const [key, value] of Object.entries({ x: 6, y: 0, width: 10, height: 10, rx: 2, class: COLORS[phase] })) rect.setAttribute(key, value);
  svg.append(rect);
  return svg;
}
