// What can stand on the axes of a chart, and the choice of it, which lives in the address.

export const X = {
  rounds: { title: "Round", unit: "", metric: null },
  time: { title: "Simulated time", unit: "s", metric: "time_s" },
  bytes: { title: "Bytes sent", unit: "B", metric: "bytes" },
  joules: { title: "Energy", unit: "J", metric: "energy_j" },
  steps: { title: "Step", unit: "", metric: null },
};
export const Y = {
  accuracy: { title: "Accuracy", unit: "%" },
  loss: { title: "Loss", unit: "" },
  train_loss: { title: "Training loss", unit: "" },
  divergence: { title: "Divergence", unit: "" },
  student_accuracy: { title: "Accuracy of the student", unit: "%" },
  teacher_accuracy: { title: "Accuracy of the teacher", unit: "%" },
  teacher_confidence: { title: "Confidence of the teacher", unit: "%" },
  verifier_accuracy: { title: "Images in which another network sees their class", unit: "%" },
  distillation_loss: { title: "Loss of the student", unit: "" },
  students_loss: { title: "Loss of students", unit: "" },
  teacher_loss: { title: "Loss of the network", unit: "" },
  latency_p99_s: { title: "99th percentile of latency", unit: "s" },
  worst_accuracy: { title: "Least accuracy after losses", unit: "%" },
  round_time_s: { title: "Time of a round", unit: "s" },
  round_time_p50_s: { title: "Median time of a round", unit: "s" },
  round_time_p95_s: { title: "95th percentile of a round's time", unit: "s" },
};

/** The place of a round on an axis; null if it is not known there. */
export function placeOn(axis, round, values) {
  const metric = X[axis].metric;
  if (metric === null) return round;
  if (metric === "bytes") return values.bytes_up === undefined ? null : values.bytes_up + values.bytes_down;
  return values[metric] ?? null;
}

/** What the page was drawn with. */
function marked(name, otherwise) {
  return document.querySelector(`#choose-${name} [aria-current]`)?.dataset.value ?? otherwise;
}

/** The chosen axes; links of the two groups change them without leaving the page. */
export class AxisChoice {
  constructor(changed) {
    const asked = new URLSearchParams(location.search);
    this.x = asked.get("x") in X ? asked.get("x") : marked("x", "rounds");
    this.y = asked.get("y") in Y ? asked.get("y") : marked("y", "accuracy");
    for (const name of ["x", "y"]) {
      document.getElementById(`choose-${name}`).addEventListener("click", (event) => {
        const link = event.target.closest("[data-value]");
        if (!link || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        this.#choose(name, link);
        changed();
      });
    }
  }

  /**
   * Unless the address asks for a metric: the first of those on offer that has points, where the marked one has none.
   * @param isKnown whether there are points of a metric
   */
  preferKnown(isKnown) {
    if (new URLSearchParams(location.search).has("y") || isKnown(this.y)) return;
    const link = [...document.querySelectorAll("#choose-y [data-value]")].find(({ dataset }) => isKnown(dataset.value));
    if (link) this.#mark("y", link);
  }

  #choose(name, link) {
    this.#mark(name, link);
    const query = new URLSearchParams(location.search);
    query.set(name, this[name]);
    history.replaceState(null, "", `?${query}`);
  }

  #mark(name, link) {
    this[name] = link.dataset.value;
    for (const other of link.parentElement.children) {
      if (other === link) other.setAttribute("aria-current", "true");
      else other.removeAttribute("aria-current");
    }
  }
}

/** The elements that a chart needs. */
export function chartParts() {
  const of = (id) => document.getElementById(id);
  return { frame: of("chart"), readout: of("readout"), legend: of("legend"), twin: of("twin"), fold: of("twin-fold") };
}
