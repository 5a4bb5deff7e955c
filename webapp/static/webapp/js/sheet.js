// The table of a drawn network: its rows are the drawing. Whoever changes a row tells all who listen.

const NODE = ["name", "role", "group", "number", "x", "y"];
const EDGE = ["start", "end", "link", "down_link"];

export class Sheet extends EventTarget {
  constructor(form) {
    super();
    this.form = form;
    this.nodeBody = form.querySelector("[data-nodes]");
    this.edgeBody = form.querySelector("[data-edges]");
    this.names = form.querySelector("#nodes");
    this.past = [];
    for (const row of this.nodeBody.rows) row.dataset.name = this.get(row, "name");
    this.before = this.#state();
    form.addEventListener("input", (event) => { if (event.target.closest("[data-row]")) this.#typed(event.target); });
    form.addEventListener("change", (event) => { if (event.target.closest("[data-row]")) this.#remember(); });
    form.addEventListener("click", (event) => this.#pressed(event));
  }

  get nodes() { return [...this.nodeBody.rows]; }
  get edges() { return [...this.edgeBody.rows]; }

  field(row, name) { return row.querySelector(`[name="${row.dataset.row}-${name}"]`); }
  get(row, name) { return this.field(row, name).value.trim(); }

  set(row, values) {
    for (const [name, value] of Object.entries(values)) this.field(row, name).value = value;
  }

  named(name) { return this.nodes.find((row) => this.get(row, "name") === name); }
  edgesOf(name) { return this.edges.filter((row) => this.get(row, "start") === name || this.get(row, "end") === name); }

  /** A name that no node has yet. */
  fresh(base) {
    let number = 1;
    while (this.named(`${base} ${number}`)) number += 1;
    return `${base} ${number}`;
  }

  add(sort, values) {
    const row = this.form.querySelector(`#${sort}-row`).content.firstElementChild.cloneNode(true);
    this.set(row, values);
    if (sort === "node") row.dataset.name = values.name ?? "";
    (sort === "node" ? this.nodeBody : this.edgeBody).append(row);
    this.done();
    return row;
  }

  remove(row) {
    if (row.dataset.row === "node" && this.get(row, "name")) for (const edge of this.edgesOf(this.get(row, "name"))) edge.remove();
    row.remove();
    this.done();
  }

  /** Something is changed for good: it can be taken back, and all is drawn anew. */
  done() {
    this.#remember();
    this.#changed();
  }

  undo() {
    const state = this.past.pop();
    if (!state) return;
    for (const body of [this.nodeBody, this.edgeBody]) body.replaceChildren();
    for (const [sort, rows] of Object.entries(JSON.parse(state))) {
      for (const values of rows) {
        const row = this.form.querySelector(`#${sort}-row`).content.firstElementChild.cloneNode(true);
        this.set(row, values);
        if (sort === "node") row.dataset.name = values.name;
        (sort === "node" ? this.nodeBody : this.edgeBody).append(row);
      }
    }
    this.before = state;
    this.#changed();
  }

  #state() {
    const said = (rows, names) => rows.map((row) => Object.fromEntries(names.map((name) => [name, this.get(row, name)])));
    return JSON.stringify({ node: said(this.nodes, NODE), edge: said(this.edges, EDGE) });
  }

  #remember() {
    const now = this.#state();
    if (now === this.before) return;
    this.past.push(this.before);
    this.past = this.past.slice(-100);
    this.before = now;
    this.dispatchEvent(new Event("kept"));
  }

  #typed(input) {
    const row = input.closest("[data-row]");
    if (input.name === "node-name") {
      // Connections follow their node when it is called otherwise.
      for (const edge of row.dataset.name ? this.edges : []) {
        for (const end of ["start", "end"]) if (this.get(edge, end) === row.dataset.name) this.set(edge, { [end]: input.value.trim() });
      }
      row.dataset.name = input.value.trim();
    }
    this.#changed();
  }

  #changed() {
    this.names.replaceChildren(...this.nodes.map((row) => new Option("", this.get(row, "name"))));
    for (const row of [...this.nodes, ...this.edges]) {
      const about = row.dataset.row === "node" ? `node ${this.get(row, "name")}` : `connection of ${this.get(row, "start")} and ${this.get(row, "end")}`;
      row.querySelector("button").setAttribute("aria-label", `Remove ${about}`);
    }
    this.dispatchEvent(new Event("changed"));
  }

  #pressed(event) {
    const button = event.target.closest("button[name=_edit]");
    if (!button) return;
    event.preventDefault();
    const row = button.closest("[data-row]");
    if (row) {
      const next = row.nextElementSibling ?? row.previousElementSibling;
      this.remove(row);
      (next?.querySelector("input") ?? this.form.querySelector(`[value="add-${row.dataset.row}"]`)).focus();
      return;
    }
    const sort = button.value === "add-node" ? "node" : "edge";
    this.add(sort, sort === "node" ? { name: this.fresh("node"), x: "50", y: "50" } : {}).querySelector("input").focus();
  }
}
