// A plan on its network: which piece on which device, bytes on connections, memory of devices; tables say the same.
// Plans are those of engine.inference.plans.plan.Plan.as_json; what one does not know (null) is a dash.
import { cells } from "edgeloom/tables.js";
import { text } from "edgeloom/quantities.js";

const SVG = "http://www.w3.org/2000/svg";
const BAR = 26; // height of a memory bar in the picture
const MOST_LABELS = 14; // connections with words; of more, width and the table of messages must do
const MOST_ROWS = 300;
const ROOM = [58, 34]; // around the outermost nodes, for their words
const LONG = 16; // letters of a piece's name below its device

function shape(name, attributes, words) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (words !== undefined) element.textContent = words;
  return element;
}

/** The names of pieces in a few words: "conv1", "3 pieces". */
function few(names) {
  return names.length > 2 ? `${names.length} pieces` : names.join(", ");
}

/** Cells with numbers and their units; what is not known is a dash. */
function figuresInto(row, figures) {
  for (const [value, unit] of figures) Object.assign(row.insertCell(), { className: "n", textContent: text(value ?? null, unit) });
}

/** Seconds from the start to the end of something; null if they are not told. */
function span({ start_s: start, end_s: end }) {
  return Number.isFinite(start) && Number.isFinite(end) ? end - start : null;
}

