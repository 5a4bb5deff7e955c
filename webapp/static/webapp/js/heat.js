// Clients by rounds as colored cells on a canvas, read by pointer or arrow keys.
import { faded, token } from "edgeloom/colors.js";
import { text } from "edgeloom/quantities.js";

const UNITS = { loss: "", time_s: "s" };
const NAMES = { loss: "loss", time_s: "ready after" };

export class Heat {
  constructor(canvas, readout, nameOf) {
    this.canvas = canvas;
    this.readout = readout;
    this.nameOf = nameOf;
    this.metric = "loss";
    this.at = [0, 0];
    canvas.addEventListener("pointermove", (event) => this.#point(event));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("edgeloom:theme", () => this.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** @param clients Map of round to {ids, loss, time_s}; devices: all that ever took part */
  set(clients, devices) {
    this.clients = clients;
    this.rounds = [...clients.keys()].sort((a, b) => a - b);
    this.devices = [...devices].sort((a, b) => a - b);
    this.rowOf = new Map(this.devices.map((id, row) => [id, row]));
    this.draw();
  }

  draw() {
    if (!this.rounds?.length) return;
    const scale = devicePixelRatio || 1;
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    const columns = Math.max(12, this.rounds.length), rows = Math.max(1, this.devices.length);
    const [w, h] = [width / columns, height / rows];
    const values = this.rounds.flatMap((round) => this.clients.get(round)[this.metric] ?? []).filter(Number.isFinite);
    const low = Math.min(...values), high = Math.max(...values);
    const color = token("--s1");
    this.rounds.forEach((round, column) => {
      const body = this.clients.get(round);
      body.ids.forEach((id, place) => {
        const value = body[this.metric]?.[place];
        if (!Number.isFinite(value)) return;
        pen.fillStyle = faded(color, 0.18 + 0.82 * (high > low ? (value - low) / (high - low) : 1));
        pen.fillRect(column * w, this.rowOf.get(id) * h, Math.max(1, w - (w > 4 ? 1 : 0)), Math.max(1, h - (h > 4 ? 1 : 0)));
      });
    });
    this.cell = [w, h];
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
    const body = this.clients.get(round), place = body.ids.indexOf(id);
    const said = place < 0 ? "did not take part" : `${NAMES[this.metric]} ${text(body[this.metric]?.[place], UNITS[this.metric])}, ${body.num_samples?.[place] ?? ""} samples`;
    this.readout.textContent = `Round ${round}, ${this.nameOf(id)}: ${said}`;
  }
}
