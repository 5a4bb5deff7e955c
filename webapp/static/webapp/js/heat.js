// Clients by rounds as colored cells on a canvas, read by pointer or arrow keys; a table says how each client did.
import { faded, token } from "edgeloom/colors.js";
import { text } from "edgeloom/quantities.js";
import { table } from "edgeloom/tables.js";

const UNITS = { time_s: "s", accuracy: "%", bytes_up: "B" };
const NAMES = { loss: "loss", time_s: "ready after", accuracy: "accuracy on its own samples", norm: "norm of the update", staleness: "late by updates", bytes_up: "sent", epochs: "epochs" };
const PART = "part"; // who took part: known of clients whose update never came, too
const NOTES = { values: "A column a round, a row a device; dark is high, empty did not take part.", part: "A column a round, a row a device; blue took part, orange was dropped, empty was not called." };
const FEWEST_COLUMNS = 12;
const MOST_TABLE_ROWS = 500;

/** Clients and their values in a round; accuracy was measured on more clients than took part. */
function column(body, metric) {
  const { ids, [metric]: values = [] } = body.measured?.[metric] ? body.measured : body;
  return { ids, values };
}

export class Heat {
  /** @param parts elements: canvas, readout, note, fold, twin, choice; nameOf: what people call a device */
  constructor(parts, nameOf) {
    Object.assign(this, parts, { nameOf, metric: "loss", at: [0, 0] });
    this.canvas.addEventListener("pointermove", (event) => this.#point(event));
    this.canvas.addEventListener("keydown", (event) => this.#key(event));
    this.choice.addEventListener("click", (event) => this.#choose(event));
    this.fold.addEventListener("toggle", () => this.#fillTwin());
    document.addEventListener("edgeloom:theme", () => this.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  /** @param store the run's store: clients and cohorts by round, and all devices that were ever called */
  set({ clients, cohorts, devices }) {
    Object.assign(this, { clients, cohorts });
    this.rounds = [...new Set([...clients.keys(), ...cohorts.keys()])].sort((a, b) => a - b);
    this.devices = [...devices].sort((a, b) => a - b);
    this.rowOf = new Map(this.devices.map((id, row) => [id, row]));
    for (const button of this.choice.children) {
      const name = button.dataset.value;
      if (name !== PART && [...clients.values()].some((body) => body[name]?.length)) button.hidden = false;
    }
    this.draw();
    this.#fillTwin();
  }

  draw() {
    if (!this.rounds?.length) return;
    const scale = devicePixelRatio || 1;
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    const [w, h] = [width / Math.max(FEWEST_COLUMNS, this.rounds.length), height / Math.max(1, this.devices.length)];
    const fill = (column, id, color) => {
      pen.fillStyle = color;
      pen.fillRect(column * w, this.rowOf.get(id) * h, Math.max(1, w - (w > 4 ? 1 : 0)), Math.max(1, h - (h > 4 ? 1 : 0)));
    };
    if (this.metric === PART) this.#drawPart(fill);
    else this.#drawValues(fill);
    this.cell = [w, h];
  }

  #drawPart(fill) {
    const took = token("--s1"), dropped = token("--s2");
    this.rounds.forEach((round, at) => {
      const cohort = this.cohorts.get(round);
      for (const id of cohort?.clients ?? this.clients.get(round).ids) fill(at, id, took);
      for (const { id } of cohort?.dropped ?? []) fill(at, id, dropped);
    });
  }

  #drawValues(fill) {
    let low = Infinity, high = -Infinity;
    for (const body of this.clients.values()) for (const value of column(body, this.metric).values) {
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    const color = token("--s1");
    this.rounds.forEach((round, at) => {
      if (!this.clients.has(round)) return;
      const { ids, values } = column(this.clients.get(round), this.metric);
      ids.forEach((id, place) => {
        const value = values[place];
        if (Number.isFinite(value)) fill(at, id, faded(color, 0.18 + 0.82 * (high > low ? (value - low) / (high - low) : 1)));
      });
    });
  }

  #choose(event) {
    const button = event.target.closest("[data-value]");
    if (!button) return;
    this.metric = button.dataset.value;
    for (const other of this.choice.children) other.setAttribute("aria-pressed", String(other === button));
    this.note.textContent = this.metric === PART ? NOTES.part : NOTES.values;
    this.canvas.setAttribute("aria-label", `${button.textContent} of each client by round; arrow keys read the cells`);
    this.draw();
  }

  #point(event) {
    if (!this.cell) return;
    this.at = [Math.floor(event.offsetX / this.cell[0]), Math.floor(event.offsetY / this.cell[1])];
    this.#read();
  }

  #key(event) {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (!step || !this.cell) return;
    event.preventDefault();
    const limits = [this.rounds.length - 1, this.devices.length - 1];
    this.at = this.at.map((value, axis) => Math.max(0, Math.min(limits[axis], value + step[axis])));
    this.#read();
  }

  #read() {
    const round = this.rounds[this.at[0]], id = this.devices[this.at[1]];
    if (round === undefined || id === undefined) return;
    this.readout.textContent = `Round ${round}, ${this.nameOf(id)}: ${this.#said(round, id)}`;
  }

  #said(round, id) {
    const lost = this.cohorts.get(round)?.dropped.find((one) => one.id === id);
    if (lost) return `dropped, ${lost.reason}`;
    const body = this.clients.get(round), place = body?.ids.indexOf(id) ?? -1;
    if (this.metric === "accuracy" && body) {
      const { ids, values } = column(body, "accuracy");
      const value = values[ids.indexOf(id)];
      return Number.isFinite(value) ? `${NAMES.accuracy} ${text(value, "%")}` : "not measured";
    }
    if (place < 0) return this.cohorts.get(round)?.clients.includes(id) ? "at work" : "did not take part";
    const samples = `${body.num_samples?.[place] ?? ""} samples`;
    if (this.metric === PART) return `took part, ${samples}`;
    return `${NAMES[this.metric]} ${text(body[this.metric]?.[place], UNITS[this.metric])}, ${samples}`;
  }

  /** How often each client took part, and its mean loss: what the map shows, as numbers. */
  #fillTwin() {
    if (!this.fold.open || !this.rounds) return;
    const rows = this.devices.slice(0, MOST_TABLE_ROWS).map((id) => {
      const own = [...this.clients.values()].map((body) => [body, body.ids.indexOf(id)]).filter(([, place]) => place >= 0);
      const lost = [...this.cohorts.values()].filter(({ dropped }) => dropped.some((one) => one.id === id)).length;
      const last = (name) => own.map(([body, place]) => body[name]?.[place]).filter(Number.isFinite).at(-1);
      const measured = [...this.clients.values()].map((body) => column(body, "accuracy")).map(({ ids, values }) => values[ids.indexOf(id)]).filter(Number.isFinite).at(-1);
      return [this.nameOf(id), text(own.length), text(lost), text(last("loss")), text(last("time_s"), "s"), text(measured, "%")];
    });
    const more = this.devices.length > MOST_TABLE_ROWS ? `, the first ${MOST_TABLE_ROWS} of ${this.devices.length}` : "";
    this.twin.replaceChildren(table(["Client", "Rounds", "Dropped", "Last loss", "Last time", "Last accuracy"], rows, `Clients in the last ${this.rounds.length} rounds${more}`));
  }
}