export class PlanView extends EventTarget {
  /**
   * Dispatches "press" with {detail: number} when a device is clicked or its box is ticked.
   * @param root element with inference/_plan_view.html and, if wanted, inference/_plan_tables.html
   * @param places {devices, ways} of webapp.inference.planview.view_of
   */
  constructor(root, places) {
    super();
    this.root = root;
    this.places = places;
    this.nodes = new Map([...root.querySelectorAll("[data-node]")].map((node) => [Number(node.dataset.node), node]));
    this.edges = new Map([...root.querySelectorAll("[data-lower]")].map((edge) => [`${edge.dataset.lower} ${edge.dataset.upper}`, edge]));
    this.flows = root.querySelector("[data-flows]");
    this.hasBoxes = root.querySelector(".plan-devices thead th").textContent === "Lost";
    this.#crop(root.querySelector(".plan-net"));
    root.querySelector(".plan-net").addEventListener("click", (event) => this.#press(event.target.closest("[data-node]")?.dataset.node));
    root.querySelector("[data-devices]").addEventListener("change", (event) => this.#press(event.target.value));
  }

  /** What people call a device. */
  title(device) { return this.places.devices[device]?.title ?? `device ${device}`; }

  /**
   * @param plan {source, sink, latency_s, stages, messages, devices}
   * @param options lost: numbers of devices that are gone; pressable: numbers that may be pressed
   */
  show(plan, { lost = [], pressable = [] } = {}) {
    this.pressable = new Set(pressable);
    const gone = new Set(lost);
    const pieces = new Map();
    for (const { device, piece } of plan.stages) pieces.set(device, [...(pieces.get(device) ?? []), piece]);
    const shares = new Map(plan.devices.map((share) => [share.device, share]));
    for (const device of gone) shares.set(device, shares.get(device) ?? { device });
    this.#draw(plan, { pieces, shares, gone });
    this.#carry(plan.messages);
    this.#devices(plan, { pieces, shares, gone });
    const stages = this.root.querySelector("[data-stages]"), messages = this.root.querySelector("[data-messages]");
    if (stages) stages.replaceChildren(...plan.stages.slice(0, MOST_ROWS).map((stage) => this.#stage(stage, plan.latency_s)));
    if (messages) messages.replaceChildren(...plan.messages.slice(0, MOST_ROWS).map((message) => this.#message(message, plan.latency_s)));
  }

  /** Show no more of the picture than there is in it. */
  #crop(svg) {
    const ends = [...this.edges.values()].flatMap((edge) => [1, 2].map((end) => ["x", "y"].map((axis) => Number(edge.getAttribute(axis + end)))));
    if (!ends.length) return;
    const [xs, ys] = [0, 1].map((axis) => ends.map((end) => end[axis]));
    const [left, right] = [Math.min(...xs) - ROOM[0], Math.max(...xs) + ROOM[0]], [top, bottom] = [Math.min(...ys) - ROOM[1], Math.max(...ys) + ROOM[1]];
    svg.setAttribute("viewBox", [left, top, right - left, bottom - top].map(Math.round).join(" "));
  }

  #press(device) {
    if (device === undefined || !this.pressable?.has(Number(device))) return;
    this.dispatchEvent(new CustomEvent("press", { detail: Number(device) }));
  }

  #draw(plan, { pieces, shares, gone }) {
    for (const [number, node] of this.nodes) {
      node.querySelectorAll("[data-mark]").forEach((mark) => mark.remove());
      node.classList.toggle("computes", pieces.has(number));
      node.classList.toggle("lost", gone.has(number));
      node.classList.toggle("pressable", this.pressable.has(number));
      if (!shares.has(number) && number !== plan.source && number !== plan.sink) continue;
      const marks = [];
      const { memory_bytes: used, memory_available: all } = shares.get(number) ?? {};
      if (all && used !== undefined && used !== null) {
        const share = Math.min(1, used / all), height = used ? Math.max(1.5, BAR * share) : 0;
        marks.push(shape("rect", { class: "memory", x: 12, y: -BAR / 2, width: 5, height: BAR }), shape("rect", { class: used > all ? "used over" : "used", x: 12, y: BAR / 2 - height, width: 5, height }));
      }
      if (gone.has(number)) marks.push(shape("path", { class: "cross", d: "M-9-9L9 9M9-9L-9 9" }));
      const names = few(pieces.get(number) ?? []), role = number === plan.source ? "asks" : number === plan.sink ? "wants the answer" : "";
      const words = gone.has(number) ? "lost" : [names.length > LONG ? `${names.slice(0, LONG - 1)}…` : names, role].filter(Boolean).join(" · ");
      marks.push(shape("text", { class: "node-label", y: 23 }, words));
      for (const mark of marks) { mark.dataset.mark = ""; node.append(mark); }
    }
  }

  /** Bytes on each connection that a message crosses. */
  #carry(messages) {
    const bytes = new Map();
    for (const { source, target, num_bytes: size, share = 1 } of messages) {
      for (const ends of this.places.ways[`${source} ${target}`] ?? []) bytes.set(ends.join(" "), (bytes.get(ends.join(" ")) ?? 0) + size * share);
    }
    const most = Math.max(1, ...bytes.values());
    const labels = [];
    for (const [ends, edge] of this.edges) {
      const sum = bytes.get(ends);
      edge.classList.toggle("active", Boolean(sum));
      edge.style.strokeWidth = sum ? `${(1.4 + 3.6 * Math.sqrt(sum / most)).toFixed(2)}px` : "";
      if (!sum) continue;
      const along = edge.dataset.lower < 0 ? 0.72 : 0.5; // words of a trunk stand away from its busy end
      const [x, y] = ["x", "y"].map((axis) => (1 - along) * edge.getAttribute(`${axis}1`) + along * edge.getAttribute(`${axis}2`));
      labels.push(shape("text", { class: "flow", x: x.toFixed(1), y: (y + 3).toFixed(1) }, text(sum, "B")));
    }
    this.flows.replaceChildren(...(labels.length > MOST_LABELS ? [] : labels));
  }

  #devices(plan, { pieces, shares, gone }) {
    const body = this.root.querySelector("[data-devices]"), focused = body.contains(document.activeElement) ? document.activeElement.value : null;
    const numbers = [...new Set([...shares.keys(), ...this.pressable])].sort((one, other) => one - other);
    body.replaceChildren(...numbers.map((number) => {
      const row = document.createElement("tr"), { busy_s: busy, energy_j: energy, waiting_j: waiting, memory_bytes: used, memory_available: all } = shares.get(number) ?? {};
      row.classList.toggle("lost", gone.has(number));
      if (this.hasBoxes) row.insertCell().append(...this.#box(number, gone));
      const head = document.createElement("th");
      head.scope = "row";
      head.append(this.#sign(number), this.title(number));
      row.append(head);
      row.insertCell().textContent = gone.has(number) ? "lost" : (pieces.get(number) ?? []).join(", ") || (number === plan.source ? "asks" : "–");
      row.insertCell().append(...this.#memory(used, all ?? this.places.devices[number]?.memory, gone.has(number)));
      figuresInto(row, [[busy, "s"], [Number.isFinite(energy) ? energy + (waiting ?? 0) : null, "J"]]);
      return row;
    }));
    if (focused !== null) body.querySelector(`input[value="${focused}"]`)?.focus();
  }

  #box(number, gone) {
    if (!this.pressable.has(number)) return [];
    const box = Object.assign(document.createElement("input"), { type: "checkbox", value: String(number), checked: gone.has(number) });
    box.setAttribute("aria-label", `${this.title(number)} is lost`);
    return [box];
  }

  #sign(number) {
    const svg = shape("svg", { class: "swatch", viewBox: "-9 -9 18 18", "aria-hidden": "true" }), { shape: path, color } = this.places.devices[number] ?? {};
    if (path) svg.append(shape("path", { class: `node g${color}`, d: path }));
    return svg;
  }

  #memory(used, all, isGone) {
    if (isGone || used === undefined || used === null || !all) return ["–"];
    const bar = shape("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    bar.append(shape("rect", { class: used > all ? "used over" : "used", width: Math.min(100, used ? Math.max(1, (100 * used) / all) : 0).toFixed(1), height: 10 }));
    return [bar, Object.assign(document.createElement("div"), { className: "note", textContent: `${text(used, "B")} of ${text(all, "B")}` })];
  }

  /** When within an inference something happens. */
  #span({ start_s: start, end_s: end }, latency, name) {
    const bar = shape("svg", { class: "plan-time", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    if (Number.isFinite(start) && Number.isFinite(end) && latency) bar.append(shape("rect", { class: name, x: Math.min(99, (100 * start) / latency).toFixed(2), width: Math.max(1, (100 * (end - start)) / latency).toFixed(2), height: 10 }));
    return bar;
  }

  #stage(stage, latency) {
    const row = document.createElement("tr"), head = document.createElement("th");
    head.scope = "row";
    head.textContent = stage.piece;
    row.append(head);
    row.insertCell().textContent = this.title(stage.device);
    figuresInto(row, [[stage.parameter_bytes, "B"], [stage.peak_bytes, "B"], [stage.macs, "MAC"], [stage.start_s, "s"], [span(stage), "s"], [stage.energy_j, "J"]]);
    row.insertCell().append(this.#span(stage, latency, "used"));
    return row;
  }

  #message(message, latency) {
    const row = document.createElement("tr");
    cells(row, "td", [message.content, this.title(message.source), this.title(message.target)], false);
    figuresInto(row, [[message.num_bytes, "B"], [message.start_s, "s"], [span(message), "s"]]);
    row.insertCell().append(this.#span(message, latency, "sent"));
    return row;
  }
}
