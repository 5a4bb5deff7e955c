// The stages of a run and how far each is; every metrics event ends some steps of its own stage.

export class Stages {
  /** @param reached number of the last step that the page was drawn with */
  constructor(reached) { this.reached = reached; }

  /** Take over the body of a metrics event; the steps of its stage that are done, null if there is no such stage. */
  advance({ stage, round }) {
    const item = document.querySelector(`[data-stage="${CSS.escape(stage ?? "")}"]`);
    const steps = Math.max(0, round - this.reached);
    this.reached = Math.max(this.reached, round);
    if (!item) return null;
    const bar = item.querySelector("progress"), all = Number(item.dataset.steps);
    bar.value = Math.min(all, bar.value + steps);
    item.className = `stage ${bar.value >= all ? "done" : "running"}`;
    item.querySelector("[data-said]").textContent = bar.value >= all ? "done" : `step ${bar.value} of ${all}`;
    return bar.value;
  }
}
