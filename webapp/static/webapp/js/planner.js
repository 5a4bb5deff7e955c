// The panel of plans in the designer: draws the plan that is chosen, and is asked for anew when the form has changed.
import { PlanView } from "edgeloom/planview.js";

function draw() {
  const root = document.getElementById("planner-draw");
  if (!root) return;
  const [places, data] = ["planner-places", "planner-data"].map((id) => JSON.parse(document.getElementById(id).textContent));
  const view = new PlanView(root, places);
  const buttons = [...root.querySelectorAll("[data-plan]")];
  const show = (name) => {
    view.show(data.plans.find((plan) => plan.name === name));
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.plan === name));
  };
  for (const button of buttons) button.addEventListener("click", () => show(button.dataset.plan));
  show(data.first);
}

document.addEventListener("htmx:afterSwap", (event) => {
  const found = document.getElementById("winners-found"), old = document.getElementById("winners-old");
  if (event.target === found) old.hidden = true;
  if (event.target.id !== "planner") return;
  draw();
  document.getElementById("planner-winners").hidden = !document.getElementById("planner-draw");
  old.hidden = !found.firstElementChild;
});

// A change of structure replaces the form without a change in any field.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "spec-form") document.getElementById("planner")?.dispatchEvent(new Event("plan-again"));
});
