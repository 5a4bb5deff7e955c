// The board on which a network is drawn: by pointer, touch or keys. What it shows and changes is the table below it.

import { mark, point, SHARE, wire } from "edgeloom/marks.js";
import { Sheet } from "edgeloom/sheet.js";

const STEP = 2;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const WORDS = { name: "Name", group: "Group", number: "Number in its group, empty for all the rest", link: "Link", down_link: "Link away from the server, where it differs" };
const LISTS = { group: "groups", link: "links", down_link: "links" };

class Board {
  constructor(root, sheet) {
    this.root = root;
    this.sheet = sheet;
    this.svg = root.querySelector("svg");
    this.said = root.querySelector("[data-said]");
    this.inspector = root.querySelector("[data-inspector]");
    this.chosen = null; // row of a node or connection
    this.from = null; // row of the node from which a connection begins
    this.connecting = false;
    sheet.addEventListener("changed", () => this.draw());
    sheet.addEventListener("kept", () => this.#tools());
    root.addEventListener("click", (event) => this.#click(event));
    this.svg.addEventListener("pointerdown", (event) => this.#grab(event));
    this.svg.addEventListener("keydown", (event) => this.#key(event));
    this.svg.addEventListener("focusin", (event) => { this.current = this.#rowOf(event.target) ?? this.current; });
    this.draw();
    this.#say();
  }

  draw() {
    const { sheet } = this;
    const focused = this.svg.contains(document.activeElement);
    this.rows = [...sheet.nodes, ...sheet.edges].filter((row) => row.dataset.row === "node" || (sheet.named(sheet.get(row, "start")) && sheet.named(sheet.get(row, "end"))));
    for (const name of ["chosen", "from", "current"]) if (!this.rows.includes(this[name])) this[name] = null;
    this.current ??= this.chosen ?? this.rows[0];
    this.drawn = new Map(this.rows.map((row) => [row, row.dataset.row === "node" ? mark(sheet, row, this.root.dataset) : wire(sheet, row)]));
    this.svg.querySelector(".wires").replaceChildren(...sheet.edges.map((row) => this.drawn.get(row)).filter(Boolean));
    this.svg.querySelector(".marks").replaceChildren(...sheet.nodes.map((row) => this.drawn.get(row)));
    for (const [row, element] of this.drawn) {
      element.setAttribute("tabindex", row === this.current ? "0" : "-1");
      element.setAttribute("aria-pressed", String(row === this.chosen));
      element.classList.toggle("from", row === this.from);
    }
    if (focused) this.drawn.get(this.current)?.focus();
    this.#inspect();
    this.#tools();
  }

  choose(row) {
    this.chosen = row;
    if (row) this.current = row;
    this.draw();
  }

  #rowOf(element) { return this.rows.find((row) => this.drawn.get(row).contains(element)); }

  #tools() {
    const find = (name) => this.root.querySelector(`[data-${name}]`);
    find("undo").disabled = !this.sheet.past.length;
    find("delete").disabled = !this.chosen;
    find("connect").setAttribute("aria-pressed", String(this.connecting));
    this.root.querySelector('[data-add="server"]').disabled = this.sheet.nodes.some((row) => this.sheet.get(row, "role") === "server");
  }

  #say(text) { this.said.textContent = text ?? `${this.sheet.nodes.length} nodes, ${this.sheet.edges.length} connections`; }

  /** The fields of what is chosen, beside the board; they write into its row. */
  #inspect() {
    const row = this.chosen;
    if (this.inspected === row && (!row || this.inspector.contains(document.activeElement))) return;
    this.inspected = row;
    const devices = row?.dataset.row === "node" && this.sheet.get(row, "role") === "devices";
    const names = !row ? [] : row.dataset.row === "edge" ? ["link", "down_link"] : devices ? ["name", "group", "number"] : ["name"];
    this.inspector.replaceChildren(...names.map((name) => this.#mirror(row, name)));
  }

  #mirror(row, name) {
    const label = document.createElement("label"), input = document.createElement("input"), source = this.sheet.field(row, name);
    label.className = "mirror";
    label.append(WORDS[name], input);
    input.type = "text";
    input.value = source.value;
    input.autocomplete = "off";
    input.placeholder = source.placeholder;
    if (LISTS[name]) input.setAttribute("list", LISTS[name]);
    for (const kind of ["input", "change"]) {
      input.addEventListener(kind, () => { source.value = input.value; source.dispatchEvent(new Event(kind, { bubbles: true })); });
    }
    return label;
  }

  #click(event) {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.add) this.#add(button.dataset.add);
    if ("connect" in button.dataset) this.#connecting(!this.connecting);
    if ("delete" in button.dataset) this.#delete(this.chosen);
    if ("undo" in button.dataset) { this.sheet.undo(); this.#say("Taken back"); }
  }

  #add(role) {
    const { sheet } = this;
    const near = this.chosen?.dataset.row === "node" ? point(sheet, this.chosen) : [50, 50];
    const groups = sheet.form.querySelector("#groups").options;
    const name = role === "server" ? "server" : sheet.fresh(role);
    const values = { name, role, x: String(Math.min(96, near[0] + 8)), y: String(Math.min(96, near[1] + 10)) };
    if (role === "devices") Object.assign(values, { group: groups[0]?.value ?? "boards" });
    this.choose(sheet.add("node", values));
    this.#say(`Added ${name}`);
  }

  #connecting(on) {
    this.connecting = on;
    this.from = on && this.chosen?.dataset.row === "node" ? this.chosen : null;
    this.draw();
    this.#say(!on ? undefined : this.from ? `Choose what ${this.sheet.get(this.from, "name")} is connected to` : "Choose two nodes");
  }

  /** Press a node or connection: choose it, or take it as an end. */
  #press(row) {
    if (!this.connecting || row.dataset.row !== "node") { this.choose(row); return; }
    if (!this.from || this.from === row) { this.from = row; this.#say(`Choose what ${this.sheet.get(row, "name")} is connected to`); this.choose(row); return; }
    const [one, other] = [this.from, row].map((end) => this.sheet.get(end, "name"));
    const known = this.sheet.edgesOf(one).find((edge) => this.sheet.edgesOf(other).includes(edge));
    [this.from, this.connecting] = [null, false];
    this.choose(known ?? this.sheet.add("edge", { start: one, end: other }));
    this.#say(known ? `${one} and ${other} are connected already` : `Connected ${one} and ${other}`);
  }

  #delete(row) {
    if (!row) return;
    const about = row.dataset.row === "node" ? this.sheet.get(row, "name") : "the connection";
    const next = row.dataset.row === "edge" ? this.sheet.named(this.sheet.get(row, "start")) : this.sheet.nodes.find((other) => other !== row);
    [this.chosen, this.current] = [null, next];
    this.sheet.remove(row);
    this.#say(`Removed ${about}`);
  }

  #move(row, x, y) {
    this.sheet.set(row, { x: String(Math.round(Math.min(100, Math.max(0, x)) * 10) / 10), y: String(Math.round(Math.min(100, Math.max(0, y)) * 10) / 10) });
  }

  #grab(event) {
    const row = this.#rowOf(event.target);
    if (!row) { if (event.target === this.svg) this.choose(null); return; }
    event.preventDefault();
    this.#press(row);
    this.drawn.get(row)?.focus();
    if (row.dataset.row !== "node") return;
    const matrix = this.svg.getScreenCTM().inverse();
    const at = (one) => { const place = new DOMPoint(one.clientX, one.clientY).matrixTransform(matrix); return [place.x * SHARE[0] - 100 * SHARE[2], place.y * SHARE[1] - 100 * SHARE[3]]; };
    const start = at(event), origin = point(this.sheet, row);
    const move = (one) => {
      const now = at(one);
      this.#move(row, origin[0] + now[0] - start[0], origin[1] + now[1] - start[1]);
      this.draw();
    };
    const stop = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", stop);
      removeEventListener("pointercancel", stop);
      this.sheet.done();
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", stop);
    addEventListener("pointercancel", stop);
  }

