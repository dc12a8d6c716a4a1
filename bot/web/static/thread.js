// The timeline of a thread: new cards as they come, and each request as the model saw it.

import { errorOf, follow, nodesOf } from "/static/stream.js";

const main = document.getElementById("main");
const timeline = document.getElementById("timeline");
const thread = encodeURIComponent(main.dataset.thread);

function take(batch) {
  timeline.append(...nodesOf(batch.items, "e"));
  for (const mark of batch.marks) {
    for (const badge of timeline.querySelectorAll(`.delivery[data-seq="${Number(mark.seq)}"]`)) {
      badge.textContent = mark.text;
      badge.dataset.well = mark.well ? "yes" : "no";
    }
  }
  const status = document.getElementById("status");
  status.textContent = batch.words;
  status.dataset.status = batch.status;
  document.getElementById("bill").textContent = batch.bill;
}

function connected(well) {
  document.getElementById("connection").textContent = well ? "" : "· the connection is lost; trying again …";
}

function part(title, words) {
  const heading = document.createElement("h3");
  heading.textContent = title;
  const text = document.createElement("pre");
  text.textContent = words;
  return [heading, text];
}

const wordsOf = (block) => (typeof block === "string" ? block : (block.text ?? JSON.stringify(block, null, 2)));
const blocksOf = (content) => (Array.isArray(content) ? content : [content]);
const mark = (block) => (block.cache_control ? " (cached up to here)" : "");

function parts(request) {
  const { system, messages, ...rest } = request;
  const shown = blocksOf(system ?? []).flatMap((block) => part(`system${mark(block)}`, wordsOf(block)));
  for (const message of messages) {
    shown.push(...blocksOf(message.content).flatMap((block) => part(`${message.role}${mark(block)}`, wordsOf(block))));
  }
  const { output_config: schema, ...settings } = rest;
  shown.push(...part("settings", JSON.stringify(settings)));
  if (schema) shown.push(folded("schema of the answer", JSON.stringify(schema, null, 2)));
  return shown;
}

function folded(title, words) {
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = title;
  const text = document.createElement("pre");
  text.textContent = words;
  details.append(summary, text);
  return details;
}

async function reveal(details) {
  const place = details.querySelector(".seen");
  if (!details.open || place.childElementCount) return;
  try {
    const response = await fetch(`/api/threads/${thread}/requests/${Number(details.dataset.seq)}`);
    if (!response.ok) throw new Error(await errorOf(response));
    place.replaceChildren(...parts(await response.json()));
  } catch (error) {
    place.textContent = error.message;
  }
}

timeline.addEventListener(
  "toggle",
  (event) => {
    if (event.target.matches?.("details.request")) reveal(event.target);
  },
  true,
);

if (main.dataset.live === "yes") follow(`/threads/${thread}/timeline`, Number(main.dataset.last), take, connected);
