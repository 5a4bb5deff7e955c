// The network alive: who takes part this round, who dropped out, who was slowest, how many bytes each link carried.

const SVG = "http://www.w3.org/2000/svg";

export class NetworkView {
  constructor(svg) {
    this.svg = svg;
    this.nodes = new Map([...svg.querySelectorAll("[data-node]")].map((node) => [Number(node.dataset.node), node]));
    this.edges = new Map([...svg.querySelectorAll("[data-lower]")].map((edge) => [Number(edge.dataset.lower), edge]));
    this.ring = document.createElementNS(SVG, "circle");
    this.ring.setAttribute("class", "ring");
    this.ring.setAttribute("r", "11");
    this.ring.setAttribute("visibility", "hidden");
    svg.append(this.ring);
  }

  /**
   * @param round {active: [ids], dropped: [ids], slowest: id or null}
   * @param moved whether bytes moved just now, so that links may pulse
   */
  show({ active, dropped, slowest }, moved) {
    for (const element of [...this.nodes.values(), ...this.edges.values()]) element.classList.remove("active", "dropped", "pulse");
    const carried = new Map();
    for (const id of active) {
      this.nodes.get(id)?.classList.add("active");
      this.#carry(id, carried);
    }
    for (const id of dropped) this.nodes.get(id)?.classList.add("dropped");
    const most = Math.max(1, ...carried.values());
    for (const [lower, edge] of this.edges) {
      const count = carried.get(lower) ?? 0;
      edge.style.strokeWidth = count ? `${(1.6 + 2.4 * Math.sqrt(count / most)).toFixed(2)}px` : "";
      if (!count) continue;
      edge.classList.add("active");
      if (moved) edge.classList.add("pulse");
    }
    const slow = slowest === null ? undefined : this.nodes.get(slowest);
    this.ring.setAttribute("visibility", slow ? "visible" : "hidden");
    if (slow) this.ring.setAttribute("transform", slow.getAttribute("transform"));
  }

  /** Count a message of a device on every link up to the server. */
  #carry(id, carried) {
    for (let node = id, hops = 0; this.edges.has(node) && hops < 16; hops += 1) {
      carried.set(node, (carried.get(node) ?? 0) + 1);
      node = Number(this.edges.get(node).dataset.upper);
    }
  }
}
