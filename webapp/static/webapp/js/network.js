// The network of one round: who took part, who was left out, who was slowest, how many bytes each connection carried.

const SVG = "http://www.w3.org/2000/svg";
const BUSY = 0.5; // on air for more than this share of the round is worth a color

export class NetworkView {
  constructor(svg) {
    const by = (name) => new Map([...svg.querySelectorAll(`[data-${name}]`)].map((element) => [element.dataset[name], element]));
    this.nodes = by("node");
    this.taking = by("taking");
    this.said = by("said");
    this.edges = new Map();
    for (const edge of svg.querySelectorAll("[data-lower]")) {
      const { lower, upper } = edge.dataset;
      this.edges.set(`${lower} ${upper}`, edge);
      this.edges.set(`${upper} ${lower}`, edge);
    }
    this.ring = document.createElementNS(SVG, "circle");
    for (const [key, value] of Object.entries({ class: "ring", r: 11, visibility: "hidden" })) this.ring.setAttribute(key, value);
    svg.append(this.ring);
  }

  /**
   * @param round as REST gives it
   * @param moved whether bytes moved just now, so that links may pulse
   */
  show(round, moved) {
    for (const element of [...this.nodes.values(), ...this.edges.values()]) element.classList.remove("active", "dropped", "pulse", "busy");
    for (const node of round.nodes) {
      if (round.gathered) this.#fill(node);
      else this.nodes.get(node.node)?.classList.add(node.state === "took part" ? "active" : "dropped");
    }
    const most = Math.max(1, ...round.edges.map((edge) => edge.up_bytes + edge.down_bytes));
    for (const edge of this.edges.values()) edge.style.strokeWidth = "";
    for (const { lower, upper, up_bytes, down_bytes, busy } of round.edges) {
      const edge = this.edges.get(`${lower} ${upper}`), bytes = up_bytes + down_bytes;
      if (!edge || !bytes) continue;
      edge.style.strokeWidth = `${(1.4 + 3.6 * Math.sqrt(bytes / most)).toFixed(2)}px`;
      edge.classList.add("active");
      edge.classList.toggle("busy", busy > BUSY);
      if (moved) edge.classList.add("pulse");
    }
    const slow = round.slowest === null || round.gathered ? undefined : this.nodes.get(String(round.slowest));
    this.ring.setAttribute("visibility", slow ? "visible" : "hidden");
    if (slow) this.ring.setAttribute("transform", slow.getAttribute("transform"));
  }

  /** The filled share of a circle is the share of its devices that took part. */
  #fill({ node, count, took_part, dropped, away }) {
    const outer = this.nodes.get(node);
    if (!outer) return;
    this.taking.get(node).setAttribute("r", (Number(outer.getAttribute("r")) * Math.sqrt(took_part / count)).toFixed(2));
    outer.classList.toggle("dropped", dropped + away === count);
    this.said.get(node).textContent = `${took_part.toLocaleString("en").replaceAll(",", "\u202f")} of ${count.toLocaleString("en").replaceAll(",", "\u202f")}`;
  }
}
