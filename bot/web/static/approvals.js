// The page of what waits for people: sends decisions, and keeps up with what others decide.

import { errorOf } from "/static/stream.js";

const LOOK_AGAIN = 3000;
const SETTLES = 700; // milliseconds in which a press may have been meant for what stood there before
const main = document.getElementById("main");
const said = document.getElementById("said");
let moved = -SETTLES;

function say(words, well) {
  said.textContent = words;
  said.dataset.well = well ? "yes" : "no";
}

function bodyOf(form) {
  const body = form.dataset.decision ? { decision: form.dataset.decision } : {};
  for (const field of form.querySelectorAll("[data-field]")) {
    const name = field.dataset.field;
    body[name] = name === "args" ? JSON.parse(field.value) : field.value;
  }
  const as = document.getElementById("as");
  return as ? { ...body, as: as.value } : body;
}

async function send(form) {
  const response = await fetch(form.closest("[data-decide]").dataset.decide, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(bodyOf(form)),
  });
  if (!response.ok) throw new Error(await errorOf(response));
  return response.json();
}

// Listens on the page, because what is on it is replaced.
main.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  if (button.disabled) return;
  if (performance.now() - moved < SETTLES) return say("The list has just changed; look again before you decide.", false);
  button.disabled = true;
  try {
    say((await send(event.target)).message, true);
    await refresh();
    main.focus();
  } catch (error) {
    say(error instanceof SyntaxError ? `The arguments are not JSON: ${error.message}` : error.message, false);
  } finally {
    button.disabled = false;
  }
});

async function refresh() {
  const response = await fetch("/approvals", { headers: { Accept: "text/html" } });
  if (!response.ok) throw new Error(await errorOf(response));
  const found = new DOMParser().parseFromString(await response.text(), "text/html").getElementById("main");
  if (!found || found.dataset.state === main.dataset.state) return;
  const as = document.getElementById("as");
  if (as) keepChoice(as, found.querySelector("#as"));
  document.getElementById("waiting").replaceWith(found.querySelector("#waiting"));
  main.dataset.state = found.dataset.state;
  moved = performance.now();
}

function keepChoice(as, found) {
  const chosen = as.value;
  if (found) as.replaceChildren(...found.children);
  if (chosen && as.dataset.chosen) as.value = chosen;
}

document.getElementById("as")?.addEventListener("change", (event) => {
  event.target.dataset.chosen = "yes";
});

// Nothing is taken away from under somebody who is about to write or press something.
const busy = () => document.getElementById("waiting").contains(document.activeElement) || main.querySelector(".decide details[open]");

setInterval(() => {
  if (!document.hidden && !busy()) refresh().catch(() => {});
}, LOOK_AGAIN);