  #key(event) {
    const row = this.current, arrow = ARROWS[event.key];
    const actions = {
      Enter: () => this.#press(row),
      " ": () => this.#press(row),
      l: () => { this.chosen = row; this.#connecting(true); },
      Escape: () => { this.#connecting(false); this.choose(null); },
      Delete: () => this.#delete(row),
      Backspace: () => this.#delete(row),
      PageDown: () => this.#around(1),
      PageUp: () => this.#around(-1),
    };
    if (arrow && event.shiftKey && row?.dataset.row === "node") {
      const [x, y] = point(this.sheet, row);
      this.#move(row, x + STEP * arrow[0], y + STEP * arrow[1]);
      this.sheet.done();
      this.#say(`${this.sheet.get(row, "name")} at ${this.sheet.get(row, "x")} %, ${this.sheet.get(row, "y")} %`);
    } else if (arrow) this.#go(arrow);
    else if (event.key === "z" && (event.ctrlKey || event.metaKey)) { this.sheet.undo(); this.#say("Taken back"); }
    else if (row && actions[event.key] && !event.ctrlKey && !event.metaKey) actions[event.key]();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #focus(row) {
    this.current = row;
    this.draw();
    this.drawn.get(row)?.focus();
  }

  /** To the nearest node in a direction, what lies aside counting double. */
  #go([right, down]) {
    const { sheet } = this;
    const end = this.current?.dataset.row === "edge" ? sheet.named(sheet.get(this.current, "start")) : this.current;
    if (!end) return;
    const [x, y] = point(sheet, end);
    const ahead = sheet.nodes.filter((row) => row !== end).map((row) => {
      const [dx, dy] = point(sheet, row).map((value, axis) => value - [x, y][axis]);
      const along = dx * right + dy * down, aside = Math.abs(dx * down) + Math.abs(dy * right);
      return [along > 0.01 ? along + 2 * aside : Infinity, row];
    });
    const [far, next] = ahead.reduce((best, one) => (one[0] < best[0] ? one : best), [Infinity, end]);
    this.#focus(far < Infinity ? next : end);
  }

  /** Through the connections of the node that has the focus, and those beyond its last one from its first again. */
  #around(step) {
    const { sheet } = this;
    const home = this.current.dataset.row === "node" ? this.current : this.home ?? sheet.named(sheet.get(this.current, "start"));
    const mine = sheet.edgesOf(sheet.get(home, "name"));
    if (!mine.length) return;
    this.home = home;
    const place = mine.indexOf(this.current);
    this.#focus(mine[(place < 0 ? (step > 0 ? 0 : mine.length - 1) : place + step + mine.length) % mine.length]);
  }
}

const root = document.getElementById("board");
if (root) new Board(root, new Sheet(document.getElementById("drawing")));
